"""Knowing our post again among an account's newest ones: by its link, else by its text. Pure.

A post that stood there before our call, one of an earlier round included, is never taken for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from core.ports import Json
from publisher.channels.weibo.wording import created_at, normal
from publisher.wire import need_field

SKEW_S = 120.0  # our clock against Weibo's
WHOLE_SECONDS_S = 1.0  # `created_at` has no fractions
Post = dict[str, Any]


@dataclass(frozen=True)
class Sought:
    """The post a share since `since` may have made; `earlier` are ids of ours that were live before."""

    link: str
    status: str
    since: datetime
    earlier: tuple[str, ...] = ()

    @classmethod
    def recall(cls, kept: Json) -> Sought:
        """From what `keep` gave."""
        since = datetime.fromisoformat(kept["since"])
        return cls(kept["link"], kept["status"], since, tuple(kept.get("earlier", ())))

    def keep(self) -> Json:
        """As JSON, for a receipt."""
        return {**vars(self), "since": self.since.isoformat(), "earlier": list(self.earlier)}

    def among(self, posts: Sequence[Post]) -> str | None:
        """Id of the post that is ours; a post with our very link goes before one with only our text."""
        fresh = [post for post in posts if self._may_be_ours(post)]
        for known in (self._has_link, self._has_text):
            found = next((post for post in fresh if known(post)), None)
            if found:
                return id_of(found)
        return None

    def twins(self, posts: Sequence[Post], known: str) -> list[str]:
        """Ids of further posts with both our link and our words: another call of ours made them."""
        fresh = [post for post in posts if self._may_be_ours(post) and id_of(post) != known]
        return [id_of(post) for post in fresh if self._has_link(post) and self._has_text(post)]

    def reached_by(self, posts: Sequence[Post], time_factor: float) -> bool:
        """Whether the posts read reach back before the share, clocks differing by `SKEW_S / time_factor`."""
        if {id_of(post) for post in posts} & set(self.earlier):
            return True
        oldest = min((created_at(post) for post in posts), default=None)
        skew_s = max(SKEW_S / time_factor, WHOLE_SECONDS_S)
        return oldest is not None and oldest + timedelta(seconds=skew_s) < self.since

    def _may_be_ours(self, post: Post) -> bool:
        if str(post.get("deleted", "")) == "1" or id_of(post) in self.earlier:
            return False
        return created_at(post) >= self.since - timedelta(seconds=SKEW_S)

    def _has_link(self, post: Post) -> bool:
        return self.link in long_links(post)

    def _has_text(self, post: Post) -> bool:
        """The same words; Weibo may have rewritten the link, but it does not point to another page of our site."""
        words = normal(str(post.get("text", "")))
        others = any(_is_other_page(link, self.link) for link in long_links(post))
        return bool(words) and words == normal(self.status) and not others


def id_of(post: Post) -> str:
    """`idstr`, or the number; OutcomeUnknown when the post has neither."""
    return need_field(post, "idstr", "id")


def long_links(post: Post) -> list[str]:
    """The links of a post as they were before Weibo shortened them."""
    return [str(entry["url_long"]) for entry in post.get("url_objects") or [] if entry.get("url_long")]


def _is_other_page(link: str, ours: str) -> bool:
    """Whether a link leads to our site but to another page: then the post is another article with the same words."""
    theirs, own = urlsplit(link), urlsplit(ours)
    return theirs.hostname == own.hostname and theirs.path.rstrip("/") != own.path.rstrip("/")
