"""The offline checks: what blocks, what is confirmed, what only warns, and what must pass untouched."""

from __future__ import annotations

from datetime import date

import pytest

from core.ports import Content, Problem, Severity
from publisher.checks import check_content, check_cover, dates, links, plain_text, privacy, read, sanitise, wording

SHA = "ab" * 32
TODAY = date(2026, 11, 24)


def content(**change: object) -> Content:
    fields: dict[str, object] = {
        "article_id": 1, "revision_id": 1, "kind": "article", "title": "老旧小区改造开工", "summary": "",
        "body_html": "<p>正文。</p>", "body_text": "正文。", "source": "市住建局", "author": "", "keywords": "",
        "column": "", "cover_sha256": "",
    }  # fmt: skip
    return Content(**{**fields, **change})  # type: ignore[arg-type]


def codes(problems: list[Problem]) -> list[str]:
    return [problem.code for problem in problems]


def test_an_ordinary_article_has_no_problem() -> None:
    text = (
        "根据《中华人民共和国食品安全法》和国办发〔2018〕123号文件，市人力资源和社会保障局、省发展和改革委员会"
        "于2026年11月24日（星期二）召开会议，部署防范工作。咨询电话：010-12345678。"
    )
    assert check_content(content(body_html=f"<p>{text}</p>", body_text=text), TODAY, frozenset()) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"title": " "}, "title_missing"),
        ({"title": "字" * 101}, "title_long"),
        ({"body_html": "", "body_text": ""}, "body_missing"),
        ({"summary": "字" * 121}, "summary_long"),
        ({"body_html": f'<p>文</p><img src="media:{SHA}">'}, "alt_missing"),
        ({"body_html": f'<p>文</p><img src="media:{"cd" * 32}" alt="图">'}, "picture_unknown"),
        ({"cover_sha256": "cd" * 32}, "picture_unknown"),
        ({"kind": "reply", "body_text": "字" * 141}, "reply_long"),
        ({"kind": "reply", "body_text": ""}, "body_missing"),
        ({"variant_text": "我们布署"}, "wording"),
    ],
)
def test_each_rule_names_its_problem(change: dict[str, str], code: str) -> None:
    found = check_content(content(**change), TODAY, frozenset({SHA}))
    assert codes(found) == [code]
    assert all(problem.text and problem.field for problem in found)


def test_only_a_channel_that_needs_a_cover_asks_for_one() -> None:
    assert codes(check_cover(content(), True)) == ["cover_missing"]
    assert check_cover(content(), False) == []
    assert check_cover(content(cover_sha256=SHA), True) == []


@pytest.mark.parametrize(
    ("link", "code"),
    [
        ("javascript:alert(1)", "link_scheme"),
        ("ftp://files.gov.cn/a", "link_scheme"),
        ("https://", "link_broken"),
        ("https://www.gov.cn/a b", "link_broken"),
        ("http://[::1", "link_broken"),
        ("http://127.0.0.1:8000/x", "link_private"),
        ("http://10.1.2.3/", "link_private"),
        ("http://oa.internal/x", "link_private"),
        ("http://user:pw@www.gov.cn/", "link_credentials"),
        ("http://intranet/x", "link_broken"),
    ],
)
def test_a_link_a_reader_cannot_or_must_not_open_is_named(link: str, code: str) -> None:
    assert codes(links.check([link])) == [code]


def test_public_links_pass() -> None:
    assert links.check(["https://www.gov.cn/zhengce/1.htm?a=1#b", "http://政府.中国/x"]) == []


def test_only_a_number_with_a_right_check_character_is_an_id_number() -> None:
    assert privacy.valid_id("11010519491231002X")
    assert not privacy.valid_id("110105194912310021")
    assert codes(privacy.check("身份证11010519491231002x。")) == ["id_number"]
    assert privacy.check("编号110105194912310021。") == []


def test_the_message_about_an_id_number_does_not_repeat_it() -> None:
    (problem,) = privacy.check("11010519491231002X")
    assert "1949" not in problem.text
    assert problem.severity == Severity.BLOCK


@pytest.mark.parametrize(
    ("text", "code", "severity"),
    [
        ("电话13800138000", "mobile", Severity.CONFIRM),
        ("卡号4111111111111111", "bank_card", Severity.CONFIRM),
        ("邮箱 office@example.gov.cn", "email", Severity.WARN),
        ("秘密★一年", "secret_mark", Severity.BLOCK),
        ("这是征求意见稿", "internal_word", Severity.CONFIRM),
    ],
)
def test_personal_data_and_marks_are_named(text: str, code: str, severity: Severity) -> None:
    (problem,) = privacy.check(text)
    assert (problem.code, problem.severity) == (code, severity)


def test_long_numbers_that_hold_a_mobile_pattern_pass() -> None:
    assert privacy.check("统一编号 20261380013800099") == []


@pytest.mark.parametrize("name", wording.NAMES)
def test_a_name_with_one_wrong_or_two_swapped_characters_is_found_and_the_right_one_is_not(name: str) -> None:
    assert wording.near(f"关于{name}的通知", name) == []
    wrong = name[:2] + "某" + name[3:]
    assert wording.near(f"关于{wrong}的通知", name) == [wrong]
    swapped = name[:2] + name[3] + name[2] + name[4:]
    assert wording.near(f"关于{swapped}的通知", name) == ([swapped] if swapped != name else [])


@pytest.mark.parametrize(
    "text",
    [
        "市人力资源和社会保障局、市住房和城乡建设局、省高级人民法院、市中级人民法院、最高人民法院",
        "省卫生健康委员会、市发展和改革委员会、省市场监督管理局、市政府办公厅、省人民代表大会常务委员会",
        "中国人民银行、中国人民大学、中华人民共和国成立七十七周年",
    ],
)
def test_names_of_local_organs_pass(text: str) -> None:
    assert wording.check(text) == []


def test_severity_follows_how_sure_the_rule_is() -> None:
    assert [problem.severity for problem in wording.check("市攻府")] == [Severity.BLOCK]
    assert [problem.severity for problem in wording.check("中华人民共合国")] == [Severity.CONFIRM]
    assert [problem.severity for problem in wording.check("一如继往")] == [Severity.WARN]


def test_a_document_number_in_square_brackets_is_shown_the_right_way() -> None:
    (problem,) = wording.check("国办发[2018]0123号")
    assert "国办发〔2018〕123号" in problem.text
    assert wording.check("国办发〔2018〕123号") == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026年2月30日", "date_impossible"),
        ("定于13月1日", "date_impossible"),
        ("2026年11月24日（星期三）", "weekday_wrong"),
        ("2062年1月1日", "date_far"),
    ],
)
def test_dates_that_cannot_be_meant_are_named(text: str, code: str) -> None:
    assert codes(dates.check(text, TODAY)) == [code]


def test_dates_that_can_be_meant_pass() -> None:
    assert dates.check("1949年10月1日、2月29日、2026年11月22日星期天、2030年12月31日", TODAY) == []


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("<p onclick='x()'>字</p>", "<p>字</p>"),
        ("<script>alert(1)</script><p>字</p>", "<p>字</p>"),
        ("<p>字<iframe src='https://a.cn'></iframe></p>", "<p>字</p>"),
        ('<a href="javascript:alert(1)">字</a>', '<a rel="noopener noreferrer">字</a>'),
        ('<a href="/inner">字</a>', '<a rel="noopener noreferrer">字</a>'),
        ('<a href="//evil.cn">字</a>', '<a rel="noopener noreferrer">字</a>'),
        ('<img src="data:image/png;base64,AAAA" alt="图">', ""),
        ('<img src="https://a.cn/a.png" alt="a>b">', ""),
        ('<img src="media:xyz" alt="图">', ""),
        (f'<img src="media:{SHA}" alt="图" onerror="x()">', f'<img src="media:{SHA}" alt="图">'),
        ('<p style="position:fixed">字</p>', "<p>字</p>"),
        ("<!-- 注 --><p>字</p>", "<p>字</p>"),
        ("<svg><script>1</script></svg><p>字</p>", "<p>字</p>"),
    ],
)
def test_the_allow_list_keeps_words_and_drops_the_rest(dirty: str, clean: str) -> None:
    assert sanitise(dirty) == clean


def test_sanitising_twice_changes_nothing() -> None:
    once = sanitise(
        f'<h2>题</h2><p>a &lt;b&gt; &amp; "c"</p><img src="media:{SHA}" alt="1>2"><table><tr><td>x</td></tr></table>'
    )
    assert sanitise(once) == once


def test_plain_text_has_one_line_a_block_and_no_markup() -> None:
    html = "<h2>标题</h2><p>第一段&nbsp;有<b>粗</b>字<br>换行</p><ul><li>甲</li></ul><style>x</style>&lt;p&gt;"
    assert plain_text(html) == "标题\n第一段 有粗字\n换行\n甲\n<p>"


def test_reading_finds_pictures_and_links_in_order() -> None:
    reading = read(f'<a href="https://a.cn">甲</a><img src="media:{SHA}" alt="图"><img src="x"><a href="b">乙</a>')
    assert [(shown.sha256, shown.alt) for shown in reading.pictures] == [(SHA, "图"), ("", "")]
    assert reading.links == ("https://a.cn", "b")
