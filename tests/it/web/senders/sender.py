"""Sends deliveries that are signed as the vendors' pages for Python describe: HMAC-SHA256 by
hmac and hashlib, in hex, over the exact bytes that are sent."""

import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone

BASE = sys.argv[1]


def sign(secret: str, message: bytes) -> str:
    return hmac.new(os.environ[secret].encode(), message, hashlib.sha256).hexdigest()


def send(label: str, path: str, headers: dict, body: bytes) -> None:
    request = urllib.request.Request(
        f"{BASE}/webhooks/{path}",
        data=body,
        headers={"Content-Type": "application/json", **headers},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            status, answer = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, answer = error.code, error.read()
    if answer:
        sys.exit(f"{label}: the answer has a body")
    print(f"{label} {status}")


def truedy(timestamp: str, body: bytes) -> dict:
    return {
        "X-Truedy-Timestamp": timestamp,
        "X-Truedy-Signature": sign("TRUEDY_WEBHOOK_SECRET", timestamp.encode() + b"." + body),
    }


def ended(number: int) -> bytes:
    call = {"callId": f"call_{number}", "costUsd": 0.21, "summary": "Grüße, 你好 ☎"}
    event = {
        "event": "call.ended",
        "timestamp": datetime.now(timezone.utc).isoformat(),
        "data": {"id": f"evt_{number}", "call": call},
    }
    return json.dumps(event).encode()


now = str(int(time.time()))
first, second = ended(1), ended(2)
send("truedy", "truedy", truedy(now, first), first)
send("truedy-iso", "truedy", truedy(datetime.now(timezone.utc).isoformat(), second), second)
send("truedy-tampered", "truedy", truedy(now, second), second.replace(b"evt_2", b"evt_9"))

body = json.dumps(
    {
        "id": "evt_3",
        "type": "call.ended",
        "created": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "data": {"callId": "call_3", "agentId": "agent", "duration": 245, "status": "completed"},
    }
).encode()
signature = {"X-TalkifAI-Signature": "sha256=" + sign("TALKIFAI_WEBHOOK_SECRET", body)}
send("talkifai", "talkifai", signature, body)
send("talkifai-tampered", "talkifai", signature, body + b" ")

body = json.dumps(
    {
        "event_type": "call_ringing",
        "timestamp_utc": int(now),
        "payload": {"call_id": 1, "from": "+905555555555", "to": "+905555555554", "direction": "outbound"},
        "is_test": True,
    }
).encode()
token = os.environ["SALPRE_WEBHOOK_TOKEN"]
send("salpre", "salpre", {"Authorization": f"Bearer {token}"}, body)
send("salpre-wrong-token", "salpre", {"Authorization": f"Bearer {token}x"}, body)
