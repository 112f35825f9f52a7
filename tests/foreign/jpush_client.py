"""Runs in jpush's own environment: push, validate, cid, report and refusals. Not part of the test process."""

import json
import sys

import jpush
from jpush import common

BASE = sys.argv[1]
ACCOUNT = json.loads(sys.argv[2])
CALLS: list[str] = []

# Changed only: the table of addresses.
common.ZONES["DEFAULT"].update(PUSH=f"{BASE}/v3/", REPORT=f"{BASE}/v3/")


def done(name: str, holds: bool) -> None:
    """Note one call; stop the run when its answer was not right."""
    if not holds:
        raise SystemExit(f"wrong answer of {name}")
    CALLS.append(name)


def build(client: jpush.JPush) -> jpush.push.core.Push:
    """A push to every device."""
    push = client.create_push()
    push.audience = jpush.all_
    push.platform = jpush.all_
    android = jpush.android(alert="停水通告", extras={"link": "http://127.0.0.1:8000/a/1.html"})
    push.notification = jpush.notification(android=android, ios=jpush.ios(alert="停水"))
    return push


client = jpush.JPush(ACCOUNT["app_key"], ACCOUNT["master_secret"])
push = build(client)
cids = push.get_cid(3, "push").payload["cidlist"]
done("push/cid", len(cids) == 3)
done("push/validate", push.send_validate().get_status_code() == 200)
push.cid = cids[0]
first = push.send().payload
done("push", isinstance(first["msg_id"], str))
done("push with the same cid", push.send().payload["msg_id"] == first["msg_id"])
report = client.create_report()
done("received", report.get_received(first["msg_id"]).payload[0]["android_received"] == 2)
nobody = build(client)
nobody.audience = jpush.audience(jpush.alias("nobody"))
try:
    nobody.send()
except common.JPushFailure as error:
    done("no target device as JPushFailure 1011", error.error_code == 1011)
try:
    build(jpush.JPush(ACCOUNT["app_key"], "wrong")).send()
except common.Unauthorized:
    done("401 as Unauthorized", True)
try:
    while True:
        build(client).send()
except common.JPushFailure as error:
    done("429 as JPushFailure 2002", error.error_code == 2002)
print(json.dumps({"calls": CALLS}))
