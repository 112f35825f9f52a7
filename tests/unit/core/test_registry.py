"""Adapters are found by kind, imported late, and one that cannot work keeps its reason."""

import sys
from types import SimpleNamespace

import pytest

from core import registry
from core.errors import NotConfigured


class Working:
    def __init__(self, name: str) -> None:
        self.name = name


class Unready:
    def __init__(self, name: str) -> None:
        raise NotConfigured(f"{name} 缺少 AppID")


@pytest.fixture(autouse=True)
def adapters(monkeypatch):
    monkeypatch.setitem(sys.modules, "some_adapters", SimpleNamespace(Working=Working, Unready=Unready))


TABLE = {
    "good": ("好的", "some_adapters:Working"),
    "unready": ("未配置", "some_adapters:Unready"),
    "missing": ("缺失", "no_such_module_at_all:Nothing"),
    "nameless": ("无名", "some_adapters:Nothing"),
}


def test_a_kind_is_built_with_its_arguments_and_has_a_label():
    loaded = registry.load(TABLE, "wenzheng.test")
    assert loaded.kinds() == list(TABLE)
    assert loaded.label("good") == "好的"
    assert loaded.build("good", "x").name == "x"
    assert loaded.reasons == {}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("unready", "缺少 AppID"), ("missing", "no_such_module"), ("nameless", "Nothing"), ("unknown", "unknown")],
)
def test_a_kind_that_cannot_be_used_raises_and_keeps_its_reason(kind, reason):
    loaded = registry.load(TABLE, "wenzheng.test")
    with pytest.raises(NotConfigured, match=reason):
        loaded.build(kind, "账号")
    assert reason in loaded.reasons[kind]
    assert loaded.build("good", "x").name == "x"


def test_a_reason_goes_when_the_adapter_works_again():
    loaded = registry.load(TABLE, "wenzheng.test")
    loaded.reasons["good"] = "网络中断"
    loaded.build("good", "x")
    assert "good" not in loaded.reasons


def test_loading_the_table_imports_no_adapter():
    registry.load({"missing": TABLE["missing"]}, "wenzheng.test")
    assert "no_such_module_at_all" not in sys.modules


def test_third_parties_join_by_entry_point_but_never_replace_a_kind(monkeypatch):
    points = [
        SimpleNamespace(name="extra", value="some_adapters:Working"),
        SimpleNamespace(name="good", value="some_adapters:Unready"),
    ]
    asked: list[str] = []
    monkeypatch.setattr(registry, "entry_points", lambda group: asked.append(group) or points)
    loaded = registry.load(TABLE, "wenzheng.channels")
    assert asked == ["wenzheng.channels"]
    assert loaded.build("extra", "x").name == "x"
    assert loaded.build("good", "y").name == "y"
    assert loaded.kinds()[-1] == "extra"


def test_a_clash_with_a_built_in_kind_is_told(monkeypatch):
    points = [SimpleNamespace(name="good", value="other:Adapter")]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    assert "other:Adapter" in registry.load(TABLE, "wenzheng.channels").reasons["good"]
