"""A threaded HTTP/1.1 listener for a WSGI app: one thread a connection, keep-alive, and the wire tricks of the faults.

The app leaves an instruction in `environ["sandbox.wire"]`: `hang_s` (no answer until then), `close` (reset at once) or
`cut` (send only the first n bytes of the body). For local tests only: no TLS, no protection against hostile peers.
"""

import io
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote_to_bytes

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
IDLE_S = 60.0


class Listener(ThreadingHTTPServer):
    """Serves `app` on 127.0.0.1; `port` 0 takes a free one (read it from `base_url`)."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, app: WsgiApp, host: str = "127.0.0.1", port: int = 0) -> None:
        self.app = app
        super().__init__((host, port), Handler)

    def server_bind(self) -> None:
        """Bind without the reverse name look-up of the parent class."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    @property
    def base_url(self) -> str:
        """`http://host:port` without a final slash."""
        return f"http://{self.server_name}:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is everyday life here; anything else is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection: reads whole requests, so that keep-alive never meets a half-read body."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    disable_nagle_algorithm = True
    server: Listener

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the sandbox keeps its own request log."""

    def serve(self) -> None:
        """Run the app on one request and send, cut, hang or reset as it says."""
        environ = self._environ(self._body())
        head: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            head.update(status=status, headers=headers)

        chunks = self.server.app(environ, start_response)
        try:
            body = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close:
                close()
        wire = environ["sandbox.wire"]
        if "hang_s" in wire:
            self._hang(wire["hang_s"])
        if "hang_s" in wire or wire.get("close"):
            self._reset()
        else:
            self._answer(head["status"], head["headers"], body, wire.get("cut"))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = serve

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunked_body()
        return self._whole(int(self.headers.get("Content-Length") or 0))

    def _chunked_body(self) -> bytes:
        parts = []
        while size := int(self._line().split(b";")[0].strip() or b"0", 16):
            parts.append(self._whole(size))
            self._line()
        while self._line().strip():
            pass
        return b"".join(parts)

    def _whole(self, size: int) -> bytes:
        """So many bytes. A client that went away in between has asked nothing: a front server never passes half on."""
        body = self.rfile.read(size)
        if len(body) < size:
            raise ConnectionAbortedError("the request ended early")
        return body

    def _line(self) -> bytes:
        line = self.rfile.readline()
        if not line.endswith(b"\n"):
            raise ConnectionAbortedError("the request ended early")
        return line

    def _environ(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "QUERY_STRING": query,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "RAW_URI": self.path,
            "SERVER_NAME": self.server.server_name,
            "SERVER_PORT": str(self.server.server_port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.input_terminated": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "sandbox.wire": {},
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        return environ

    def _answer(self, status: str, headers: list[tuple[str, str]], body: bytes, cut: int | None) -> None:
        lines = [f"HTTP/1.1 {status}"]
        lines += [f"{name}: {value}" for name, value in headers if name.lower() != "content-length"]
        lines.append(f"Content-Length: {len(body)}")
        if cut is not None:
            lines.append("Connection: close")
        sent = b"" if self.command == "HEAD" else body[:cut]
        self.connection.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + sent)
        if cut is not None:
            self.close_connection = True

    def _hang(self, seconds: float) -> None:
        """Stay silent for `seconds`, or until the client has gone."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            readable, _, _ = select.select([self.connection], [], [], min(left, 0.5))
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return
            if readable:
                time.sleep(min(left, 0.05))

    def _reset(self) -> None:
        """Close with RST, as a dying balancer does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
