"""Figures about what people say: sentiment, volume over time, terms. All by time of posting."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from core.models import Account, Evidence, Mention, MentionScore, MentionTerm, Source
from core.models.words import Sentiment
from monitors.detection.merging import ITEM_MARK
from monitors.figures import coverage
from monitors.figures.forms import Figure, Json, Row, Series, bin_of, bins_between, explain

SPLIT_NOTE = "情感由 snownlp 自动判定，仅供参考，不代表民意支持率"


@dataclass(frozen=True)
class Scope:
    """What a figure looks at; every field that is set narrows it."""

    article_id: int | None = None
    issue_id: int | None = None
    channel: str | None = None  # kind of the account the source belongs to

    def narrow(self, statement: Select[Any]) -> Select[Any]:
        """The statement (over Mention and Source and Account) within this scope."""
        if self.article_id is not None:
            statement = statement.where(Mention.article_id == self.article_id)
        if self.issue_id is not None:
            held = select(Evidence.mention_id).where(Evidence.issue_id == self.issue_id)
            statement = statement.where(Mention.id.in_(held))
        if self.channel is not None:
            statement = statement.where(Account.kind == self.channel)
        return statement


EVERYTHING = Scope()
CHANNEL = func.coalesce(Account.kind, "other")
LABEL = func.coalesce(MentionScore.label, "unscored")


def _mentions(columns: list[Any], since: datetime, until: datetime, scope: Scope) -> Select[Any]:
    """A statement over mentions with their newest score, source and account."""
    mine = MentionScore.mention_id == Mention.id
    newest = select(func.max(MentionScore.id)).where(mine).correlate(Mention).scalar_subquery()
    statement = (
        select(*columns)
        .select_from(Mention)
        .join(Source, Source.id == Mention.source_id)
        .outerjoin(Account, Account.id == Source.account_id)
        .outerjoin(MentionScore, MentionScore.id == newest)
        .where(Mention.posted_at >= since, Mention.posted_at < until)
    )
    return scope.narrow(statement)


def mention_count(
    session: Session, since: datetime, until: datetime, now: datetime, scope: Scope = EVERYTHING
) -> Figure:
    """How many mentions were posted, all kinds and channels; `value` {"mentions", "authors"}."""
    counted = [func.count(Mention.id), func.count(func.distinct(Mention.author_hash))]
    statement = _mentions(counted, since, until, scope)
    mentions, authors = session.execute(statement).one()
    query = explain(
        "按发布时间统计的提及数和不同作者数", statement, since=since, until=until, now=now, **scope.__dict__
    )
    return Figure("mention_count", {"mentions": mentions, "authors": authors}, None, query, "条")


def sentiment_split(
    session: Session, since: datetime, until: datetime, now: datetime, scope: Scope = EVERYTHING
) -> Figure:
    """Mentions by label; `value` {positive, neutral, negative, no_text, unscored}, `base` those with an opinion."""
    statement = _mentions([LABEL, func.count(Mention.id)], since, until, scope).group_by(LABEL)
    counts = dict.fromkeys([*(label.value for label in Sentiment), "unscored"], 0)
    counts.update({row[0]: row[1] for row in session.execute(statement)})
    base = counts["positive"] + counts["neutral"] + counts["negative"]
    query = explain(f"提及按情感分类计数；{SPLIT_NOTE}", statement, since=since, until=until, now=now, **scope.__dict__)
    return Figure("sentiment_split", counts, base, query, "条")


def channel_split(
    session: Session, since: datetime, until: datetime, now: datetime, scope: Scope = EVERYTHING
) -> Figure:
    """Mentions by channel; `value` {kind of account: count}, `base` their sum."""
    statement = _mentions([CHANNEL, func.count(Mention.id)], since, until, scope).group_by(CHANNEL).order_by(CHANNEL)
    counts: dict[str, int] = {row[0]: row[1] for row in session.execute(statement)}
    query = explain("提及按渠道计数", statement, since=since, until=until, now=now, **scope.__dict__)
    return Figure("channel_split", counts, sum(counts.values()), query, "条")


def mention_series(
    session: Session,
    since: datetime,
    until: datetime,
    now: datetime,
    bin_s: int = 3600,
    scope: Scope = EVERYTHING,
) -> Series:
    """Mentions a bin by channel and label, with the coverage gaps that must be greyed."""
    number = bin_of(Mention.posted_at, bin_s)
    statement = _mentions([number.label("bin"), CHANNEL, LABEL, func.count(Mention.id)], since, until, scope)
    statement = statement.group_by(number, CHANNEL, LABEL).order_by(number)
    bins = bins_between(since, until, bin_s)
    counts: dict[tuple[str, str], list[int]] = {}
    for at, channel, label, count in session.execute(statement):
        row = counts.setdefault((channel, label), [0] * len(bins))
        row[at - bins[0]] += count
    rows = [Row({"channel": channel, "label": label}, row) for (channel, label), row in sorted(counts.items())]
    query = explain(
        f"提及按发布时间每 {bin_s} 秒计数，分渠道和情感", statement,
        since=since, until=until, now=now, bin_s=bin_s, **scope.__dict__,
    )  # fmt: skip
    starts = [coverage.bin_at(at, bin_s) for at in bins]
    return Series("mention_series", bin_s, starts, rows, query, gaps_json(session, since, min(until, now)))


def top_terms(
    session: Session, since: datetime, until: datetime, now: datetime, limit: int = 20, scope: Scope = EVERYTHING
) -> Figure:
    """The terms most mentions hold; `value` [{term, mentions, negative}], `base` mentions looked at."""
    negative = func.sum(case((MentionScore.label == Sentiment.NEGATIVE, 1), else_=0))
    statement = (
        _mentions([MentionTerm.term, func.count(Mention.id), negative], since, until, scope)
        .join(MentionTerm, MentionTerm.mention_id == Mention.id)
        .where(~MentionTerm.term.startswith(ITEM_MARK))
        .group_by(MentionTerm.term)
        .order_by(func.count(Mention.id).desc(), MentionTerm.term)
        .limit(limit)
    )
    terms = [{"term": term, "mentions": count, "negative": int(bad)} for term, count, bad in session.execute(statement)]
    base = mention_count(session, since, until, now, scope).value["mentions"]
    query = explain(
        f"出现次数最多的 {limit} 个词（每条提及计一次）", statement,
        since=since, until=until, now=now, limit=limit, **scope.__dict__,
    )  # fmt: skip
    return Figure("top_terms", terms, base, query, "条")


def coverage_gaps(session: Session, since: datetime, until: datetime, now: datetime) -> Figure:
    """Spans in which a source was not wholly read; `value` [{source, since, until, state, note}], `base` sources."""
    statement = (
        select(func.count(func.distinct(Source.id)))
        .select_from(Source)
        .where(Source.enabled, ~Source.spider.contains("counts"))
    )
    base = session.scalar(statement)
    found = gaps_json(session, since, min(until, now))
    query = explain(
        "采集覆盖记录中未完整读取的时段，加上超过半小时没有任何记录的时段；后来补采完整的除外", statement,
        since=since, until=until, now=now,
    )  # fmt: skip
    return Figure("coverage_gaps", found, base, query, "段")


def gaps_json(session: Session, since: datetime, until: datetime) -> list[Json]:
    """Coverage gaps as dictionaries."""
    return [
        {
            "source": gap.source,
            "source_id": gap.source_id,
            "since": gap.since_at,
            "until": gap.until_at,
            "state": gap.state,
            "note": gap.note,
        }
        for gap in coverage.gaps(session, since, until)
    ]


def evidence_series(session: Session, issue_id: int, bins: list[int], bin_s: int) -> tuple[list[Row], Select[Any]]:
    """Evidence of an issue a bin by label, and the statement that gave it."""
    number = bin_of(Mention.posted_at, bin_s)
    first, last = coverage.bin_at(bins[0], bin_s), coverage.bin_at(bins[-1] + 1, bin_s)
    statement = _mentions([number.label("bin"), LABEL, func.count(Mention.id)], first, last, Scope(issue_id=issue_id))
    statement = statement.group_by(number, LABEL).order_by(number)
    counts: dict[str, Counter[int]] = {}
    for at, label, count in session.execute(statement):
        counts.setdefault(label, Counter())[at] += count
    rows = [Row({"label": label}, [found[at] for at in bins]) for label, found in sorted(counts.items())]
    return rows, statement
