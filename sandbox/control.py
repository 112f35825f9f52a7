"""The control API: accounts, tokens, faults, crowd, rows, removals.

Only tests, the demo and the operator's page use it; the product must never call it. Examples are in `docs/sandbox.md`.
"""

import json
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from . import crowd
from .accounts import DEFAULTS, kill_tokens
from .faults import KINDS
from .wechat.freepublish import remove_articles
from .weibo.oauth import grant_token
from .weibo.rows import find_status
from .world import HEXADECIMAL, World, the_world

blueprint = Blueprint("control", __name__, url_prefix="/control")
DIGITS = "0123456789"
CREDENTIALS = {
    "weibo": ("uid", "client_id", "client_secret", "access_token"),
    "wechat": ("appid", "secret"),
    "jpush": ("app_key", "master_secret"),
}
IDENTITY = {"weibo": "uid", "wechat": "appid", "jpush": "app_key"}


def bad(message: str, status: int = 400) -> ResponseReturnValue:
    """An error of the control API."""
    return jsonify(error=message), status


@blueprint.post("/accounts")
def create_account() -> ResponseReturnValue:
    """Make an account (given credentials are kept, others invented) and give credentials and settings."""
    body = dict(request.get_json())
    platform = str(body.pop("platform", ""))
    if platform not in DEFAULTS:
        return bad(f"unknown platform: {platform}")
    unknown = set(body) - set(DEFAULTS[platform]) - set(CREDENTIALS[platform])
    if unknown:
        return bad(f"unknown setting: {', '.join(sorted(unknown))}")
    world = the_world()
    secrets = {**invent(world, platform), **{k: body.pop(k) for k in CREDENTIALS[platform] if k in body}}
    given_token = secrets.pop("access_token", None)
    identity = str(secrets.pop(IDENTITY[platform]))
    try:
        account = world.accounts.add(platform, identity, {**secrets, **body}, world.now())
    except ValueError as error:
        return bad(str(error), 409)
    return jsonify(present_account(account) | issue_first_token(world, account, given_token)), 201


def invent(world: World, platform: str) -> dict[str, str]:
    """Seeded credentials in the platform's form."""
    if platform == "weibo":
        return {
            "uid": "2" + world.word("uid", 9, DIGITS),
            "client_id": "1" + world.word("client", 9, DIGITS),
            "client_secret": world.word("secret", 32, HEXADECIMAL),
        }
    if platform == "wechat":
        return {"appid": "wx" + world.word("appid", 16, HEXADECIMAL), "secret": world.word("secret", 32, HEXADECIMAL)}
    return {"app_key": world.word("app-key", 24, HEXADECIMAL), "master_secret": world.word("secret", 24, HEXADECIMAL)}


def issue_first_token(world: World, account: dict[str, Any], given: str | None) -> dict[str, Any]:
    """Weibo accounts start with a token, as after a first authorisation."""
    if account["platform"] != "weibo":
        return {}
    token, life_s = grant_token(world, account)
    if given:
        world.store.run("UPDATE token SET value = ? WHERE value = ?", given, token)
    return {"access_token": given or token, "expires_in": life_s}


def present_account(account: dict[str, Any]) -> dict[str, Any]:
    """An account with its identity also under the platform's own name."""
    return {**account, IDENTITY[account["platform"]]: account["id"]}


@blueprint.get("/accounts")
def list_accounts() -> ResponseReturnValue:
    """Every account with its credentials (no tokens)."""
    return jsonify([present_account(account) for account in the_world().accounts.all()])


@blueprint.patch("/accounts/<platform>/<identity>")
def change_account(platform: str, identity: str) -> ResponseReturnValue:
    """Change settings of an account."""
    try:
        return jsonify(present_account(the_world().accounts.change(platform, identity, dict(request.get_json()))))
    except KeyError:
        return bad("unknown account", 404)
    except ValueError as error:
        return bad(str(error))


@blueprint.post("/tokens/kill")
def kill() -> ResponseReturnValue:
    """End every token of an account at once."""
    body, world = request.get_json(), the_world()
    return jsonify(killed=kill_tokens(world.store, body["platform"], str(body["account"]), world.now()))


@blueprint.post("/tokens/issue")
def issue() -> ResponseReturnValue:
    """A fresh Weibo token, as if somebody had authorised again."""
    world = the_world()
    account = world.accounts.get("weibo", str(request.get_json()["account"]))
    if account is None:
        return bad("unknown account", 404)
    token, life_s = grant_token(world, account)
    return jsonify(access_token=token, expires_in=life_s)


@blueprint.post("/faults")
def add_fault() -> ResponseReturnValue:
    """Script one fault, or a list of them."""
    body = request.get_json()
    try:
        added = [the_world().faults.add(spec) for spec in (body if isinstance(body, list) else [body])]
    except ValueError as error:
        return bad(f"{error}; kinds: {', '.join(KINDS)}")
    return jsonify(ids=added), 201


@blueprint.get("/faults")
def list_faults() -> ResponseReturnValue:
    """The faults and how often each fired."""
    return jsonify(the_world().faults.report())


@blueprint.delete("/faults")
def clear_faults() -> ResponseReturnValue:
    """Remove every fault."""
    return jsonify(removed=the_world().faults.clear())


@blueprint.post("/crowd")
def play_crowd() -> ResponseReturnValue:
    """Plan events on a live item; they come as their time does."""
    body = request.get_json()
    try:
        return jsonify(crowd.plan_events(the_world(), body)), 201
    except ValueError as error:
        return bad(str(error))


@blueprint.get("/crowd")
def crowd_progress() -> ResponseReturnValue:
    """Events planned, played and not played with the reason."""
    return jsonify(crowd.report_events(the_world()))


@blueprint.post("/weibo/<int:status_id>/rows")
def play_rows(status_id: int) -> ResponseReturnValue:
    """Write a batch of reposts, comments and answers with their own times under a status, at once."""
    world = the_world()
    status = find_status(world, status_id)
    if status is None:
        return bad("no such live status", 404)
    return jsonify(crowd.write_rows(world, status, request.get_json()["rows"]))


@blueprint.get("/weibo/<int:status_id>")
def status_times(status_id: int) -> ResponseReturnValue:
    """When a live status was made, in Unix seconds."""
    status = find_status(the_world(), status_id)
    return jsonify(id=status_id, created_at=status["created_at"]) if status else bad("no such live status", 404)


@blueprint.post("/remove")
def remove() -> ResponseReturnValue:
    """The platform takes an item down: `{platform, item}` with a Weibo status id or a WeChat article_id."""
    world, body = the_world(), request.get_json()
    if body["platform"] == "weibo":
        done = world.store.run(
            "UPDATE weibo_status SET deleted_at = ?, deleted_by = 'platform' WHERE id = ? AND deleted_at IS NULL",
            world.now(),
            int(body["item"]),
        )
        return jsonify(removed=done)
    row = world.store.one("SELECT * FROM wechat_article WHERE article_id = ? AND deleted_at IS NULL", str(body["item"]))
    if row is None:
        return jsonify(removed=0)
    articles = [{**article, "is_deleted": True} for article in json.loads(row["articles"])]
    remove_articles(world, row, articles, "platform", world.now())
    return jsonify(removed=1)
