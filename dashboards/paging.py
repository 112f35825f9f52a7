"""Pages of fifty rows whose filters live in the address, so that a view can be sent to a colleague."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import request, url_for
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from core.clock import SHANGHAI
from core.errors import CheckFailed
from core.ports import Problem

PER_PAGE = 50


@dataclass(frozen=True)
class Paging:
    """Which page of how many rows."""

    total: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PER_PAGE))

    def address(self, page: int) -> str:
        """This view's address with another page number."""
        args: dict[str, Any] = {name: request.args.getlist(name) for name in request.args}
        return url_for(request.endpoint or "", **(request.view_args or {}) | args | {"page": page})


def page_number() -> int:
    """The page asked for, from 1."""
    return max(1, request.args.get("page", 1, type=int) or 1)


def one_page(session: Session, query: Select[Any]) -> tuple[list[Any], Paging]:
    """The rows of the asked page (first column of each) and the paging with the whole count."""
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    paging = Paging(total, page_number())
    rows = session.scalars(query.limit(PER_PAGE).offset((paging.page - 1) * PER_PAGE)).all()
    return list(rows), paging


def page_of(total: int) -> Paging:
    """The paging of a list that is not a query of the database."""
    return Paging(total, page_number())


def form_instant(name: str, title: str) -> datetime | None:
    """The instant of a datetime-local field, read as Shanghai time; None when empty. Raises CheckFailed."""
    raw = request.form.get(name, "").strip()
    if not raw:
        return None
    try:
        return datetime.fromisoformat(raw).replace(tzinfo=SHANGHAI)
    except ValueError as error:
        raise CheckFailed([Problem(name, f"{title}的格式不对，请按“年-月-日 时:分”填写。")]) from error


def address_day(name: str) -> datetime | None:
    """Midnight in Shanghai of a day in the address (YYYY-MM-DD); None when absent or not a day."""
    try:
        return datetime.fromisoformat(request.args.get(name, "")).replace(tzinfo=SHANGHAI)
    except ValueError:
        return None


def next_day(at: datetime) -> datetime:
    """The midnight after `at`."""
    return at + timedelta(days=1)
