// Sends deliveries that are signed as the vendors' pages for Node describe: HMAC-SHA256 by
// node:crypto, in hex, over the exact text that is sent.
import { createHmac } from "node:crypto";

const [base] = process.argv.slice(2);
const env = process.env;
const hmac = (secret, text) => createHmac("sha256", secret).update(text, "utf8").digest("hex");

async function send(label, path, headers, body) {
  const response = await fetch(`${base}/webhooks/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body,
  });
  if ((await response.text()) !== "") throw new Error(`${label}: the answer has a body`);
  console.log(`${label} ${response.status}`);
}

function truedy(timestamp, body) {
  return {
    "X-Truedy-Timestamp": timestamp,
    "X-Truedy-Signature": hmac(env.TRUEDY_WEBHOOK_SECRET, `${timestamp}.${body}`),
  };
}

const ended = (n) =>
  JSON.stringify({
    event: "call.ended",
    timestamp: new Date().toISOString(),
    data: { id: `evt_${n}`, call: { callId: `call_${n}`, costUsd: 0.21, summary: "Grüße, 你好 ☎" } },
  });

const seconds = Math.floor(Date.now() / 1000).toString();
const first = ended(1);
await send("truedy", "truedy", truedy(seconds, first), first);
const iso = new Date().toISOString();
const second = ended(2);
await send("truedy-iso", "truedy", truedy(iso, second), second);
await send("truedy-tampered", "truedy", truedy(seconds, second), second.replace("evt_2", "evt_9"));

const talkifai = JSON.stringify({
  id: "evt_3",
  type: "call.ended",
  created: new Date().toISOString(),
  data: { callId: "call_3", agentId: "agent", duration: 245, status: "completed", endReason: "user_hangup" },
});
const signature = { "X-TalkifAI-Signature": `sha256=${hmac(env.TALKIFAI_WEBHOOK_SECRET, talkifai)}` };
await send("talkifai", "talkifai", signature, talkifai);
await send("talkifai-tampered", "talkifai", signature, talkifai + " ");

const salpre = JSON.stringify({
  event_type: "call_ringing",
  timestamp_utc: Number(seconds),
  payload: { call_id: 1, from: "+905555555555", to: "+905555555554", direction: "outbound" },
  is_test: true,
});
await send("salpre", "salpre", { Authorization: `Bearer ${env.SALPRE_WEBHOOK_TOKEN}` }, salpre);
await send("salpre-wrong-token", "salpre", { Authorization: `Bearer ${env.SALPRE_WEBHOOK_TOKEN}x` }, salpre);
