"""From a stored revision to what each account is asked to say (ports.Content), and the digest of a revision."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.models import Article, Media, Revision, Variant
from core.ports import Content
from publisher.checks import plain_text, read

FIELDS = ("title", "summary", "body_html", "source", "author", "keywords", "column", "cover_sha256")


def revision_digest(revision: Revision, variants: Mapping[int, str]) -> str:
    """Hex SHA-256 over the canonical JSON of the revision's fields and its variants by account id."""
    fields = {name: getattr(revision, name) for name in FIELDS}
    own = {str(account_id): text for account_id, text in sorted(variants.items())}
    canonical = json.dumps({"fields": fields, "variants": own}, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def variants_of(session: Session, revision_id: int) -> dict[int, str]:
    """The editor's own words of one revision, by account id."""
    rows = session.scalars(select(Variant).where(Variant.revision_id == revision_id))
    return {row.account_id: row.text for row in rows}


def used_media(session: Session, revision: Revision) -> list[Media]:
    """The stored pictures a revision shows, cover included; unknown digests are left out."""
    wanted = {picture.sha256 for picture in read(revision.body_html).pictures} | {revision.cover_sha256}
    return list(session.scalars(select(Media).where(Media.sha256.in_(wanted - {""}))))


def contents_of(session: Session, article: Article, revision: Revision, account_ids: list[int]) -> dict[int, Content]:
    """What the revision says to each account: input of the channel's `check` and `render`."""
    variants = variants_of(session, revision.id)
    media = used_media(session, revision)
    text = plain_text(revision.body_html)
    return {
        account_id: Content(
            article_id=article.id,
            revision_id=revision.id,
            kind=article.kind,
            title=revision.title,
            summary=revision.summary,
            body_html=revision.body_html,
            body_text=text,
            source=revision.source,
            author=revision.author,
            keywords=revision.keywords,
            column=revision.column,
            cover_sha256=revision.cover_sha256,
            media_types={row.sha256: row.mime for row in media},
            media_sizes={row.sha256: row.size for row in media},
            canonical_link=article.canonical_link,
            variant_text=variants.get(account_id, ""),
            answers=dict(article.answers),
        )
        for account_id in account_ids
    }
