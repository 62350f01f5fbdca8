"""Signs and verifies with the vendors' own libraries. Reads one JSON request per line,
and writes one JSON answer per line in the same order."""

import base64
import datetime
import json
import sys
import time

import standardwebhooks.webhooks
import stripe

now = 0


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(now, tz=tz)


# The peers read the clock, so each request says which time they see.
time.time = lambda: now
standardwebhooks.webhooks.datetime = Clock


def stripe_sign(request, body):
    return stripe.WebhookSignature.generate_signature_header(body.decode(), request["secret"], request["timestamp"])


def stripe_verify(request, body):
    return stripe.WebhookSignature.verify_header(body, request["signature"], request["secret"], 300)


def standard_sign(request, body):
    at = datetime.datetime.fromtimestamp(request["timestamp"], tz=datetime.timezone.utc)
    return standardwebhooks.Webhook(request["secret"]).sign(request["id"], at, body.decode())


def standard_verify(request, body):
    headers = {
        "webhook-id": request["id"],
        "webhook-timestamp": request["timestamp_text"],
        "webhook-signature": request["signature"],
    }
    standardwebhooks.Webhook(request["secret"]).verify(body, headers)
    return True


PEERS = {
    ("stripe", "sign"): stripe_sign,
    ("stripe", "verify"): stripe_verify,
    ("standardwebhooks", "sign"): standard_sign,
    ("standardwebhooks", "verify"): standard_verify,
}

for line in sys.stdin:
    request = json.loads(line)
    now = request["now"]
    try:
        answer = {"value": PEERS[request["peer"], request["op"]](request, base64.b64decode(request["body"]))}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=False)
