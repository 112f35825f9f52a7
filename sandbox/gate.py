"""What happens around every platform call: identify, log, delay, strike with faults, mask tokens. No platform rules."""

import base64
import binascii
import json
import re
import time
from typing import Any

from flask import Flask, Response, g, request

from .accounts import find_token, kill_tokens
from .codes import CODES, PlatformError
from .faults import GATE
from .world import World, the_world

RATE_LIMIT_CODE = {"weibo": 10023, "wechat": 45009, "jpush": 2002}
ACCEPTED_ALTHOUGH_ERROR = ("weibo", 20032)
SECRET_NAMES = re.compile(r"(access_token|secret|client_secret|appsecret)(=|\":\s*\")([^&\"]{0,4})[^&\"]*")
KEPT_REQUEST, KEPT_RESPONSE = 40_000, 4_000


def name_api(path: str) -> tuple[str | None, str]:
    """(platform, api) of a request path: `/2/statuses/share.json` is (weibo, statuses/share)."""
    if path.startswith("/2/"):
        return "weibo", path[3:].removesuffix(".json")
    if path.startswith("/oauth2/"):
        return "weibo", path[1:]
    if path.startswith("/cgi-bin/"):
        return "wechat", path[9:]
    if path.startswith("/v3/"):
        name = path[4:]
        known = name.split("/")[0] != "push" or name in ("push", "push/cid", "push/validate")
        return "jpush", name if known else "push/withdraw"
    return None, path


def identify(world: World, platform: str) -> str | None:
    """The account a call speaks for, judged by token, appid or Basic user; None when unknown."""
    if platform == "jpush":
        return basic_user()[0]
    if platform == "weibo":
        row = find_token(world.store, "weibo", bearer_token())
        client = world.accounts.by_field("weibo", "client_id", request.values.get("client_id", ""))
        return row["account"] if row else (client["id"] if client else None)
    row = find_token(world.store, "wechat", request.args.get("access_token"))
    if row:
        return str(row["account"])
    if "appid" in request.args:
        return request.args["appid"]
    body = request.get_json(force=True, silent=True) if request.data else None
    return str(body["appid"]) if isinstance(body, dict) and "appid" in body else None


def bearer_token() -> str | None:
    """Weibo's token from query, form or `Authorization: OAuth2 <t>`."""
    header = request.headers.get("Authorization", "")
    if header.startswith("OAuth2 "):
        return header[7:].strip()
    return request.values.get("access_token")


def basic_user() -> tuple[str | None, str | None]:
    """User and password of HTTP Basic, or (None, None)."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None, None
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None, None
    return user, password


def mask(text: str) -> str:
    """The text with tokens and secrets cut to their first four characters."""
    return SECRET_NAMES.sub(lambda m: f"{m[1]}{m[2]}{m[3]}…", text)


def install_gate(app: Flask, world: World) -> None:
    """Hang the gate before and after every platform call of the app."""

    @app.before_request
    def enter() -> Response | None:
        g.platform, g.api = name_api(request.path)
        g.began = time.monotonic()
        g.late_at = request.environ.get("sandbox.late_at")
        g.after, g.struck = [], []
        if g.platform is None:
            return None
        request.get_data(cache=True)  # before any form is parsed: a late accept replays the very bytes
        if world.options.latency_ms and g.late_at is None:
            time.sleep(world.options.latency_ms / 1000)
        g.account = identify(world, g.platform)
        if g.late_at is not None:
            return None
        return strike(world)

    @app.after_request
    def leave(response: Response) -> Response:
        if g.get("platform") is None:
            return response
        finish_faults(response)
        log_call(world, response)
        return response


def strike(world: World) -> Response | None:
    """Let the due faults act on a call before its effect; an answer ends the call."""
    answer: Response | None = None
    struck = world.faults.take(GATE, g.platform, g.api, g.account, lambda: name_subject(world))
    for fault in struck:
        g.struck.append(fault["kind"])
        answer = apply_fault(world, fault) or answer
    return answer


def apply_fault(world: World, fault: dict[str, Any]) -> Response | None:
    """One fault at the gate. Kinds that act after the effect are kept in `g.after`."""
    kind = fault["kind"]
    if kind == "accept_late":
        return accept_late(world, fault)
    if kind == "timeout_before":
        return hang(world, fault)
    if kind == "http_500" and not fault.get("after"):
        return Response("<html><body><h1>502 Bad Gateway</h1></body></html>", status=int(fault.get("code", 500)))
    if kind == "kill_token":
        kill_tokens(world.store, g.platform, g.account or "", world.options.clock())
    elif kind == "list_lag":
        g.lag_s = world.scaled(float(fault.get("seconds", 15)))
    elif kind in ("rate_limit", "code"):
        code = int(fault.get("code", RATE_LIMIT_CODE[g.platform]))
        if (g.platform, code) != ACCEPTED_ALTHOUGH_ERROR:
            raise PlatformError(g.platform, code)
        g.lag_s = world.scaled(float(fault.get("seconds", 90)))
        g.after.append(fault)
    else:
        g.after.append(fault)
    return None


def hang(world: World, fault: dict[str, Any]) -> Response:
    """No answer for `seconds` (default 60), then a reset; with `connection: close` the reset comes at once."""
    if fault.get("connection") == "close":
        wire()["close"] = True
    else:
        wire()["hang_s"] = world.scaled(float(fault.get("seconds", 60)))
    return Response("", status=504)


def accept_late(world: World, fault: dict[str, Any]) -> Response:
    """Keep the request; its effect comes `seconds` (default 30) later. The client hears nothing."""
    due_at = world.options.clock() + world.scaled(float(fault.get("seconds", 30)))
    payload = {
        "method": request.method,
        "path": request.path,
        "query": request.query_string.decode(),
        "body": base64.b64encode(request.get_data(cache=True)).decode(),
        "base": request.host_url,
        "headers": [[k, v] for k, v in request.headers if k.lower() not in ("content-length", "host")],
    }
    world.jobs.add("late_request", due_at, payload)
    return hang(world, {"connection": fault.get("connection"), "seconds": fault.get("hang_s", 60)})


def finish_faults(response: Response) -> None:
    """Let the faults that follow the effect spoil the answer."""
    for fault in g.after:
        kind = fault["kind"]
        if kind == "timeout_after":
            hang(the_world(), fault)
        elif kind == "http_500":
            response.status_code, response.data = int(fault.get("code", 500)), b"<html>error</html>"
        elif kind == "cut":
            wire()["cut"] = int(fault.get("bytes", 0))
        elif kind == "bad_json":
            response.status_code = 200
            response.data = response.get_data()[: max(len(response.get_data()) // 2, 1)]
        elif kind == "code":
            spoil_with_code(response, fault)


def spoil_with_code(response: Response, fault: dict[str, Any]) -> None:
    """20032: the post is accepted, yet the answer is an error."""
    if response.status_code == 200:
        status, text = CODES["weibo"][fault["code"]]
        response.status_code = status
        response.data = json.dumps({"request": request.path, "error_code": fault["code"], "error": text}).encode()


def wire() -> dict[str, Any]:
    """The instruction the listener reads; a plain dict under a test client."""
    return request.environ.setdefault("sandbox.wire", {})


def log_call(world: World, response: Response) -> None:
    """Write the request log: what was asked, what was answered, which faults struck."""
    body = response.get_data()
    text = body[:KEPT_RESPONSE].decode("utf-8", "replace")
    world.store.insert(
        "call",
        at=world.options.clock() if g.late_at is None else g.late_at,
        platform=g.platform,
        api=g.api,
        account=g.account,
        method=request.method,
        status=response.status_code,
        code=g.get("error_code"),
        rid=g.get("rid"),
        faults=",".join(g.struck) or None,
        late=int(g.late_at is not None),
        request=mask(describe_request()),
        response=mask(text),
        host=request.remote_addr,
        took_ms=round((time.monotonic() - g.began) * 1000, 2),
    )


def name_subject(world: World) -> str:
    """What a call is about, as text: the request, and for a submit the draft it names."""
    text = describe_request()
    if g.api == "freepublish/submit":
        body = request.get_json(force=True, silent=True) or {}
        row = world.store.one("SELECT articles FROM wechat_draft WHERE media_id = ?", str(body.get("media_id")))
        text += row["articles"] if row else ""
    return text


def describe_request() -> str:
    """Query and body of a call as text; files by name and size only."""
    if request.files:
        parts = [f"{k}=<{f.filename}>" for k, f in request.files.items(multi=True)]
        return "&".join([request.query_string.decode("utf-8", "replace"), *parts])[:KEPT_REQUEST]
    if request.form:
        pairs = [f"{k}={v}" for k, v in {**request.args, **request.form}.items()]
        return "&".join(pairs)[:KEPT_REQUEST]
    body = request.get_data(cache=True)[:KEPT_REQUEST].decode("utf-8", "replace")
    return f"{request.query_string.decode('utf-8', 'replace')} {body}".strip()
