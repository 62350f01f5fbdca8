"""A receiver that does, call by call, what TalkifAI's page does for Python:
https://docs.talkifai.dev/api-reference/webhooks"""

import hashlib
import hmac
import json
import os

from serve import serve


def is_from_talkifai(payload: bytes, signature: str, secret: str) -> bool:
    expected = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"sha256={expected}", signature)


def receive(headers, body: bytes) -> int:
    signature = headers.get("X-TalkifAI-Signature", "")
    if not is_from_talkifai(body, signature, os.environ["TALKIFAI_WEBHOOK_SECRET"]):
        return 401
    json.loads(body)
    return 200


serve(receive)
