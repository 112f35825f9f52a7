"""Settings of one installation, read from the environment (prefix WENZHENG_) and `wenzheng.env`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

BIND = r"^(\[[0-9a-fA-F:]+\]|[^\s:\[\]]+):\d{1,5}$"
ADDRESS = r"^https?://[^\s/]+(/\S*)?$"
FAULTS = {  # pydantic's error types, for a person; {} takes the error's context
    "float_parsing": "应为数字",
    "int_parsing": "应为整数",
    "bool_parsing": "应为 true 或 false",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "不得小于 {ge}",
    "less_than_equal": "不得大于 {le}",
}
FORMS = {
    BIND: "应为“地址:端口”，如 127.0.0.1:8000",
    ADDRESS: "应以 http:// 或 https:// 开头，如 https://www.example.gov.cn",
}


class Settings(BaseSettings):
    """One field, one environment variable; docs/operating.md lists them all and a test compares the two."""

    model_config = SettingsConfigDict(env_prefix="WENZHENG_", env_file="wenzheng.env", extra="ignore", frozen=True)

    home: Path = Field(Path("var"), description="Directory for the database, media, logs, key and the published site")
    database_url: str = Field("", description="SQLAlchemy URL; empty means SQLite in the home directory")
    search_url: str = Field("", description="Search back end; empty means SQLite FTS5 in the home directory")
    site_dir: str = Field("", description="Directory of the published site; empty means `site` in the home directory")
    site_url: str = Field(
        "http://127.0.0.1:8001", pattern=ADDRESS, description="Public address of the published site and the portal"
    )
    staff_url: str = Field(
        "http://127.0.0.1:8000", pattern=ADDRESS, description="Address of the staff pages, for links in e-mails"
    )
    site_name: str = Field("示例市人民政府新闻办公室", description="Full name of the site, for page tags")
    site_domain: str = Field("www.example.gov.cn", description="Domain of the site, for page tags")
    site_id_code: str = Field("", description="Government site identification code, for page tags")
    web_bind: str = Field("127.0.0.1:8000", pattern=BIND, description="Address and port of the staff pages")
    portal_bind: str = Field("127.0.0.1:8001", pattern=BIND, description="Address and port of the portal")
    secret_key_file: str = Field(
        "", description="File with the master key; empty means `master.key` in the home directory"
    )
    secure_cookies: bool = Field(
        False, description="Send cookies over HTTPS only; set it when a TLS proxy stands in front"
    )
    trusted_proxies: int = Field(
        0, ge=0, le=5, description="Reverse proxies in front that set X-Forwarded-For; 0 takes the connection's address"
    )
    allow_private: str = Field("", description="Comma-separated host:port the outbound door may reach although private")
    wechat_base_url: str = Field(
        "https://api.weixin.qq.com", pattern=ADDRESS, description="Base address of the WeChat API"
    )
    weibo_base_url: str = Field("https://api.weibo.com", pattern=ADDRESS, description="Base address of the Weibo API")
    jpush_base_url: str = Field("https://api.jpush.cn", pattern=ADDRESS, description="Base address of the JPush API")
    public_ip: str = Field("", description="Public address of this server, sent to Weibo as `rip`")
    smtp_url: str = Field("", description="smtp://user:password@host:port; empty means no alert e-mail")
    mail_from: str = Field("wenzheng@localhost", description="Sender of alert e-mail")
    mail_to: str = Field("", description="Comma-separated receivers of alert e-mail")
    wecom_url: str = Field("", description="Address of a WeCom group robot, key included; empty means none")
    dingtalk_url: str = Field("", description="Address of a DingTalk group robot, token included; empty means none")
    dingtalk_secret: str = Field("", description="Its signing secret (加签); empty where it checks words or addresses")
    feishu_url: str = Field("", description="Address of a Feishu group robot; empty means none")
    feishu_secret: str = Field("", description="Its signing secret; empty where it does not check one")
    webhook_url: str = Field("", description="Address that gets every alert as JSON; empty means none")
    webhook_secret: str = Field("", description="Key of the HMAC-SHA256 in X-Wenzheng-Signature; empty: unsigned")
    time_factor: float = Field(
        1.0, gt=0, description="Divides every waiting time of the ledger; for rehearsals and tests"
    )
    lease_s: float = Field(30.0, gt=0, description="Seconds without heartbeat before a worker's rows are taken over")
    call_s: float = Field(10.0, gt=0, description="Total deadline of one call to a platform; under lease_s / 2")
    alarm_s: float = Field(
        120.0, gt=0, description="Seconds a due delivery may stand without a step before it is silent"
    )
    ask_s: float = Field(3600.0, gt=0, description="Seconds an undecided delivery waits before a person is asked")
    settle_factor: float = Field(1.0, ge=0, description="Multiplies the settle time of the channels; 1 outside tests")
    deliver_threads: int = Field(8, ge=1, le=128, description="Deliveries one worker has in flight")
    spider_interval_s: float = Field(240.0, gt=0, description="Seconds between two crawls of a source")
    log_retention_days: int = Field(400, ge=365, description="Days audit rows are kept; less than 365 is not allowed")

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{self.home.resolve() / 'wenzheng.sqlite'}"

    @property
    def site_path(self) -> Path:
        """Where the website channel writes its pages."""
        return Path(self.site_dir) if self.site_dir else self.home / "site"

    @property
    def key_path(self) -> Path:
        """Where the master key lives; mode 0600."""
        return Path(self.secret_key_file) if self.secret_key_file else self.home / "master.key"

    @property
    def search_path(self) -> Path:
        """The FTS5 index file of the embedded search."""
        return self.home / "search.sqlite"

    @property
    def private_allowed(self) -> frozenset[str]:
        """host:port pairs that pass the private-address guard."""
        return frozenset(part.strip() for part in self.allow_private.split(",") if part.strip())


def explain(error: ValidationError) -> str:
    """In Chinese: each setting that is wrong by the name of its variable, what it holds, and what it should hold."""
    return "；".join(_fault(fault) for fault in error.errors())


def _fault(fault: Any) -> str:
    context = fault.get("ctx", {})
    form = FORMS.get(context.get("pattern", "")) or FAULTS.get(fault["type"], fault["msg"]).format(**context)
    name = f"WENZHENG_{'_'.join(map(str, fault['loc'])).upper()}"
    return f"设置 {name} 的值“{fault['input']}”不对：{form}"
