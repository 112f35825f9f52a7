"""The published site over HTTP, headers, and every route of the portal with what protects it."""

from __future__ import annotations

from pathlib import Path

import pytest
from parsel import Selector
from sqlalchemy.exc import OperationalError

from core.models import Copy
from tests.rooms.portal.square import Square

SHA = "ab" * 32
PROTECTION = {
    "GET /": "published file",
    "GET /<path:name>": "published file",
    "GET /robots.txt": "constant",
    "GET /portal-assets/<path:filename>": "constant",
    "GET /healthz": "figures only",
    "GET /items/<int:article_id>/comments": "accepted comments; signature or own cookie for pending",
    "POST /items/<int:article_id>/comments": "csrf, rate, trap",
    "GET /items/<int:article_id>/counts": "figures only",
    "POST /items/<int:article_id>/likes": "csrf, rate",
    "GET /client/feed": "published entries",
    "GET /client/items/<int:article_id>": "published entries",
    "GET /client/items/<int:article_id>/comments": "accepted comments; signature or own device for pending",
    "POST /client/items/<int:article_id>/comments": "json only, rate",
    "GET /client/items/<int:article_id>/counts": "figures only",
    "POST /client/items/<int:article_id>/likes": "rate",
    "GET /messages/new": "form",
    "POST /messages/new": "csrf, rate, trap",
    "GET /messages/track": "form",
    "POST /messages/track": "csrf, rate, code",
    "GET /callbacks/wechat/<int:account_id>": "platform signature",
    "POST /callbacks/wechat/<int:account_id>": "platform signature",
}


def put(square: Square, name: str, content: str) -> Path:
    path = square.house.settings.site_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def test_every_route_is_listed_with_its_protection(square: Square) -> None:
    routes = {
        f"{method} {rule.rule}"
        for rule in square.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == set(PROTECTION)


@pytest.mark.parametrize("route", [route for route, how in PROTECTION.items() if "csrf" in how])
def test_a_form_post_without_token_is_refused_on_every_such_route(square: Square, route: str) -> None:
    address = route.removeprefix("POST ").replace("<int:article_id>", str(square.article_id))
    answer = square.visitor().post(address, data={"text": "x", "number": "x", "code": "x"})
    assert answer.status_code == 400
    assert "页面已过期" in (answer.get_json()["error"]["text"] if answer.is_json else answer.text)


@pytest.mark.parametrize("route", [route for route, how in PROTECTION.items() if "rate" in how])
def test_every_posting_route_is_rate_limited(square: Square, route: str) -> None:
    square.set("portal.rate", per_minute=0, burst=0)
    address = route.removeprefix("POST ").replace("<int:article_id>", str(square.article_id))
    browser = square.visitor()
    form = {"csrf_token": square.csrf(browser), "text": "好"}
    answer = browser.post(address, json=form) if "/client/" in address else browser.post(address, data=form)
    assert answer.status_code == 429


def test_a_page_comes_with_an_etag_and_is_not_sent_twice(square: Square) -> None:
    address = f"/articles/{square.article_id}.html"
    put(square, address[1:], "<p>停水通告</p>")
    browser = square.visitor()
    first = browser.get(address)
    assert first.text == "<p>停水通告</p>"
    assert "no-cache" in first.headers["Cache-Control"]
    again = browser.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    put(square, address[1:], "<p>停水通告（更正）</p>")
    changed = browser.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (changed.status_code, changed.text) == (200, "<p>停水通告（更正）</p>")


def test_a_picture_named_by_its_digest_is_kept_by_browsers(square: Square) -> None:
    put(square, f"media/{SHA}.png", "x")
    headers = square.visitor().get(f"/media/{SHA}.png").headers
    assert "immutable" in headers["Cache-Control"]
    assert headers["Content-Type"] == "image/png"


@pytest.mark.parametrize("state", ["withdrawn", "gone"])
def test_a_withdrawn_article_is_410_even_if_its_file_still_lies_there(square: Square, state: str) -> None:
    address = f"/articles/{square.article_id}.html"
    path = put(square, address[1:], "<p>停水通告</p>")
    square.copy_state(state)
    for _ in range(2):
        answer = square.visitor().get(address)
        assert answer.status_code == 410
        assert "已撤回" in answer.text
        assert "停水" not in answer.text
        path.unlink(missing_ok=True)


def test_an_article_published_again_is_served_and_takes_comments(square: Square) -> None:
    address = f"/articles/{square.article_id}.html"
    put(square, address[1:], "<p>停水通告</p>")
    square.copy_state("withdrawn")
    with square.house.db.write() as session:
        session.add(Copy(article_id=square.article_id, account_id=square.website, round=2, state="expected"))
    assert square.visitor().get(f"/items/{square.article_id}/comments").status_code == 404
    with square.house.db.write() as session:
        session.query(Copy).filter_by(round=2).update({"state": "live"})
    assert square.visitor().get(address).status_code == 200
    assert square.visitor().get(f"/items/{square.article_id}/comments").status_code == 200


def test_an_unknown_page_is_a_chinese_404(square: Square) -> None:
    answer = square.visitor().get("/articles/4711.html")
    assert answer.status_code == 404
    assert "没有找到这个页面" in answer.text


@pytest.mark.parametrize(
    "address",
    ["/.lists", "/articles/.probe", "/../home/master.key", "/%2e%2e/master.key", "/..%2fmaster.key", "/articles"],
)
def test_nothing_outside_the_site_and_no_hidden_file_is_served(square: Square, address: str) -> None:
    put(square, ".lists", "state")
    put(square, "articles/.probe", "x")
    assert (square.house.settings.home / "master.key").exists()
    assert square.visitor().get(address).status_code == 404


def test_the_home_page_stands_before_anything_is_published(square: Square) -> None:
    assert "还没有发布内容" in square.visitor().get("/").text
    put(square, "index.html", "<p>首页</p>")
    assert square.visitor().get("/").text == "<p>首页</p>"


@pytest.mark.parametrize("address", ["/", "/messages/new", "/client/feed", "/nowhere", "/healthz", "/robots.txt"])
def test_every_answer_carries_the_security_headers(square: Square, address: str) -> None:
    headers = square.visitor().get(address).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "script-src" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"]


def test_pages_hold_no_script_no_inline_style_and_nothing_from_elsewhere(square: Square) -> None:
    square.store_comment("好", state="accepted")
    for address in ("/", "/messages/new", "/messages/track", f"/items/{square.article_id}/comments", "/nowhere"):
        tree = Selector(square.visitor().get(address).text)
        assert tree.css("script, style, [style], [onclick], iframe").getall() == []
        for link in tree.css("link::attr(href), img::attr(src), form::attr(action)").getall():
            assert link.startswith("/"), link
        assert tree.css("html::attr(lang)").get() == "zh-CN"
        assert "主办单位：" in tree.css("footer").xpath("string()").get("")
        for field in tree.css("main input:not([type=hidden])::attr(id), textarea::attr(id)").getall():
            assert tree.css(f"label[for={field}]"), f"{address}: {field} has no label"


def test_the_footer_shows_what_the_office_set(square: Square) -> None:
    square.set("portal.footer", sponsor="某市<人民>政府", icp="京ICP备00000000号", police="")
    page = square.visitor().get("/messages/new").text
    assert "主办单位：某市&lt;人民&gt;政府" in page
    assert "京ICP备00000000号" in page


def test_a_wrong_method_and_a_crash_are_answered_calmly(square: Square, monkeypatch: pytest.MonkeyPatch) -> None:
    assert square.visitor().delete("/messages/new").status_code == 405
    monkeypatch.setattr("portal.items.comments.counts", lambda *_args: 1 / 0)
    answer = square.visitor().get(f"/items/{square.article_id}/comments")
    assert answer.status_code == 500
    assert "ZeroDivisionError" not in answer.text
    assert "请稍后再试" in answer.text


def test_health_is_503_when_the_database_is_away(square: Square, monkeypatch: pytest.MonkeyPatch) -> None:
    assert square.visitor().get("/healthz").get_json() == {"status": "ok"}

    def away() -> None:
        raise OperationalError("SELECT 1", None, Exception("connection refused"))

    monkeypatch.setattr(square.house.db, "read", away)
    answer = square.visitor().get("/healthz")
    assert (answer.status_code, answer.get_json()["status"]) == (503, "error")


def test_cookies_are_closed_to_scripts_and_other_sites(square: Square) -> None:
    cookie = square.visitor().get("/messages/new").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_a_reader_without_a_form_gets_no_cookie(square: Square) -> None:
    put(square, "index.html", "<p>首页</p>")
    for address in ("/", "/client/feed", f"/items/{square.article_id}/counts", "/robots.txt"):
        assert "Set-Cookie" not in square.visitor().get(address).headers
