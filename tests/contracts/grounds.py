"""What the suite must know of each channel's platform: accounts, truth, and how to make a call go wrong."""

from __future__ import annotations

import json
from typing import Any

from core.http import Response
from core.models import FeedEntry
from core.ports import Json, Receipt
from tests.contracts.notice import EXPIRED, REFUSED, THROTTLED
from tests.contracts.stage import Item, Stage, content_for

LOST_AFTER = ("timeout_after", "cut", "bad_json", "http_500")  # accepted, and the answer is no answer


class Ground:
    """One account of one kind. `once_call` is the end of the path of the public call; empty: nothing goes out."""

    kind = ""
    once_call = ""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.account_id = self.open()

    def open(self) -> int:
        """A fresh account; gives our id of it."""
        raise NotImplementedError

    def live(self, item: Item) -> list[str]:
        """By the platform's own truth: the ids of what is live of the item."""
        raise NotImplementedError

    def sent(self, item: Item) -> int:
        """How often the item was made public, taken back or not."""
        return len(self.live(item))

    def lose(self, way: str) -> None:
        """The next public call gets no answer: `before` it is accepted, or one of LOST_AFTER."""

    def refuse(self) -> None:
        """The platform does not want the next item."""

    def throttle(self) -> None:
        """The next public call comes too soon."""

    def expire(self) -> None:
        """The credential is not accepted from now on."""

    def error(self, code: str, message: str) -> Json:
        """An error as the platform writes it."""
        return {}

    def answer(self, code: str, message: str) -> None:
        """The next public call is answered with that error."""
        body = json.dumps(self.error(code, message)).encode()
        self.stage.door.canned[self.once_call] = Response(200, {}, body)

    def item(self, **changes: Any) -> Item:
        content, key = content_for(self.stage, self.account_id, **changes)
        return Item(self.stage, self.account_id, content, key)


class Website(Ground):
    kind = "website"

    def open(self) -> int:
        if self.kind not in self.stage.accounts:  # one site, one account
            self.stage.accounts[self.kind] = self.stage.account("website", {}, {})
        return self.stage.accounts[self.kind]

    def live(self, item: Item) -> list[str]:
        name = str(item.key.article_id)
        return [name] if (self.stage.house.settings.site_path / "articles" / f"{name}.html").exists() else []


class OnSandbox(Ground):
    """A platform of the sandbox."""

    platform = ""
    refused = throttled = 0
    account = ""

    def fault(self, kind: str, **fields: Any) -> None:
        spec = {"platform": self.platform, "account": self.account, "api": self.once_call, "kind": kind, **fields}
        self.stage.ask("POST", "/control/faults", json=spec)

    def lose(self, way: str) -> None:
        hang = {"connection": "close"} if way.startswith(("before", "timeout")) else {}
        self.fault(
            "timeout_before" if way == "before" else way, **hang, **({"after": True} if way == "http_500" else {})
        )

    def refuse(self) -> None:
        self.fault("code", code=self.refused)

    def throttle(self) -> None:
        self.fault("rate_limit")

    def truth(self, item: Item) -> Json:
        query = {"link": item.key.link, "account": self.account}
        return dict(self.stage.ask("GET", "/truth/copies", query_string=query))

    def made(self, **settings: Any) -> Json:
        made = dict(self.stage.ask("POST", "/control/accounts", json={"platform": self.platform, **settings}))
        self.account = str(made["id"])
        return made

    def crowd(self, receipt: Receipt, words: str) -> None:
        event = {"kind": "comment", "author": "青禾苑老张", "text": words}
        body = {"platform": self.platform, "item": receipt.remote_id, "speed": 0, "events": [event]}
        self.stage.ask("POST", "/control/crowd", json=body)
        self.stage.ask("GET", "/truth", query_string={"account": self.account})


class Weibo(OnSandbox):
    kind = platform = "weibo"
    once_call, refused = "statuses/share", 20020

    def open(self) -> int:
        made = self.made()
        secret = {"access_token": made["access_token"], "client_secret": made["client_secret"]}
        return self.stage.account("weibo", {"uid": made["uid"]}, secret)

    def live(self, item: Item) -> list[str]:
        return [str(copy["id"]) for copy in self.truth(item)["weibo"] if copy["live"]]

    def expire(self) -> None:
        self.stage.ask("POST", "/control/tokens/kill", json={"platform": "weibo", "account": self.account})

    def error(self, code: str, message: str) -> Json:
        return {"request": "/2/statuses/share.json", "error_code": code, "error": message}

    def comment(self, receipt: Receipt) -> Json:
        """A citizen's comment, as a reply names it."""
        self.crowd(receipt, "几点恢复？")
        query = "SELECT max(id) AS id FROM weibo_comment WHERE status = ?"
        row = self.stage.app.world.store.one(query, int(receipt.remote_id))
        return {"remote_id": receipt.remote_id, "comment_id": str(row["id"]) if row else ""}

    def answers(self, place: Json) -> list[str]:
        """The words of our answers to it."""
        query = "SELECT text FROM weibo_comment WHERE parent = ?"
        return [row["text"] for row in self.stage.app.world.store.all(query, int(place["comment_id"]))]


class Wechat(OnSandbox):
    kind = platform = "wechat"
    once_call, refused = "freepublish/submit", 53505

    def open(self) -> int:
        made = self.made()
        secret = {"secret": made["secret"], "callback_token": made["callback_token"]}
        return self.stage.account("wechat", {"appid": made["appid"], "resubmit": True}, secret)

    def live(self, item: Item) -> list[str]:
        truth = self.truth(item)
        waiting = [f"audit {audit['publish_id']}" for audit in truth["wechat_in_audit"]]
        return [copy["article_id"] for copy in truth["wechat"] if copy["live"]] + waiting

    def expire(self) -> None:
        self.fault("kill_token", times=100)

    def error(self, code: str, message: str) -> Json:
        return {"errcode": int(code), "errmsg": message}

    def comment(self, receipt: Receipt) -> Json:
        self.crowd(receipt, "几点恢复？")
        number = int(receipt.data["msg_data_id"])
        query = "SELECT max(user_comment_id) AS id FROM wechat_comment WHERE msg_data_id = ?"
        row = self.stage.app.world.store.one(query, number)
        return {"receipt": dict(receipt.data), "comment_id": f"{number}:{row['id'] if row else ''}"}

    def answers(self, place: Json) -> list[str]:
        number, _, comment = place["comment_id"].partition(":")
        query = "SELECT reply FROM wechat_comment WHERE msg_data_id = ? AND user_comment_id = ? AND reply IS NOT NULL"
        return [row["reply"] for row in self.stage.app.world.store.all(query, int(number), int(comment))]


class Client(OnSandbox):
    kind, platform = "client", "jpush"
    once_call, refused = "push", 1005

    def open(self) -> int:
        made = self.made()
        settings = {"app_key": made["app_key"], "push": True}
        return self.stage.account("client", settings, {"master_secret": made["master_secret"]})

    def live(self, item: Item) -> list[str]:
        """The feed's entry, and every push that reached phones and was not taken back."""
        pushes = sum(copy["live"] for copy in self.truth(item)["jpush"])
        with self.stage.house.db.read() as session:
            entries = session.query(FeedEntry).filter_by(
                account_id=self.account_id, article_id=item.key.article_id, removed_at=None
            )  # fmt: skip
            return [str(item.key.article_id)] * max(pushes, entries.count())

    def sent(self, item: Item) -> int:
        """Pushes alone: an entry in our own feed hides one more."""
        return len(self.truth(item)["jpush"])

    def expire(self) -> None:
        self.fault("code", code=1004, times=100)

    def error(self, code: str, message: str) -> Json:
        return {"error": {"code": int(code), "message": message}}


class Notice(Ground):
    kind, once_call = "notice", "notices"

    def open(self) -> int:
        return self.stage.account("notice", {}, {"access_token": f"board-token-{self.stage.clock.now().timestamp()}"})

    def live(self, item: Item) -> list[str]:
        return [name for name, notice in self.stage.board.notices.items() if notice["mark"] == item.key.mark]

    def lose(self, way: str) -> None:
        self.stage.board.faults.append("lost before" if way == "before" else "lost after")

    def refuse(self) -> None:
        self.stage.board.faults.append(REFUSED)

    def throttle(self) -> None:
        self.stage.board.faults.append(THROTTLED)

    def expire(self) -> None:
        self.stage.board.faults += [EXPIRED] * 2

    def error(self, code: str, message: str) -> Json:
        return {"code": code, "message": message}


GROUNDS: dict[str, type[Ground]] = {each.kind: each for each in (Website, Weibo, Wechat, Client, Notice)}
