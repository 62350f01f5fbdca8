//! The page of `listen --ui`, in a browser and without one.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::response::Html;
use axum::routing::{get, post};
use offhook::testing::{NearMiss, Signer, samples};
use serde_json::json;

use super::browser::Browser;
use super::{Listener, delivery, truedy};
use crate::command::package::Package;
use crate::command::{SALPRE_TOKEN, command, run};

/// The address of the page, which a terminal shows.
struct Address {
    url: String,
    server: SocketAddr,
    token: String,
}

impl Address {
    fn of(listener: &Listener) -> Self {
        let message = listener.message();
        let url = message.strip_prefix("shows the deliveries on ").expect("the address of the page").to_owned();
        let (server, token) = url.strip_prefix("http://").unwrap().split_once("/#token=").unwrap();
        Address { server: server.parse().unwrap(), token: token.to_owned(), url: url.clone() }
    }

    /// Sends a request with these headers, and returns the answer.
    fn ask(&self, line: &str, headers: &[(&str, &str)]) -> String {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        super::exchange(self.server, format!("{line} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n").as_bytes())
    }

    /// Asks as the page does.
    fn ask_as_page(&self, line: &str) -> String {
        let (host, origin) = (self.server.to_string(), format!("http://{}", self.server));
        self.ask(line, &[("Host", &host), ("Origin", &origin), ("X-Offhook-Token", &self.token)])
    }
}

/// Serves a handler that counts, with a page of its own, and returns its URL.
fn handler() -> (String, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let counted = Arc::clone(&count);
    let handle = async move || {
        counted.fetch_add(1, Ordering::SeqCst);
    };
    let app = Router::new().route("/hooks/truedy", post(handle)).route("/", get(async || Html("<p>hostile</p>")));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), app).await })
    });
    (url, count)
}

const ROWS: &str = "return document.querySelectorAll('#list li').length";
const DETAIL: &str = "return document.querySelector('#detail').innerText";

fn rows(browser: &Browser, count: u64) {
    browser.wait_for(&format!("{ROWS} === {count}"));
}

fn detail(browser: &Browser) -> String {
    browser.run(DETAIL).as_str().unwrap().to_owned()
}

#[test]
fn the_page_lists_filters_and_explains_deliveries_as_they_arrive() {
    let Some(browser) = Browser::start() else { return };
    let listener = Listener::start(&["--ui"]);
    let address = Address::of(&listener);
    browser.open(&address.url);
    browser.wait_for("return document.querySelector('#state').classList.contains('live')");
    // The token does not stay where it can be seen or copied.
    assert_eq!(browser.run("return location.hash"), "");

    let hostile = "<img src=x onerror=document.title='stolen'>";
    listener.send(&truedy().request("/", samples::truedy::CALL_BILLED.with("data.call.callId", hostile)));
    listener.send(&NearMiss::ReserialisedBody.of(&truedy(), &delivery()).unwrap());
    listener.send(&Signer::bearer(SALPRE_TOKEN).unwrap().request("/salpre", samples::salpre::TRANSCRIPT));
    rows(&browser, 3);

    // The newest is the first.
    browser.run("document.querySelector('#list li:nth-child(1)').click()");
    browser.wait_for("return document.querySelector('#detail h2')?.textContent.startsWith('transcript')");
    let shown = detail(&browser);
    assert!(shown.contains("authorization") && shown.contains("***"), "{shown}");
    assert!(!browser.run("return document.documentElement.outerHTML").to_string().contains(SALPRE_TOKEN));
    browser.run("document.querySelector('#list li:nth-child(2)').click()");
    browser.wait_for("return document.querySelector('#diagnosis')");
    let shown = detail(&browser);
    assert!(shown.contains("401 signature_mismatch") && shown.contains("certain reserialised"), "{shown}");

    browser.run("document.querySelector('#list li:nth-child(3)').click()");
    browser.wait_for("return document.querySelector('#detail h2').textContent.startsWith('call.billed')");
    let shown = detail(&browser);
    assert!(shown.contains(&format!("Timeline of {hostile}")), "{shown}");
    assert!(shown.contains("\n      \"agent\": {") || shown.contains("\n  \"data\": {"), "{shown}");
    browser
        .run("[...document.querySelectorAll('#detail button')].find((button) => button.textContent === 'Raw').click()");
    assert!(
        browser.run("return document.querySelector('#body').textContent").as_str().unwrap().contains("{\"event\":")
    );
    assert_eq!(browser.run("return document.images.length"), 0);
    assert_eq!(browser.run("return document.title"), "offhook listen");

    let choose = |id: &str, value: &str| {
        let change = "dispatchEvent(new Event('input', { bubbles: true }))";
        browser.run(&format!("const field = document.querySelector('#{id}'); field.value = '{value}'; field.{change}"));
    };
    for (id, value, count) in [
        ("vendor", "truedy", 2),
        ("vendor", "", 3),
        ("verdict", "refused", 1),
        ("verdict", "", 3),
        ("event", "transcript", 1),
        ("event", "", 3),
        ("text", "ONERROR", 1),
        ("text", "nothing like it", 0),
        ("text", "", 3),
    ] {
        choose(id, value);
        rows(&browser, count);
    }
}

#[test]
fn a_delivery_is_sent_again_with_the_keyboard_alone() {
    let Some(browser) = Browser::start() else { return };
    let (url, count) = handler();
    let listener = Listener::start(&["--ui", "--forward-to", &url]);
    let address = Address::of(&listener);
    for event in [samples::truedy::CALL_STARTED, samples::truedy::CALL_ENDED] {
        listener.send(&truedy().request("/hooks/truedy", event));
    }
    browser.open(&address.url);
    rows(&browser, 2);
    browser.press("j");
    browser.wait_for("return document.querySelector('#detail h2')?.textContent.startsWith('call.ended')");
    browser.press("j");
    browser.wait_for("return document.querySelector('#detail h2').textContent.startsWith('call.started')");
    browser.press("k");
    browser.wait_for("return document.querySelector('#detail h2').textContent.startsWith('call.ended')");
    assert_eq!(browser.run("return document.querySelector('[aria-selected=true]').id"), "d2");
    browser.press("s");
    browser.wait_for("return document.querySelector('#sent li')?.textContent.startsWith('200')");
    assert_eq!(count.load(Ordering::SeqCst), 3);
    // The timeline shows both deliveries of the call, the oldest first.
    let timeline =
        "return [...document.querySelectorAll('.timeline button')].map((button) => button.textContent).join()";
    assert_eq!(browser.run(timeline), "call.started,call.ended");
    browser.press("/");
    browser.press("billed");
    browser.wait_for("return document.activeElement.id === 'text' && document.activeElement.value === 'billed'");
    rows(&browser, 0);
    browser.press("\u{e00c}?");
    browser.wait_for("return document.querySelector('#help').open");
    browser.press("\u{e00c}");
    browser.wait_for("return !document.querySelector('#help').open");
    browser.press("\u{e007}");
    assert_eq!(browser.run("return document.activeElement.id"), "detail");
    // The tab keeps its access.
    browser.open(&format!("http://{}/", address.server));
    rows(&browser, 2);
}

#[test]
fn a_hostile_page_in_the_same_browser_reads_nothing_and_sends_nothing() {
    let Some(browser) = Browser::start() else { return };
    let (hostile, count) = handler();
    let listener = Listener::start(&["--ui", "--forward-to", &hostile]);
    let address = Address::of(&listener);
    listener.send(&delivery());
    // The user has the page open, and then visits another one.
    browser.open(&address.url);
    rows(&browser, 1);
    browser.open(&hostile);
    let page = format!("http://{}", address.server);
    // Not even the token would help.
    let headers = format!("headers: {{ 'x-offhook-token': '{}' }}", address.token);
    for request in [
        format!("fetch('{page}/api/events')"),
        format!("fetch('{page}/api/deliveries/1', {{ credentials: 'include' }})"),
        format!("fetch('{page}/api/deliveries/1', {{ {headers} }})"),
        format!("fetch('{page}/api/deliveries/1/send', {{ method: 'POST', {headers} }})"),
        format!("fetch('{page}/api/deliveries/1/send', {{ method: 'POST' }})"),
        format!("fetch('{page}/page.js')"),
    ] {
        let outcome = browser.run(&format!("return {request}.then((answer) => answer.status, (error) => error.name)"));
        assert_eq!(outcome, "TypeError", "{request}");
    }
    // These are sent without a question, and their answers cannot be read.
    let blind = format!(
        "return fetch('{page}/api/deliveries/1/send', {{ method: 'POST', mode: 'no-cors' }}).then(() => 1, () => 1)"
    );
    browser.run(&blind);
    browser.run(&format!(
        "const form = document.createElement('form'); form.method = 'post'; form.target = 'frame';
         form.action = '{page}/api/deliveries/1/send';
         const frame = document.createElement('iframe'); frame.name = 'frame';
         document.body.append(frame, form);
         const loaded = new Promise((resolve) => frame.onload = resolve);
         form.submit(); return loaded.then(() => 1)"
    ));
    let script = format!(
        "const script = document.createElement('script'); script.src = '{page}/page.js';
         const ended = new Promise((resolve) => {{ script.onload = () => resolve('ran'); script.onerror = () => resolve('refused'); }});
         document.body.append(script); return ended"
    );
    assert_eq!(browser.run(&script), "refused");
    let opened = format!(
        "const other = open('{page}/'); try {{ return other.document.body.innerText }} catch {{ return 'refused' }}"
    );
    assert!(!browser.run(&opened).to_string().contains("call.ended"));
    assert_eq!(count.load(Ordering::SeqCst), 1, "only the first delivery was forwarded");
}

#[test]
fn requests_of_others_are_refused() {
    let listener = Listener::start(&["--ui"]);
    let address = Address::of(&listener);
    listener.send(&delivery());
    listener.line();
    let host = address.server.to_string();
    let token = ("X-Offhook-Token", address.token.as_str());
    let own = ("Host", host.as_str());
    for (line, headers, status) in [
        ("GET /", &[own][..], 200),
        ("GET /api/deliveries/1", &[own, token], 200),
        ("GET /api/deliveries/1", &[own], 401),
        ("GET /api/events", &[own, ("X-Offhook-Token", "0123456789abcdef0123456789abcdef")], 401),
        // A name of somebody else leads to this address.
        ("GET /", &[("Host", "attacker.example")], 421),
        ("GET /api/deliveries/1", &[("Host", "attacker.example"), token], 421),
        ("GET /api/deliveries/1", &[own, token, ("Origin", "http://attacker.example")], 403),
        ("POST /api/deliveries/1/send", &[own, token], 403),
        ("DELETE /api/deliveries/1", &[own, token, ("Origin", &format!("http://{host}"))], 405),
        ("GET /api/deliveries/2", &[own, token], 404),
        ("GET /api/deliveries/../../etc/passwd", &[own, token], 404),
    ] {
        let answer = address.ask(line, headers);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line} {headers:?}: {answer}");
        assert!(answer.contains("content-security-policy: default-src 'none'; script-src 'self';"), "{answer}");
        assert!(!answer.contains("access-control-allow"), "{answer}");
    }
    // There is no handler to send it to.
    assert!(address.ask_as_page("POST /api/deliveries/1/send").starts_with("HTTP/1.1 409 "));
}

#[test]
fn what_is_copied_is_the_delivery() {
    let listener = Listener::start(&["--ui"]);
    let address = Address::of(&listener);
    let salpre = Signer::bearer(SALPRE_TOKEN).unwrap();
    listener.send(&delivery());
    listener.send(&salpre.request("/salpre?secret=S3cretMarker-url", samples::salpre::CALL_ENDED));
    listener.line();
    listener.line();
    let copied = |path: &str| address.ask_as_page(&format!("GET {path}")).split_once("\r\n\r\n").unwrap().1.to_owned();
    let curl = copied("/api/deliveries/1/curl");
    assert!(curl.starts_with(&format!("curl -i 'http://{}/hooks/truedy'", listener.address)), "{curl}");
    let verified = run(command(&["verify", "-", "--json"]), curl.as_bytes());
    assert_eq!(super::super::json(&verified)["accepted"], json!(true), "{verified:?}");
    let curl = copied("/api/deliveries/2/curl");
    assert!(curl.contains("Bearer $SALPRE_WEBHOOK_TOKEN") && curl.contains("/salpre?secret=***'"), "{curl}");
    assert!(!curl.contains("S3cretMarker") && !copied("/api/deliveries/2").contains("S3cretMarker"), "{curl}");
    let test = copied("/api/deliveries/1/test");
    assert!(test.contains("fn truedy_call_ended()") && test.contains("offhook::Truedy::new"), "{test}");
    assert!(test.contains("assert_eq!(delivery.parsed().name(), \"call.ended\")"), "{test}");
    let other = copied("/api/deliveries/2/test");
    assert!(!other.contains("S3cretMarker"));
    let package = Package::new();
    std::fs::write(package.tests().join("truedy.rs"), test).unwrap();
    std::fs::write(package.tests().join("salpre.rs"), other).unwrap();
    package.assert_passed(2);
}
