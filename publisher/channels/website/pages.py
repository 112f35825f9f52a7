"""The published site's pages as text: the article page with the tags the government guideline asks for, and lists.

Pure. Tags: appendix of 《政府网站发展指引》 (国办发〔2017〕47号).
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from html import escape
from typing import Any

OPEN, CLOSE = "<!-- article -->", "<!-- /article -->"
META = re.compile(r'<meta name="([A-Za-z]+)" content="([^"]*)">')
ARTICLE_TAGS = ("ArticleTitle", "PubDate", "ContentSource", "Keywords", "Author", "Description", "Image", "Url")
COLUMN_TAGS = ("ColumnName", "ColumnDescription", "ColumnKeywords", "ColumnType")
COLUMN_TYPES = frozenset({
    "概况信息", "机构职能", "负责人信息", "工作动态", "政策文件", "信息公开指南", "信息公开目录", "信息公开年报",
    "依法申请公开", "数据发布", "数据开放", "政策解读", "回应关切", "办事服务", "咨询投诉", "征集调查", "在线访谈",
})  # fmt: skip
STYLE = """
:root{--ink:#1f2937;--soft:#5b6875;--line:#dde3e9;--brand:#1d4ed8;--paper:#fff;--ground:#f6f7f9}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);
font:16px/1.8 "PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
header{background:var(--brand);color:#fff;padding:18px 16px}header a{color:#fff;text-decoration:none;font-size:20px;
font-weight:600}nav,main,footer{max-width:860px;margin:0 auto;padding:0 16px}nav{padding:12px 16px;font-size:14px}
nav a,.more a{color:var(--brand);margin-right:16px}main{background:var(--paper);padding:28px 24px;border-radius:6px}
h1{font-size:26px;line-height:1.4;margin:0 0 12px}.facts{color:var(--soft);font-size:14px;border-bottom:1px solid
var(--line);padding-bottom:12px}article img{max-width:100%;height:auto;display:block;margin:16px auto}
ul.items{list-style:none;padding:0;margin:0}ul.items li{display:flex;gap:16px;justify-content:space-between;
padding:10px 0;border-bottom:1px solid var(--line)}ul.items a{color:var(--ink);text-decoration:none}
ul.items time{color:var(--soft);font-size:14px;white-space:nowrap}
footer{color:var(--soft);font-size:13px;padding:24px 16px}
@media(max-width:600px){h1{font-size:22px}main{padding:20px 16px;border-radius:0}ul.items li{display:block}}
"""


@dataclass(frozen=True)
class Site:
    """What every page says about the site."""

    name: str
    domain: str
    id_code: str
    url: str


def column_tags(column: str) -> list[list[Any]]:
    """The four column tags; an unnamed column is 工作动态."""
    name = column or "工作动态"
    kind = name if name in COLUMN_TYPES else "工作动态"
    return [
        ["ColumnName", name], ["ColumnDescription", f"发布{name}类信息"],
        ["ColumnKeywords", name], ["ColumnType", kind],
    ]  # fmt: skip


def article_page(site: Site, body: dict[str, Any], article_id: int) -> str:
    """The whole page of a bound payload (`meta` pairs and `html`); navigation and comments link are ours to change."""
    title = dict(map(tuple, body["meta"]))["ArticleTitle"]
    block = f'{OPEN}{body["html"]}{CLOSE}<p class="more"><a href="/items/{article_id}/comments">查看评论</a></p>'
    canonical = f'<link rel="canonical" href="{escape(dict(map(tuple, body["meta"]))["Url"])}">'
    return _page(site, title, _meta(body["meta"]) + canonical, block)


def read_back(page: str) -> dict[str, Any]:
    """The payload body a page shows: its column and article tags in order, and the article block."""
    tags = [[name, html.unescape(content)] for name, content in META.findall(page)]
    start, end = page.find(OPEN), page.rfind(CLOSE)
    block = page[start + len(OPEN) : end] if 0 <= start < end else ""
    return {"meta": [pair for pair in tags if pair[0] in COLUMN_TAGS + ARTICLE_TAGS], "html": block}


def list_page(site: Site, heading: str, tags: list[list[Any]], items: list[tuple[str, str, str]]) -> str:
    """Home or column page; items are (link, title, date)."""
    rows = "".join(
        f'<li><a href="{escape(link)}">{escape(title)}</a><time>{escape(date)}</time></li>'
        for link, title, date in items
    )
    block = f'<h1>{escape(heading)}</h1><ul class="items">{rows or "<li>暂无内容</li>"}</ul>'
    return _page(site, heading, _meta(tags), block)


def _meta(pairs: list[list[Any]]) -> str:
    return "".join(f'<meta name="{name}" content="{escape(content)}">\n' for name, content in pairs)


def _page(site: Site, title: str, head: str, block: str) -> str:
    tags = [["SiteName", site.name], ["SiteDomain", site.domain], ["SiteIDCode", site.id_code]]
    shown = _meta([pair for pair in tags if pair[1]])
    full_title = title if title == site.name else f"{title} - {site.name}"
    return (
        '<!DOCTYPE html>\n<html lang="zh-CN"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{escape(full_title)}</title>\n{shown}{head}"
        f'<link rel="alternate" type="application/rss+xml" title="{escape(site.name)}" href="/rss.xml">'
        f'<style>{STYLE}</style></head>\n<body><header><a href="/">{escape(site.name)}</a></header>\n'
        '<nav><a href="/">首页</a><a href="/messages/new">给我们留言</a>'
        '<a href="/messages/track">查询办理进度</a></nav>\n'
        f"<main>{block}</main>\n<footer>主办单位：{escape(site.name)}"
        + (f"　网站标识码：{escape(site.id_code)}" if site.id_code else "")
        + "</footer></body></html>\n"
    )
