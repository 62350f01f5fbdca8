use std::net::TcpListener;

use axum::Router;
use axum::routing::post;
use offhook::testing::NearMiss;
use offhook::{Rejection, Reply, Truedy, Webhook};

use super::{TRUEDY_SECRET, json, offhook};

/// Serves a receiver of Truedy and returns its URL.
pub(crate) fn receiver() -> String {
    let truedy = Truedy::new(TRUEDY_SECRET).unwrap();
    let answer =
        async |webhook: Result<Webhook<Truedy>, Rejection>| -> Result<Reply, Rejection> { Ok(webhook?.acknowledge()) };
    let app = Router::new().route("/hooks", post(answer)).with_state(truedy);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), app).await })
    });
    url
}

#[test]
fn a_signed_sample_is_accepted_and_every_fault_is_answered_as_a_right_receiver_answers() {
    let url = receiver();
    let sent = offhook(&["send", "truedy", "call.ended", "--to", &url]);
    assert!(sent.code == 0 && sent.stdout.starts_with("204 in "), "{sent:?}");
    for fault in NearMiss::ALL {
        let sent = offhook(&["send", "truedy", "call.ended", "--to", &url, "--fault", fault.name(), "--json"]);
        if fault == NearMiss::OldSecret {
            assert!(sent.code == 2 && sent.stderr.contains("cannot have the fault old_secret"), "{sent:?}");
            continue;
        }
        assert_eq!((sent.code, &json(&sent)["status"]), (1, &fault.status().into()), "{fault:?}: {sent:?}");
    }
}

#[test]
fn a_receiver_that_does_not_answer_ends_with_1() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", nobody.local_addr().unwrap());
    let silent = offhook(&["send", "truedy", "call.ended", "--to", &url, "--timeout", "1"]);
    assert!(silent.code == 1 && silent.stderr.contains("no answer within 1 s (timed_out)"), "{silent:?}");
    drop(nobody);
    let refused = offhook(&["send", "truedy", "call.ended", "--to", &url]);
    assert!(refused.code == 1 && refused.stderr.contains("(no_connection)"), "{refused:?}");
}
