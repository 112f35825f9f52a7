"""The port of the channels, kept by every registered one: rendering, limits, publishing, correcting, withdrawing."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from core.errors import Refused
from core.ports import Channel, Gone, Live, Reconcile, Severity
from publisher.channels import TABLE, channel_class, channels
from publisher.wire import digest_of, slots_of
from tests.contracts.grounds import GROUNDS, Ground
from tests.contracts.notice import NoticeBoard
from tests.contracts.stage import Item, RecordingJournal, Stage

CLASSES: dict[str, type[Channel]] = {**{kind: channel_class(kind) for kind in TABLE}, "notice": NoticeBoard}
KINDS = list(CLASSES)
CORRECTS = [kind for kind, each in CLASSES.items() if each.can_correct]
ANSWERS = [kind for kind, each in CLASSES.items() if "answer" in each.once_steps]
CHINESE = re.compile(r"[一-鿿]")
FIELDS = {"title", "summary", "body_html", "cover", "source", "author", "variant", "link"}

every_channel = pytest.mark.parametrize("kind", KINDS)


def test_the_suite_covers_every_registered_channel(stage: Stage) -> None:
    assert set(channels().kinds()) == set(GROUNDS) == set(CLASSES), "a new channel needs a ground in grounds.py"
    assert channels().find("notice") is NoticeBoard


@every_channel
def test_the_class_says_what_the_ledger_must_know(kind: str) -> None:
    each = CLASSES[kind]
    assert each.kind == kind
    assert each.limits
    assert all(isinstance(limit, int) and limit > 0 for limit in each.limits.values())
    assert not each.once_steps & each.repeatable_steps
    assert bool(each.once_steps) == (each.reconcile is not Reconcile.OWN)
    assert each.settle_s > 0 or each.reconcile is not Reconcile.LIST
    assert each.can_withdraw


@every_channel
def test_rendering_is_pure_and_stable(kind: str, ground: Ground, item: Item) -> None:
    before, calls = ground.stage.traces(), len(ground.stage.door.calls)
    first = item.channel().render(item.content)
    ground.stage.pass_(86_400)
    second = item.channel().render(item.content)
    assert first == second == item.payload
    assert first.digest == digest_of(first.template)
    assert item.channel().render(replace(item.content, title="另一个标题", variant_text="")).digest != first.digest
    assert slots_of(first.template) >= set()
    assert (ground.stage.traces(), len(ground.stage.door.calls)) == (before, calls)


@every_channel
def test_a_plain_article_passes_the_checks_offline(kind: str, ground: Ground, item: Item) -> None:
    calls = len(ground.stage.door.calls)
    assert [each for each in item.channel().check(item.content) if each.severity is Severity.BLOCK] == []
    assert len(ground.stage.door.calls) == calls


@every_channel
def test_every_limit_is_told_in_chinese_with_its_field_and_what_to_do(kind: str, ground: Ground, item: Item) -> None:
    most = max(CLASSES[kind].limits.values())
    long = "超" * 20_001
    over: dict[str, Any] = {
        "title": long, "summary": long, "author": long, "body_html": f"<p>{long}</p>", "variant_text": "",
        "media_sizes": {ground.stage.picture_sha256: most + 10**7},
    }  # fmt: skip
    problems = item.channel().check(replace(item.content, **over))
    blocking = [each for each in problems if each.severity is Severity.BLOCK]
    assert blocking
    for each in blocking:
        assert each.field in FIELDS
        assert CHINESE.search(each.text)
        assert "请" in each.text, each.text
        assert re.search(r"\d", each.text) or each.field == "link", f"the limit itself is not told: {each.text}"


@every_channel
def test_what_is_published_is_confirmed_once_and_can_be_read(kind: str, ground: Ground, item: Item) -> None:
    receipt = item.live()
    assert receipt.state == "confirmed"
    assert receipt.remote_id
    assert receipt.url.startswith("http")
    assert ground.live(item) == [receipt.remote_id]
    seen = item.read(receipt)
    assert isinstance(seen, Live)
    assert seen.text


@every_channel
def test_a_published_copy_is_found_by_a_look_up_as_that_very_copy(kind: str, ground: Ground, item: Item) -> None:
    others = [ground.item().live() for _ in range(2)]
    receipt = item.live()
    found = item.look()
    if CLASSES[kind].reconcile is Reconcile.KEY:  # the platform tells of the first success
        assert len(ground.live(item)) == 1
    assert getattr(found, "remote_id", "") == receipt.remote_id
    assert receipt.remote_id not in {other.remote_id for other in others}


@every_channel
def test_a_withdrawn_copy_is_gone_and_may_be_withdrawn_again(kind: str, ground: Ground, item: Item) -> None:
    bystander = ground.item()
    kept = bystander.live()
    receipt = item.live()
    item.withdraw(receipt)
    assert isinstance(item.read(receipt), Gone)
    assert ground.live(item) == []
    item.withdraw(receipt)
    assert ground.live(item) == []
    assert ground.live(bystander) == [kept.remote_id]


@every_channel
def test_a_correction_keeps_one_copy_or_is_refused_in_words(kind: str, ground: Ground, item: Item) -> None:
    receipt = item.live()
    changed = replace(item.content, title="更正后的标题", summary="改为后天检修。", body_html="<p>改为后天检修。</p>")
    if kind not in CORRECTS:
        with pytest.raises(Refused, match="不能修改"):
            item.correct(changed, receipt)
        assert ground.live(item) == [receipt.remote_id]
        return
    corrected = item.correct(changed, receipt)
    assert corrected.remote_id == receipt.remote_id
    assert ground.live(item) == [receipt.remote_id]
    seen = item.read(corrected)
    assert isinstance(seen, Live)
    assert "改为后天检修" in seen.text


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_official_answer_stands_once_under_its_comment(kind: str, ground: Any, item: Item) -> None:
    place = ground.comment(item.live())
    reply = ground.item(kind="reply", body_text="今晚十点前恢复供水。", answers=place)
    assert reply.channel().check(reply.content) == []
    assert reply.reply().state == "confirmed"
    [words] = ground.answers(place)
    assert "今晚十点前恢复供水。" in words
    assert CHINESE.search(getattr(reply.look(), "reason", ""))  # no platform lists our answers: a person is asked


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ANSWERS])
def test_a_channel_without_answers_says_so_in_chinese(kind: str, item: Item) -> None:
    with pytest.raises(Refused, match="不支持") as refusal:
        item.reply()
    assert refusal.value.code == "reply"
    assert item.journal.log == []


@every_channel
def test_nothing_goes_out_before_its_step_has_begun(kind: str, ground: Ground, item: Item) -> None:
    receipt = item.live()
    if kind in CORRECTS:
        item.correct(replace(item.content, title="更正"), receipt)
    item.withdraw(receipt)
    assert open_calls(item.journal) == []
    steps = {(entry.name, entry.once) for entry in item.journal.log if entry.what == "intent"}
    once, repeatable = ({name for name, is_once in steps if is_once is which} for which in (True, False))
    assert once <= CLASSES[kind].once_steps
    assert repeatable <= CLASSES[kind].repeatable_steps
    assert bool(once) == bool(ground.once_call)
    if not once:  # our own public step: freeze, fence and withdrawal are asked right before it
        shown = [entry.what for entry in item.journal.log]
        assert "gate" in shown[: len(shown) - 2]


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_goes_out_in_a_once_only_step(kind: str, ground: Any, item: Item) -> None:
    reply = ground.item(kind="reply", body_text="今晚恢复。", answers=ground.comment(item.live()))
    reply.reply()
    assert open_calls(reply.journal) == []
    assert [(entry.name, entry.once) for entry in reply.journal.log if entry.what == "intent"] == [("answer", True)]


def open_calls(journal: RecordingJournal) -> list[str]:
    """Calls and changes that no open step covers."""
    found, step = [], ""
    for entry in journal.log:
        if entry.what == "intent":
            assert not step, f"{entry.name} begins inside {step}"
            step = entry.name
        elif entry.what == "outcome":
            assert entry.name == step
            step = ""
        elif entry.what == "outside" or (entry.what == "call" and not step):
            found.append(entry.name)
    assert not step
    return found
