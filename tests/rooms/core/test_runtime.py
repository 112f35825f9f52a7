"""Settings at run time: defaults, what an administrator may type, and the trail of every change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from core import runtime
from core.audit import Actor
from core.errors import CheckFailed, NotPermitted, RuleError
from core.models import Audit, Setting

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
ADMIN = Actor(None, "郑", frozenset({"administrator"}))


def change(database, key, actor=ADMIN, **typed):
    with database.write() as session:
        return runtime.change(session, actor, key, typed, NOW)


def trail(database):
    with database.read() as session:
        return [row.detail for row in session.scalars(select(Audit).order_by(Audit.id))]


def test_a_setting_has_its_default_until_it_is_changed_and_every_change_is_audited(database):
    with database.read() as session:
        assert runtime.value_of(session, runtime.COMMENTS) == {"on": False}
    change(database, runtime.COMMENTS, on="1")
    with database.read() as session:
        assert runtime.value_of(session, runtime.COMMENTS) == {"on": True}
        assert session.get_one(Setting, runtime.COMMENTS).changed_by == "郑"
    change(database, runtime.COMMENTS)
    assert [row["after"] for row in trail(database)] == [{"on": True}, {"on": False}]
    assert trail(database)[1]["before"] == {"on": True}


def test_saving_what_is_in_force_writes_nothing(database):
    assert change(database, runtime.RATE, per_minute="12", burst=" 6 ") == {"per_minute": 12, "burst": 6}
    assert trail(database) == []


@pytest.mark.parametrize("typed", ["0", "6001", "-1", "1.5", "", "十", "１２", "9" * 30])
def test_a_number_out_of_range_names_the_field_and_the_range(database, typed):
    with pytest.raises(CheckFailed) as failure:
        change(database, runtime.RATE, per_minute=typed, burst="6")
    (problem,) = failure.value.problems
    assert problem.field == "per_minute"
    assert "“每分钟”应为 1 到 6000 的整数" in problem.text
    assert trail(database) == []


def test_a_line_is_cleaned_and_too_long_a_line_is_refused(database):
    kept = change(database, runtime.FOOTER, sponsor=" 市政府\x00 办公室\u202e ", icp="京ICP备1号", police="")
    assert kept == {"sponsor": "市政府 办公室", "icp": "京ICP备1号", "police": ""}
    with pytest.raises(CheckFailed, match="主办单位"):
        change(database, runtime.FOOTER, sponsor="长" * 61)


def test_words_are_one_a_line_once_each_and_the_wrong_ones_are_named(database):
    assert change(database, runtime.WORDS, words="青禾苑\r\n\r\n柳溪里\n青禾苑\n") == {"words": ["青禾苑", "柳溪里"]}
    with pytest.raises(CheckFailed, match="市 政府") as failure:
        change(database, runtime.WORDS, words="市 政府\n水\n东城")
    assert "东城" not in failure.value.problems[0].text
    with pytest.raises(CheckFailed, match="最多 2000 个词"):
        change(database, runtime.WORDS, words="\n".join(f"词{number}" for number in range(2001)))


def test_only_an_administrator_changes_a_setting_and_only_one_that_exists(database):
    with pytest.raises(NotPermitted):
        change(database, runtime.COMMENTS, Actor(None, "编辑", frozenset({"editor"})), on="1")
    with pytest.raises(RuleError):
        change(database, "portal.colour", on="1")


def test_every_default_would_be_accepted_if_it_were_typed(database):
    for key, setting in runtime.TABLE.items():
        typed = {name: _typed(value) for name, value in setting.defaults().items()}
        assert change(database, key, **typed) == setting.defaults()


def _typed(value):
    if isinstance(value, bool):
        return "1" if value else ""
    return "\n".join(value) if isinstance(value, list) else str(value)
