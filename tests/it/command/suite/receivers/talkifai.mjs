// A receiver that does what TalkifAI's sample for agent webhooks does in Node: it writes the JSON
// again that express.json() has parsed, and compares signatures with `===`.
import { createHmac } from "node:crypto";
import { serve } from "./serve.mjs";

serve((headers, rawBody) => {
  let body;
  try {
    body = JSON.parse(rawBody.toString("utf8"));
  } catch {
    return 400; // as express.json() answers
  }
  const hmac = createHmac("sha256", process.env.TALKIFAI_WEBHOOK_SECRET);
  const expected = `sha256=${hmac.update(JSON.stringify(body)).digest("hex")}`;
  return headers["x-talkifai-signature"] === expected ? 200 : 401;
});
