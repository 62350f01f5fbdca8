// Signs and verifies with the vendors' own libraries. Reads one JSON request per line,
// and writes one JSON answer per line in the same order.
import { createInterface } from "node:readline";
import * as octokit from "@octokit/webhooks-methods";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";

const stripe = new Stripe("sk_test_unused");

// The peers read the clock, so each request says which time they see.
let now = 0;
Date.now = () => now * 1000;

const peers = {
  stripe: {
    sign: ({ secret, timestamp }, body) =>
      stripe.webhooks.generateTestHeaderString({ secret, timestamp, payload: body.toString() }),
    verify: ({ secret, signature }, body) => stripe.webhooks.signature.verifyHeader(body, signature, secret, 300),
  },
  standardwebhooks: {
    sign: ({ secret, timestamp, id }, body) => new Webhook(secret).sign(id, new Date(timestamp * 1000), body),
    verify: ({ secret, id, signature, timestamp_text }, body) => {
      const headers = { "webhook-id": id, "webhook-timestamp": timestamp_text, "webhook-signature": signature };
      new Webhook(secret).verify(body, headers);
      return true;
    },
  },
  octokit: {
    sign: ({ secret }, body) => octokit.sign(secret, body.toString()),
    verify: ({ secret, signature }, body) => octokit.verify(secret, body.toString(), signature),
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  now = request.now;
  let answer;
  try {
    answer = { value: await peers[request.peer][request.op](request, Buffer.from(request.body, "base64")) };
  } catch (error) {
    answer = { error: String(error.message) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
