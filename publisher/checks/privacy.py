"""Personal data and secrecy marks in a text about to be published. Finds and names; never changes the text."""

from __future__ import annotations

import re

from core.ports import Problem, Severity

ID_NUMBER = re.compile(r"(?<!\d)[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)")
MOBILE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
CARD = re.compile(r"(?<!\d)\d{16,19}(?!\d)")
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
SECRET_MARK = re.compile(r"(?:绝密|机密|秘密)\s*★")
INTERNAL = ("内部文件", "内部资料", "注意保存", "不予公开", "征求意见稿", "讨论稿")
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CODES = "10X98765432"


def check(text: str) -> list[Problem]:
    """Problems of severity block for ID numbers and secrecy marks, confirm for what may be meant (duty phones)."""
    problems = [_id_problem(number) for number in _found(ID_NUMBER, text) if valid_id(number)]
    problems += [_mobile_problem(number) for number in _found(MOBILE, text)]
    problems += [_card_problem(number) for number in _found(CARD, text) if luhn(number) and not valid_id(number)]
    problems += [_email_problem(address) for address in _found(EMAIL, text)]
    if SECRET_MARK.search(text):
        fix = "文中有国家秘密标志，不得公开发布。请停止编辑并按保密规定处理。"
        problems.append(Problem("body", fix, code="secret_mark"))
    problems += [_internal_problem(word) for word in INTERNAL if word in text]
    return problems


def valid_id(number: str) -> bool:
    """True when the eighteenth character is the ISO 7064 MOD 11-2 check character of the first seventeen."""
    if len(number) != 18 or not number[:17].isdigit():
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number, WEIGHTS, strict=False))
    return CODES[total % 11] == number[17].upper()


def luhn(number: str) -> bool:
    """True when the digits pass the Luhn sum, as bank card numbers do."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _found(pattern: re.Pattern[str], text: str) -> list[str]:
    return list(dict.fromkeys(pattern.findall(text)))


def _id_problem(number: str) -> Problem:
    return Problem(
        "body", f"文中有身份证号 {number[:6]}************，请删除；确需公开的只保留前六位。", code="id_number"
    )


def _mobile_problem(number: str) -> Problem:
    text = f"文中有手机号 {number[:3]}****{number[-4:]}。是公开的值班电话请说明理由，否则请删除。"
    return Problem("body", text, Severity.CONFIRM, "mobile")


def _card_problem(number: str) -> Problem:
    text = f"文中有疑似银行卡号 {number[:4]}…{number[-2:]}。请删除；不是银行卡号请说明理由。"
    return Problem("body", text, Severity.CONFIRM, "bank_card")


def _email_problem(address: str) -> Problem:
    text = f"文中有电子邮箱 {address}，请确认是可以公开的单位邮箱。"
    return Problem("body", text, Severity.WARN, "email")


def _internal_problem(word: str) -> Problem:
    text = f"文中出现“{word}”。请确认这份材料可以公开，并说明理由。"
    return Problem("body", text, Severity.CONFIRM, "internal_word")
