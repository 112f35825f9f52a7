"""Weibo's newest-first lists (comments, reposts): one walk a list, page by page, over as many runs as it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from scrapy.http import Request, Response

from core.inbox import Found
from spiders import walks
from spiders.items import CopyRef, Gap, Page, Recheck, Span
from spiders.paces import is_ordinary
from spiders.platforms import parse_weibo_time
from spiders.reader import Reader, decode

API = "all"  # Weibo counts every request of app x user together
PAGE_ROWS = 200
REREAD_ROWS = {True: 25, False: 100}  # newest rows read again in each walk; by whether the account is an ordinary one
DEEP_EVERY_S = {True: 86_400.0, False: 3_600.0}
WHOLE = "all"  # key in the cursor of a list that covers the account
Json = Mapping[str, Any]


class WeiboList(Reader):
    """Reads one kind of list. `path` per copy, or `account_path` in one go for an account with few requests."""

    platform = "weibo"
    path: ClassVar[str]
    rows_key: ClassVar[str]
    account_path: ClassVar[str] = ""
    not_told: ClassVar[str]  # what Weibo keeps from an ordinary app, in Chinese

    def first_requests(self) -> Iterable[Request]:
        """The account's list in one go, or the list of every due copy."""
        self.ordinary = is_ordinary(self.visit.account.settings)
        if self.ordinary and self.visit.copies:
            self.visit.gaps.append(Gap(None, self.not_told, state="skipped"))
        if self.ordinary and self.account_path:
            self.expect(None)
            yield self.ask_page(None, resumed=walks.is_open(self.visit.state(WHOLE)))
            return
        for copy in self.due_copies():
            yield self.ask_page(copy, resumed=walks.is_open(self.visit.state(copy.key)))

    def ask_page(self, copy: CopyRef | None, resumed: bool) -> Request:
        """The next page of a list; `resumed` when the walk was begun in an earlier run."""
        query = walks.next_query(self.visit.state(copy.key if copy else WHOLE))
        params: dict[str, Any] = {"count": PAGE_ROWS, "since_id": query.since_id, "max_id": query.max_id}
        url = self.base(self.visit.house.settings.weibo_base_url, self.path if copy else self.account_path)
        if copy:
            params = {"id": copy.remote_id, **params}
        return self.ask(url, API, self.read_page, copy, params=params, resumed=resumed)

    def read_page(self, response: Response, copy: CopyRef | None, resumed: bool) -> Iterator[Page | Gap | Request]:
        """Rows, cursor and deletions of a page as one item; then further down, or done."""
        listed = read_listed(decode(response), self.rows_key)
        key, now = copy.key if copy else WHOLE, self.visit.now()
        before = self.visit.state(key)
        ids = [id_of(row) for row in listed.rows]
        state = walks.take_page(before, ids, listed.more, now.timestamp(), self.reread())
        self.visit.totals[copy.id if copy else None] = listed.total
        may_recheck = not (listed.more or resumed)
        yield Page(
            rows=self.take_all(listed.rows, copy, now),
            span=span_of(listed.rows, copy),
            cursor=self.visit.keep(key, state),
            recheck=self.recheck(key, copy, listed.total) if may_recheck else None,
        )
        if walks.is_open(state):
            yield self.ask_page(copy, resumed)
        elif resumed:
            yield self.ask_page(copy, resumed=False)
        else:
            self.finish(copy)
            yield from self.compare(copy, before, len(listed.rows), listed.total)

    def take_all(self, rows: list[Json], copy: CopyRef | None, now: datetime) -> list[tuple[CopyRef | None, Found]]:
        """What was found in the rows, each with the copy it stands under."""
        taken = [(self.copy_of(row, copy), self.take(row, now)) for row in rows]
        return [(under, found) for under, found in taken if found is not None]

    def recheck(self, key: str, copy: CopyRef | None, total: int) -> Recheck:
        """The question whether the list has to be walked from its very start again."""
        return Recheck(key, copy.id if copy else None, total, self.deep_every_s())

    def reread(self) -> int:
        """How many of the newest rows every walk reads again."""
        return REREAD_ROWS[self.ordinary]

    def deep_every_s(self) -> float:
        """Seconds between two walks from the very start, made when Weibo counts more than was ever received."""
        return DEEP_EVERY_S[self.ordinary]

    def compare(self, copy: CopyRef | None, last: Json, last_rows: int, total: int) -> Iterator[Page | Gap]:
        """After a walk from the very start: say what the platform counts but does not give."""
        walk = last.get("open") or {"since": last.get("since", 0), "seen": 0}
        given = int(walk["seen"]) + last_rows
        if not int(walk["since"]) and given < total:
            label = f"《{copy.title}》的{self.what}" if copy else self.what
            note = f"{label}：平台显示共 {total} 条，只给出 {given} 条"
            yield Gap(copy.id if copy else None, note, expected=total)

    def copy_of(self, row: Json, copy: CopyRef | None) -> CopyRef | None:
        """The copy a row stands under; None for a post of the account that did not come from here."""
        if copy:
            return copy
        status = str((row.get("status") or {}).get("id", ""))
        return next((each for each in self.visit.copies if each.remote_id == status), None)

    def take(self, row: Json, now: datetime) -> Found | None:
        """A row as found; None for one that is not somebody else's word."""
        raise TypeError(f"{type(self).__name__} cannot take rows")


@dataclass(frozen=True)
class Listed:
    """One page of a list: rows, whether more follow below, and how many the platform counts in all."""

    rows: list[Json]
    more: bool
    total: int


def read_listed(content: Json, rows_key: str) -> Listed:
    """A page's rows that have a number, with its figures."""
    rows: list[Json] = [row for row in content.get(rows_key) or [] if isinstance(row, dict) and row.get("id")]
    more = bool(rows) and str(content.get("next_cursor") or "0") != "0"
    return Listed(rows, more, int(content.get("total_number") or 0))


def id_of(row: Json) -> int:
    """The row's number; `idstr` is preferred, numbers above 2^53 get lost elsewhere."""
    return int(row.get("idstr") or row["id"])


def span_of(rows: list[Json], copy: CopyRef | None) -> Span | None:
    """Between the lowest and the highest id of a page nothing is missing but what was deleted."""
    ids = sorted(id_of(row) for row in rows)
    return Span(copy.id if copy else None, str(ids[0]), str(ids[-1])) if ids else None


def read_time(row: Json, now: datetime) -> datetime:
    """The row's time; the moment of reading when the platform's text makes no sense."""
    try:
        return parse_weibo_time(str(row.get("created_at", "")))
    except ValueError:
        return now


def author_of(row: Json) -> tuple[str, str, str]:
    """(name, key, place) of the writer; empty when the user is gone."""
    user = row.get("user") or {}
    key = str(user.get("idstr") or user.get("id") or "")
    return str(user.get("screen_name", "")), key, str(user.get("location", ""))
