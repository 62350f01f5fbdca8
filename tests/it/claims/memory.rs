//! Secrets in memory, read from outside of the process that had them.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::process::{Child, Command, Stdio};

use base64ct::{Base64, Encoding as _};
use offhook::testing::{Signer, samples};
use offhook::{Salpre, StandardWebhooks, Truedy, Verifier};

/// Tells this test binary that it is the child, and what it shall do.
const CHILD: &str = "OFFHOOK_TEST_KEEPS";

/// The name of the test below, which the child runs.
const TEST: &str = "claims::memory::the_heap_holds_no_secret_that_a_verifier_was_made_of";

/// What an HMAC combines a key with, byte by byte.
const PADS: [u8; 3] = [0, 0x36, 0x5c];

#[test]
fn the_heap_holds_no_secret_that_a_verifier_was_made_of() {
    if let Ok(kept) = std::env::var(CHILD) {
        return child(&kept);
    }

    // The control: what the child keeps is found, in every form.
    let found = search_child("secrets");
    for (name, _) in secrets() {
        for pad in PADS {
            assert!(
                found.contains(&format!("{name} ^ {pad:#04x}")),
                "{name} ^ {pad:#04x} is kept, and not found: {found:?}"
            );
        }
    }
    // Verifiers that were used, while they live and after they were dropped.
    assert_eq!(search_child("verifiers"), Vec::<String>::new());
    assert_eq!(search_child("nothing"), Vec::<String>::new());
}

/// The secrets, with names. They are computed, so that no constant of the program holds them.
///
/// Two are so long that nothing else has use for the memory after they are freed. The first
/// fits into a block of the hash, which is where an HMAC combines the key with its pads.
fn secrets() -> [(&'static str, Vec<u8>); 3] {
    [("signing secret", 60), ("base64 key", 1500), ("token", 1000)].map(|(name, length)| {
        let start = name.len() * 101;
        let letters = (0..length).map(|at| b'A' + u8::try_from((start + at * at * 7 + at * 3) % 26).unwrap());
        (name, letters.collect())
    })
}

/// Makes and uses verifiers, keeps what it shall keep, and waits.
fn child(kept: &str) {
    let living = (kept != "secrets").then(verifiers);
    let verifiers = living.filter(|_| kept == "verifiers");
    let forms: Vec<Vec<u8>> = match kept {
        "secrets" => {
            let all = secrets();
            let padded = |secret: &[u8]| PADS.map(|pad| secret.iter().map(|byte| byte ^ pad).collect());
            all.iter().flat_map(|(_, secret)| padded(secret)).collect()
        }
        _ => Vec::new(),
    };

    println!("\nready");
    std::io::stdout().flush().unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    drop((verifiers, forms));
}

type Verifiers = (Truedy, StandardWebhooks<serde_json::Value>, Salpre);

/// Makes several of each, so that what one leaves behind in freed memory is not overwritten
/// by chance.
fn verifiers() -> Vec<Verifiers> {
    let mut all = Vec::with_capacity(20);
    for _ in 0..20 {
        let [(_, signing), (_, key), (_, token)] = secrets();
        let text = encoded_and_wiped(key);
        all.push((Truedy::new(signing).unwrap(), StandardWebhooks::new(text).unwrap(), Salpre::bearer(token).unwrap()));
        if all.len() == 1 {
            use_them(&all[0]);
        }
    }
    all
}

fn use_them((truedy, webhooks, salpre): &Verifiers) {
    let request = Signer::of(truedy).request("/", samples::truedy::CALL_ENDED);
    truedy.receive(&request.headers, request.body.clone()).unwrap();
    let request = Signer::of(webhooks).request("/", samples::truedy::CALL_ENDED);
    webhooks.receive(&request.headers, request.body.clone()).unwrap();
    assert!(salpre.receive(&[("authorization", "Bearer wrong")], "{}").is_err());
}

/// Encodes a key and wipes the bytes, which this test owns.
fn encoded_and_wiped(mut key: Vec<u8>) -> String {
    let text = Base64::encode_string(&key);
    key.fill(0);
    std::hint::black_box(&key);
    text
}

/// Returns which secrets are in the heap of a child that keeps this.
fn search_child(kept: &str) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([TEST, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, kept)
        // One heap for all threads, in one region of memory.
        .env("MALLOC_ARENA_MAX", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "ready"), "the child ended");
    let found = search(&child);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    found
}

fn search(child: &Child) -> Vec<String> {
    let process = format!("/proc/{}", child.id());
    let maps = std::fs::read_to_string(format!("{process}/maps")).unwrap();
    let heap = maps.lines().find(|region| region.ends_with("[heap]")).unwrap();
    let (from, to) = heap.split(' ').next().unwrap().split_once('-').unwrap();
    let [from, to] = [from, to].map(|address| u64::from_str_radix(address, 16).unwrap());
    let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
    File::open(format!("{process}/mem")).unwrap().read_exact_at(&mut bytes, from).unwrap();

    let mut found = Vec::new();
    for (name, secret) in secrets() {
        for pad in PADS {
            // The allocator writes into the first bytes of what is freed.
            let starts = [16, secret.len() / 2, secret.len() - 16];
            let pieces = starts.map(|at| secret[at..at + 16].iter().map(|byte| byte ^ pad).collect::<Vec<_>>());
            if bytes.windows(16).any(|window| pieces.iter().any(|piece| window == piece)) {
                found.push(format!("{name} ^ {pad:#04x}"));
            }
        }
    }
    found
}
