"""Alerts on their way to people: raised once, sent once, retried, never lost."""

from __future__ import annotations

import email
import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import select

from core.alarms import raise_
from core.audit import Actor
from core.config import Settings
from core.errors import NotConfigured, NotPermitted, Refused, Transient
from core.house import House, open_house
from core.http import Door
from core.models import Alarm, Alert, AlertSend, Audit, Issue
from core.models.words import AlarmLevel, AlertReason, Level, Role, SendState
from core.ports import Message
from monitors.alerts import acknowledge, raise_due, send_due, sending
from monitors.notifiers import open_notifiers
from monitors.notifiers.mail import MailNotifier
from tests.rooms.monitors.conftest import Town

TO = "fenxi@example.gov.cn"


class Catcher:
    """A mail server that keeps what it is given and can be told to refuse."""

    def __init__(self) -> None:
        self.mails: list[email.message.Message] = []
        self.answer = "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.mails.append(email.message_from_bytes(envelope.content))
        return self.answer

    def subjects(self) -> list[str]:
        return [str(make_header(decode_header(mail["Subject"]))) for mail in self.mails]


@pytest.fixture
def catcher() -> Catcher:
    return Catcher()


class MailServer(Controller):
    """aiosmtpd on a free port, which it learns once it is bound."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    def end(self) -> None:
        """Stop unless a test has done so."""
        if self._thread is not None:
            self.stop()

    @property
    def host(self) -> str:
        """host:port"""
        return f"127.0.0.1:{self.port}"


@pytest.fixture
def server(catcher: Catcher) -> Iterator[MailServer]:
    controller = MailServer(catcher, hostname="127.0.0.1", port=0)
    controller.start()
    yield controller
    controller.end()


@pytest.fixture
def mailing(town: Town, server: MailServer) -> Town:
    """The town with the catcher as its mail server."""
    settings = town.house.settings.model_copy(
        update={"smtp_url": f"smtp://{server.host}", "mail_to": f"{TO}, ", "mail_from": "wz@example.gov.cn"}
    )
    town.house = replace(town.house, settings=settings, door=Door(frozenset({server.host})))
    return town


def add_issue(town: Town, level: str = Level.YELLOW) -> int:
    now = town.clock.now()
    reasons = {
        "mentions": 12,
        "authors": 11,
        "negative_share": 0.5,
        "term": "发黄",
        "observed": 9,
        "expected": 0.5,
        "z": 6,
    }
    with town.house.db.write() as session:
        issue = Issue(
            fingerprint="f", title="发黄：自来水发黄", level=level, terms=["发黄"], reasons=reasons, version="v",
            first_at=now, last_at=now, created_at=now, updated_at=now,
        )  # fmt: skip
        session.add(issue)
        session.flush()
        return issue.id


def sends(town: Town) -> list[AlertSend]:
    with town.house.db.read() as session:
        return list(session.scalars(select(AlertSend).order_by(AlertSend.id)))


def test_an_alert_is_raised_and_mailed_once(mailing: Town, catcher: Catcher) -> None:
    add_issue(mailing)
    assert raise_due(mailing.house) == [1]
    assert raise_due(mailing.house) == []
    assert send_due(mailing.house) == 1
    assert send_due(mailing.house) == 0
    assert catcher.subjects() == ["【黄色预警】新议题：发黄：自来水发黄"]
    mail = catcher.mails[0]
    body = mail.get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert mail["To"] == TO
    assert "提及 12 条，不同作者 11 人" in body
    assert "平常约 0.5" in body
    assert "11月24日 13:00 前签收" in body
    assert "/issues/1" in body


def test_without_a_mail_server_alerts_still_stand_on_the_page(town: Town) -> None:
    add_issue(town)
    assert raise_due(town.house) == [1]
    assert sends(town) == []
    assert send_due(town.house) == 0


def test_a_kill_before_sending_loses_nothing(mailing: Town, catcher: Catcher, monkeypatch: pytest.MonkeyPatch) -> None:
    add_issue(mailing)
    raise_due(mailing.house)

    def die(*_arguments: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sending, "_send", die)
        with pytest.raises(KeyboardInterrupt):
            send_due(mailing.house)
    assert catcher.mails == []
    assert send_due(mailing.house) == 0, "the dead worker's lease still stands"
    mailing.clock.advance(sending.LEASE_S)
    assert send_due(mailing.house) == 1
    assert len(catcher.mails) == 1


def test_a_kill_after_sending_repeats_under_the_same_message_id(
    mailing: Town, catcher: Catcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_issue(mailing)
    raise_due(mailing.house)

    def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sending, "clear", die)
        with pytest.raises(KeyboardInterrupt):
            send_due(mailing.house)
    mailing.clock.advance(sending.LEASE_S)
    assert send_due(mailing.house) == 1
    assert len({mail["Message-ID"] for mail in catcher.mails}) == 1


def test_a_second_worker_does_not_send_what_the_first_is_sending(mailing: Town, catcher: Catcher) -> None:
    add_issue(mailing)
    raise_due(mailing.house)
    claimed = sending._claim(mailing.house)
    assert claimed is not None
    assert send_due(mailing.house) == 0
    assert sending._send(mailing.house, claimed, *open_notifiers(mailing.house)) == 1
    assert len(catcher.mails) == 1


def test_a_server_in_trouble_is_tried_again_and_said_so(mailing: Town, catcher: Catcher) -> None:
    add_issue(mailing)
    raise_due(mailing.house)
    catcher.answer = "451 later"
    assert send_due(mailing.house) == 0
    assert (sends(mailing)[0].state, sends(mailing)[0].tries) == (SendState.WAITING, 1)
    with mailing.house.db.read() as session:
        assert session.scalars(select(Alarm.dedup_key)).all() == [sending.MAIL_ALARM]
    catcher.answer = "250 OK"
    mailing.clock.advance(31)
    assert send_due(mailing.house) == 1
    with mailing.house.db.read() as session:
        assert session.scalars(select(Alarm.cleared_at)).one() is not None


def test_a_server_that_is_gone_is_given_up_loudly(mailing: Town, server: MailServer) -> None:
    add_issue(mailing)
    raise_due(mailing.house)
    server.stop()
    for _ in range(sending.MAX_TRIES + 2):
        assert send_due(mailing.house) == 0
        mailing.clock.advance(3600)
    assert (sends(mailing)[0].state, sends(mailing)[0].tries) == (SendState.FAILED, sending.MAX_TRIES)
    with mailing.house.db.read() as session:
        assert "已放弃" in session.scalars(select(Alarm.text)).one()


def test_a_refused_message_is_not_tried_again(mailing: Town, catcher: Catcher) -> None:
    add_issue(mailing)
    raise_due(mailing.house)
    catcher.answer = "550 no"
    send_due(mailing.house)
    assert sends(mailing)[0].state == SendState.FAILED


def test_critical_alarms_are_mailed_once_and_others_are_not(mailing: Town, catcher: Catcher) -> None:
    now = mailing.clock.now()
    with mailing.house.db.write() as session:
        raise_(session, "a", AlarmLevel.CRITICAL, "publisher", "分发停滞", now)
        raise_(session, "b", AlarmLevel.WARNING, "publisher", "配额将尽", now)
    raise_due(mailing.house)
    raise_due(mailing.house)
    assert send_due(mailing.house) == 1
    raise_due(mailing.house)
    assert send_due(mailing.house) == 0
    assert catcher.subjects() == ["【系统告警】分发停滞"]
    with mailing.house.db.read() as session:
        sent = {alarm.dedup_key: alarm.sent_at for alarm in session.scalars(select(Alarm))}
    assert sent["a"] is not None
    assert sent["b"] is None


def test_repeats_stop_when_somebody_acknowledges(mailing: Town, analyst: Actor) -> None:
    add_issue(mailing)
    raise_due(mailing.house)
    mailing.clock.advance(3600)
    assert raise_due(mailing.house) == [2]
    with mailing.house.db.write() as session:
        assert acknowledge(session, analyst, 2, mailing.clock.now()).acknowledged_by == analyst.person_id
        leader = Actor(99, "领导", frozenset({Role.LEADER}))
        acknowledge(session, leader, 2, mailing.clock.now() + timedelta(hours=1))  # a second press changes nothing
    mailing.clock.advance(3600)
    assert raise_due(mailing.house) == []
    with mailing.house.db.read() as session:
        assert session.get_one(Alert, 2).acknowledged_by == analyst.person_id
        assert session.scalars(select(Alert.reason)).all() == [AlertReason.FIRST, AlertReason.REPEAT]
        assert session.scalars(select(Audit.action).where(Audit.subject_type == "alert")).all() == ["alert.acknowledge"]


def test_an_editor_may_not_acknowledge(town: Town) -> None:
    with town.house.db.write() as session, pytest.raises(NotPermitted):
        acknowledge(session, Actor(None, "编辑", frozenset({Role.EDITOR})), 1, town.clock.now())


# --- the mail notifier ------------------------------------------------------------------------------------------


def opened(tmp_path: Path, url: str, allowed: str = "") -> House:
    settings = Settings(_env_file=None, home=tmp_path / "mail", smtp_url=url, allow_private=allowed)  # type: ignore[call-arg]
    return open_house(settings, create=True)


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:25", "smtp://"])
def test_a_missing_or_odd_address_leaves_the_notifier_out_with_a_reason(tmp_path: Path, url: str) -> None:
    house = opened(tmp_path, url)
    with pytest.raises(NotConfigured):
        MailNotifier(house)
    ready, reasons = open_notifiers(house)
    assert ready == {}
    assert "SMTP_URL" in reasons["mail"]
    house.close()


def test_a_private_mail_server_must_be_allowed_by_name(tmp_path: Path, server: MailServer, catcher: Catcher) -> None:
    house = opened(tmp_path, f"smtp://{server.host}")
    with pytest.raises(Refused):
        MailNotifier(house).send(Message("a", "b", target=TO))
    assert catcher.mails == []
    house.close()


def test_a_subject_cannot_smuggle_a_header(tmp_path: Path, server: MailServer, catcher: Catcher) -> None:
    host = server.host
    house = opened(tmp_path, f"smtp://{host}", host)
    MailNotifier(house).send(Message("标题\r\nBcc: x@example.com", "正文", target=TO))
    assert catcher.mails[0]["Bcc"] is None
    house.close()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = (tmp_path / "cert.pem", tmp_path / "key.pem")
    files[0].write_bytes(built.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@pytest.fixture
def tls_server(catcher: Catcher, certificate: tuple[Path, Path]) -> Iterator[MailServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    controller = MailServer(catcher, hostname="127.0.0.1", port=0, ssl_context=context)
    controller.start()
    yield controller
    controller.end()


def test_smtps_speaks_tls_and_checks_the_certificate(
    tmp_path: Path,
    tls_server: MailServer,
    catcher: Catcher,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = tls_server.host
    house = opened(tmp_path, f"smtps://{host}", host)
    with pytest.raises(Transient):
        MailNotifier(house).send(Message("a", "b", target=TO))
    assert catcher.mails == []
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert MailNotifier(house).send(Message("a", "b", target=TO)).state == "sent"
    assert len(catcher.mails) == 1
    house.close()
