"""Which addresses the door opens to: public ones, looked up once, every one of them checked. And who comes from one."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from urllib.parse import urlsplit

from core.errors import AddressRefused
from core.http.calls import NotSent

PORTS = {"http": 80, "https": 443}
NAT64 = ipaddress.ip_network("64:ff9b::/96")


def target(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("网址格式不正确") from None
    if parts.scheme not in PORTS or not parts.hostname or parts.username is not None:
        raise AddressRefused("只允许访问不带用户名的 http 或 https 网址")
    return parts.hostname, port or PORTS[parts.scheme]


def look_up(host: str, port: int, wait_s: float) -> list[str]:
    """The addresses of a host; in a thread of its own, because the system's look-up knows no time-out."""
    answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(each[4][0]) for each in found)))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    if _literal(host):
        ask()
    else:
        threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=wait_s)
    except queue.Empty:
        raise NotSent(f"name look-up of {host} timed out") from None
    if isinstance(answer, Exception):
        raise NotSent(f"name look-up of {host} failed")
    return answer


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.sixtofour or ip.teredo or ip in NAT64 or ip.is_site_local:
            return False
        ip = ip.ipv4_mapped or ip
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def address_key(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 a household has of IPv6."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address) and not ip.ipv4_mapped:
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(getattr(ip, "ipv4_mapped", None) or ip)
