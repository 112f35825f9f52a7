"""The page of the settings at run time."""

from __future__ import annotations

from collections.abc import Callable

from core import runtime
from core.house import House
from core.models.words import Role
from tests.rooms.dashboards.conftest import Staff


def test_an_administrator_sees_every_setting_and_changes_one(house: House, staff: Callable[..., Staff]) -> None:
    boss = staff("guanli", Role.ADMINISTRATOR)
    page = boss.text("/settings")
    for key, setting in runtime.TABLE.items():
        assert setting.label in page
        assert f'action="/settings/{key}"' in page
    assert "默认值，还没有改过" in page
    assert boss.post("/settings/portal.rate", per_minute="30", burst="5").status_code == 302
    with house.db.read() as session:
        assert runtime.value_of(session, runtime.RATE) == {"per_minute": 30, "burst": 5}
    page = boss.text("/settings")
    assert 'value="30"' in page
    assert "guanli ·" in page
    assert "修改设置" in boss.text("/audit")


def test_what_is_wrong_is_told_beside_the_field_and_what_was_typed_stays(staff: Callable[..., Staff]) -> None:
    answer = staff("guanli", Role.ADMINISTRATOR).post("/settings/casework.due", working_days="很久")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'href="#f-working_days"' in page
    assert "“办理期限”应为 1 到 90 的整数" in page
    assert 'value="很久"' in page


def test_words_are_shown_one_a_line(staff: Callable[..., Staff]) -> None:
    boss = staff("guanli", Role.ADMINISTRATOR)
    boss.post("/settings/monitors.words", words="青禾苑\n柳溪里")
    assert "青禾苑\n柳溪里</textarea>" in boss.text("/settings")


def test_nobody_else_sees_the_page_and_an_unknown_setting_is_not_found(staff: Callable[..., Staff]) -> None:
    assert staff("fabu", Role.PUBLISHER).get("/settings").status_code == 403
    assert staff("guanli", Role.ADMINISTRATOR).post("/settings/portal.colour", on="1").status_code == 404
