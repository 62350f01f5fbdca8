//! Verification allocates nothing, and parsing builds no tree of data that it does not know.
//!
//! This is one test in a binary of its own, because the counters belong to the whole process.

use std::alloc::System;

use offhook::Request;
use offhook::testing::Signer;
use offhook::verify::HmacKeys;
use offhook::{Clock, Salpre, SystemClock, TalkifAi, Truedy, Verifier};
use offhook::{salpre, talkifai, truedy};
use offhook_tests::vendors;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Runs the work, and returns how many allocations it made and how many bytes it requested.
fn allocated(work: impl FnOnce()) -> (usize, usize) {
    let region = Region::new(ALLOCATOR);
    work();
    let change = region.change();
    (change.allocations + change.reallocations, change.bytes_allocated)
}

/// Its key can be read as base64, too.
const SECRET: &str = "whsec_bG9uZyBlbm91Z2g=";

#[test]
fn allocations_are_bounded() {
    let body = r#"{"event":"call.ended","data":{"call":{"callId":"c"}}}"#;
    let now = SystemClock.now();
    let sign = |scheme| Signer::new(scheme, "whsec_first").unwrap().sign(now, body);

    let truedy = Truedy::new("whsec_first").unwrap().with_secret("whsec_second").unwrap();
    let headers = sign(truedy::SCHEME);
    assert_eq!(allocated(|| drop(truedy.verify(&Request::new(&headers, body.as_bytes())).unwrap())), (0, 0));
    assert_eq!(allocated(|| drop(truedy.verify(&Request::new(&headers, b"another")).unwrap_err())), (0, 0));
    let talkifai = TalkifAi::new("whsec_first").unwrap();
    let headers = sign(talkifai::SCHEME);
    assert_eq!(allocated(|| drop(talkifai.verify(&Request::new(&headers, body.as_bytes())).unwrap())), (0, 0));
    assert_eq!(allocated(|| drop(talkifai.verify(&Request::new(&headers, b"another")).unwrap_err())), (0, 0));
    let verifier = Salpre::bearer("s3cret-t0ken").unwrap();
    let headers = [("authorization", "Bearer s3cret-t0ken")];
    assert_eq!(allocated(|| drop(verifier.verify(&Request::new(&headers, b"")).unwrap())), (0, 0));
    let headers = [("authorization", "Bearer u")];
    assert_eq!(allocated(|| drop(verifier.verify(&Request::new(&headers, b"")).unwrap_err())), (0, 0));
    for recipe in vendors::ALL.into_iter().flat_map(|vendor| vendor.recipes) {
        let keys = HmacKeys::new(recipe.scheme, SECRET).unwrap();
        let headers = Signer::new(recipe.scheme, SECRET).unwrap().with_message_id("msg_1").sign(now, body);
        assert_eq!(allocated(|| drop(keys.verify(&Request::new(&headers, body.as_bytes())).unwrap())), (0, 0));
        assert_eq!(allocated(|| drop(keys.verify(&Request::new(&headers, b"another")).unwrap_err())), (0, 0));
    }

    // An event needs one allocation for each string and list that it keeps, and one for the boxed
    // call. serde_json needs one more, to count brackets, if it skips a nested value.
    for (limit, body) in [
        (3, r#"{"event":"call.ended","timestamp":"2026-03-18T14:32:00Z","id":"e","data":{"call":{"callId":"c"}}}"#),
        (3 + 1, r#"{"id":"e","data":{"call":{"callId":"c"}},"timestamp":"2026-03-18T14:32:00Z","event":"call.ended"}"#),
        (6, r#"{"event":"call.ended","data":{"call":{"callId":"c","agent":{"agentId":"a"},"metadata":{"k":"v"}}}}"#),
        (2 + 1, r#"{"event":"call.ended","data":{"call":{"callId":"c","duration":7,"x":["y",{"z":"u"}]}}}"#),
        (2 + 1, r#"{"event":"call.new","data":{"call":{"callId":"c","agent":{"agentId":"a"}}}}"#),
    ] {
        let mut event = None;
        let (count, _) = allocated(|| event = Some(truedy::Event::parse(body.as_bytes()).unwrap()));
        assert!(count <= limit, "{count} allocations, not at most {limit}: {body}");
    }

    let many = |count: usize| "[[[[[]]]]],".repeat(count);
    let keys: String = (0..1_000_000).map(|key| format!(r#""{key}":0,"#)).collect();
    let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    for body in [
        format!(r#"{{"event":"call.ended","data":{{"x":[{}1]}}}}"#, many(95_000)),
        format!(r#"{{"event":"call.ended","data":{{"call":{{"medium":{{"sip":[{}1]}}}}}}}}"#, many(95_000)),
        format!(r#"{{"event":"new","data":[{}1]}}"#, many(95_000)),
        format!(r#"{{"event":"call.ended","data":[{}1]}}"#, many(95_000)),
        format!(r#"{{"event":"call.ended",{keys}"data":{{}}}}"#),
        format!(r#"{{"event":"call.ended","data":{{{keys}"call":{{}}}}}}"#),
        format!(r#"{{"event":"new","data":{{{keys}"call":{{}}}}}}"#),
        format!(r#"{{"event":"call.ended","data":{{"x":{deep}}}}}"#),
        format!(r#"{{"event":"call.ended","data":{{"call":{{"callId":{deep}}}}}}}"#),
        deep.clone(),
    ] {
        let (_, bytes) = allocated(|| drop(truedy::Event::parse(body.as_bytes())));
        let times = bytes as f64 / body.len() as f64;
        eprintln!("{times:.2} bytes allocated per byte of {}…", &body[..60]);
        assert!(times < 4.0, "{times} × {} bytes: {}…", body.len(), &body[..60]);
    }

    // The entries of a list are allocated at the size of their type. With empty entries, a verified
    // sender can reach a fixed multiple of the body, and no more.
    let transcript = |entry: &str, last: &str| {
        let entries = entry.repeat(1_000_000 / entry.len());
        format!(r#"{{"event_type":"call_ended","payload":{{"transcript":[{entries}{last}]}}}}"#)
    };
    for (limit, body) in [
        (4.0, transcript(r#"{"type":"ai","message":"Yes.","utc_timestamp":"111111"},"#, "{}")),
        (48.0, transcript("{},", "{}")),
        // The list is read three times: it does not fit, then the entry is found that does not fit,
        // and then the list is read without it.
        (120.0, transcript("{},", "7")),
    ] {
        let (_, bytes) = allocated(|| drop(salpre::Event::parse(body.as_bytes())));
        let times = bytes as f64 / body.len() as f64;
        eprintln!("{times:.2} bytes allocated per byte of {}…", &body[..60]);
        assert!(times < limit, "{times} × {} bytes: {}…", body.len(), &body[..60]);
    }
}
