"""Attitude: how messages are laid out, the pitfalls of stock scores on the shipped model, a small model trained."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from monitors.sentiment.attitude import (
    ATTITUDES,
    FAMILIES,
    FAMILY,
    MODEL,
    Attitude,
    AttitudeReader,
    Message,
    choose,
    default_reader,
    model_bytes,
    read_model,
    severity_of,
    shares,
)
from monitors.sentiment.attitude_features import CUES, HEAD, TAIL, Block, read_messages, title_and_body
from monitors.text.grams import grams

WAGES = Message(
    "工地老板拖欠农民工工资",
    "我们二十多个农民工在城东一处工地干了半年，包工头一直拖欠工资不给，找劳动部门也没有结果，家里老人等钱看病，请领导为我们做主。",
)


def read(text: str | None, title: str | None = None) -> Attitude:
    return default_reader().read_many([Message(title, text)])[0]


# --- reading ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (Message("路灯坏了", "路灯坏了。 修一修吧"), ("路灯坏了", "修一修吧")),
        (Message("路灯坏了", "修一修吧"), ("路灯坏了", "修一修吧")),
        (Message("", "修一修吧//@别人:不修"), ("", "修一修吧")),
        (Message(None, None), ("", "")),
    ],
)
def test_a_title_is_read_once_and_a_comment_in_its_own_words(message: Message, expected: tuple[str, str]) -> None:
    assert title_and_body(message) == expected


def test_a_long_text_is_what_it_opens_with_and_what_it_asks_for() -> None:
    _, body = title_and_body(Message("", "甲" * 300 + "乙" * 300 + "丙" * 300))
    assert body == "甲" * HEAD + " " + "丙" * TAIL


def test_an_empty_text_has_no_grams_at_all() -> None:
    found = read_messages([Message("", "停水"), Message("", ""), Message("有题", None)])
    assert found.bodies.bounds[1] == found.bodies.bounds[2] == found.bodies.bounds[3] > 0
    assert found.titles.bounds[2] == 0 < found.titles.bounds[3]


def test_a_cue_counts_where_it_stands() -> None:
    title, head, tail = (
        read_messages([one]).cues[0, : 3 * len(CUES)].reshape(3, len(CUES))
        for one in (Message("感谢", "。"), Message("", "感谢" + "长" * 100), Message("", "长" * 100 + "感谢"))
    )
    assert [part.any(axis=1).tolist() for part in (title, head, tail)] == [
        [True, False, False],
        [False, True, False],
        [False, False, True],
    ]


def test_kept_grams_make_rows_of_length_one_in_proportion_to_their_worth() -> None:
    found = grams(["停水", "有电"], 18)
    kept = np.sort(found.indices[: found.bounds[1]][:2]).astype(np.int64)
    entries = Block(kept, np.array([3.0, 4.0], np.float32)).entries(found)
    assert entries.rows.tolist() == [0, 0]
    assert entries.values.tolist() == pytest.approx([0.6, 0.8])
    assert entries.times(np.array([[1.0], [2.0]], np.float32)).tolist() == [[pytest.approx(2.2)], [0.0]]


# --- answers ----------------------------------------------------------------------------------------------------


def test_every_attitude_belongs_to_one_family() -> None:
    assert set(FAMILY) == set(ATTITUDES)
    assert set(FAMILY.values()) == set(FAMILIES)
    assert {name for name in ATTITUDES if FAMILY[name] == "complaint"} == {
        "complaint", "appeal", "help", "report", "doubt"
    }  # fmt: skip


def test_the_family_of_the_largest_sum_wins_and_the_attitude_is_its_likeliest() -> None:
    row = dict.fromkeys(ATTITUDES, 0.0) | {"thanks": 0.4, "complaint": 0.35, "doubt": 0.25}
    attitude, family = choose(np.array([list(row.values())]))
    assert (ATTITUDES[attitude[0]], FAMILIES[family[0]]) == ("complaint", "complaint")


def test_severity_stops_at_the_first_step_that_is_not_likely() -> None:
    assert severity_of(np.array([[-1.0, 2, 2], [1, -1, 2], [1, 1, -1], [1, 1, 1]])).tolist() == [0, 1, 2, 3]


def test_shares_add_up_to_one_and_sharpen() -> None:
    sums = np.array([[2.0, 1.0, -400.0]])
    assert shares(sums, 1.0).sum() == pytest.approx(1)
    assert shares(sums, 3.0)[0, 0] > shares(sums, 1.0)[0, 0] > 0.7


# --- the shipped model ------------------------------------------------------------------------------------------


def test_an_inquiry_is_no_complaint() -> None:
    found = read("请问公积金贷款如何办理？")
    assert (found.attitude, found.family, found.severity) == ("inquiry", "inquiry", 0)
    assert found.probabilities["inquiry"] > 2 * found.probabilities["complaint"]


def test_thanks_are_thanks() -> None:
    found = read("感谢12345热线帮我解决了问题")
    assert (found.attitude, found.family, found.severity) == ("thanks", "thanks", 0)


def test_unpaid_wages_are_a_complaint_with_much_at_stake() -> None:
    found = read(WAGES.text, WAGES.title)
    assert found.family == "complaint"
    assert found.severity >= 2


def test_a_complaint_of_few_words_without_a_title_is_understood() -> None:
    found = read("小区停水三天了，太不像话，严重影响生活")
    assert found.family == "complaint"
    assert found.severity >= 1


def test_a_suggestion_is_a_suggestion() -> None:
    assert read("建议在学校门口增设一处公交站，方便学生上下学。", "建议增设公交站").family == "suggestion"


def test_exclamation_marks_make_praise_no_less_friendly() -> None:
    plain, loud = (read(text).probabilities for text in ("很好", "很好！！！"))
    assert loud["support"] + loud["thanks"] >= plain["support"] + plain["thanks"]


@pytest.mark.parametrize("text", ["", None, "  \n\t"])
def test_nothing_to_read_is_none(text: str | None) -> None:
    found = read(text, text)
    assert (found.attitude, found.family, found.severity, found.offensive) == ("none", "other", 0, False)
    assert found.probabilities["none"] == 1.0


def test_an_insult_is_marked_and_strong_words_about_a_state_of_affairs_are_not() -> None:
    assert read("你们这帮垃圾畜生，全家都该死，滚出去").offensive
    assert not read("小区停水三天了，太不像话，严重影响生活").offensive


def test_probabilities_add_up_and_do_not_depend_on_the_batch() -> None:
    messages = [WAGES, Message("", "加油"), Message(None, None), Message("", "😀"), Message("", "转发微博")]
    together = default_reader().read_many(messages)
    for message, found in zip(messages, together, strict=True):
        alone = default_reader().read_many([message])[0]
        assert alone.probabilities == pytest.approx(found.probabilities)
        assert sum(found.probabilities.values()) == pytest.approx(1)
        assert (alone.attitude, alone.severity) == (found.attitude, found.severity)


def test_the_shipped_model_is_small_and_goes_through_its_file_unchanged() -> None:
    assert MODEL.stat().st_size <= 3_000_000
    assert model_bytes(read_model()) == MODEL.read_bytes()


# --- training ---------------------------------------------------------------------------------------------------

SAMPLES = {
    "inquiry": ("请问{}怎么走", "想问一下{}在哪里，谢谢"),
    "complaint": ("{}太吵了", "{}每天夜里都很吵，没有人管"),
    "thanks": ("感谢{}", "{}的工作人员帮了大忙，非常感谢"),
    "report": ("举报{}收黑钱", "{}私下收钱，请依法查处"),
    "none": ("", "转发{}"),
}
PLACES = ["东街", "西街", "南街", "北街", "新村", "老村", "河边", "山上", "桥头", "站前"]


def made_up_set(folder: Path) -> Path:
    """Ten rows a label and thirty posts, in the files and columns that training reads; the label file's path."""
    messages, reposts, labels = [], [], []
    for name, (title, text) in SAMPLES.items():
        for place in PLACES:
            number = str(len(labels))
            if title:
                messages.append([number, title.format(place), text.format(place)])
            else:
                reposts.append(["1_a", number, "", "", "", text.format(place)])
            key = f"m:stream:{number}" if title else f"c:1_a:{number}"
            severity = {"report": "2", "complaint": "1"}.get(name, "0")
            labels.append([key, "chosen", name, severity, "0", name, name])
    posts = [
        [text, label, "", split]
        for split in ("train", "dev", "test")
        for text, label in [("滚开你这个笨蛋", "offensive"), ("今天天气不错", "non-offensive")] * 8
    ]
    write(folder / "messages" / "stream.tsv.gz", ["msg_id", "title", "text"], messages)
    write(folder / "cascades" / "reposts.tsv.gz", ["original", "mid", "parent", "time", "author_hash", "text"], reposts)
    write(folder / "offensive" / "cold.tsv.gz", ["text", "label", "topic", "split"], posts)
    path = folder / "labels.tsv"
    with path.open("w", encoding="utf-8", newline="") as lines:
        columns = ["key", "part", "attitude", "severity", "offensive", "first", "second"]
        csv.writer(lines, delimiter="\t").writerows([columns, *labels])
    return path


def write(path: Path, columns: list[str], rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8", newline="") as lines:
        csv.writer(lines, delimiter="\t").writerows([columns, *rows])


def test_the_same_set_gives_the_same_bytes_and_a_model_that_has_learned_it(tmp_path: Path) -> None:
    training = pytest.importorskip("monitors.sentiment.attitude_training", exc_type=ImportError)
    labels = made_up_set(tmp_path)
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    told = training.train_attitude(tmp_path, labels, one)
    training.train_attitude(tmp_path, labels, two)
    assert one.read_bytes() == two.read_bytes()
    assert told["labels"] == 50
    reader = AttitudeReader(read_model(one))
    assert told["version"] == reader.version
    asked = [
        Message("请问学校怎么走", "想问一下学校在哪里，谢谢"),
        Message("感谢学校", "学校的工作人员帮了大忙，非常感谢"),
        Message("", "转发学校"),
    ]
    assert [found.attitude for found in reader.read_many(asked)] == ["inquiry", "thanks", "none"]
    report, insult = reader.read_many(
        [Message("举报学校收黑钱", "学校私下收钱，请依法查处"), Message("", "你这个笨蛋")]
    )
    assert report.severity == 2
    assert insult.insult > 0.5 > report.insult


def test_an_unknown_label_is_refused_with_its_key(tmp_path: Path) -> None:
    training = pytest.importorskip("monitors.sentiment.attitude_training", exc_type=ImportError)
    path = tmp_path / "labels.tsv"
    path.write_text("key\tpart\tattitude\tseverity\toffensive\nm:stream:7\tapart\tanger\t1\t0\n", encoding="utf-8")
    with pytest.raises(ValueError, match="m:stream:7"):
        training.read_labels(path)


def test_a_file_that_is_no_attitude_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, weights=np.zeros(3))
    with pytest.raises(ValueError, match="wenzheng train"):
        read_model(path)
