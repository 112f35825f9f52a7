"""Pure rules of the sandbox: wording, codes, draws, time, the evening, reading a cascade."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sandbox.codes import CODES, PlatformError
from sandbox.evening import load_evening, seconds_of
from sandbox.faults import Faults
from sandbox.gate import mask, name_api
from sandbox.jpush.bodies import choose_devices
from sandbox.options import DAY_S, Options
from sandbox.pictures import recognise
from sandbox.replay import batches, parse_time
from sandbox.store import Store
from sandbox.wechat.callback import event_xml, sign
from sandbox.weibo.objects import uid_of, weibo_time
from sandbox.weibo.wording import holds_domain, id_of, measure, mid_of, short_link, shorten


@pytest.mark.parametrize(
    ("number", "mid"), [(3_501_756_485_200_075, "z0JH2lOMb"), (5_368_743_475_544_064, "RsQkznggo")]
)
def test_a_mid_is_seven_decimal_digits_in_four_of_base_62(number: int, mid: str) -> None:
    assert mid_of(number) == mid
    assert id_of(mid) == number


def test_every_id_survives_the_way_through_its_mid() -> None:
    for number in (1, 61, 62, 9_999_999, 10_000_000, 5_368_740_000_000_001):
        assert id_of(mid_of(number)) == number


def test_length_counts_two_ascii_as_one_and_a_link_as_ten() -> None:
    texts = ("", "ab", "abc", "水", "水a", "http://127.0.0.1/very/long/path/of/a/link.html")
    assert [measure(text) for text in texts] == [0, 1, 2, 1, 2, 10]


def test_links_end_at_chinese_text_and_lose_the_sentence_mark() -> None:
    text, links = shorten("详见http://a.cn/1.html。另见 https://b.cn/2.")
    assert [link["url_long"] for link in links] == ["http://a.cn/1.html", "https://b.cn/2"]
    assert text == f"详见{short_link('http://a.cn/1.html')}。另见 {short_link('https://b.cn/2')}."


def test_a_safe_domain_is_the_host_or_what_stands_above_it() -> None:
    def holds(url: str) -> bool:
        return holds_domain([{"url_long": url}], ["gov.example.cn:8000"])

    assert holds("http://gov.example.cn/1")
    assert holds("http://www.gov.example.cn:9/1")
    assert not holds("http://badgov.example.cn/1")
    assert not holds("http://example.cn/gov.example.cn")


def test_weibo_times_are_english_and_of_beijing() -> None:
    assert weibo_time(1_306_835_215) == "Tue May 31 17:46:55 +0800 2011"


def test_a_name_always_has_the_same_ten_digit_uid() -> None:
    assert uid_of("用户be9806883713") == uid_of("用户be9806883713") != uid_of("用户c333c2b1a748")
    assert len({len(str(uid_of(f"u{n}"))) for n in range(500)}) == 1


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/2/statuses/share.json", ("weibo", "statuses/share")),
        ("/oauth2/access_token", ("weibo", "oauth2/access_token")),
        ("/cgi-bin/freepublish/submit", ("wechat", "freepublish/submit")),
        ("/v3/push", ("jpush", "push")),
        ("/v3/push/cid", ("jpush", "push/cid")),
        ("/v3/push/123", ("jpush", "push/withdraw")),
        ("/v3/received", ("jpush", "received")),
        ("/control/faults", (None, "/control/faults")),
    ],
)
def test_paths_name_platform_and_api(path: str, named: tuple[str | None, str]) -> None:
    assert name_api(path) == named


def test_masking_leaves_four_characters_of_tokens_and_secrets() -> None:
    masked = mask('access_token=2.00abcdef&status=x {"client_secret": "topsecret", "id": 1}')
    assert masked == 'access_token=2.00…&status=x {"client_secret": "tops…", "id": 1}'


def test_every_code_table_reads_with_a_plausible_status() -> None:
    assert {status for status, _ in CODES["wechat"].values()} == {200}
    assert {status for status, _ in CODES["weibo"].values()} <= {400, 403, 404}
    assert {code: CODES["jpush"][code][0] for code in (1001, 1004, 1011, 1030, 2002)} == {
        1001: 405,
        1004: 401,
        1011: 400,
        1030: 503,
        2002: 429,
    }
    assert {20019, 20032, 10017, 10023, 21327, 21332} <= set(CODES["weibo"])
    assert {-1, 40001, 40033, 40097, 42001, 45009, 53503, 88005} <= set(CODES["wechat"])


def test_an_undocumented_code_cannot_be_raised() -> None:
    with pytest.raises(KeyError):
        PlatformError("weibo", 99999)


def test_callbacks_sign_like_the_known_vector() -> None:
    assert sign("gw-token", "1700000000", "abc123") == "efbcb69533bbf4220d89683c07f384de30286dd2"


def test_a_failed_publish_event_names_each_failed_article() -> None:
    xml = event_xml("wx0123456789abcdef", {"publish_id": 5, "publish_status": 4, "fail_idx": [1, 2]}, 1_700_000_000)
    assert "<fail_idx>1</fail_idx><fail_idx>2</fail_idx>" in xml
    assert "article_id" not in xml


def test_durations_and_quota_days_shrink_by_the_factor() -> None:
    options = Options(time_factor=60.0)
    assert options.scaled(1_800) == 30.0
    day = options.window(DAY_S, 1_800_000_000.0)
    assert options.window(DAY_S, options.window_end(DAY_S, 1_800_000_000.0)) == day + 1


def test_a_plain_day_begins_at_midnight_in_beijing() -> None:
    assert (Options().window_end(DAY_S, 1_800_000_000.0) + 8 * 3600) % DAY_S == 0


@pytest.mark.parametrize("wrong", [{"regime": "free"}, {"time_factor": 0.0}])
def test_impossible_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Options(**wrong)  # type: ignore[arg-type]


def test_draws_are_the_same_after_a_restart(tmp_path: Path) -> None:
    def draw(faults: Faults, times: int) -> list[bool]:
        return [bool(faults.take(("cut",), "weibo", "statuses/share", "1")) for _ in range(times)]

    whole = Store(None)
    once = Faults(whole, Options())
    once.add({"kind": "cut", "probability": 0.5, "seed": 3})
    expected = draw(once, 20)
    whole.close()
    store = Store(tmp_path / "f.db")
    faults = Faults(store, Options())
    faults.add({"kind": "cut", "probability": 0.5, "seed": 3})
    first = draw(faults, 9)
    store.close()
    store = Store(tmp_path / "f.db")
    assert first + draw(Faults(store, Options()), 11) == expected
    store.close()


def test_a_transaction_leaves_nothing_when_an_error_leaves_it() -> None:
    store = Store(None)

    def fail() -> None:
        with store.transaction():
            store.next("n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.next("n") == 1
    store.close()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "jpg"),
        (b"GIF89a", "gif"),
        (b"BM....", "bmp"),
        (b"\0\0\0\x18ftypmp42", "mp4"),
        (b"<svg>", ""),
    ],
)
def test_files_are_told_by_their_first_bytes(content: bytes, kind: str) -> None:
    assert recognise(content)[0] == kind


@pytest.mark.parametrize(
    ("audience", "found"),
    [
        ({"tag": ["东城", "北区"]}, {"1", "3"}),
        ({"tag_and": ["东城", "志愿者"]}, {"3"}),
        ({"tag_not": ["东城"]}, {"2"}),
        ({"alias": ["a2"]}, {"2"}),
        ({"registration_id": ["1"]}, {"1"}),
        ({"tag": ["东城"], "alias": ["a2"]}, set()),
        ({"segment": ["x"]}, set()),
    ],
)
def test_kinds_of_an_audience_are_joined_by_and(audience: dict[str, list[str]], found: set[str]) -> None:
    devices = [
        {"registration_id": "1", "platform": "ios", "tags": ["东城"], "alias": "a1"},
        {"registration_id": "2", "platform": "ios", "tags": [], "alias": "a2"},
        {"registration_id": "3", "platform": "ios", "tags": ["东城", "志愿者"], "alias": "a3"},
    ]
    chosen = choose_devices({"devices": devices}, ["ios"], audience)
    assert {device["registration_id"] for device in chosen} == found
    assert choose_devices({"devices": devices}, ["android"], "all") == []


def test_the_evening_is_whole_ordered_and_every_parent_comes_before_its_answer() -> None:
    events = load_evening()
    seen: set[tuple[str, str]] = set()
    for event in events:
        assert not event.parent or (event.channel, event.parent) in seen
        assert event.kind == "like" or event.author
        assert event.kind in ("like", "delete") or event.text
        if event.ref:
            assert (event.channel, event.ref) not in seen
            seen.add((event.channel, event.ref))
    assert [event.after_s for event in events] == sorted(event.after_s for event in events)
    assert set(Counter(event.channel for event in events)) == {"weibo", "wechat", "website", "client"}
    assert 200 <= len(events) <= 300
    assert len({event.author for event in events}) > 50
    assert events[-1].after_s <= 4 * 3600


def test_the_complaint_of_the_evening_comes_up_after_an_hour_and_a_quarter() -> None:
    def share_of(word: str, begin: str, end: str) -> float:
        texts = [
            event.text
            for event in load_evening()
            if event.text and seconds_of(begin) <= event.after_s < seconds_of(end)
        ]
        return sum(word in text for text in texts) / len(texts)

    assert share_of("发黄", "0:00:00", "1:15:00") == 0
    assert share_of("发黄", "1:15:00", "2:15:00") > 0.25
    assert share_of("异味", "1:15:00", "2:15:00") > 0.1
    assert any("水源被污染" in event.text for event in load_evening())
    assert any("13800000000" in event.text for event in load_evening())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1347334462", 1_347_334_462.0),
        ("2012-09-16 15:05:11", 1_347_779_111.0),
        ("2019/2/28 11:25:05", 1_551_324_305.0),
        ("Wed Aug 08 13:25:02 +0800 2012", 1_344_403_502.0),
        ("02月06日 17:45", None),
        ("", None),
    ],
)
def test_times_of_the_streams_are_read_as_beijing_time(text: str, seconds: float | None) -> None:
    assert parse_time(text) == seconds


def test_batches_are_bounded_by_number_and_by_half_a_second() -> None:
    rows = [{"due_at": float(n)} for n in range(450)]
    assert [len(batch) for batch in batches(rows, 0)] == [200, 200, 50]
    assert {len(batch) for batch in batches(rows, 20)} <= {11, 10}
