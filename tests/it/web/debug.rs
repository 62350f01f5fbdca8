//! The `Debug` output of verifiers, deliveries and errors.

use offhook_tests::servers::{
    TALKIFAI_SECRET, TRUEDY_OLD_SECRET, TRUEDY_SECRET, aged_talkifai, headers_salpre, rotated_truedy,
};

#[test]
fn debug_output_shows_no_secret() {
    use offhook::Verifier;
    let body = r#"{"event_type":"error","payload":{"call":{"from":"zebra-marker"},"error_message":"zebra-marker"}}"#;
    let delivery = headers_salpre().receive(&[("x-api-key", "old-zebra")], body).unwrap();
    let refused = headers_salpre().receive(&[("x-api-key", "wrong-zebra")], body).unwrap_err();
    assert!(format!("{delivery:?}").starts_with(r#"Delivery { vendor: "salpre", "#), "{delivery:?}");
    for shown in [
        format!("{:?}", headers_salpre()),
        format!("{:?}", rotated_truedy()),
        format!("{:?}", aged_talkifai()),
        format!("{delivery:?}"),
        format!("{:?}", delivery.event()),
        format!("{refused:?} {refused}"),
    ] {
        for secret in ["zebra", TRUEDY_SECRET, TRUEDY_OLD_SECRET, TALKIFAI_SECRET] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
