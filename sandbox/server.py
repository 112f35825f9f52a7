"""The Flask app of the sandbox and its start. The control API and its examples are in `docs/sandbox.md`.

Platform paths: `/2/…` and `/oauth2/…` Weibo, `/cgi-bin/…` WeChat, `/v3/…` JPush. `/control/…` and `/truth…` are for
tests, the demo and the operator's page only: the product must never read them.
"""

import base64
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from flask import Flask, Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from . import control, crowd, jpush, pages, truth, wechat, weibo
from .codes import PlatformError
from .gate import install_gate
from .listener import Listener
from .options import Options
from .store import Store
from .world import World


class SandboxApp(Flask):
    """Flask whose views run one after another under the store's lock, each as one transaction."""

    world: World

    def dispatch_request(self) -> ResponseReturnValue:
        """Catch up with due jobs, fix the call's moment, run the view. A documented refusal still commits."""
        refusal: PlatformError | None = None
        answer: ResponseReturnValue = ""
        with self.world.store.transaction():
            late_at = g.get("late_at")
            moment = self.world.options.clock() if late_at is None else late_at
            if late_at is None:
                self.world.jobs.run_inline(moment)
            g.now = moment
            try:
                answer = self.make_response(super().dispatch_request())
            except PlatformError as error:
                refusal = error
        if refusal:
            raise refusal
        return answer


def create_app(store: Store, options: Options) -> SandboxApp:
    """Build the app over a store. Jobs run at each request; call `app.world.jobs.start()` for a live server."""
    app = SandboxApp("sandbox", static_folder=None)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.config["MAX_FORM_MEMORY_SIZE"] = 4 * 1024 * 1024
    app.world = World(store, options)
    app.extensions["sandbox"] = app.world
    install_gate(app, app.world)
    for room in (weibo, wechat, jpush):
        app.register_blueprint(room.blueprint)
        room.register_jobs(app.world)
    for blueprint in (control.blueprint, truth.blueprint, pages.blueprint):
        app.register_blueprint(blueprint)
    crowd.register_jobs(app.world)
    app.world.jobs.register("late_request", lambda payload, at: replay_late(app, payload, at), inline=True)
    app.register_error_handler(PlatformError, answer_refusal)
    app.register_error_handler(HTTPException, answer_http_error)
    return app


def answer_refusal(error: PlatformError) -> Response:
    """A documented refusal in its platform's own form."""
    g.error_code = str(error.code)
    room = {"weibo": weibo, "wechat": wechat, "jpush": jpush}[error.platform]
    return room.render_error(error)


def answer_http_error(error: HTTPException) -> ResponseReturnValue:
    """Unknown paths and methods as the platform itself says it; elsewhere plain HTTP."""
    if g.get("platform") == "weibo" and isinstance(error, NotFound | MethodNotAllowed):
        return answer_refusal(PlatformError("weibo", 10020 if isinstance(error, NotFound) else 10021))
    if g.get("platform") == "wechat" and isinstance(error, MethodNotAllowed):
        return answer_refusal(PlatformError("wechat", 43002 if request.method == "GET" else 43001))
    if g.get("platform") == "jpush" and isinstance(error, MethodNotAllowed):
        return answer_refusal(PlatformError("jpush", 1001))
    return jsonify(error=error.description), error.code or 500


def replay_late(app: SandboxApp, payload: dict[str, Any], at: float) -> None:
    """The effect of a request that was accepted late, at the moment `at`; nobody hears the answer."""
    with (
        app.app_context(),
        app.test_request_context(  # a context of its own: this runs inside another request
            payload["path"],
            method=payload["method"],
            query_string=payload["query"],
            base_url=payload["base"],
            data=base64.b64decode(payload["body"]),
            headers=[tuple(h) for h in payload["headers"]],
            environ_overrides={"sandbox.late_at": at},
        ),
    ):
        app.full_dispatch_request()


def start_server(state: str | Path | None, options: Options, port: int = 0) -> tuple[Listener, SandboxApp]:
    """Bind and prepare a server with running jobs; the caller runs `serve_forever` and then `stop_server`."""
    app = create_app(Store(state), options)
    listener = Listener(app, port=port)
    app.world.jobs.start()
    return listener, app


def stop_server(listener: Listener, app: SandboxApp) -> None:
    """Stop jobs, close socket and file."""
    app.world.jobs.stop()
    listener.server_close()
    app.world.store.close()


def run_server(state: str | Path | None, options: Options, port: int = 0) -> None:
    """Serve until SIGTERM or SIGINT. Prints one line with the address."""
    listener, app = start_server(state, options, port)

    def leave(signum: int, frame: FrameType | None) -> None:
        threading.Thread(target=listener.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    print(f"sandbox listening on {listener.base_url}", flush=True)
    try:
        listener.serve_forever(poll_interval=0.1)
    finally:
        stop_server(listener, app)
