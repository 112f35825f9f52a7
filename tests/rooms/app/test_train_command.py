"""The commands `wenzheng train` and `wenzheng score`: what they need, what they say when it is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.command import main


def test_training_names_the_file_that_is_missing(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="training needs scikit-learn")
    done = CliRunner().invoke(main, ["train", "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "weibo_senti_24k.tsv.gz" in done.output
    assert "--data" in done.output


def test_scoring_uses_the_products_own_scorer_unless_told_otherwise() -> None:
    line = json.dumps({"id": 7, "text": "停水三天了没人管"}, ensure_ascii=False)
    done = CliRunner().invoke(main, ["score"], input=line)
    row = json.loads(done.output)
    assert row["version"].startswith("linear-")
    assert row["label"] == "negative"
    assert set(row["probabilities"]) == {"negative", "neutral", "positive"}


def test_a_line_that_is_no_json_is_named() -> None:
    done = CliRunner().invoke(main, ["score"], input='{"id": 1, "text": "好"}\n不是')
    assert done.exit_code == 1
    assert "第 2 行" in done.output
