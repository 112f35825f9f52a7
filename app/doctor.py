"""Looks at one machine and says, in Chinese, what is in order and what to do about the rest."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from app.wiring import open_or_explain
from core.config import Settings
from core.errors import AppError
from core.house import House
from core.models import Account, Freeze
from dashboards.assets import asset_problems

FREE_MB = 500


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    name: str
    good: bool
    text: str


def examine(settings: Settings | None = None) -> list[Finding]:
    """Every check in order; one that cannot run is a finding, never an exception."""
    settings = settings or Settings()
    findings = [guarded(name, check, settings) for name, check in PLAIN.items()]
    try:
        house = open_or_explain(settings)
    except AppError as error:
        return [*findings, Finding("数据库", False, error.text)]
    try:
        return [*findings, Finding("数据库", True, "可读，结构与程序一致"), *of_house(house)]
    finally:
        house.db.dispose()


def guarded(name: str, check: Callable[[Settings], str], settings: Settings) -> Finding:
    """A check returns what is good and raises AppError or OSError with what is wrong."""
    try:
        return Finding(name, True, check(settings))
    except (AppError, OSError) as error:
        return Finding(name, False, error.text if isinstance(error, AppError) else str(error))


def key(settings: Settings) -> str:
    if not settings.key_path.exists():
        raise AppError(f"还没有密钥 {settings.key_path}，请运行：wenzheng init")
    mode = stat.S_IMODE(os.stat(settings.key_path).st_mode)
    if mode & 0o077:
        raise AppError(f"密钥文件其他用户可读，请运行：chmod 600 {settings.key_path}")
    return f"{settings.key_path} 仅本用户可读；请另存一份备份"


def directories(settings: Settings) -> str:
    for path in (settings.home, settings.site_path):
        if not path.exists():
            raise AppError(f"目录还不存在：{path}，请运行：wenzheng init")
        if not os.access(path, os.W_OK):
            raise AppError(f"目录不可写：{path}")
    free_mb = shutil.disk_usage(settings.home).free // 2**20
    if free_mb < FREE_MB:
        raise AppError(f"磁盘只剩 {free_mb} MB，请清理后再运行")
    return f"{settings.home}、{settings.site_path} 可写，剩余 {free_mb} MB"


def fonts(_settings: Settings) -> str:
    tool = shutil.which("fc-list")
    listed = subprocess.run([tool, ":lang=zh"], capture_output=True, text=True, check=False).stdout if tool else ""
    if not listed.strip() and not list(Path("/usr/share/fonts").glob("**/*CJK*")):
        raise AppError("没有中文字体，图表和打印会缺字。Debian 上运行：apt-get install fonts-noto-cjk")
    return "有中文字体"


def assets(_settings: Settings) -> str:
    problems = asset_problems()
    if problems:
        raise AppError("；".join(problems))
    return "页面所需的样式与脚本齐全"


def factors(settings: Settings) -> str:
    if settings.time_factor != 1 or settings.settle_factor != 1:
        raise AppError(
            "时间系数不是 1：只可用于演示和测试，正式运行请去掉 WENZHENG_TIME_FACTOR、WENZHENG_SETTLE_FACTOR"
        )
    if settings.call_s >= settings.lease_s / 2:
        raise AppError("WENZHENG_CALL_S 必须小于 WENZHENG_LEASE_S 的一半，否则接管时可能重复发布")
    return "等待时间为正式值"


def mail(settings: Settings) -> str:
    if not (settings.smtp_url and settings.mail_to):
        raise AppError("没有设置预警邮箱，预警只出现在页面上；请设置 WENZHENG_SMTP_URL 和 WENZHENG_MAIL_TO")
    return f"预警邮件发往 {settings.mail_to}"


PLAIN: dict[str, Callable[[Settings], str]] = {
    "密钥": key,
    "目录": directories,
    "字体": fonts,
    "页面资源": assets,
    "时间设置": factors,
    "预警邮件": mail,
}


def of_house(house: House) -> Iterator[Finding]:
    """What only the rows can tell: accounts, the emergency stop, the search index."""
    with house.db.read() as session:
        accounts = session.scalars(select(Account).order_by(Account.id)).all()
        frozen = session.scalars(select(Freeze).where(Freeze.frozen)).all()
    if not accounts:
        yield Finding("账号", False, "还没有渠道账号；请管理员登录后在「管理 › 账号」里添加")
    for account in accounts:
        name = f"账号 {account.name}"
        if account.paused_reason or not account.enabled:
            yield Finding(name, False, account.paused_reason or "已停用")
        elif account.last_error:
            yield Finding(name, False, account.last_error)
        else:
            yield Finding(name, True, "可用")
    yield Finding("紧急停发", not frozen, "、".join(row.reason for row in frozen) or "未启用")
    yield Finding("检索", house.index.ping(), "索引可用" if house.index.ping() else "索引打不开，请检查磁盘")
