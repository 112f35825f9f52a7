"""The demonstration: a fresh home, a sandbox, fourteen quiet days, one published item and a lively evening.

It refuses a database that holds real articles, and everything it makes is marked 演示.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from sqlalchemy import func, inspect, select

from app.demo_item import people, publish_item
from app.demo_platforms import Platforms, connect_accounts, start_evening
from app.processes import Supervisor
from app.quiet import seed_quiet_days
from app.staff import add_person
from app.wiring import open_or_explain, prepare
from core import runtime
from core.audit import Actor
from core.clock import shanghai
from core.config import Settings
from core.db import Database
from core.errors import NotConfigured
from core.house import House
from core.models import Article, Brief, Copy, Issue, Mention
from core.models.words import CopyState, Role
from monitors.briefs import make
from monitors.scoring import score_new
from monitors.sentiment import SnowScorer
from spiders.runner import ensure_sources

STAFF = {
    "bianji": ("李编辑（演示）", [Role.EDITOR]),
    "chushen": ("王初审（演示）", [Role.REVIEWER1]),
    "fushen": ("赵复审（演示）", [Role.REVIEWER2]),
    "zhongshen": ("陈终审（演示）", [Role.REVIEWER3]),
    "fabu": ("周发布（演示）", [Role.PUBLISHER]),
    "fenxi": ("孙分析（演示）", [Role.ANALYST]),
    "lingdao": ("吴领导（演示）", [Role.LEADER]),
    "guanli": ("郑管理（演示）", [Role.ADMINISTRATOR]),
}
PORTS = (8000, 8001, 8002)
CONFIRM_S = 120.0
CROWD_RATE = {"per_minute": 6000, "burst": 600}  # the whole crowd comes from one address
READY_S = 60.0


@dataclass(frozen=True)
class Stage:
    """What the demonstration runs on."""

    house: House
    platforms: Platforms
    environment: dict[str, str]


def play(speed: float, once: bool, stop: threading.Event) -> None:
    """Run the demonstration until `stop`, or with `once` until the item is live and an issue was raised."""
    home = fresh_home(Settings())
    web, portal, sandbox = (free_port(port) for port in PORTS)
    with sandbox_process(home, sandbox) as address:
        environment = demo_environment(home, web, portal, address)
        os.environ.update(environment)
        stage = set_stage(environment, address)
        logins = {
            name: add_person(stage.house, name, shown, roles, must_change=False)
            for name, (shown, roles) in STAFF.items()
        }
        seed(stage)
        with Supervisor([["web"], ["portal"], ["scheduler"]], environment) as supervisor:
            watcher = threading.Thread(target=supervisor.run, args=(stop,), daemon=True)
            watcher.start()
            for port in (web, portal):
                wait_for_port(port, READY_S)
            announce(stage.house.settings, logins)
            perform(stage, speed, once, stop)
    click.echo("演示已结束。")


def set_stage(environment: dict[str, str], address: str) -> Stage:
    """Key, tables, accounts on the sandbox, comments switched on."""
    settings = prepare(Settings())
    house = open_or_explain(settings)
    platforms = Platforms(address)
    connect_accounts(house, platforms)
    with house.db.write() as session:
        actor = Actor.system("demo")
        runtime.store(session, actor, runtime.COMMENTS, {"on": True}, house.clock.now())
        runtime.store(session, actor, runtime.RATE, CROWD_RATE, house.clock.now())
        ensure_sources(session, house.clock.now())
    return Stage(house, platforms, environment)


def seed(stage: Stage) -> None:
    """Fourteen quiet days, and yesterday's brief over them."""
    click.echo("写入 14 天演示数据……")
    editor = people(stage.house, list(STAFF))["bianji"]
    count = seed_quiet_days(stage.house, editor, stage.house.clock.now())
    scorer = SnowScorer()
    while score_new(stage.house, scorer):
        continue
    click.echo(f"已写入并打分 {count} 条平日评论（均标「演示」）。")


def perform(stage: Stage, speed: float, once: bool, stop: threading.Event) -> None:
    """Publish the item, start the evening, and say what happens as it happens."""
    article_id = publish_item(stage.house, list(STAFF))
    began = time.monotonic()
    copies = await_copies(stage.house, article_id, stop)
    click.echo(f"\n稿件已在 {len(copies)} 个渠道确认发布（{time.monotonic() - began:.0f} 秒）：")
    for copy in copies:
        click.echo(f"  {copy.account.name}  {copy.url}")
    start_evening(stage.platforms, stage.house.settings.site_url, copies, speed)
    click.echo(f"\n热闹的晚上开始了（{speed:g} 倍速）。按 Ctrl-C 结束演示。")
    report(stage.house, once, stop)


def await_copies(house: House, article_id: int, stop: threading.Event) -> list[Copy]:
    """The live copies of the item; returns early with fewer when `stop` is set or CONFIRM_S passes."""
    deadline = time.monotonic() + CONFIRM_S
    while True:
        with house.db.read() as session:
            query = select(Copy).where(Copy.article_id == article_id, Copy.state == CopyState.LIVE).order_by(Copy.id)
            copies = list(session.scalars(query))
            for copy in copies:
                _ = copy.account.name
        if len(copies) >= 4 or time.monotonic() > deadline or stop.wait(0.5):
            return copies


def report(house: House, once: bool, stop: threading.Event) -> None:
    """Print mentions and issues as they come; with `once` end when an issue stands and today's brief is made."""
    seen: set[int] = set()
    last = -1
    while not stop.wait(2):
        with house.db.read() as session:
            mentions = session.scalar(select(func.count()).where(Mention.demo.is_(False)).select_from(Mention)) or 0
            issues = list(session.scalars(select(Issue).order_by(Issue.id)))
        if mentions != last:
            click.echo(f"  已采集 {mentions} 条评论与转发")
            last = mentions
        for issue in issues:
            if issue.id not in seen:
                click.echo(f"  ※ 发现议题：{issue.title}")
                seen.add(issue.id)
        if once and seen and mentions:
            brief: Brief = make(house, shanghai(house.clock.now()).date())
            click.echo(f"  简报：{brief.title}")
            return


def fresh_home(settings: Settings) -> Path:
    """An empty directory for this demonstration. NotConfigured when the database there holds real articles."""
    home = (settings.home / "demo").resolve()
    if settings.database_url:
        raise NotConfigured("演示只用自己的 SQLite 数据库，请去掉 WENZHENG_DATABASE_URL 再运行")
    path = home / "wenzheng.sqlite"
    if path.exists():
        refuse_real_articles(path)
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    return home


def refuse_real_articles(path: Path) -> None:
    """NotConfigured when any article there is not marked as demonstration."""
    database = Database(f"sqlite:///{path}", pool_size=1)
    try:
        if inspect(database.engine).has_table("article"):
            with database.read() as session:
                real = session.scalar(select(func.count()).where(Article.demo.is_(False)).select_from(Article))
            if real:
                raise NotConfigured(f"{path} 里有 {real} 篇正式稿件，演示不会动它。请换一个 WENZHENG_HOME 再运行")
    finally:
        database.dispose()


def demo_environment(home: Path, web: int, portal: int, sandbox: str) -> dict[str, str]:
    """The environment of every demo process."""
    host = sandbox.removeprefix("http://")
    return {
        **os.environ,
        "WENZHENG_HOME": str(home),
        "WENZHENG_SITE_URL": f"http://127.0.0.1:{portal}",
        "WENZHENG_STAFF_URL": f"http://127.0.0.1:{web}",
        "WENZHENG_WEB_BIND": f"127.0.0.1:{web}",
        "WENZHENG_PORTAL_BIND": f"127.0.0.1:{portal}",
        "WENZHENG_WECHAT_BASE_URL": sandbox,
        "WENZHENG_WEIBO_BASE_URL": sandbox,
        "WENZHENG_JPUSH_BASE_URL": sandbox,
        "WENZHENG_ALLOW_PRIVATE": f"{host},127.0.0.1:{portal}",
        "WENZHENG_SITE_NAME": "示例市东城区人民政府新闻办公室（演示）",
        "WENZHENG_SITE_ID_CODE": "1234567890",
        "WENZHENG_SPIDER_INTERVAL_S": "5",
        "WENZHENG_PUBLIC_IP": "127.0.0.1",
    }


@contextmanager
def sandbox_process(home: Path, port: int) -> Iterator[str]:
    """The sandbox in a process of its own; gives its address."""
    command = [sys.executable, "-m", "app", "sandbox", "--port", str(port), "--state", str(home / "sandbox.sqlite")]
    process = subprocess.Popen([*command, "--regime", "commercial"], start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        wait_for_port(port, READY_S)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def announce(settings: Settings, logins: dict[str, str]) -> None:
    """Addresses and logins; the passwords are printed here and nowhere else."""
    click.echo("\n问政演示已启动")
    click.echo(f"  工作人员网页  {settings.staff_url}")
    click.echo(f"  公众门户      {settings.site_url}")
    click.echo("  登录名与本次随机密码：")
    for name, password in logins.items():
        shown, _roles = STAFF[name]
        click.echo(f"    {name:<10} {password}   {shown}")


def free_port(wished: int) -> int:
    """`wished` if nobody listens there, else any free port."""
    for port in (wished, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise NotConfigured("本机没有空闲端口")


def wait_for_port(port: int, wait_s: float) -> None:
    """Return when somebody listens on the port. NotConfigured after `wait_s` seconds."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise NotConfigured(f"端口 {port} 上的进程在 {wait_s:g} 秒内没有起来，请看上面的报错")
