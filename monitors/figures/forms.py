"""The forms every number comes in: a figure or a series, each with the query behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, ClauseElement
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

Json = dict[str, Any]


@dataclass(frozen=True)
class Query:
    """How a number came about: a Chinese sentence, its parameters and the SQL that was run."""

    text: str
    parameters: Json
    sql: str

    def as_json(self) -> Json:
        """For Brief.figures and the page that shows a number's origin."""
        return {"text": self.text, "parameters": self.parameters, "sql": self.sql}


@dataclass(frozen=True)
class Figure:
    """One number, or a few that belong together; `base` is how many things it was counted over, None for a count."""

    name: str
    value: Any
    base: int | None
    query: Query
    unit: str = ""

    def as_json(self) -> Json:
        """JSON values only: instants become ISO text."""
        return {
            "name": self.name,
            "value": plain(self.value),
            "base": self.base,
            "unit": self.unit,
            "query": self.query.as_json(),
        }


@dataclass(frozen=True)
class Series:
    """Counts over time. `bins` are the starts; each row has its keys and one count a bin; `gaps` are to be greyed;
    `band` is (low, high) of what is usual in each bin, or empty."""

    name: str
    bin_s: int
    bins: list[datetime]
    rows: list[Row]
    query: Query
    gaps: list[Json] = field(default_factory=list)
    band: list[tuple[float, float]] = field(default_factory=list)

    def as_json(self) -> Json:
        """JSON values only."""
        return {
            "name": self.name,
            "bin_s": self.bin_s,
            "bins": plain(self.bins),
            "rows": [{"keys": row.keys, "counts": row.counts} for row in self.rows],
            "gaps": plain(self.gaps),
            "band": [list(pair) for pair in self.band],
            "query": self.query.as_json(),
        }


@dataclass(frozen=True)
class Row:
    """One line or one part of a stack, named by its keys, e.g. {"channel": "weibo", "label": "negative"}."""

    keys: dict[str, str]
    counts: list[int]


def plain(value: Any) -> Any:
    """The value with instants as ISO text in UTC, so that it is JSON."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def explain(text: str, *statements: ClauseElement, **parameters: Any) -> Query:
    """The query of a figure: the sentence, the parameters, and the statements with their values written in."""
    sql = ";\n".join(_sql(statement) for statement in statements)
    return Query(text, {name: plain(value) for name, value in parameters.items() if value is not None}, sql)


def _sql(statement: ClauseElement) -> str:
    """SQL as SQLite reads it; PostgreSQL runs the same but for the epoch function."""
    return str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))


class epoch(FunctionElement[int]):  # an SQL function, written like one
    """Whole seconds since 1970 of an instant column, on both databases."""

    type = BigInteger()
    inherit_cache = True
    name = "epoch"


@compiles(epoch, "sqlite")
def _epoch_sqlite(element: epoch, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(strftime('%s', {compiler.process(element.clauses, **options)}) AS INTEGER)"


@compiles(epoch, "postgresql")
def _epoch_postgresql(element: epoch, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(floor(extract(epoch FROM {compiler.process(element.clauses, **options)})) AS BIGINT)"


def bin_of(column: Any, bin_s: int) -> ColumnElement[int]:
    """The number of the bin that holds the column's instant."""
    return epoch(column).op("/", return_type=BigInteger())(bin_s)  # whole-number division on both databases


def bins_between(since: datetime, until: datetime, bin_s: int) -> list[int]:
    """Numbers of every bin that begins before `until`, from the one that holds `since`."""
    return list(range(int(since.timestamp()) // bin_s, -(-int(until.timestamp()) // bin_s)))
