// A receiver that does, call by call, what Truedy's page does for Node:
// https://docs.truedy.ai/guides/securing-webhooks
import { createHmac, timingSafeEqual } from "node:crypto";
import { serve } from "./serve.mjs";

function isFromTruedy(rawBody, timestamp, signature, secret) {
  const age = Math.floor(Date.now() / 1000) - parseInt(timestamp, 10);
  if (age > 300) return false;
  const message = `${timestamp}.${rawBody.toString("utf8")}`;
  const expected = createHmac("sha256", secret).update(message).digest("hex");
  return timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
}

serve((headers, rawBody) => {
  const timestamp = headers["x-truedy-timestamp"];
  const signature = headers["x-truedy-signature"];
  if (!isFromTruedy(rawBody, timestamp, signature, process.env.TRUEDY_WEBHOOK_SECRET)) return 401;
  JSON.parse(rawBody.toString("utf8"));
  return 204;
});
