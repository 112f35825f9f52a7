"""The largest real cascades, played under posts of the sandbox and read back by the real spiders.

    python -m bench.cascades --dir ../shared/data/cascades

Prints what was played, collected, doubled and lost, whether parents equal the file's, what was scored, and the issues;
then the same for an account with a hundred requests a day: what could be read, and what the product says it could not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from json import loads
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from sqlalchemy import func, select

from bench.machine import show
from core.config import Settings
from core.house import House, create_tables, open_house
from core.models import Account, Article, Copy, Coverage, CrawlRun, Issue, Mention, MentionScore, Person, Source
from monitors.issues import detect
from monitors.scoring import score_new
from monitors.sentiment import SnowScorer
from sandbox.replay import Played, ask, batches, count_batch, read_cascade, read_original_time, read_rows
from spiders.runner import ensure_sources, run_sources
from spiders.sources.weibo_reposts import own_words

SPIDERS = ("weibo_comments", "weibo_reposts", "weibo_counts")
MOST_ROUNDS = 40
TOO_MANY = 2  # an ordinary account gets so many more cascades that a hundred requests cannot do
MUST_BE_ZERO = ("duplicates", "lost", "parents_wrong", "parents_not_told", "unscored", "opinions_without_text")
SENT = ("ref", "kind", "author", "text", "parent")
APART, QUIET = timedelta(hours=6), timedelta(days=14)
Row = dict[str, Any]


@dataclass
class Post:
    """One published status, its copy here, and what the file says under it."""

    status: str
    copy_id: int
    rows: dict[str, Row] = field(default_factory=dict)
    played: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def main() -> int:
    """0 when in the commercial regime nothing was lost or doubled and every parent equals the file's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="directory with originals.tsv.gz and reposts.tsv.gz")
    parser.add_argument("--count", type=int, default=10, help="how many cascades, largest first")
    parser.add_argument("--regime", choices=("commercial", "ordinary", "both"), default="both")
    chosen = parser.parse_args()
    originals = largest(chosen.dir / "reposts.tsv.gz", chosen.count * TOO_MANY)
    plans = {"commercial": originals[: chosen.count], "ordinary": originals}
    wanted = list(plans) if chosen.regime == "both" else [chosen.regime]
    figures = {regime: measure(chosen.dir, plans[regime], regime) for regime in wanted}
    show("cascades", figures)
    return int(any(figures.get("commercial", {}).get(name) for name in MUST_BE_ZERO))


def measure(directory: Path, originals: list[str], regime: str) -> dict[str, Any]:
    """Play, collect, score and detect in a house and a sandbox of their own."""
    with tempfile.TemporaryDirectory() as home, sandbox(regime) as url, house_at(Path(home), url) as house:
        posts = play(house, url, directory, originals, regime)
        began = time.monotonic()
        runs = collect(house)
        collected_s = time.monotonic() - began
        figures = compare(house, url, posts)
        if regime == "ordinary":
            figures["not_collected"] = figures.pop("lost")
        return {
            **figures,
            "runs": runs,
            "collect_seconds": round(collected_s, 1),
            **understand(house),
            "unread": unread(house),
        }


def largest(file: Path, count: int) -> list[str]:
    """Ids of the originals with the most rows."""
    sizes = Counter(row["original"] for row in read_rows(file, ("original",)))
    return [original for original, _size in sizes.most_common(count)]


@contextmanager
def sandbox(regime: str) -> Iterator[str]:
    """A sandbox process; gives its address."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--regime", regime]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().split()[-1].rstrip("/")
        finally:
            process.terminate()


@contextmanager
def house_at(home: Path, url: str) -> Iterator[House]:
    """A fresh house whose Weibo is the sandbox."""
    allowed: dict[str, Any] = {"weibo_base_url": url, "allow_private": urlsplit(url).netloc}
    house = open_house(Settings(_env_file=None, home=home / "home", **allowed), create=True)
    create_tables(house.db)
    try:
        yield house
    finally:
        house.close()


def play(house: House, url: str, directory: Path, originals: list[str], regime: str) -> list[Post]:
    """Publish one status an original and play its cascade under it, all at once.

    The times of a cascade are shifted by one constant, so that the posts went out six hours apart in the last days and
    all of their first hours are over. An older post with nothing under it gives detection fourteen quiet days.
    """
    made = ask(url, "/control/accounts", {"platform": "weibo"})
    titles = {row["id"]: row["text"] for row in read_rows(directory / "originals.tsv.gz", ("id", "text"))}
    account_id, author_id = open_account(house, made, regime)
    now, posts = house.clock.now(), []
    quiet = share(url, made["access_token"], -1)
    add_copy(house, (account_id, author_id), "此前的一条", quiet, now - QUIET)
    for number, original in enumerate(originals):
        status, at = share(url, made["access_token"], number), now - APART * (len(originals) - number)
        title = " ".join(titles.get(original, original).split())[:40]
        post = Post(status, add_copy(house, (account_id, author_id), title, status, at))
        rows, post.left_out = read_cascade(directory / "reposts.tsv.gz", original)
        post.rows = {row["ref"]: row for row in rows}
        first = read_original_time(directory / "reposts.tsv.gz", original) or rows[0]["due_at"]
        post.played = play_rows(url, post, at.timestamp() - first)
        posts.append(post)
    return posts


def play_rows(url: str, post: Post, shift_s: float) -> int:
    """Play a post's rows, parents before children; how many were played."""
    played = Played()
    for batch in batches(list(post.rows.values()), 0):
        sent = [{**{key: row[key] for key in SENT}, "at": row["at"] + shift_s} for row in batch]
        count_batch(played, ask(url, f"/control/weibo/{post.status}/rows", {"rows": sent}))
    post.left_out += played.skipped
    return played.total


def open_account(house: House, made: Row, regime: str) -> tuple[int, int]:
    """(account id, author id). Only a commercial account says how many requests it has."""
    limit = {"requests_a_day": 1_000_000} if regime == "commercial" else {}
    secret = house.vault.encrypt_json({"access_token": made["access_token"]})
    with house.db.write() as session:
        account = Account(kind="weibo", name="东城发布", settings={"uid": made["uid"], **limit}, secret=secret)
        author = Person(username="bench", display_name="bench", password_hash="!")
        session.add_all([account, author])
        session.flush()
        ensure_sources(session, house.clock.now())
        return account.id, author.id


def share(url: str, token: str, number: int) -> str:
    """Publish a status; its id."""
    text = f"第{number}条通报 http://127.0.0.1/articles/{number}.html"
    form = {"access_token": token, "status": text, "rip": "1.1.1.1"}
    call = urllib.request.Request(f"{url}/2/statuses/share.json", urlencode(form).encode())
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(call, timeout=60) as answer:
        return str(loads(answer.read())["idstr"])


def add_copy(house: House, owner: tuple[int, int], title: str, status: str, at: datetime) -> int:
    """The copy as the publisher would have left it; `owner` is (account id, author id)."""
    account_id, author_id = owner
    with house.db.write() as session:
        article = Article(author_id=author_id, title=title, state="released")
        session.add(article)
        session.flush()
        copy = Copy(
            article_id=article.id, account_id=account_id, state="live", remote_id=status, published_at=at,
            confirmed_at=at,
        )  # fmt: skip
        session.add(copy)
        session.flush()
        return copy.id


def collect(house: House) -> list[Row]:
    """Run the three sources until a whole round adds nothing, or may ask nothing; gives what each round did."""
    with house.db.read() as session:
        sources = {source.spider: source.id for source in session.scalars(select(Source))}
    rounds: list[Row] = []
    while len(rounds) < MOST_ROUNDS:
        run_sources(house, [sources[spider] for spider in SPIDERS])
        with house.db.read() as session:
            runs = session.scalars(select(CrawlRun).order_by(CrawlRun.id.desc()).limit(len(SPIDERS))).all()
            rounds.append({name: sum(getattr(run, name) for run in runs) for name in ("requests", "received", "added")})
        if not rounds[-1]["added"]:
            break
    return rounds


def compare(house: House, url: str, posts: list[Post]) -> Row:
    """Rows here against rows there and in the file."""
    figures: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for post in posts:
        truth = {str(row["id"]): row["ref"] for row in ask_list(url, f"/truth/rows?status={post.status}")}
        with house.db.read() as session:
            held = session.scalars(select(Mention).where(Mention.copy_id == post.copy_id)).all()
        refs = [truth.get(row.external_id, "") for row in held]
        figures["played"] += post.played
        figures["collected"] += len(held)
        figures["duplicates"] += len(refs) - len(set(refs))
        figures["lost"] += len(set(truth.values()) - set(refs))
        left_out.update(post.left_out)
        for row, ref in zip(held, refs, strict=True):
            filed = post.rows[ref]
            figures["with_parent_in_file"] += bool(filed["parent"])
            told, parent = truth.get(row.parent_external_id, ""), filed["parent"] or ""
            figures["parents_not_told"] += not told and bool(parent)
            figures["parents_wrong"] += bool(told) and told != parent
            figures["without_text"] += not row.text
            said = own_words(filed["text"]) if row.kind == "repost" else filed["text"]
            figures["texts_changed"] += row.text != said
            figures["deleted"] += row.deleted_at is not None
    return {**dict(figures), "left_out_of_the_file": dict(left_out)}


def ask_list(url: str, path: str) -> list[Row]:
    """A list from the truth endpoint."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url + path, timeout=60) as answer:
        return list(loads(answer.read()))


def understand(house: House) -> Row:
    """Score everything with text, detect, and name the issues."""
    scorer, began = SnowScorer(), time.monotonic()
    while score_new(house, scorer):
        continue
    scored_s = time.monotonic() - began
    detect(house)
    with house.db.read() as session:
        worded = Mention.text != ""
        scored = select(func.count()).select_from(MentionScore).where(MentionScore.value.is_not(None))
        unscored = select(func.count()).select_from(Mention).where(worded, Mention.scored_at.is_(None))
        opinion = (
            select(func.count())
            .select_from(MentionScore)
            .join(Mention, Mention.id == MentionScore.mention_id)
            .where(Mention.text == "", MentionScore.value.is_not(None))
        )
        return {
            "with_text": session.scalar(select(func.count()).select_from(Mention).where(worded)),
            "scored": session.scalar(scored),
            "unscored": session.scalar(unscored),
            "opinions_without_text": session.scalar(opinion),
            "score_seconds": round(scored_s, 1),
            "issues": list(session.scalars(select(Issue.title).order_by(Issue.id))),
        }


def unread(house: House) -> list[Row]:
    """What the product says it could not read: its last word on each list, and on each source as a whole."""
    with house.db.read() as session:
        rows = session.execute(
            select(Coverage, Source.name)
            .join(Source, Source.id == Coverage.source_id)
            .where(Coverage.state != "complete")
            .order_by(Coverage.id)
        )
        last = {
            (name, row.copy_id, row.state): {
                "source": name, "copy": row.copy_id, "state": row.state, "expected": row.expected,
                "held": row.received, "note": row.note,
            }
            for row, name in rows
        }  # fmt: skip
    return list(last.values())


if __name__ == "__main__":
    started = datetime.now(UTC)
    code = main()
    print(f"took {(datetime.now(UTC) - started).total_seconds():.0f} s", file=sys.stderr)
    sys.exit(code)
