"""Sends alerts by SMTP. Connects only to the address the outbound door has checked; smtps:// speaks TLS from the start.

smtp:// upgrades with STARTTLS when the server offers it. Errors are told apart by what they mean for the receiver.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from core.errors import AddressRefused, NotConfigured, OutcomeUnknown, Refused, Transient
from core.house import House
from core.http import NotSent
from core.ports import Effect, Message, Receipt

TIMEOUT_S = 15.0
PORTS = {"smtp": 25, "smtps": 465}


class MailNotifier:
    """One SMTP server, from `smtp_url`; `send` sends to one receiver. NotConfigured when the setting is missing."""

    kind: ClassVar[str] = "mail"

    def __init__(self, house: House) -> None:
        settings = house.settings
        parts = urlsplit(settings.smtp_url)
        if not settings.smtp_url:
            raise NotConfigured("未设置 WENZHENG_SMTP_URL，预警不发邮件")
        if parts.scheme not in PORTS or not parts.hostname:
            raise NotConfigured("WENZHENG_SMTP_URL 应为 smtp://用户:密码@主机:端口 或 smtps://…")
        self._door = house.door
        self._tls = parts.scheme == "smtps"
        self._host, self._port = parts.hostname, parts.port or PORTS[parts.scheme]
        self._login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        self._sender = settings.mail_from

    def send(self, message: Message) -> Receipt:
        """Hand one message to the server. Its key becomes the Message-ID: sent twice, mail systems show it once.

        Raises Transient (nothing was sent), Refused (the server will not take it) or OutcomeUnknown (the connection
        broke after the text went out).
        """
        mail = self._compose(message)
        server = self._connect()
        try:
            return self._hand_over(server, mail, message.target)
        finally:
            server.close()

    def _compose(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"] = self._sender, message.target
        mail["Subject"] = " ".join(message.subject.split())
        mail["Date"] = formatdate(usegmt=True)
        if message.key:
            mail["Message-ID"] = f"<{message.key}@{self._sender.rpartition('@')[2] or 'wenzheng'}>"
        mail.set_content(f"{message.body}\n\n{message.link}\n" if message.link else f"{message.body}\n")
        return mail

    def _connect(self) -> smtplib.SMTP:
        try:
            address = self._door.addresses(self._host, self._port)[0]
            server = _Server(address, self._host, self._tls)
            server.connect(self._host, self._port)
            server.ehlo_or_helo_if_needed()
            if not self._tls and server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
                server.ehlo()
            if self._login:
                server.login(*self._login)
        except AddressRefused as error:
            raise Refused(Effect.REFUSED, "address", error.text) from error
        except smtplib.SMTPAuthenticationError as error:
            raise Transient(Effect.NOT_SENT, str(error.smtp_code), "邮件服务器不接受用户名或密码") from error
        except (NotSent, OSError, smtplib.SMTPException) as error:
            raise Transient(Effect.NOT_SENT, type(error).__name__, "连接不上邮件服务器") from error
        return server

    def _hand_over(self, server: smtplib.SMTP, mail: EmailMessage, target: str) -> Receipt:
        try:
            server.send_message(mail, to_addrs=[target])
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            raise _by_code(code, "邮件服务器不接受收件人") from error
        except smtplib.SMTPResponseException as error:
            raise _by_code(error.smtp_code, "邮件服务器没有接收邮件") from error
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            raise OutcomeUnknown(Effect.UNKNOWN, type(error).__name__, "邮件发出后连接中断，不确定是否送达") from error
        try:
            server.quit()
        except (OSError, smtplib.SMTPException):
            return Receipt("sent", text="服务器已接收，道别时连接中断")  # the text was accepted before
        return Receipt("sent", remote_id=mail.get("Message-ID", ""))


def _by_code(code: int, text: str) -> Transient | Refused:
    """4xx may work later, 5xx will not."""
    if 400 <= code < 500:
        return Transient(Effect.REFUSED, str(code), text)
    return Refused(Effect.REFUSED, str(code), text)


class _Server(smtplib.SMTP):
    """smtplib connects by itself to a name; this one goes to the checked address, certificates against the name."""

    def __init__(self, address: str, host: str, tls: bool) -> None:
        self._address, self._tls = address, tls
        super().__init__(timeout=TIMEOUT_S)
        self._host = host  # what STARTTLS checks the certificate against

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = socket.create_connection((self._address, port), timeout)
        if not self._tls:
            return plain
        wrap: Callable[..., Any] = ssl.create_default_context().wrap_socket
        wrapped: socket.socket = wrap(plain, server_hostname=self._host)
        return wrapped
