"""Article HTML: one allow list, pictures only from the library, plain text derived. Nothing else enters a revision."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import nh3

TAGS = frozenset({
    "p", "br", "hr", "h2", "h3", "h4", "strong", "b", "em", "i", "u", "s", "sub", "sup", "blockquote", "ul", "ol",
    "li", "a", "img", "figure", "figcaption", "table", "thead", "tbody", "tr", "th", "td", "caption",
})  # fmt: skip
ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
SCHEMES = frozenset({"http", "https", "media"})
BLOCKS = frozenset({
    "p", "br", "hr", "h2", "h3", "h4", "blockquote", "ul", "ol", "li", "figure", "figcaption", "table", "tr",
    "caption", "div", "section",
})  # fmt: skip
MEDIA = re.compile(r"media:([0-9a-f]{64})")
NO_SOURCE = re.compile(r"<img(?![^>]*\ssrc=)[^>]*>")  # nh3 writes ">" inside attributes as &gt;
SPACES = re.compile(r"[ \t\r\f\v\u00a0]+")
BLANK_LINES = re.compile(r"\s*\n\s*")


@dataclass(frozen=True)
class Shown:
    """One picture in the text: its digest (empty when it is not from the library) and its alternative text."""

    sha256: str
    alt: str


@dataclass(frozen=True)
class Reading:
    """What a piece of article HTML holds: text with a line a block, pictures and link targets in order."""

    text: str
    pictures: tuple[Shown, ...] = ()
    links: tuple[str, ...] = ()


@dataclass
class _Reader(HTMLParser):
    parts: list[str] = field(default_factory=list)
    pictures: list[Shown] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    silent: int = 0

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in BLOCKS:
            self.parts.append("\n")
        elif tag in {"td", "th"}:
            self.parts.append(" ")
        elif tag in {"script", "style"}:
            self.silent += 1
        elif tag == "img":
            match = MEDIA.fullmatch(values.get("src", ""))
            self.pictures.append(Shown(match.group(1) if match else "", values.get("alt", "")))
        elif tag == "a" and "href" in values:
            self.links.append(values["href"])

    def handle_endtag(self, tag: str) -> None:
        if tag in BLOCKS:
            self.parts.append("\n")
        elif tag in {"script", "style"} and self.silent:
            self.silent -= 1

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.parts.append(SPACES.sub(" ", data.replace("\n", " ")))


def read(html: str) -> Reading:
    """Text, pictures and links of article HTML, sanitised or not."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = BLANK_LINES.sub("\n", SPACES.sub(" ", "".join(reader.parts))).strip()
    return Reading(text, tuple(reader.pictures), tuple(reader.links))


def plain_text(html: str) -> str:
    """The words of article HTML, a line a block, no empty lines."""
    return read(html).text


def sanitise(html: str) -> str:
    """HTML with the allowed tags only; pictures whose source is not `media:<sha256>` and other links' targets go."""
    clean = nh3.clean(
        html,
        tags=set(TAGS),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        url_schemes=set(SCHEMES),
        attribute_filter=_keep,
        link_rel="noopener noreferrer",
    )
    return NO_SOURCE.sub("", clean).strip()


def _keep(tag: str, name: str, value: str) -> str | None:
    if tag == "img" and name == "src":
        return value if MEDIA.fullmatch(value) else None
    if tag == "a" and name == "href":
        return value if value.lower().startswith(("http://", "https://")) else None
    return value
