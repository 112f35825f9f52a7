"""Adapters by kind: a table of "module:Class" plus entry points, imported only when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from core.errors import NotConfigured


@dataclass
class Registry:
    """Kinds with their label and target; `reasons` keeps why a kind could not be used, for the page that shows it."""

    targets: dict[str, tuple[str, str]]
    reasons: dict[str, str] = field(default_factory=dict)

    def kinds(self) -> list[str]:
        """Every registered kind, in the table's order, third parties last."""
        return list(self.targets)

    def label(self, kind: str) -> str:
        """The Chinese label of a kind."""
        return self._target(kind)[0]

    def find(self, kind: str) -> type[Any]:
        """The class of a kind, imported now; NotConfigured when unknown or not importable."""
        module, _, name = self._target(kind)[1].partition(":")
        try:
            found: type[Any] = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise self._out(kind, f"适配器 {module}:{name} 无法载入：{error}") from error
        return found

    def build(self, kind: str, *arguments: Any) -> Any:
        """An instance of the kind's class; a NotConfigured of its constructor is kept in `reasons` and raised."""
        adapter = self.find(kind)
        try:
            built = adapter(*arguments)
        except NotConfigured as error:
            raise self._out(kind, error.text) from error
        self.reasons.pop(kind, None)
        return built

    def _target(self, kind: str) -> tuple[str, str]:
        if kind not in self.targets:
            raise self._out(kind, f"没有名为 {kind} 的适配器")
        return self.targets[kind]

    def _out(self, kind: str, reason: str) -> NotConfigured:
        self.reasons[kind] = reason
        return NotConfigured(reason)


def load(table: Mapping[str, tuple[str, str]], group: str) -> Registry:
    """The table's kinds and those third parties registered under the entry-point group; the table wins a clash."""
    registry = Registry(dict(table))
    for point in entry_points(group=group):
        if point.name in table:
            registry.reasons[point.name] = f"扩展 {point.value} 与内置的 {point.name} 重名，未启用"
        else:
            registry.targets[point.name] = (point.name, point.value)
    return registry
