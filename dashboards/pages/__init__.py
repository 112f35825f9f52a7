"""The pages, one blueprint a kind of work. `ALL` is what the app registers."""

from __future__ import annotations

from dashboards.pages import (
    accounts,
    alarms,
    alerts,
    articles,
    audit,
    briefs,
    cases,
    comments,
    deliveries,
    editor,
    freeze,
    home,
    issues,
    media,
    mentions,
    people,
    releases,
    reviews,
    search,
    session,
    sources,
    verdicts,
)

assert editor.page is articles.page  # the editor adds its routes to the articles' blueprint
ALL = (
    session.page,
    home.page,
    articles.page,
    media.page,
    reviews.page,
    releases.page,
    deliveries.page,
    verdicts.page,
    freeze.page,
    mentions.page,
    comments.page,
    issues.page,
    alerts.page,
    alarms.page,
    briefs.page,
    cases.page,
    accounts.page,
    sources.page,
    people.page,
    audit.page,
    search.page,
)
