"""A receiver that does, call by call, what Truedy's page does for Python:
https://docs.truedy.ai/guides/webhooks. Its steps read the raw body as a string, and check no age."""

import hashlib
import hmac
import json
import os

from serve import serve


def is_from_truedy(raw_body: str, timestamp: str, signature: str, secret: str) -> bool:
    message = timestamp + "." + raw_body
    expected = hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, signature)


def receive(headers, body: bytes) -> int:
    raw_body = body.decode("utf-8")
    timestamp = headers.get("X-Truedy-Timestamp", "")
    signature = headers.get("X-Truedy-Signature", "")
    if not is_from_truedy(raw_body, timestamp, signature, os.environ["TRUEDY_WEBHOOK_SECRET"]):
        return 401
    json.loads(raw_body)
    return 204


serve(receive)
