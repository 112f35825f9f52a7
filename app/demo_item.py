"""The demonstration's item, written, reviewed and released by different people through the same use cases as a page."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw
from sqlalchemy import select

from core.audit import Actor
from core.house import House
from core.models import Account, Article, Person
from core.models.words import Decision
from publisher import authoring, delivery, review

TITLE = "关于东城片区供水管网检修停水的通告"
SUMMARY = "因供水管网检修，东城片区青禾苑、柳溪里、新华巷一带今晚临时停水约一个半小时，请提前储水。"
BODY = """
<p>为保障供水安全，市供水公司今晚对东城片区供水主管网进行检修，青禾苑、柳溪里、新华巷及幸福路南段将临时停水，预计一个半小时。现将有关事项通告如下。</p>
<h2>一、停水范围</h2>
<p>幸福路以南、河滨步道以西，青禾苑、柳溪里两个小区，新华巷沿线居民及商户。幸福路北段、市民医院不在停水范围内。</p>
<h2>二、应急供水</h2>
<p>停水期间在青禾苑东门、柳溪里社区服务站设两处临时取水点。行动不便的居民可联系所在社区，由工作人员送水上门。</p>
<p><img src="media:{sha256}" alt="停水范围与临时取水点示意图"></p>
<h2>三、恢复供水须知</h2>
<p>恢复供水初期，管道内可能残留少量沉积物，请先打开水龙头放水数分钟，待水质清澈后使用。如持续异常，请拨打供水服务热线，或在本页下方留言。</p>
<p>因检修带来的不便，敬请谅解。</p>
"""


def picture() -> bytes:
    """A plain drawing of a water drop, 900 × 383 as WeChat's cover, made on the spot."""
    image = Image.new("RGB", (900, 383), "#1d4ed8")
    pen = ImageDraw.Draw(image)
    for band in range(12):
        pen.rectangle((0, 383 - band * 14, 900, 383), fill=(29 + band * 6, 78 + band * 7, 216))
    pen.ellipse((370, 150, 530, 310), fill="white")
    pen.polygon(((450, 50), (382, 190), (518, 190)), fill="white")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def publish_item(house: House, usernames: list[str]) -> int:
    """Write, submit, approve three times and plan the item for now; returns the article's id."""
    actors = people(house, usernames)
    editor, first, second, third, publisher = (actors[name] for name in usernames[:5])
    now = house.clock.now()
    with house.db.write() as session:
        media = authoring.add_media(session, editor, picture(), now)
        draft = authoring.Draft(
            title=TITLE,
            summary=SUMMARY,
            body_html=BODY.format(sha256=media.sha256),
            source="市供水公司",
            author="李编辑",
            keywords="停水,供水管网,东城片区",
            column="通知公告",
            cover_sha256=media.sha256,
            variants={},
        )
        article = authoring.create_article(session, editor, draft, house.settings.site_url, now, demo=True)
        accounts = list(session.scalars(select(Account.id)))
        authoring.submit(house, session, editor, article.id, accounts)
        article_id = article.id
    for reviewer in (first, second, third):
        approve(house, reviewer, article_id)
    with house.db.write() as session:
        delivery.plan(session, publisher, article_id, house.clock.now(), house.clock.now())
    return article_id


def approve(house: House, actor: Actor, article_id: int) -> None:
    """One review step by one person, bound to the digest that person sees."""
    with house.db.write() as session:
        article = session.get_one(Article, article_id)
        revision_id = article.head_id or 0
        digest = review.package_digest(session, revision_id)
        judgement = review.Judgement(revision_id, digest, Decision.APPROVE, "内容准确，同意")
        review.decide(session, actor, article_id, judgement, house.clock.now())


def people(house: House, usernames: list[str]) -> dict[str, Actor]:
    """The demo staff as actors."""
    with house.db.read() as session:
        rows = session.scalars(select(Person).where(Person.username.in_(usernames)))
        return {row.username: Actor(row.id, row.display_name, row.roles) for row in rows}
