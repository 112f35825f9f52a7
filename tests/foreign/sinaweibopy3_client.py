"""Runs in sinaweibopy3's own environment: consent to withdrawal of a post. Not part of the test process."""

import collections
import collections.abc
import io
import json
import sys
import time
import urllib.parse
import urllib.request

# Changed: an abstract class the library looks for where Python no longer has it, and the two addresses below.
collections.Iterable = collections.abc.Iterable

import weibo  # noqa: E402  after the change above

BASE = sys.argv[1]
ACCOUNT = json.loads(sys.argv[2])
LINK = "http://127.0.0.1:8000/a/1.html"
CALLS: list[str] = []


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Shows where consent leads without going there."""

    def redirect_request(self, *args):
        return None


def done(name: str, holds: bool) -> None:
    """Note one call; stop the run when its answer was not right."""
    if not holds:
        raise SystemExit(f"wrong answer of {name}")
    CALLS.append(name)


def consent(address: str) -> str:
    """Say yes on the consent page and give the code."""
    query = urllib.parse.urlsplit(address).query
    try:
        opener = urllib.request.build_opener(NoRedirect())
        opener.open(f"{BASE}/oauth2/authorize", f"{query}&consent=yes".encode(), timeout=10)
    except urllib.error.HTTPError as redirect:
        return urllib.parse.parse_qs(urllib.parse.urlsplit(redirect.headers["Location"]).query)["code"][0]
    raise SystemExit("no redirect after consent")


client = weibo.APIClient(ACCOUNT["client_id"], ACCOUNT["client_secret"], "http://127.0.0.1:8000/back")
client.auth_url, client.api_url = f"{BASE}/oauth2/", f"{BASE}/2/"
address = client.get_authorize_url()
with urllib.request.urlopen(address, timeout=10) as answer:
    done("oauth2/authorize", ACCOUNT["screen_name"] in answer.read().decode())
token = client.request_access_token(consent(address))
done("oauth2/access_token", token.uid == ACCOUNT["uid"] and token.expires_in > time.time())
client.set_access_token(token.access_token, token.expires_in)
done("account/get_uid", client.account.get_uid.get()["uid"] == int(ACCOUNT["uid"]))
post = client.statuses.share.post(status=f"今晚停水 {LINK}")
done("statuses/share", post.url_objects[0].url_long == LINK)
picture = client.statuses.share.post(status=f"有图 {LINK}", pic=io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"p" * 64))
done("statuses/share with pic", picture.pic_num == 1)
timeline = client.statuses.user_timeline.get(count=5)
done("statuses/user_timeline", [row.id for row in timeline.statuses] == [picture.id, post.id])
done("statuses/show", client.statuses.show.get(id=post.id).idstr == str(post.id))
comment = client.comments.create.post(id=post.id, comment="说明")
done("comments/create", comment.status.id == post.id)
reply = client.comments.reply.post(id=post.id, cid=comment.id, comment="补充")
done("comments/reply", reply.reply_comment.id == comment.id)
done("comments/show", [row.id for row in client.comments.show.get(id=post.id).comments] == [reply.id, comment.id])
done("statuses/count", client.statuses.count.get(ids=str(post.id))[0]["comments"] == 2)
try:
    client.statuses.share.post(status=f"今晚停水 {LINK}")
except weibo.APIError as error:
    done("20019 as APIError", error.error_code == 20019)
done("comments/destroy", client.comments.destroy.post(cid=reply.id).id == reply.id)
done("statuses/destroy", client.statuses.destroy.post(id=post.id).id == post.id)
try:
    client.statuses.show.get(id=post.id)
except weibo.APIError as error:
    done("20101 as APIError", error.error_code == 20101)
done("account/rate_limit_status", client.account.rate_limit_status.get().user_limit == 100)
print(json.dumps({"calls": CALLS}))
