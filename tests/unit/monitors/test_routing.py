"""Routing: messages read in two blocks, a tree searched by its words, a small model trained, the shipped one."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from monitors.routing import MODEL, Message, Router, shares
from monitors.routing import training as learning
from monitors.routing.features import BITS, Block, counted, title_and_body
from monitors.routing.nodes import node_pairs
from monitors.routing.training import folds, named_rows, sharpness_for, train_routing
from monitors.text.grams import grams

PATHS = (
    ("环境保护", "环境污染", "噪音污染"),
    ("环境保护", "环境污染", "水污染"),
    ("环境保护", "其他", "其他"),
    ("民政", "社会救助", "农村低保"),
    ("民政", "社会救助", "其他"),
    ("民政", "社会服务", "婚姻登记"),
)
EXPANSIONS = {
    "环境保护": {"环境污染/水污染": ["臭水沟", "排污"]},
    "民政": {"": ["民政办"], "社会救助": ["低保", "五保"], "社会服务/婚姻登记": ["领证", "结婚"]},
}
TEXTS = ["夜里打桩太吵", "请查一查", "谢谢", "村里的事", "路灯不亮", "没有人管", "申请不下来", "等了半年"]


def bucket(gram: str) -> int:
    """The bucket of a character pair inside a sentence: what two sentences with nothing else in common share."""
    one, two = (grams([text], BITS, (2,)).indices for text in (f"甲{gram}乙", f"丙{gram}丁"))
    return int(np.intersect1d(one, two)[0])


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (Message("路灯坏了", "路灯坏了。 修一修吧"), ("路灯坏了", "修一修吧")),
        (Message("路灯坏了", "修一修吧"), ("路灯坏了", "修一修吧")),
        (Message("", "桥断了。没人修"), ("桥断了", "桥断了。没人修")),
        (Message("", ""), ("", "")),
    ],
)
def test_a_title_is_read_once_and_a_missing_one_is_the_first_sentence(message: Message, expected: tuple) -> None:
    assert title_and_body(message) == expected


def test_a_gram_counts_once_for_every_sentence_that_holds_it() -> None:
    found = counted(["停水停水。又停水！有电", "有电"])
    number = dict(zip(found.indices[: found.bounds[1]].tolist(), found.counts[: found.bounds[1]].tolist(), strict=True))
    assert number[bucket("停水")] == 2
    assert number[bucket("有电")] == 1
    assert len(found) == 2


def test_a_block_keeps_only_its_grams_and_gives_rows_of_length_one_or_none() -> None:
    block = Block(np.sort([bucket("停水"), bucket("有电")]), np.array([3.0, 4.0], np.float32))
    table = block.rows(counted(["停水，有电", "没有这些字", "停水"]))
    assert np.linalg.norm(table, axis=1).tolist() == pytest.approx([1, 0, 1])
    assert sorted(table[0].tolist()) == pytest.approx([0.6, 0.8])


def test_the_path_below_a_first_level_follows_the_words_of_the_nodes() -> None:
    tree = node_pairs(PATHS, EXPANSIONS, TEXTS)
    water = tree.node_scores("臭水沟没人治", "天天排污，水都黑了")
    assert tree.best("环境保护", water)[0] == PATHS[1]
    wedding = tree.node_scores("结婚登记", "今年想领证")
    assert tree.best("民政", wedding)[0] == PATHS[5]


def test_a_message_without_any_word_of_the_tree_falls_to_the_other_ones() -> None:
    tree = node_pairs(PATHS, EXPANSIONS, TEXTS)
    path, (second, third) = tree.best("环境保护", tree.node_scores("您好", "请处理"))
    assert path == PATHS[2]
    assert second < 0.9
    assert third == 1.0


def test_a_second_level_known_by_its_word_alone_leaves_the_third_open() -> None:
    tree = node_pairs(PATHS, EXPANSIONS, TEXTS)
    path, (_, third) = tree.best("民政", tree.node_scores("五保老人", "五保没人管"))
    assert path == PATHS[4]
    assert third < 0.9


def test_a_title_teaches_a_class_only_when_it_names_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    classes = ("环境保护", "民政")
    titles = ["低保没发", "排污和低保", "您好", "工厂排污", "五保", "民政办态度差"]
    assert named_rows(titles, classes, EXPANSIONS) == [(0, 1), (3, 0), (4, 1), (5, 1)]
    monkeypatch.setattr(learning, "NAMED_MOST", 1)
    assert named_rows(titles, classes, EXPANSIONS) == [(0, 1), (3, 0)]


def test_folds_share_out_every_class_evenly_and_depend_on_the_seed_alone() -> None:
    labels = np.array([0] * 23 + [1] * 11)
    fold = folds(labels, seed=1)
    for label in (0, 1):
        sizes = np.bincount(fold[labels == label], minlength=5)
        assert sizes.max() - sizes.min() <= 1
    assert (fold == folds(labels, seed=1)).all()
    assert (fold != folds(labels, seed=2)).any()


def test_sharpness_is_high_for_scores_that_are_right_and_low_for_scores_that_are_not() -> None:
    scores = np.tile([[0.2, 0.0], [0.0, 0.2]], (20, 1))
    right = np.tile([0, 1], 20)
    half = np.repeat([0, 1], 20)
    assert sharpness_for(scores, right) > 30
    assert sharpness_for(scores, half) == 1.0
    assert shares(scores, 3.0).sum(axis=1).tolist() == pytest.approx([1.0] * 40)


def write(path: Path, rows: list[dict[str, str]]) -> None:
    opening = gzip.open if path.suffix == ".gz" else open
    with opening(path, "wt", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]), delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)


NOISE = ["夜里施工噪音太大", "噪音吵得睡不着", "工地噪音扰民", "机器噪音不停", "店里音响噪音大", "喇叭噪音扰民"]
MONEY = ["低保没有发下来", "申请低保没人理", "低保名额不公平", "低保被取消了", "村里低保乱评", "低保金少了"]
PLAIN = ["婚姻登记处不上班", "结婚登记要排队", "领证要等很久", "想问路灯的事", "想问停车的事", "想问种树的事"]


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A data directory with made-up messages: one labelled first level, another that only its words can teach."""
    folder = tmp_path / "messages"
    folder.mkdir()
    gold = [(title, "环境保护") for title in NOISE] + [
        (title, "教育文体") for title in ("补课费高", "学校补课", "老师补课收钱", "假期补课", "补课太多", "晚上补课")
    ]
    write(folder / "labelled.tsv.gz", [{"title": t, "text": f"{t}。 请查处", "label": label} for t, label in gold])
    write(folder / "stream.tsv.gz", [{"title": t, "text": f"{t}，请处理"} for t in (MONEY + PLAIN + NOISE[:1])])
    write(folder / "replies.tsv.gz", [{"title": f"又是{t}", "message": f"{t}，{t}"} for t in MONEY + PLAIN])
    names = ("一级分类", "二级分类", "三级分类")
    paths = [*PATHS, ("教育文体", "教育收费", "乱收费")]
    write(folder / "taxonomy.tsv", [dict(zip(names, path, strict=True)) for path in paths])
    return tmp_path


@pytest.fixture
def trained(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(learning, "TITLE_ROWS", 1)
    monkeypatch.setattr(learning, "BODY_ROWS", 1)
    train_routing(shared, shared / "models" / "routing.npz")
    return shared / "models" / "routing.npz"


def test_a_class_without_labelled_rows_is_reached_through_the_words_of_the_tree(trained: Path) -> None:
    routes = Router.load(trained).route_many([Message("", "我家的低保没有发"), Message("", "补课收钱")])
    assert [route.place.path[0] for route in routes] == ["民政", "教育文体"]
    assert routes[0].place.path[1] == "社会救助"
    assert all(route.version.startswith("routing-1-") for route in routes)


def test_training_twice_gives_the_same_bytes(trained: Path, shared: Path) -> None:
    train_routing(shared, shared / "again.npz")
    assert (shared / "again.npz").read_bytes() == trained.read_bytes()


def test_unlabelled_messages_that_repeat_a_labelled_one_are_left_out(shared: Path) -> None:
    texts = learning.load_texts(shared)
    assert NOISE[0] not in {title for title, _ in texts.unlabelled}
    assert len(texts.unlabelled) == 2 * len(MONEY + PLAIN)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"labelled\.tsv\.gz"):
        train_routing(tmp_path, tmp_path / "routing.npz")


@pytest.fixture(scope="module")
def shipped() -> Router:
    return Router.load()


MADE_UP = [
    ("城乡建设", "开发商延期交房", "我们楼盘的开发商一年没交房，房产证也办不下来。"),
    ("党务政务", "党费怎么交", "我是退休党员，党组织关系一直转不进来。"),
    ("国土资源", "征地补偿没到账", "村里的耕地被征收，征地补偿和青苗费两年没发。"),
    ("环境保护", "化工厂夜里偷排", "工厂排放废气，气味刺鼻，河水也被污水染黑。"),
    ("纪检监察", "反映干部收受贿赂", "这名干部以权谋私，受贿索贿，请严肃查处腐败。"),
    ("交通运输", "出租车不打表", "的士司机拒载，不打表乱要价。"),
    ("经济管理", "银行贷款征信出错", "信用社把我的征信弄错，贷款办不下来。"),
    ("科技与信息产业", "山里没有手机信号", "请移动公司在村里建基站，通信没有保障。"),
    ("民政", "结婚登记要排多久", "想问婚姻登记处周末上班吗，婚姻登记要带什么。"),
    ("农村农业", "村里承包地纠纷", "土地承包合同没到期，村里就把承包地流转给别人。"),
    ("商贸旅游", "景区门票乱涨价", "旅游景区强制消费，导游态度恶劣。"),
    ("卫生计生", "医院误诊", "医生误诊耽误了病情，医院不肯负责。"),
    ("政法", "户口迁移办不了", "派出所说材料不全，户口和身份证都办不下来。"),
    ("教育文体", "学校强制补课", "老师周末补课收费，孩子作业写到半夜。"),
    ("劳动和社会保障", "工厂拖欠工资", "老板欠我们四个月工资，劳动合同也没签。"),
]


@pytest.mark.parametrize(("first", "title", "text"), MADE_UP)
def test_every_first_level_is_reached_by_a_plain_message(shipped: Router, first: str, title: str, text: str) -> None:
    route = shipped.route_many([Message(title, text)])[0]
    assert route.place.path[0] == first
    assert route.place.path in shipped.tree.paths


def test_a_route_is_the_same_alone_and_among_others(shipped: Router) -> None:
    messages = [Message(title, text) for _, title, text in MADE_UP]
    together = shipped.route_many(messages)
    alone = [shipped.route_many([message])[0] for message in messages]
    assert [route.place.path for route in together] == [route.place.path for route in alone]
    pairs = zip(together, alone, strict=True)
    assert all(one.place.confidence == pytest.approx(two.place.confidence, abs=1e-4) for one, two in pairs)


def test_confidences_fall_from_place_to_place_and_from_level_to_level(shipped: Router) -> None:
    route = shipped.route_many([Message("老家低保停了", "民政办说要重新申请")])[0]
    places = [route.place, *route.alternatives]
    assert len({place.path[0] for place in places}) == 3
    assert [place.confidence for place in places] == sorted((place.confidence for place in places), reverse=True)
    for place in places:
        assert place.confidence == place.levels[0] >= place.levels[1] >= place.levels[2] > 0


def test_a_message_that_says_nothing_gets_a_path_of_little_confidence(shipped: Router) -> None:
    for message in (Message("", ""), Message("？？", "……")):
        assert shipped.route_many([message])[0].place.confidence < 0.4


def test_the_model_file_is_small() -> None:
    assert MODEL.stat().st_size <= 3_000_000
