"""How numbers, times and texts look on every page. Pure functions; `install` makes them Jinja filters."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import nh3
from flask import Flask
from markupsafe import Markup, escape

from core.clock import Clock, shanghai

THIN = "\u202f"  # narrow space between thousands
PICTURE = re.compile(r'src="[^"]*media:')  # as stored, or behind the address of the published site
TAGS = {
    "a", "b", "blockquote", "br", "div", "em", "h2", "h3", "h4", "i", "img", "li", "ol", "p", "s", "section", "span",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "u", "ul",
}  # fmt: skip


def number(value: float | None) -> str:
    """Thousands separated; above ten thousand in 万 with one digit: 1 204, 1.2 万."""
    if value is None:
        return "—"
    if abs(value) >= 10_000:
        return f"{value / 10_000:,.1f}{THIN}万".replace(",", THIN)
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
    return text.replace(",", THIN)


def weighted(value: float | None) -> str:
    """A weighted count with one digit: 6.3. It counts no things, so it is never shown as if it did."""
    return "—" if value is None else f"{value:,.1f}".replace(",", THIN)


def share(part: float | None, base: float | None) -> str:
    """A ratio with its base: 87 %，基数 1 204; without a base there is no ratio."""
    if not base or part is None:
        return "—，基数 0"
    return f"{part / base * 100:.0f}{THIN}%，基数 {number(base)}"


def change(now_value: float, before: float | None) -> str:
    """Change against the same span before, with sign and word."""
    if before is None:
        return "前期无数据"
    difference = now_value - before
    if difference == 0:
        return "与前期持平"
    return f"{'比前期增加' if difference > 0 else '比前期减少'} {number(abs(difference))}"


def span(seconds: float | None) -> str:
    """A length of time in words: 45 秒, 12 分, 3 小时 12 分, 2 天 3 小时."""
    if seconds is None:
        return "—"
    whole = int(abs(seconds))
    days, hours, minutes = whole // 86_400, whole % 86_400 // 3600, whole % 3600 // 60
    if days:
        return f"{days} 天 {hours} 小时" if hours else f"{days} 天"
    if hours:
        return f"{hours} 小时 {minutes} 分" if minutes else f"{hours} 小时"
    return f"{minutes} 分" if minutes else f"{whole} 秒"


def full_time(at: datetime | None) -> str:
    """The full instant in Shanghai: 2026-11-23 10:32:05."""
    return shanghai(at).strftime("%Y-%m-%d %H:%M:%S") if at else "—"


def short_time(at: datetime, now: datetime) -> str:
    """今天 10:32, 昨天 18:05, 明天 08:00, else the date (with the time when it lies ahead)."""
    local, today = shanghai(at), shanghai(now).date()
    day = {0: "今天", -1: "昨天", 1: "明天"}.get((local.date() - today).days)
    if day:
        return f"{day} {local:%H:%M}"
    return f"{local:%Y-%m-%d %H:%M}" if local.date() > today else f"{local:%Y-%m-%d}"


def form_time(at: datetime | None) -> str:
    """The value of a datetime-local field in Shanghai time."""
    return shanghai(at).strftime("%Y-%m-%dT%H:%M") if at else ""


def safe_html(html: str) -> Markup:
    """Stored HTML, cleaned once more, with picture references turned into addresses of this site.

    Its title stands one step lower, since the page around it has a title of its own.
    """
    ours = PICTURE.sub('src="/media/', html.replace("<h1>", "<h2>").replace("</h1>", "</h2>"))
    return Markup(nh3.clean(ours, tags=TAGS, attributes={"a": {"href"}, "img": {"src", "alt"}}))  # noqa: S704


def short_digest(digest: str) -> str:
    """The first twelve characters of a digest, enough for a person to compare."""
    return digest[:12]


def install(app: Flask, clock: Clock) -> None:
    """Register the filters; the relative ones use the house's clock."""

    def when(at: datetime | None) -> Markup:
        if at is None:
            return Markup('<span class="wz-none">—</span>')
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            at.isoformat(), full_time(at), short_time(at, clock.now())
        )

    def countdown(at: datetime | None) -> Markup:
        if at is None:
            return Markup("")
        left: timedelta = at - clock.now()
        word = "剩" if left > timedelta() else "已超"
        return Markup('<time class="wz-countdown" data-until="{}" title="{}">{} {}</time>').format(
            at.isoformat(), full_time(at), word, span(left.total_seconds())
        )

    def lines(text: str) -> Markup:
        return Markup("<br>").join(escape(part) for part in text.splitlines())

    app.jinja_env.filters.update(
        number=number,
        weighted=weighted, span=span, when=when, countdown=countdown, full_time=full_time, form_time=form_time,
        safe_html=safe_html, short_digest=short_digest, lines=lines,
    )  # fmt: skip
    app.jinja_env.globals.update(share=share, change=change)
