// Everything that comes from a delivery is inserted as text, never as HTML.
"use strict";

const MOST = 500; // as many as the command keeps
const element = (id) => document.getElementById(id);
const state = { deliveries: [], shown: [], chosen: null, detail: null, raw: false, sent: new Map(), canSend: false };

// The token comes in the part of the URL that a browser never sends, and stays in this tab.
const token = (() => {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("offhook-token", given);
    history.replaceState(null, "", "/");
  }
  return sessionStorage.getItem("offhook-token") ?? "";
})();

function ask(path, method = "GET") {
  return fetch(path, { method, headers: { "x-offhook-token": token }, cache: "no-store" });
}

// Makes an element with a class, text or children.
function make(tag, { className, text, attributes = {}, children = [], onclick } = {}) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  if (onclick) made.addEventListener("click", onclick);
  return made;
}

function say(text) {
  const notice = element("notice");
  notice.textContent = text;
  notice.classList.add("shown");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => notice.classList.remove("shown"), 2500);
}

// ---- the live list ----

async function follow() {
  try {
    const answer = await ask("/api/events");
    if (answer.status === 401) {
      element("state").textContent = "no access: open the address that offhook printed in the terminal";
      element("empty").textContent = "This page needs the token of the address in the terminal.";
      return;
    }
    Object.assign(state, { deliveries: [] });
    let rest = "";
    for (const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader(); ;) {
      const { value, done } = await reader.read();
      if (done) break;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      events.forEach(receive);
      update();
    }
  } catch {
    // The connection broke off. Another attempt follows.
  }
  element("state").classList.remove("live");
  element("state").textContent = "not connected: has offhook ended?";
  setTimeout(follow, 1000);
}

function receive(event) {
  const [name, data] = event.split("\n").map((line) => line.slice(line.indexOf(": ") + 2));
  if (name === "settings") {
    const { listens_on, forward_to } = JSON.parse(data);
    state.canSend = forward_to !== null;
    element("state").classList.add("live");
    element("state").textContent = `listens on ${listens_on}` + (forward_to ? `, forwards to ${forward_to}` : "");
    element("empty").textContent = `No delivery yet.\nSend one to ${listens_on}`;
  } else if (name === "delivery") {
    state.deliveries.unshift(JSON.parse(data));
    state.deliveries.length = Math.min(state.deliveries.length, MOST);
  }
}

// Draws at most once a frame, however many deliveries arrive.
function update() {
  update.frame ??= requestAnimationFrame(() => {
    update.frame = undefined;
    draw();
  });
}

function draw() {
  offer("vendor", "All vendors", state.deliveries.map((delivery) => delivery.vendor));
  offer("event", "All events", state.deliveries.map((delivery) => delivery.event).filter(Boolean));
  state.shown = state.deliveries.filter(isWanted);
  const list = element("list");
  const rows = new Map([...list.children].map((row) => [row.id, row]));
  list.replaceChildren(...state.shown.map((delivery) => rows.get(`d${delivery.number}`) ?? row(delivery)));
  for (const row of list.children) row.setAttribute("aria-selected", String(row.id === `d${state.chosen}`));
  if (state.chosen !== null) list.setAttribute("aria-activedescendant", `d${state.chosen}`);
  element("empty").hidden = state.shown.length > 0;
  if (state.deliveries.length > 0) element("empty").textContent = "No delivery fits the filter.";
  drawTimeline();
}

// Fills a menu with the values that there are.
function offer(id, all, values) {
  const menu = element(id);
  const options = [...new Set(values)].sort();
  if (menu.dataset.options === options.join("\n")) return;
  menu.dataset.options = options.join("\n");
  const chosen = menu.value;
  menu.replaceChildren(new Option(all, ""), ...options.map((option) => new Option(option, option)));
  menu.value = options.includes(chosen) ? chosen : "";
}

function isWanted(delivery) {
  const verdict = element("verdict").value;
  const text = element("text").value.trim().toLowerCase();
  const parts = [delivery.call_id, delivery.event, delivery.vendor, delivery.code, delivery.target, delivery.reason, delivery.dedupe_key];
  return (!element("vendor").value || delivery.vendor === element("vendor").value)
    && (!element("event").value || delivery.event === element("event").value)
    && (!verdict || delivery.accepted === (verdict === "accepted"))
    && (!text || parts.some((part) => part?.toLowerCase().includes(text)));
}

const time = (delivery) => delivery.received_at.slice(11, 23);
const isGood = (forwarded) => forwarded.status >= 200 && forwarded.status < 300;

function answer(forwarded) {
  if (!forwarded) return make("span", { className: "time", text: "–" });
  const text = forwarded.status ? `${forwarded.status} · ${forwarded.milliseconds} ms` : forwarded.error.replaceAll("_", " ");
  return make("span", { className: `mark ${isGood(forwarded) ? "good" : "bad"}`, text });
}

function verdict(delivery) {
  const text = delivery.code.replaceAll("_", " ");
  return make("span", { className: `mark ${delivery.accepted ? "good" : "bad"}`, text });
}

function row(delivery) {
  const cell = (text, className) => make("span", { text, className, attributes: { title: text } });
  return make("li", {
    attributes: { id: `d${delivery.number}`, role: "option", "aria-selected": "false" },
    children: [
      cell(time(delivery), "time"),
      cell(delivery.vendor),
      cell(delivery.event ?? "–"),
      cell(delivery.call_id ?? "–"),
      make("span", { children: [verdict(delivery)] }),
      make("span", { children: [answer(delivery.forwarded)] }),
    ],
    onclick: () => choose(delivery.number),
  });
}

// ---- the details ----

async function choose(number) {
  state.chosen = number;
  draw();
  element(`d${number}`)?.scrollIntoView({ block: "nearest" });
  const answer = await ask(`/api/deliveries/${number}`);
  if (state.chosen !== number) return;
  state.detail = answer.ok ? await answer.json() : null;
  if (!answer.ok) say("This delivery is no longer kept.");
  drawDetail();
}

function move(step) {
  const at = state.shown.findIndex((delivery) => delivery.number === state.chosen);
  const next = state.shown[at === -1 ? 0 : Math.max(0, Math.min(state.shown.length - 1, at + step))];
  if (next) choose(next.number);
}

function part(title, children, buttons = []) {
  return [make("h3", { children: [title, ...buttons] }), ...children];
}

function drawDetail() {
  const detail = element("detail");
  const delivery = state.detail;
  detail.hidden = !delivery;
  if (!delivery) return;
  const test = delivery.test ? " · test delivery" : "";
  const facts = `${delivery.method} ${delivery.target} · ${delivery.bytes.toLocaleString("en")} bytes · ${delivery.received_at}${test}`;
  const answered = delivery.forwarded ? "" : ` The sender got ${delivery.answered}.`;
  const sections = [
    make("h2", { children: [delivery.event ?? "Refused delivery", " ", verdict(delivery)] }),
    make("p", { className: "facts", text: facts + answered }),
    make("div", { className: "actions", children: actions(delivery) }),
    make("div", { attributes: { id: "sent" } }),
    ...diagnosis(delivery),
    ...handler(delivery),
    make("div", { attributes: { id: "timeline" } }),
  ];
  if (delivery.drift.length > 0) {
    const paths = delivery.drift.map((path) => make("li", { text: path }));
    sections.push(...part("Fields that do not fit the documentation", [make("ul", { children: paths })]));
  }
  const headers = delivery.headers.map(([name, value]) =>
    make("tr", { children: [make("th", { text: name, attributes: { scope: "row" } }), make("td", { text: value.base64 ?? value })] }));
  sections.push(...part("Headers", [make("table", { children: [make("tbody", { children: headers })] })]));
  sections.push(...body(delivery));
  detail.replaceChildren(...sections);
  detail.scrollTop = 0;
  drawSent();
  drawTimeline();
}

function actions(delivery) {
  const send = make("button", { text: "Send again", attributes: { id: "send", type: "button" }, onclick: sendAgain });
  send.disabled = !state.canSend;
  if (!state.canSend) send.title = "Start offhook with --forward-to to send deliveries again.";
  return [
    send,
    make("button", { text: "Copy as curl", attributes: { id: "curl", type: "button" }, onclick: () => copy("curl") }),
    make("button", { text: "Copy as a Rust test", attributes: { id: "test", type: "button" }, onclick: () => copy("test") }),
  ];
}

function diagnosis(delivery) {
  if (delivery.accepted) return [];
  const reasons = (delivery.diagnosis?.reasons ?? []).map((reason) => {
    const detail = reason.detail ? ` (${reason.detail})` : "";
    const confidence = make("span", { className: `mark ${reason.confidence === "certain" ? "bad" : "warn"}`, text: reason.confidence });
    return make("li", { children: [confidence, ` ${reason.name}${detail}: ${reason.text}`] });
  });
  if (delivery.diagnosis && reasons.length === 0) reasons.push(make("li", { text: "No known cause." }));
  const reason = make("li", { text: `${delivery.status} ${delivery.code}: ${delivery.reason}` });
  return part("Why it is refused", [make("ul", { attributes: { id: "diagnosis" }, children: [reason, ...reasons] })]);
}

function handler(delivery) {
  if (!delivery.forwarded && delivery.hints.length === 0) return [];
  const hints = delivery.hints.map((hint) => make("li", { text: hint }));
  if (delivery.forwarded) {
    const reason = delivery.forwarded.reason ? ` ${delivery.forwarded.reason}` : "";
    hints.unshift(make("li", { children: [answer(delivery.forwarded), reason] }));
  }
  return part(delivery.forwarded ? "Answer of the handler" : "Note", [make("ul", { attributes: { id: "hints" }, children: hints })]);
}

function body(delivery) {
  const text = delivery.body;
  if (text === null) return part("Body (not text, as base64)", [make("pre", { text: delivery.body_base64, attributes: { id: "body" } })]);
  const choice = (label, raw) => make("button", {
    text: label,
    attributes: { type: "button", "aria-pressed": String(state.raw === raw) },
    onclick: () => { state.raw = raw; drawDetail(); },
  });
  const shown = make("pre", { text: state.raw ? text : pretty(text), attributes: { id: "body", tabindex: "0" } });
  return part("Body", [shown], [choice("Pretty", false), choice("Raw", true)]);
}

// Lays out JSON without reading its numbers, which a browser would round.
function pretty(text) {
  try { JSON.parse(text); } catch { return text; }
  let depth = 0;
  const line = () => "\n" + "  ".repeat(depth);
  return (text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? []).reduce((out, piece, index, pieces) => {
    const isEmpty = (open) => "{[".includes(pieces[open]) && "}]".includes(pieces[open + 1] ?? " ");
    if ("{[".includes(piece)) return isEmpty(index) ? out + piece : (depth += 1, out + piece + line());
    if ("}]".includes(piece)) return index > 0 && isEmpty(index - 1) ? out + piece : (depth -= 1, out + line() + piece);
    if (piece === ",") return out + "," + line();
    return out + (piece === ":" ? ": " : piece);
  }, "");
}

// The deliveries of the same call, the oldest first.
function drawTimeline() {
  const place = element("timeline");
  const delivery = state.detail;
  if (!place || !delivery?.call_id) return;
  const same = state.deliveries.filter(({ vendor, call_id }) => vendor === delivery.vendor && call_id === delivery.call_id).reverse();
  const start = Date.parse(same[0]?.received_at);
  const items = same.map((other) => make("li", {
    attributes: { "aria-current": String(other.number === delivery.number) },
    children: [
      make("span", { className: "time", text: `+${((Date.parse(other.received_at) - start) / 1000).toFixed(1)} s` }),
      make("button", { text: other.event ?? other.code, attributes: { type: "button" }, onclick: () => choose(other.number) }),
    ],
  }));
  place.replaceChildren(...part(`Timeline of ${delivery.call_id}`, [make("ol", { className: "timeline", children: items })]));
}

// ---- actions ----

async function sendAgain() {
  const { detail } = state;
  if (!detail || !state.canSend) return;
  const answer = await ask(`/api/deliveries/${detail.number}/send`, "POST");
  if (!answer.ok) return say(await answer.text());
  const sent = state.sent.get(detail.number) ?? [];
  sent.push(await answer.json());
  state.sent.set(detail.number, sent.slice(-10));
  drawSent();
}

function drawSent() {
  const place = element("sent");
  const sent = state.sent.get(state.detail?.number) ?? [];
  if (!place || sent.length === 0) return;
  const items = sent.map(({ forwarded, hints }) => make("li", { children: [answer(forwarded), ` ${hints.join(". ")}`] }));
  place.replaceChildren(...part("Sent again", [make("ol", { attributes: { "aria-live": "polite" }, children: items })]));
}

async function copy(form) {
  if (!state.detail) return;
  const answer = await ask(`/api/deliveries/${state.detail.number}/${form}`);
  const text = await answer.text();
  if (!answer.ok) return say(text);
  try {
    await navigator.clipboard.writeText(text);
    say(form === "curl" ? "The curl command is copied." : "The test is copied.");
  } catch {
    say("The browser does not allow this page to copy.");
  }
}

// ---- the keyboard ----

const keys = {
  j: () => move(1),
  ArrowDown: () => move(1),
  k: () => move(-1),
  ArrowUp: () => move(-1),
  Enter: () => element("detail").focus(),
  Escape: () => element("list").focus(),
  "/": () => element("text").focus(),
  s: sendAgain,
  c: () => copy("curl"),
  t: () => copy("test"),
  "?": () => element("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, select");
  if (event.ctrlKey || event.metaKey || event.altKey || element("help").open) return;
  if (isTyping && event.key !== "Escape") {
    if (event.key === "Enter") event.preventDefault();
    return;
  }
  // A button keeps its own meaning of the Enter key, and the details can be scrolled.
  if (event.key === "Enter" && event.target.matches("button")) return;
  if (event.key.startsWith("Arrow") && event.target.closest("#detail")) return;
  if (!Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});

element("filter").addEventListener("input", update);
element("help-open").addEventListener("click", keys["?"]);
element("list").focus();
follow();
