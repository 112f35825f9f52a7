"""The SearchIndex port. Every back end in INDEXES is held to the same sentences."""

import subprocess
import sys

import pytest

from core.errors import NotConfigured
from core.ports import SearchIndex
from core.search import FtsIndex, open_index, tokens

INDEXES = {"fts5": lambda home: FtsIndex(home / "search.sqlite")}
TEXTS = [
    (1, "垃圾分类的新规定什么时候开始执行？"),
    (2, "市政府发布地铁三号线施工公告，请市民绕行"),
    (3, "地铁施工噪音太大，晚上睡不着"),
    (4, "ＷｅＣｈａｔ公众号和 Weibo 同步发布 2026年"),
    (5, ""),
]


@pytest.fixture(params=sorted(INDEXES))
def index(request, tmp_path) -> SearchIndex:
    built = INDEXES[request.param](tmp_path)
    built.put("mention", TEXTS)
    built.put("article", [(2, "地铁三号线开通")])
    return built


def ids(hits) -> list[tuple[str, int]]:
    return sorted((hit.kind, hit.row_id) for hit in hits)


def test_every_word_of_the_query_must_occur(index):
    assert ids(index.query("地铁")) == [("article", 2), ("mention", 2), ("mention", 3)]
    assert ids(index.query("地铁 施工")) == [("mention", 2), ("mention", 3)]
    assert ids(index.query("地铁 噪音")) == [("mention", 3)]
    assert index.query("地铁 垃圾") == []


def test_a_long_word_is_found_by_the_words_inside_it(index):
    assert ids(index.query("垃圾分类")) == [("mention", 1)]
    assert ids(index.query("垃圾")) == [("mention", 1)]
    index.put("mention", [(9, "垃圾要怎么分类才对")])
    assert ids(index.query("垃圾分类")) == [("mention", 1), ("mention", 9)]


def test_case_and_full_width_make_no_difference(index):
    for text in ("wechat", "WECHAT", "ｗｅｃｈａｔ", "weibo", "2026"):
        assert ids(index.query(text)) == [("mention", 4)]


def test_kinds_limit_and_offset_choose_among_the_hits(index):
    assert ids(index.query("地铁", kinds=["article"])) == [("article", 2)]
    assert ids(index.query("地铁", kinds=["article", "case"])) == [("article", 2)]
    paged = [index.query("地铁", limit=1, offset=offset) for offset in range(4)]
    assert [len(page) for page in paged] == [1, 1, 1, 0]
    assert ids(hit for page in paged for hit in page) == ids(index.query("地铁"))


def test_better_hits_rank_higher(index):
    index.put("mention", [(20, "噪音噪音噪音"), (21, "噪音" + "以及其他很多很多的事情" * 30)])
    ranked = [hit.row_id for hit in index.query("噪音")]
    assert ranked.index(20) < ranked.index(21)
    ranks = [hit.rank for hit in index.query("噪音")]
    assert ranks == sorted(ranks, reverse=True)


def test_hits_are_counted_by_kind(index):
    assert index.aggregate("地铁") == {"mention": 2, "article": 1}
    assert index.aggregate("地铁", kinds=["mention"]) == {"mention": 2}
    assert index.aggregate("没有这个词组呀") == {}


def test_putting_again_replaces_and_removing_forgets(index):
    index.put("mention", [(3, "公园很漂亮")])
    assert ids(index.query("地铁", kinds=["mention"])) == [("mention", 2)]
    assert ids(index.query("公园")) == [("mention", 3)]
    index.remove("mention", [3, 404])
    assert index.query("公园") == []
    assert ids(index.query("地铁")) == [("article", 2), ("mention", 2)]


@pytest.mark.parametrize(
    "text",
    [
        '"地铁', '地铁"', "'地铁'", "(地铁", "地铁)", "地铁*", "^地铁", ":地铁", "地铁:", "-地铁", "+地铁",
        "{地铁}", "[地铁]",
        "\\地铁", "%地铁_", "地铁;--", "\0地铁", "😀地铁", "地铁 " * 2000,
    ],
)  # fmt: skip
def test_characters_with_a_meaning_elsewhere_mean_nothing_in_a_query(index, text):
    assert ids(index.query(text)) == ids(index.query("地铁"))
    assert index.aggregate(text) == index.aggregate("地铁")


@pytest.mark.parametrize("text", ["地铁 AND", "NOT 地铁", "地铁 OR 垃圾", "NEAR(地铁", "tokens:地铁", "a" * 5000])
def test_words_with_a_meaning_elsewhere_are_words_in_a_query(index, text):
    assert index.query(text) == []
    assert index.aggregate(text) == {}


@pytest.mark.parametrize("text", ["", "   ", "，。！？", "()"])
def test_a_query_without_a_word_finds_nothing(index, text):
    assert index.query(text) == []
    assert index.aggregate(text) == {}


def test_the_index_says_whether_it_answers(index):
    assert index.ping() is True


def test_an_index_that_is_no_database_does_not_answer(tmp_path):
    (tmp_path / "search.sqlite").write_bytes(b"this is not a database at all" * 100)
    assert FtsIndex(tmp_path / "search.sqlite").ping() is False


def test_a_single_character_finds_words_that_begin_with_it(index):
    assert ("mention", 1) in ids(index.query("垃"))


def test_a_word_of_many_kinds_of_letters_stays_searchable():
    assert "三号线" in tokens("地铁三号线") or {"三号", "号线"} & set(tokens("地铁三号线"))
    assert tokens("！！ ……") == []


WRITER = """
import sys
from pathlib import Path
from core.search import FtsIndex
index = FtsIndex(Path(sys.argv[1]))
start = int(sys.argv[2])
for number in range(start, start + 40):
    index.put("mention", [(number, "地铁 停运 通知")])
"""


def test_several_processes_write_and_none_disturbs_another(tmp_path):
    path = tmp_path / "search.sqlite"
    command = [sys.executable, "-W", "error", "-c", WRITER, str(path)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    writers = [subprocess.Popen([*command, str(number * 1000)], **options) for number in range(3)]
    said = [writer.communicate(timeout=120)[0] for writer in writers]
    assert said == ["", "", ""]  # no error, and none of jieba's own talk
    assert FtsIndex(path).aggregate("停运") == {"mention": 120}


def test_an_unknown_back_end_is_refused_with_its_reason(settings):
    with pytest.raises(NotConfigured, match="WENZHENG_SEARCH_URL"):
        open_index(settings.model_copy(update={"search_url": "http://127.0.0.1:9200"}))


def test_a_note_is_kept_with_the_index_and_lost_with_it(index):
    assert index.noted("done") is None
    index.note("done", 0)
    assert index.noted("done") == 0
    index.note("done", 7)
    assert index.noted("done") == 7
    assert index.noted("until") is None
