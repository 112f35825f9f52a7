"""The command `wenzheng`. Each sub-command opens what it needs, calls one use case, and prints in Chinese."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import click
from pydantic import ValidationError

from app import doctor as checks
from app.bursts import bursts
from app.demo import play
from app.played import newest_status
from app.processes import Supervisor, stop_on_signals
from app.replaying import issues
from app.routing import route_command
from app.serving import Server
from app.staff import add_person
from app.training import train
from app.wiring import make_portal, make_web, open_or_explain, prepare, scorers
from core.clock import shanghai
from core.config import explain
from core.errors import AppError
from core.models.words import Role
from monitors.briefs import brief_text, make
from monitors.scoring import UnreadableLine, score_lines
from publisher.delivery import Worker
from sandbox.command import report
from sandbox.command import serve as sandbox_serve
from sandbox.replay import Pace, ReplayFault, replay_cascade, replay_messages
from scheduler.clock import run as run_clock


class Trouble(click.ClickException):
    """One Chinese line on standard error, exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it."""
        click.echo(f"错误：{self.format_message()}", file=file or sys.stderr)


class Commands(click.Group):
    """Turns the product's own errors into one Chinese line and exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except AppError as error:
            raise Trouble(error.text or type(error).__name__) from error
        except ValidationError as error:
            raise Trouble(f"{explain(error)}。请改正环境变量或 wenzheng.env 后再试") from error
        except (UnreadableLine, ReplayFault) as error:
            raise Trouble(str(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--verbose", is_flag=True, help="写出详细日志")
def main(verbose: bool) -> None:
    """问政：写一次，审三遍，发四处，看清反响，按时答复。"""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )


@main.command()
def init() -> None:
    """建立密钥和数据库表；可重复执行，升级后也用它。"""
    settings = prepare()
    click.echo(f"数据库已就绪：{settings.home.resolve()}")
    click.echo("下一步：wenzheng user add 用户名 --role administrator")


@main.group()
def user() -> None:
    """管理登录用户。"""


@user.command("add")
@click.argument("username")
@click.option("--name", "display_name", default="", help="显示姓名，默认同用户名")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice([role.value for role in Role]))
def user_add(username: str, display_name: str, roles: tuple[str, ...]) -> None:
    """新增用户；随机初始密码只显示这一次，首次登录后须修改。"""
    password = add_person(open_or_explain(), username, display_name or username, roles)
    click.echo(f"用户 {username} 已建立，初始密码：{password}")


@main.command()
def run() -> None:
    """一台机器：同时运行网页、门户和调度。"""
    open_or_explain().db.dispose()
    stop = stop_on_signals()
    with Supervisor([["web"], ["portal"], ["scheduler"]], os.environ) as supervisor:
        supervisor.run(stop)


@main.command()
def web() -> None:
    """工作人员网页。"""
    house = open_or_explain()
    house.db.dispose()
    Server(make_web, house.settings.web_bind).run()


@main.command()
def portal() -> None:
    """公众门户：网站、评论、留言、客户端接口、平台回调。"""
    house = open_or_explain()
    house.db.dispose()
    Server(make_portal, house.settings.portal_bind).run()


@main.command()
def scheduler() -> None:
    """时钟：按固定任务表运行；多开时只有一个值守。"""
    run_clock(open_or_explain(), stop_on_signals())


@main.command()
def worker() -> None:
    """只分发、不带时钟的进程；可开任意多个。"""
    Worker(open_or_explain(), "worker").run(stop_on_signals())


@main.command()
@click.option("--engine", default="default", show_default=True, type=click.Choice(sorted(scorers())), help="评分引擎")
def score(engine: str) -> None:
    """从标准输入逐行读 {"id","text"}，写出 {"id","label","value","probabilities","version"}。"""
    score_lines(sys.stdin, sys.stdout, scorers()[engine]())


@main.command()
@click.option("--day", "day_text", default="", metavar="YYYY-MM-DD", help="哪一天的简报，默认昨天")
@click.option("--json", "as_json", is_flag=True, help="连同每个数字的出处一起输出")
def brief(day_text: str, as_json: bool) -> None:
    """生成（或读出已冻结的）每日简报。"""
    house = open_or_explain()
    day = parse_day(day_text) if day_text else (shanghai(house.clock.now()) - timedelta(days=1)).date()
    made = make(house, day)
    click.echo(json.dumps(made.figures, ensure_ascii=False, indent=2) if as_json else brief_text(made))


def parse_day(text: str) -> date:
    """A date, or a click error that names the option and the form."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  a calendar day, not an instant
    except ValueError as error:
        raise click.BadParameter(f"「{text}」不是日期，请写成 2026-11-23 的样子", param_hint="--day") from error


@main.command()
def doctor() -> None:
    """检查本机：密钥、数据库、目录、字体、账号、时钟；有问题时退出码为 1。"""
    findings = checks.examine()
    for finding in findings:
        click.echo(f"{'正常' if finding.good else '问题'}  {finding.name}：{finding.text}")
    sys.exit(0 if all(finding.good for finding in findings) else 1)


@main.command()
@click.option(
    "--speed", type=click.FloatRange(min=0, min_open=True), default=240.0, show_default=True, help="演示之夜的播放倍速"
)
@click.option("--once", is_flag=True, help="四个渠道发布成功、议题出现后即退出（检查用）")
def demo(speed: float, once: bool) -> None:
    """在本机演示：种子数据、沙盒平台、发布一篇稿件、播放一个热闹的晚上。"""
    play(speed, once, stop_on_signals())


@main.group()
def replay() -> None:
    """把真实数据文件重放进沙盒或门户。"""


FILE = click.option("--file", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
SPEED = click.option(
    "--speed", type=click.FloatRange(min=0), default=0.0, show_default=True, help="倍速；0 表示一次放完"
)


@replay.command()
@FILE
@click.option("--original", required=True, help="文件里原微博的编号")
@click.option("--article", type=int, default=None, help="挂在哪篇稿件的微博下，默认最近发布的一篇")
@SPEED
def cascades(file: Path, original: str, article: int | None, speed: float) -> None:
    """把一条微博的真实转发与评论放到沙盒里已发布的稿件下。"""
    house = open_or_explain()
    status = newest_status(house, article)
    report(replay_cascade(file, original, house.settings.weibo_base_url, status, Pace(speed)))


@replay.command()
@FILE
@SPEED
@click.option("--limit", type=click.IntRange(min=1), default=None, help="只放前 n 条")
def messages(file: Path, speed: float, limit: int | None) -> None:
    """把真实留言逐条提交到门户的留言表单。"""
    report(replay_messages(file, open_or_explain().settings.site_url, Pace(speed), limit=limit))


main.add_command(sandbox_serve, "sandbox")
main.add_command(issues)
main.add_command(train)
main.add_command(route_command)
main.add_command(bursts)
