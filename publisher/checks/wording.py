"""A small curated set of wording rules: names that must not be broken, wrong words with one right form.

Large open word lists are left out on purpose: they flag most genuine official texts.
"""

from __future__ import annotations

import re

from core.ports import Problem, Severity

# Long fixed names. A window of equal length that differs in one inner character, or has two neighbours swapped, is a
# broken name; the first and last characters are left alone, since 局 for 部 at the end is another, real organ.
NAMES = (
    "中华人民共和国",
    "中国共产党中央委员会",
    "中国人民政治协商会议",
    "全国人民代表大会常务委员会",
    "中国人民解放军",
    "中国特色社会主义",
    "社会主义核心价值观",
    "中华民族伟大复兴",
    "国务院办公厅",
    "中央纪律检查委员会",
    "国家监察委员会",
    "国家发展和改革委员会",
    "人力资源和社会保障",
    "住房和城乡建设",
    "国家卫生健康委员会",
    "国家市场监督管理总局",
    "最高人民法院",
    "最高人民检察院",
)
BROKEN = {
    "攻府": "政府",
    "政俯": "政府",
    "扫黑险恶": "扫黑除恶",
    "中央正治局": "中央政治局",
    "人民代表大会常委员会": "人民代表大会常务委员会",
    "习进平": "习近平",
    "习近评": "习近平",
    "总书计": "总书记",
    "国务完": "国务院",
    "省未书记": "省委书记",
    "市未书记": "市委书记",
}
MISTYPED = {
    "布署": "部署",
    "截止目前": "截至目前",
    "按步就班": "按部就班",
    "一如继往": "一如既往",
    "再接再励": "再接再厉",
    "迫不急待": "迫不及待",
    "名符其实": "名副其实",
    "谈笑风声": "谈笑风生",
    "走头无路": "走投无路",
    "防犯": "防范",
    "渡假": "度假",
    "座落": "坐落",
    "松驰": "松弛",
    "脉博": "脉搏",
    "幅射": "辐射",
    "凑和": "凑合",
    "鼎立相助": "鼎力相助",
    "既使": "即使",
}
STATUS = {
    "台湾总统": "台湾地区领导人",
    "台湾政府": "台湾当局",
    "台湾行政院": "台湾地区行政管理机构",
    "残废人": "残疾人",
}
DOCUMENT_NUMBER = re.compile(r"([一-龥]{1,8})[\[［【(（](20\d\d)[\]］】)）](0*)(\d{1,4})号")


def check(text: str) -> list[Problem]:
    """Problems of the wording; broken names of the closed table block, likely ones are confirmed, typing slips warn."""
    problems = [_table(wrong, right, Severity.BLOCK) for wrong, right in (BROKEN | STATUS).items() if wrong in text]
    problems += [_broken_name(found, name) for name in NAMES for found in near(text, name)]
    problems += [_table(wrong, right, Severity.WARN) for wrong, right in MISTYPED.items() if wrong in text]
    problems += [_document_number(match) for match in DOCUMENT_NUMBER.finditer(text)]
    return problems


def near(text: str, name: str) -> list[str]:
    """Substrings of `text` that are `name` with one inner character wrong or two neighbours swapped."""
    size = len(name)
    windows = {text[start : start + size] for start in range(len(text) - size + 1)}
    return sorted(window for window in windows if window != name and _one_slip(window, name))


def _one_slip(window: str, name: str) -> bool:
    different = [place for place in range(len(name)) if window[place] != name[place]]
    if len(different) == 1:
        return 0 < different[0] < len(name) - 1
    if len(different) == 2 and different[1] == different[0] + 1:
        first = different[0]
        return window[first] == name[first + 1] and window[first + 1] == name[first]
    return False


def _table(wrong: str, right: str, severity: Severity) -> Problem:
    return Problem("body", f"“{wrong}”有误，应为“{right}”，请改正。", severity, "wording")


def _broken_name(found: str, name: str) -> Problem:
    text = f"“{found}”疑似“{name}”之误，请改正；确实无误请说明理由。"
    return Problem("body", text, Severity.CONFIRM, "name_broken")


def _document_number(match: re.Match[str]) -> Problem:
    office, year, _zeros, number = match.groups()
    text = f"发文字号“{match.group(0)}”写法不规范，应为“{office}〔{year}〕{number}号”。"
    return Problem("body", text, Severity.WARN, "document_number")
