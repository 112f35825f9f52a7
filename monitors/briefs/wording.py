"""The sentences of a brief. Pure: figures and rows in, Chinese out. No sentence says more than its figures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from core.clock import shanghai
from core.models.words import IssueState, Level
from monitors.figures import Figure

LEVELS = {Level.BLUE: "蓝色", Level.YELLOW: "黄色", Level.ORANGE: "橙色", Level.RED: "红色"}
STATES = {
    IssueState.FOUND: "待研判",
    IssueState.CONFIRMED: "已确认",
    IssueState.DISMISSED: "已排除",
    IssueState.CLOSED: "已办结",
}
CHANNELS = {"website": "网站", "weibo": "微博", "wechat": "微信", "client": "客户端", "other": "其他"}
GAPS = {"partial": "未采集完整", "failed": "采集失败", "skipped": "未采集（额度用尽）", "unread": "无采集记录"}
ADVICE = {
    Level.BLUE: "持续关注，安排网评和客服人员答复具体咨询。",
    Level.YELLOW: "请涉事单位核实情况，自发现起 48 小时内回应（国办发〔2016〕61号）。",
    Level.ORANGE: "请主管领导牵头会商，涉事单位自发现起 48 小时内回应，回应前统一口径（国办发〔2016〕61号）。",
    Level.RED: (
        "如属特别重大、重大突发事件：5 小时内发布权威信息，24 小时内举行新闻发布会（国办发〔2016〕80号）；"
        "其他情形 48 小时内回应。"
    ),
}
UNIT_UNKNOWN = "待指定"


def number(value: float | None) -> str:
    """1 204, 1.2 万; 未知 for nothing."""
    if value is None:
        return "未知"
    if value >= 10_000:
        return f"{value / 10_000:.1f} 万"
    return f"{value:,}".replace(",", " ")


def ratio(part: int, base: int | None) -> str:
    """87%（基数 1 204）."""
    return f"{part / base:.0%}（基数 {number(base)}）" if base else "无可计算的数据"


def change(now: int, before: int) -> str:
    """比前一日增加 12 条（+30%）."""
    if now == before:
        return "与前一日持平"
    word, sign = ("增加", "+") if now > before else ("减少", "-")
    share = f"（{sign}{abs(now - before) / before:.0%}）" if before else ""
    return f"比前一日{word} {number(abs(now - before))} 条{share}"


def instant(at: datetime) -> str:
    """11月24日 12:05 in Shanghai."""
    local = shanghai(at)
    return f"{local.month}月{local.day}日 {local:%H:%M}"


def mentions(figures: Mapping[str, Figure]) -> str:
    """Volume, change, channels and sentiment."""
    count = figures["mention_count"].value
    if not count["mentions"]:
        return "各渠道没有采集到新的评论、转发或留言。"
    before = figures["mention_count_before"].value["mentions"]
    channels = "、".join(
        f"{CHANNELS.get(kind, kind)} {number(part)} 条" for kind, part in figures["channel_split"].value.items()
    )
    split = figures["sentiment_split"]
    mood = (
        f"有观点的 {number(split.base)} 条中，负面 {ratio(split.value['negative'], split.base)}、"
        f"正面 {ratio(split.value['positive'], split.base)}（机器判定，仅供参考）"
        if split.base
        else "尚无可判定情感的文字"
    )
    return (
        f"共采集提及 {number(count['mentions'])} 条，来自 {number(count['authors'])} 位作者，"
        f"{change(count['mentions'], before)}；其中{channels}。{mood}。"
    )


def publication(figures: Mapping[str, Figure]) -> str:
    """What went out and what did not."""
    outcome = figures["delivery_outcome"]
    if not outcome.base:
        return "当日没有安排发布任务。"
    states = outcome.value["states"]
    items = figures["published_items"]
    open_count = sum(states[name] for name in ("planned", "intended", "sent"))
    parts = [
        f"应执行分发任务 {number(outcome.base)} 次，已确认 {ratio(states['confirmed'], outcome.base)}",
        f"公开稿件 {number(len(items.value))} 篇（{number(items.base)} 个渠道版本）",
    ]
    words = {"unknown": "结果未知待人工核实", "refused": "被平台拒绝", "held": "超时暂缓", "cancelled": "已取消"}
    parts += [f"{word} {number(states[name])} 次" for name, word in words.items() if states[name]]
    if open_count:
        parts.append(f"尚在进行 {number(open_count)} 次")
    return "；".join(parts) + "。"


def interaction(figures: Mapping[str, Figure]) -> str:
    """Growth of likes, comments, reposts and reads."""
    value = figures["engagement"].value
    words = {"reads": "阅读", "likes": "点赞", "comments": "评论", "reposts": "转发"}
    parts = [
        f"{word}新增 {number(value[name]['now'])} 次（前一同长时段 {number(value[name]['before'])}）"
        for name, word in words.items()
        if value[name]["now"] is not None
    ]
    return "、".join(parts) + "。" if parts else "当日没有互动计数（各渠道尚无计数快照）。"


def cases(figures: Mapping[str, Figure]) -> str:
    """Citizens' messages."""
    received, waiting = figures["cases_received"], figures["unanswered"]
    text = f"收到群众留言 {number(received.base)} 件" if received.base else "当日没有收到群众留言"
    if not waiting.value["open"]:
        return f"{text}；没有未办结的留言。"
    overdue = waiting.value["overdue"]
    late = f"，其中超期 {number(overdue)} 件" if overdue else "，均未超期"
    oldest = instant(waiting.value["oldest_at"])
    return f"{text}；未办结 {number(waiting.value['open'])} 件{late}，最早一件收到于 {oldest}。"


def alerts(figures: Mapping[str, Figure]) -> str:
    """How alerts were answered."""
    figure = figures["alert_response"]
    if not figure.base:
        return "当日没有发出预警。"
    value = figure.value
    median = f"，签收用时中位数 {value['median_min']:g} 分钟" if value["median_min"] is not None else ""
    late = f"，超过签收时限 {number(value['late'])} 条" if value["late"] else ""
    return f"发出预警 {number(value['raised'])} 条，已签收 {number(value['acknowledged'])} 条{median}{late}。"


def blind_spots(figures: Mapping[str, Figure]) -> str:
    """What was not read, source by source."""
    gaps = figures["coverage_gaps"].value
    if not gaps:
        return f"{number(figures['coverage_gaps'].base)} 个信源均采集完整。"
    parts = [
        f"{gap['source']} {instant(gap['since'])} 至 {instant(gap['until'])} {GAPS.get(gap['state'], gap['state'])}"
        for gap in gaps[:6]
    ]
    more = f"，等共 {len(gaps)} 段" if len(gaps) > 6 else ""
    return "；".join(parts) + f"{more}。以上时段的数量可能偏少。"


def summary(figures: Mapping[str, Figure], issue_rows: list[dict[str, Any]]) -> str:
    """One sentence for somebody who reads only one."""
    count = figures["mention_count"].value["mentions"]
    if issue_rows:
        top = issue_rows[0]
        others = f"，另有议题 {len(issue_rows) - 1} 个" if len(issue_rows) > 1 else ""
        return f"{LEVELS[Level(top['level'])]}议题：{top['title']}{others}。提及 {number(count)} 条。"
    if not count:
        return "全天平稳，没有采集到新的评论，也没有需要关注的议题。"
    return f"全天平稳，提及 {number(count)} 条，没有需要关注的议题。"


def matter(issue: Any) -> str:
    """事由: what, where, since when."""
    place = f"在《{issue.reasons['item']}》下" if issue.reasons.get("item") else ""
    words = f"，集中在「{'、'.join(issue.terms[:4])}」" if issue.terms else ""
    voice = f"，代表性说法：“{issue.reasons['voice']}”" if issue.reasons.get("voice") else ""
    return f"{instant(issue.first_at)} 起，公众{place}的议论明显增多{words}{voice}。"


def situation(figures: Mapping[str, Figure], until: datetime, last_at: datetime) -> str:
    """态势: how much, how negative, growing or falling."""
    total, split = figures["total"].value, figures["sentiment_split"]
    late, early = figures["recent"].value["mentions"], figures["earlier"].value["mentions"]
    if until - last_at > timedelta(hours=6):
        course = f"最近一条提及在 {instant(last_at)}，之后没有新增"
    elif late > early:
        course = f"最近 3 小时 {number(late)} 条，之前 3 小时 {number(early)} 条，仍在上升"
    else:
        course = f"最近 3 小时 {number(late)} 条，之前 3 小时 {number(early)} 条，没有继续上升"
    negative = ratio(split.value["negative"], split.base)
    return (
        f"累计提及 {number(total['mentions'])} 条，作者 {number(total['authors'])} 人，"
        f"负面占比 {negative}，由机器判定。{course}。"
    )


def judgement(issue: Any) -> str:
    """研判: the level, the rules that gave it, what a person wrote."""
    rules = "；".join(text for _code, text in issue.reasons.get("grade", [])) or "没有记下定级依据"
    person = f"人工研判：{issue.note}" if issue.note else "尚无人工研判意见。"
    copies = issue.reasons.get("copy_share", 0)
    copied = f"雷同文本占 {copies:.0%}，需核实是否有组织转发。" if copies >= 0.5 else ""
    return f"{LEVELS[Level(issue.level)]}（{STATES[IssueState(issue.state)]}）。{rules}。{copied}{person}"


def advice(issue: Any) -> str:
    """建议: by level and state; never a fact about the matter itself."""
    if issue.state == IssueState.CLOSED:
        return "已办结，留意是否反弹。"
    text = ADVICE[Level(issue.level)]
    if issue.reasons.get("coverage", {}).get("state") == "partial":
        text += "采集尚不完整，补采后请复核数量。"
    return text
