"""Runs in wechatpy's own environment: the whole way of an article against the sandbox. Not part of the test process."""

import io
import json
import sys
import time

from wechatpy import WeChatClient
from wechatpy.exceptions import APILimitedException, WeChatClientException

PNG = b"\x89PNG\r\n\x1a\n" + b"p" * 64
BASE = sys.argv[1]
ACCOUNT = json.loads(sys.argv[2])
CALLS: list[str] = []


class LocalClient(WeChatClient):
    """Changed only: API_BASE_URL, and the token's address, which the library writes out in full."""

    API_BASE_URL = f"{BASE}/cgi-bin/"

    def fetch_access_token(self):
        return self._fetch_access_token(
            url=f"{BASE}/cgi-bin/token",
            params={"grant_type": "client_credential", "appid": self.appid, "secret": self.secret},
        )


def done(name: str, holds: bool) -> None:
    """Note one call; stop the run when its answer was not right."""
    if not holds:
        raise SystemExit(f"wrong answer of {name}")
    CALLS.append(name)


client = LocalClient(ACCOUNT["appid"], ACCOUNT["secret"], auto_retry=False)
done("token", len(client.access_token) >= 16)
done("media/uploadimg", client.media.upload_image(io.BytesIO(PNG)).startswith("http://mmbiz.qpic.cn/"))
cover = client.material.add("image", ("cover.png", io.BytesIO(PNG)))
done("material/add_material", {"media_id", "url"} <= set(cover))
done("material/get_materialcount", client.material.get_count()["image_count"] == 1)
done("material/batchget_material", client.material.batchget("image", 0, 20)["item"][0]["media_id"] == cover["media_id"])
done("material/get_material", client.material.get(cover["media_id"]).content == PNG)

draft = client.draft.add(
    [
        {
            "title": "停水通告",
            "content": "<p>今晚停水。</p>",
            "thumb_media_id": cover["media_id"],
            "content_source_url": "http://127.0.0.1:8000/a/1.html?c=1",
            "need_open_comment": True,
        }
    ]
)
done("draft/add", list(draft) == ["media_id"])
done("draft/get", client.draft.get(draft["media_id"])["news_item"][0]["title"] == "停水通告")
done("draft/count", client.draft.count()["total_count"] == 1)
done("draft/batchget", client.draft.batchget()["item"][0]["media_id"] == draft["media_id"])
accepted = client.freepublish.submit(draft["media_id"])
done("freepublish/submit", isinstance(accepted["publish_id"], int))
deadline = time.monotonic() + 30
while (state := client.freepublish.get(accepted["publish_id"]))["publish_status"] == 1 and time.monotonic() < deadline:
    time.sleep(0.3)
done("freepublish/get", state["publish_status"] == 0)
page = client._http.get(state["article_detail"]["item"][0]["article_url"], timeout=10)
done("the article's page", page.status_code == 200 and "停水通告" in page.text)
listed = client.freepublish.batchget(0, 20)["item"][0]
done("freepublish/batchget", listed["content"]["news_item"][0]["content_source_url"].endswith("?c=1"))
article = client.freepublish.getarticle(state["article_id"])
done("freepublish/getarticle", article["news_item"][0]["is_deleted"] is False)
done("freepublish/delete", client.freepublish.delete(state["article_id"])["errcode"] == 0)
try:
    client.freepublish.submit("nowhere")
except WeChatClientException as error:
    done("an error as WeChatClientException", error.errcode == 40007 and "rid: " in error.errmsg)
try:
    for _ in range(10):
        client.freepublish.delete(state["article_id"])
except APILimitedException as error:
    done("a spent quota as APILimitedException", error.errcode == 45009)
client.session.set(client.access_token_key, "x" * 32)
try:
    client.draft.count()
except WeChatClientException as error:
    done("a wrong token as 40001", error.errcode == 40001)
client.fetch_access_token()
done("material/del_material", client.material.delete(cover["media_id"])["errcode"] == 0)
print(json.dumps({"calls": CALLS}))
