"""What must not be kept is made unreadable before anything is stored."""

import pytest

from core.inbox import CARD_CHECKS, CARD_WEIGHTS, mask


def card(first17: str) -> str:
    total = sum(int(digit) * weight for digit, weight in zip(first17, CARD_WEIGHTS, strict=True))
    return first17 + CARD_CHECKS[total % 11]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("请打13812345678找我", "请打138****5678找我"),
        ("电话 138 1234 5678。", "电话 138 **** 5678。"),
        ("138-1234-5678", "138-****-5678"),
        ("+8613812345678", "+86138****5678"),
        ("+86 138 1234 5678", "+86 138 **** 5678"),
        ("１３８１２３４５６７８", "１３８****５６７８"),
        ("邮箱zhang.san@mail.example.cn谢谢", "邮箱z***@mail.example.cn谢谢"),
        ("身份证110105194912310022", "身份证110*************22"),
    ],
)
def test_numbers_and_addresses_of_people_are_masked(text, masked):
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "订单 4839201938475610 已付款",  # 16 digits
        "12345678901",  # not a mobile prefix
        "1381234567890123456789",  # a longer number
        "2026年11月24日12345热线",
        "@某某局 请回复",
        "",
    ],
)
def test_other_text_stays_as_it_is(text):
    assert mask(text) == text


def test_eighteen_plain_digits_are_masked_even_with_a_wrong_check_digit():
    assert mask("123456789012345678") == "123*************78"


def test_a_card_ending_in_x_is_masked_only_if_its_check_character_is_right():
    good = next(card(f"11010519491231{n:03}") for n in range(1000) if card(f"11010519491231{n:03}").endswith("X"))
    wrong = next(card(f"11010519491231{n:03}") for n in range(1000) if card(f"11010519491231{n:03}")[-1] == "5")
    assert mask(good) == "110*************" + good[-2:]
    assert mask(wrong[:-1] + "X") == wrong[:-1] + "X"
