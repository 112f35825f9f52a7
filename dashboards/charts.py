"""ECharts options as plain data, for the `data-chart` attribute. Looks stand in charts.js, figures in monitors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.clock import shanghai
from dashboards.labels import label
from monitors.figures import Series

TONES = {"negative": "refused", "neutral": "waiting", "positive": "confirmed", "no_text": "muted", "unscored": "muted"}
STACK = ("negative", "neutral", "positive", "no_text", "unscored")


def trend_chart(trend: Series) -> dict[str, Any]:
    """Evidence a bin stacked by sentiment, the leading term as a line, what is usual as a band, gaps greyed."""
    times = [shanghai(at).strftime("%m-%d %H:%M") for at in trend.bins]
    series: list[dict[str, Any]] = [*_band(trend), *_bars(trend), *_lines(trend)]
    if series and trend.gaps:
        series[-1]["markArea"] = {"silent": True, "data": [_gap(trend, times, gap) for gap in trend.gaps]}
    return {
        "xAxis": {"type": "category", "data": times},
        "yAxis": {"type": "value", "minInterval": 1},
        "series": series,
    }


def trend_table(trend: Series) -> tuple[list[str], list[list[str]]]:
    """The same as column heads and rows, bins without anything left out."""
    heads = ["时段", *(_word(row.keys) for row in trend.rows)] + (["往常上限"] if trend.band else [])
    rows = []
    for number, at in enumerate(trend.bins):
        counts = [row.counts[number] for row in trend.rows]
        if any(counts):
            usual = [f"{trend.band[number][1]:.1f}"] if trend.band else []
            rows.append([shanghai(at).strftime("%m-%d %H:%M"), *(str(count) for count in counts), *usual])
    return heads, rows


def trend_sentence(trend: Series) -> str:
    """One sentence above the chart: the highest bin of the leading term, and what would be usual then."""
    lines = [row for row in trend.rows if "term" in row.keys and any(row.counts)]
    bars = [row.counts for row in trend.rows if "label" in row.keys]
    counts = lines[0].counts if lines else [sum(column) for column in zip(*bars, strict=True)]
    if not any(counts):
        return "这段时间没有评论。"
    peak = max(range(len(trend.bins)), key=lambda number: counts[number])
    usual = f"，往常不超过 {trend.band[peak][1]:.1f} 条" if trend.band and lines else ""
    when = shanghai(trend.bins[peak]).strftime("%m-%d %H:%M")
    what = f"“{lines[0].keys['term']}”" if lines else "佐证"
    return f"{what}最高在 {when} 起的 {trend.bin_s // 60} 分钟里有 {counts[peak]} 条{usual}。"


def _band(trend: Series) -> Iterable[dict[str, Any]]:
    if not trend.band:
        return []
    base = {"type": "line", "stack": "band", "symbol": "none", "silent": True, "lineStyle": {"opacity": 0}, "z": 1}
    low = [pair[0] for pair in trend.band]
    width = [round(pair[1] - pair[0], 2) for pair in trend.band]
    return [
        {**base, "name": "往常下限", "data": low, "tooltip": {"show": False}},
        {**base, "name": "往常范围", "data": width, "areaTone": "brand-soft", "tone": "waiting",
         "endLabel": {"show": True, "formatter": "往常"}},
    ]  # fmt: skip


def _bars(trend: Series) -> list[dict[str, Any]]:
    by_label = {row.keys["label"]: row.counts for row in trend.rows if "label" in row.keys}
    return [
        {"name": label("Sentiment", name), "type": "bar", "stack": "evidence", "data": by_label[name],
         "tone": TONES[name], "barMaxWidth": 14, "z": 2}
        for name in STACK if name in by_label
    ]  # fmt: skip


def _lines(trend: Series) -> list[dict[str, Any]]:
    return [
        {"name": row.keys["term"], "type": "line", "data": row.counts, "tone": "brand", "symbol": "none", "z": 3,
         "lineStyle": {"width": 2}, "endLabel": {"show": True, "formatter": row.keys["term"]}}
        for row in trend.rows if "term" in row.keys
    ]  # fmt: skip


def _gap(trend: Series, times: list[str], gap: dict[str, Any]) -> list[dict[str, Any]]:
    """The bins a gap covers, as ECharts wants an area."""
    inside = [number for number, at in enumerate(trend.bins) if gap["since"] <= at < gap["until"]] or [0]
    return [{"name": "采集中断", "xAxis": times[inside[0]]}, {"xAxis": times[inside[-1]]}]


def _word(keys: dict[str, str]) -> str:
    return label("Sentiment", keys["label"]) if "label" in keys else keys.get("term", "")
