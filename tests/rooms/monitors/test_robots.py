"""Group robots: signed as each platform wants it, judged by the code in the body, never faster than a group takes."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from core.clock import FixedClock
from core.errors import ChannelError, NotConfigured, OutcomeUnknown, Refused, Throttled, Transient
from core.http import NotSent, Request, Response, Unanswered
from core.models import AlertSend
from core.ports import Message
from monitors.alerts import raise_due, send_due
from monitors.alerts.sending import A_MINUTE
from monitors.notifiers import open_notifiers
from monitors.notifiers.robots import DingTalk, Feishu, Robot, Webhook, WeCom, words_of
from tests.rooms.monitors.conftest import Town
from tests.rooms.monitors.test_alerts import add_issue

NOW = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)  # 1,700,000,000 s
ROBOTS = {"wecom": WeCom, "dingtalk": DingTalk, "feishu": Feishu, "webhook": Webhook}
OK = {"errcode": 0, "errmsg": "ok", "code": 0}
MESSAGE = Message(
    "【红色预警】新议题：自来水发黄", "提及 157 条", "http://127.0.0.1:8000/issues/3", key="alert-message-7"
)


class Group:
    """The far side of a robot: keeps what it is told and answers as it is told to."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Any = OK
        self.status = 200

    def send(self, request: Request, deadline_s: float, fresh: bool = False) -> Response:
        self.requests.append(request)
        if isinstance(self.answer, BaseException):
            raise self.answer
        body = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        return Response(self.status, {}, body)

    def close(self) -> None:
        """Nothing is open."""

    def texts(self) -> list[str]:
        return [str(request.json or request.content) for request in self.requests]


@pytest.fixture
def group() -> Group:
    return Group()


def robot(kind: str, group: Group, secret: str = "SECtest") -> Robot:
    settings = SimpleNamespace(
        **{f"{kind}_url": f"https://robots.example.gov.cn/{kind}?key=1", f"{kind}_secret": secret}
    )
    house: Any = SimpleNamespace(settings=settings, door=group, clock=FixedClock(NOW))
    return ROBOTS[kind](house)


def test_dingtalk_signs_the_time_with_its_secret(group: Group) -> None:
    robot("dingtalk", group).send(MESSAGE)
    params = group.requests[0].params
    assert params == {"timestamp": "1700000000000", "sign": "aZLLrriXgn05YbwaGR7knYsLeJADjr9NwLaNNKpxh4g="}


def test_feishu_signs_nothing_with_time_and_secret(group: Group) -> None:
    robot("feishu", group).send(MESSAGE)
    body = group.requests[0].json
    assert (body["timestamp"], body["sign"]) == ("1700000000", "G7XpBpG8NgG02fJOAhX6FRAObIljmFoxVReo8I62pEk=")


def test_the_webhook_signs_its_very_bytes(group: Group) -> None:
    robot("webhook", group).send(MESSAGE)
    [request] = group.requests
    assert request.content
    assert request.headers
    assert request.headers["X-Wenzheng-Signature"] == hmac.new(b"SECtest", request.content, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("kind", sorted(ROBOTS))
def test_every_robot_says_subject_link_and_number_and_signs_only_with_a_secret(kind: str, group: Group) -> None:
    assert robot(kind, group, secret="").send(MESSAGE).state == "sent"
    [request] = group.requests
    told = json.dumps(request.json, ensure_ascii=False) if request.json else (request.content or b"").decode()
    for part in ("自来水发黄", "issues/3", "alert-message-7"):
        assert part in told
    assert "sign" not in str(request.params) + str(request.json) + str(request.headers).lower().replace(
        "signature", "sign"
    )


@pytest.mark.parametrize(
    ("kind", "answer", "status", "error"),
    [
        ("wecom", {"errcode": 45009, "errmsg": "freq"}, 200, Throttled),
        ("wecom", {"errcode": 93000, "errmsg": "invalid webhook url"}, 200, Refused),
        ("dingtalk", {"errcode": 130101, "errmsg": "send too fast"}, 200, Throttled),
        ("dingtalk", {"errcode": 310000, "errmsg": "sign not match"}, 200, Refused),
        ("feishu", {"code": 11232, "msg": "frequency"}, 200, Throttled),
        ("feishu", {"code": 19021, "msg": "sign match fail"}, 400, Refused),
        ("feishu", b"<html>bad gateway</html>", 502, OutcomeUnknown),
        ("webhook", {}, 404, Refused),
        ("webhook", {}, 429, Throttled),
        ("webhook", {}, 500, OutcomeUnknown),
        ("wecom", NotSent("no route"), 200, Transient),
        ("wecom", Unanswered("read timeout"), 200, OutcomeUnknown),
    ],
)
def test_an_answer_is_judged_by_what_it_means(
    kind: str, answer: Any, status: int, error: type[ChannelError], group: Group
) -> None:
    group.answer, group.status = answer, status
    with pytest.raises(error) as caught:
        robot(kind, group).send(MESSAGE)
    assert type(caught.value) is error
    if kind == "dingtalk" and error is Throttled:
        assert caught.value.retry_after_s == 600  # type: ignore[attr-defined]


def test_a_long_message_is_cut_before_its_link_and_number() -> None:
    words = words_of(replace(MESSAGE, body="水" * 3000), 2048)
    assert len(words.encode()) <= 2048
    assert words.endswith("issues/3\n编号：alert-message-7")


def test_a_robot_without_an_address_stays_out_with_the_reason(group: Group) -> None:
    with pytest.raises(NotConfigured, match="WENZHENG_WECOM_URL"):
        WeCom(SimpleNamespace(settings=SimpleNamespace(wecom_url=""), door=group))  # type: ignore[arg-type]


# --- in the product ------------------------------------------------------------------------------------------------


@pytest.fixture
def told(town: Town, group: Group) -> Town:
    """An office whose alerts go to a WeCom group."""
    settings = town.house.settings.model_copy(update={"wecom_url": "https://robots.example.gov.cn/wecom?key=1"})
    town.house = replace(town.house, settings=settings, door=group)  # type: ignore[arg-type]
    return town


def test_an_alert_reaches_the_group_once(told: Town, group: Group) -> None:
    add_issue(told)
    assert raise_due(told.house)
    assert (send_due(told.house), send_due(told.house)) == (1, 0)
    assert "重发" not in group.texts()[0]
    assert "wecom" in open_notifiers(told.house)[0]


def test_a_message_whose_sender_died_is_marked_as_repeated(told: Town, group: Group) -> None:
    add_issue(told)
    raise_due(told.house)
    group.answer = SystemExit()
    with pytest.raises(SystemExit):
        send_due(told.house)
    group.answer = OK
    told.clock.advance(timedelta(seconds=61).total_seconds())
    assert send_due(told.house) == 1
    assert "（重发）" in group.texts()[1]


def test_a_message_that_was_not_taken_is_sent_later_without_that_mark(told: Town, group: Group) -> None:
    add_issue(told)
    raise_due(told.house)
    group.answer = {"errcode": 45009, "errmsg": "freq"}
    assert send_due(told.house) == 0
    group.answer = OK
    told.clock.advance(3600)
    assert send_due(told.house) == 1
    assert "重发" not in group.texts()[1]


def test_a_group_is_told_no_more_in_a_minute_than_it_takes(told: Town, group: Group) -> None:
    add_issue(told)
    raise_due(told.house)
    with told.house.db.write() as session:
        row = session.scalars(select(AlertSend)).one()
        many = [
            AlertSend(alert_id=row.alert_id, notifier="wecom", target=f"group {number}")
            for number in range(A_MINUTE + 4)
        ]
        session.add_all(many)
        session.flush()
        session.execute(update(AlertSend).values(next_at=told.house.clock.now() - timedelta(seconds=1)))
    assert send_due(told.house, limit=100) == A_MINUTE
    told.clock.advance(timedelta(seconds=61).total_seconds())
    assert send_due(told.house, limit=100) == 5
