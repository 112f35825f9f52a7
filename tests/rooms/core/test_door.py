"""The outbound door against servers that behave, drip, hang up and lie. Everything here is on loopback."""

import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from core import http
from core.errors import AddressRefused
from core.http import Door, NotSent, Request, Unanswered, addresses
from tests.services import free_port

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
DEADLINE_S = 1.0
Talk = Callable[[socket.socket], None]


class Server:
    """Accepts connections and lets `talk` do what it likes with each; keeps what it received."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.connections = 0
        self.received: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.door = Door(frozenset({f"127.0.0.1:{self.port}", f"localhost:{self.port}"}))
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._closing.is_set():
                connection.close()
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            thread.start()
            self._threads.append(thread)

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                self._talk(connection)
            except OSError:
                return  # the other side hung up, as several tests want

    def read_request(self, connection: socket.socket) -> bytes:
        """One request with its body; empty when the other side hung up."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        lines = [line.lower() for line in head.split(b"\r\n")]
        length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length")), 0)
        while len(body) < length:
            body += connection.recv(65536)
        self.received.append(head + b"\r\n\r\n" + body)
        return self.received[-1]

    def close(self) -> None:
        self._closing.set()
        with socket.create_connection(("127.0.0.1", self.port)):
            self._threads[0].join()
        self._listener.close()
        self.door.close()
        for thread in self._threads[1:]:
            thread.join()


@contextmanager
def serving(talk: Callable[[Server, socket.socket], None]) -> Iterator[Server]:
    server = Server(lambda connection: talk(server, connection))
    try:
        yield server
    finally:
        server.close()


def polite(server: Server, connection: socket.socket) -> None:
    while server.read_request(connection):
        connection.sendall(ANSWER)


def test_a_request_is_sent_once_and_answered():
    with serving(polite) as server:
        answer = server.door.send(Request("GET", server.url + "/a", params={"q": "路 况"}), DEADLINE_S)
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"ok", "2")
    assert server.received[0].startswith(b"GET /a?q=%E8%B7%AF+%E5%86%B5 HTTP/1.1\r\n")
    assert f"host: 127.0.0.1:{server.port}".encode() in server.received[0].lower()


def test_json_goes_out_as_raw_utf8_and_a_file_with_its_name():
    with serving(polite) as server:
        server.door.send(Request("POST", server.url, json={"title": "通告", "n": 1}), DEADLINE_S)
        files = {"media": ("封面.png", b"\x89PNG", "image/png")}
        server.door.send(Request("POST", server.url, form={"kind": "thumb"}, files=files), DEADLINE_S)
        server.door.send(Request("POST", server.url, form={"status": "好 的"}, auth=("key", "pass")), DEADLINE_S)
    first, second, third = server.received
    assert first.endswith('{"title":"通告","n":1}'.encode())
    assert b"content-type: application/json" in first.lower()
    assert 'name="media"; filename="封面.png"'.encode() in second
    assert b"image/png" in second
    assert b"\x89PNG" in second
    assert b'name="kind"' in second
    assert third.endswith(b"status=%E5%A5%BD+%E7%9A%84")
    assert b"authorization: basic a2v5onbhc3m=" in third.lower()


def test_connections_are_reused_unless_a_fresh_one_is_asked_for():
    with serving(polite) as server:
        for _ in range(3):
            server.door.send(Request("GET", server.url), DEADLINE_S)
        assert server.connections == 1
        for _ in range(2):
            server.door.send(Request("GET", server.url), DEADLINE_S, fresh=True)
        assert server.connections == 3
    assert b"connection: close" in server.received[-1].lower()


def test_a_redirect_is_an_answer_and_not_followed():
    def redirect(server: Server, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: {server.url}/x\r\nContent-Length: 0\r\n\r\n".encode())

    with serving(redirect) as server:
        answer = server.door.send(Request("GET", server.url), DEADLINE_S)
        assert answer.status == 302
        assert len(server.received) == 1


def test_proxies_of_the_environment_are_ignored(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with serving(polite) as server:
        assert server.door.send(Request("GET", server.url), DEADLINE_S).status == 200


# --- certainly not sent -----------------------------------------------------------------------------------------


def test_a_refused_connection_is_not_sent():
    port = free_port()
    with pytest.raises(NotSent):
        Door(frozenset({f"127.0.0.1:{port}"})).send(Request("POST", f"http://127.0.0.1:{port}/"), DEADLINE_S)


def test_a_name_that_cannot_be_looked_up_is_not_sent(monkeypatch):
    def fail(*_arguments: object, **_options: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(NotSent):
        Door(frozenset()).send(Request("POST", "http://api.example.cn/"), DEADLINE_S)


def test_a_look_up_that_hangs_ends_at_the_deadline(monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: release.wait(30) and [])
    with pytest.raises(NotSent):
        Door(frozenset()).send(Request("POST", "http://api.example.cn/"), 0.2)
    release.set()


def test_a_failed_tls_handshake_is_not_sent():
    def noise(_server: Server, connection: socket.socket) -> None:
        connection.recv(1024)
        connection.sendall(b"this is not TLS\r\n")

    with serving(noise) as server, pytest.raises(NotSent):
        server.door.send(Request("POST", server.url.replace("http", "https")), DEADLINE_S)


def test_a_tls_handshake_that_never_answers_is_not_sent():
    def silent(_server: Server, connection: socket.socket) -> None:
        while connection.recv(1024):
            pass

    with serving(silent) as server, pytest.raises(NotSent):
        server.door.send(Request("POST", server.url.replace("http", "https")), 0.3)


# --- nobody knows -----------------------------------------------------------------------------------------------


def silence(server: Server, connection: socket.socket) -> None:
    server.read_request(connection)
    connection.recv(1)  # until the other side hangs up


def hang_up(server: Server, connection: socket.socket) -> None:
    server.read_request(connection)


def cut_short(server: Server, connection: socket.socket) -> None:
    server.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


def babble(server: Server, connection: socket.socket) -> None:
    server.read_request(connection)
    connection.sendall(b"HELLO THERE\r\n\r\n")


@pytest.mark.parametrize("talk", [silence, hang_up, cut_short, babble])
@pytest.mark.parametrize("fresh", [True, False])
def test_a_request_without_a_whole_answer_is_unanswered(talk, fresh):
    with serving(talk) as server:
        with pytest.raises(Unanswered):
            server.door.send(Request("POST", server.url, content=b"x"), 0.5, fresh)
        assert len(server.received) == 1


def drip_head(server: Server, connection: socket.socket) -> None:
    server.read_request(connection)
    while True:
        connection.sendall(b"H")
        time.sleep(0.05)


def drip_body(server: Server, connection: socket.socket) -> None:
    server.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b".")
        time.sleep(0.05)


@pytest.mark.parametrize("talk", [drip_head, drip_body])
def test_a_server_that_drips_bytes_is_cut_off_at_the_total_deadline(talk):
    with serving(talk) as server:
        begun = time.monotonic()
        with pytest.raises(Unanswered):
            server.door.send(Request("POST", server.url), 0.5)
        assert time.monotonic() - begun >= 0.5  # and it did end: without the total deadline this test would hang


def test_a_server_that_reads_slowly_is_cut_off_at_the_total_deadline():
    def sip(_server: Server, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(40):  # two seconds of a reader that would need hours
            connection.recv(64)
            time.sleep(0.05)

    with serving(sip) as server, pytest.raises(Unanswered):
        server.door.send(Request("POST", server.url, content=b"x" * 8_000_000), 0.5)


def test_an_answer_beyond_the_limit_is_unanswered():
    def flood(server: Server, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            connection.sendall(b"." * 65536)

    with serving(flood) as server:
        door = Door(frozenset({f"127.0.0.1:{server.port}"}), max_bytes=1_000_000)
        with pytest.raises(Unanswered, match="too large"):
            door.send(Request("GET", server.url), 20)
        door.close()


def test_a_packed_answer_is_unpacked_up_to_the_limit():
    import gzip

    def packed(server: Server, connection: socket.socket) -> None:
        small = b"small" in server.read_request(connection)
        body = gzip.compress(b"x" * (1000 if small else 10_000_000))
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)

    with serving(packed) as server:
        door = Door(frozenset({f"127.0.0.1:{server.port}"}), max_bytes=100_000)
        assert door.send(Request("GET", server.url + "/small"), 5, fresh=True).body == b"x" * 1000
        with pytest.raises(Unanswered):
            door.send(Request("GET", server.url + "/large"), 5, fresh=True)
        door.close()


def test_a_connection_the_server_closed_while_idle_is_replaced_without_a_second_request():
    def once(server: Server, connection: socket.socket) -> None:
        if server.read_request(connection):
            connection.sendall(ANSWER)

    with serving(once) as server:
        for turn in range(3):
            assert server.door.send(Request("POST", server.url, content=b"x"), DEADLINE_S).status == 200
            time.sleep(0.05)
            assert len(server.received) == turn + 1


# --- addresses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://[64:ff9b::a00:1]/",
        "http://[2002:a00:1::]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://10.0.0.1/",
        "http://172.16.3.4/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://localhost/",
        "ftp://93.184.216.34/",
        "file:///etc/passwd",
        "http://user:pw@93.184.216.34/",
        "http:///x",
        "http://93.184.216.34:99999/",
    ],
)
def test_private_and_odd_addresses_are_refused(url):
    door = Door(frozenset())
    with pytest.raises(AddressRefused):
        door.check(url)
    with pytest.raises(AddressRefused):
        door.send(Request("GET", url), DEADLINE_S)


def test_public_addresses_pass_and_the_allow_list_is_by_host_and_port():
    Door(frozenset()).check("https://93.184.216.34/")
    Door(frozenset()).check("https://[2606:2800:220:1::1]/")
    door = Door(frozenset({"127.0.0.1:8080"}))
    door.check("http://127.0.0.1:8080/x")
    with pytest.raises(AddressRefused):
        door.check("http://127.0.0.1:8081/x")


def test_a_host_with_one_private_address_among_public_ones_is_refused(monkeypatch):
    answers = [(2, 1, 6, "", ("93.184.216.34", 80)), (2, 1, 6, "", ("10.0.0.1", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: answers)
    with pytest.raises(AddressRefused):
        Door(frozenset()).check("http://mixed.example.cn/")


def test_the_address_that_was_checked_is_the_one_connected_to(monkeypatch):
    """The name is looked up once; a second answer, to a private address, is never asked for."""
    asked: list[str] = []
    with serving(polite) as server:
        real = socket.getaddrinfo

        def look_up(host: str, *arguments: object, **options: object) -> object:
            if host != "rebinding.example.cn":
                return real(host, *arguments, **options)
            asked.append(host)
            return [(2, 1, 6, "", ("127.0.0.1" if len(asked) == 1 else "10.9.9.9", server.port))]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        url = f"http://rebinding.example.cn:{server.port}/"
        assert server.door.send(Request("GET", url), DEADLINE_S, fresh=True).status == 200
    assert asked == ["rebinding.example.cn"]
    assert f"host: rebinding.example.cn:{server.port}".encode() in server.received[0].lower()


# --- TLS and secrets --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[str, str]:
    """A self-signed certificate for api.example.cn."""
    home = tmp_path_factory.mktemp("tls")
    key, certificate = str(home / "key.pem"), str(home / "cert.pem")
    name = ["-subj", "/CN=api.example.cn", "-addext", "subjectAltName=DNS:api.example.cn"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run([*command, "-keyout", key, "-out", certificate, *name], check=True, capture_output=True)
    return certificate, key


@pytest.mark.parametrize(("name", "good"), [("api.example.cn", True), ("evil.example.cn", False)])
def test_the_certificate_must_be_of_the_host_that_was_asked_for(monkeypatch, certificate, name, good):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def secure(server: Server, connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            server.read_request(wrapped)
            wrapped.sendall(ANSWER)

    with serving(secure) as server:
        answers = [(2, 1, 6, "", ("127.0.0.1", server.port))]
        monkeypatch.setattr(addresses, "_literal", lambda _host: False)
        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda host, *a, **k: answers if "example" in str(host) else real(host, *a, **k)
        )
        trusted = ssl.create_default_context(cafile=certificate[0])
        door = Door(frozenset({f"{name}:{server.port}"}), tls=trusted)
        request = Request("GET", f"https://{name}:{server.port}/")
        if good:
            assert door.send(request, 5).status == 200
        else:
            with pytest.raises(NotSent):
                door.send(request, 5)
        door.close()


def test_secrets_are_in_no_exception_and_no_repr():
    port = free_port()
    request = Request(
        "POST",
        f"http://127.0.0.1:{port}/sns?access_token=TOPSECRET",
        params={"secret": "TOPSECRET"},
        headers={"Authorization": "Bearer TOPSECRET"},
        auth=("key", "TOPSECRET"),
    )
    with pytest.raises(NotSent) as caught:
        Door(frozenset({f"127.0.0.1:{port}"})).send(request, DEADLINE_S)
    seen: BaseException | None = caught.value
    while seen is not None:
        assert "TOPSECRET" not in repr(seen)
        seen = seen.__cause__ or seen.__context__
    assert "TOPSECRET" not in repr(request)


@pytest.mark.parametrize(
    "text",
    [
        "GET /cgi-bin/token?appid=wx1&secret=TOP&access_token=TOP",
        '{"access_token": "TOP", "client_secret":"TOP"}',
        "Authorization: Basic TOP",
        "Authorization: Bearer TOP",
        "password=TOP",
    ],
)
def test_mask_hides_secrets_and_keeps_the_rest(text):
    masked = http.mask(text)
    assert "TOP" not in masked
    assert masked.split("TOP")[0][:4] == text[:4]


def test_a_response_reads_its_body_as_json():
    answer = http.Response(200, {}, '{"错误": 0}'.encode())
    assert answer.json() == {"错误": 0}
    with pytest.raises(ValueError, match="Expecting"):
        http.Response(200, {}, b"<html>").json()
    assert json.loads(answer.text()) == answer.json()
