"""Ways to send an alert to a person, by kind. Third parties add one by the entry-point group `wenzheng.notifiers`."""

from __future__ import annotations

from core.errors import NotConfigured
from core.house import House
from core.ports import Notifier
from core.registry import load

TABLE = {
    "mail": ("电子邮件", "monitors.notifiers.mail:MailNotifier"),
    "wecom": ("企业微信群机器人", "monitors.notifiers.robots:WeCom"),
    "dingtalk": ("钉钉群机器人", "monitors.notifiers.robots:DingTalk"),
    "feishu": ("飞书群机器人", "monitors.notifiers.robots:Feishu"),
    "webhook": ("回调地址", "monitors.notifiers.robots:Webhook"),
}
GROUP = "wenzheng.notifiers"


def open_notifiers(house: House) -> tuple[dict[str, Notifier], dict[str, str]]:
    """The notifiers that can work, and for the others the reason (Chinese) why not."""
    registry = load(TABLE, GROUP)
    ready: dict[str, Notifier] = {}
    for kind in registry.kinds():
        try:
            ready[kind] = registry.build(kind, house)
        except NotConfigured as error:
            registry.reasons[kind] = error.text
    return ready, dict(registry.reasons)
