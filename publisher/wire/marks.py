"""The mark by which a copy is known again on a platform: the canonical link with the copy's number. Reads rows only."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.models import Article, Copy

MARK = re.compile(r"(.+)\?c=(\d{1,18})")


def mark_of(link: str, copy_id: int | None) -> str:
    """The mark of a copy: `<canonical link>?c=<copy id>`."""
    return f"{link}?c={copy_id}"


def marked_copy(session: Session, account_id: int, mark: str) -> int | None:
    """Id of this account's copy that a mark names; None for a foreign mark.

    The whole link is compared, since somebody else's link may end alike.
    """
    found = MARK.fullmatch(mark)
    if found is None:
        return None
    return session.scalar(
        select(Copy.id)
        .join(Article, Article.id == Copy.article_id)
        .where(Copy.id == int(found[2]), Copy.account_id == account_id, Article.canonical_link == found[1])
    )
