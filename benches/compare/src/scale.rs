//! Measures the cost by the size of the body, by the number of secrets and by the number of threads.

use std::hint::black_box;
use std::io::{self, Write};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use offhook::{Delivery, Request, Truedy, Verifier, truedy};
use sha2::Sha256;

use crate::deliveries::{LARGE, SECRET, SIZES, SMALL, body, signed};
use crate::measure::{Group, Results, Subject, measure, median};

pub fn report(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nagainst the size of the body: nanoseconds per byte")?;
    for bytes in SIZES {
        let results = by_size(bytes);
        let per_byte = |name| results.row(name).nanos() / bytes as f64;
        writeln!(out, "  {bytes:>8} bytes  verify {:.3}  verify and parse {:.3}", per_byte(VERIFY), per_byte(RECEIVE))?;
    }
    for bytes in [SMALL, LARGE] {
        writeln!(out, "\nagainst the number of secrets, {bytes} bytes: as a multiple of one keyed Hmac")?;
        let results = by_secrets(bytes);
        for row in &results.rows {
            writeln!(out, "  {:<40} {:>6.3} ×", row.name, results.ratio(row, &results.rows[0]))?;
        }
    }
    for bytes in [SMALL, LARGE] {
        let (floor, ours) = by_threads(bytes);
        writeln!(out, "\nfrom 1 to 2 threads, {bytes} bytes: throughput")?;
        writeln!(out, "  a keyed Hmac each                        {floor:>6.3} ×")?;
        writeln!(out, "  verify and parse with one shared verifier {ours:>5.3} ×")?;
    }
    Ok(())
}

const VERIFY: &str = "verify";
const RECEIVE: &str = "verify and parse";

fn by_size(bytes: usize) -> Results {
    let (verify, receive) = (receiver(bytes), receiver(bytes));
    let subjects = vec![
        Subject::new(VERIFY, move || {
            verify.truedy.verify(&Request::new(black_box(&verify.headers), black_box(verify.body))).unwrap()
        }),
        Subject::new(RECEIVE, move || receive.once()),
    ];
    measure(Group { title: "size", bytes, subjects })
}

/// The first secret matches. The others are tried only because the comparison takes constant time.
fn by_secrets(bytes: usize) -> Results {
    let one = receiver(bytes);
    let mut subjects = vec![Subject::new("a keyed Hmac of the same bytes", move || one.mac())];
    for (count, name) in [(1, "1 secret"), (2, "2 secrets"), (4, "4 secrets"), (8, "8 secrets")] {
        let receiver = receiver(bytes);
        let mut verifier = receiver.truedy.clone();
        for index in 1..count {
            verifier = verifier.with_secret(format!("whsec_another_{index}")).unwrap();
        }
        subjects.push(Subject::new(name, move || {
            verifier.verify(&Request::new(black_box(&receiver.headers), black_box(receiver.body))).unwrap()
        }));
    }
    measure(Group { title: "secrets", bytes, subjects })
}

/// Returns the throughput of two threads as a multiple of the throughput of one: for the floor, and
/// for offhook with one verifier that the threads share.
fn by_threads(bytes: usize) -> (f64, f64) {
    let receiver = receiver(bytes);
    let mut ratios = [Vec::new(), Vec::new()];
    for _ in 0..15 {
        let works: [&(dyn Fn() + Sync); 2] = [
            &|| {
                black_box(receiver.mac());
            },
            &|| {
                black_box(receiver.once());
            },
        ];
        for (work, ratios) in works.into_iter().zip(&mut ratios) {
            let [one, two] = [1, 2].map(|threads| throughput(threads, work));
            ratios.push(two / one);
        }
    }
    let [floor, ours] = ratios.map(median);
    (floor, ours)
}

fn throughput(threads: usize, work: &(dyn Fn() + Sync)) -> f64 {
    let start = Barrier::new(threads);
    let run = || {
        start.wait();
        let begun = Instant::now();
        let mut count = 0;
        while begun.elapsed() < Duration::from_millis(40) {
            for _ in 0..8 {
                work();
            }
            count += 8;
        }
        f64::from(count) / begun.elapsed().as_secs_f64()
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

struct Receiver {
    truedy: Truedy,
    headers: HeaderMap,
    time: HeaderValue,
    /// The body is static, because threads that counted references to it would slow each other down.
    body: &'static [u8],
    key: Hmac<Sha256>,
}

fn receiver(bytes: usize) -> Receiver {
    let body = body(bytes);
    let headers = signed(truedy::SCHEME, body);
    Receiver {
        truedy: Truedy::new(SECRET).unwrap(),
        time: headers[truedy::TIMESTAMP_HEADER].clone(),
        headers,
        body: body.as_bytes(),
        key: Hmac::new_from_slice(SECRET.as_bytes()).unwrap(),
    }
}

impl Receiver {
    fn once(&self) -> Delivery<truedy::Event> {
        self.truedy.receive(black_box(&self.headers), black_box(self.body)).unwrap()
    }

    fn mac(&self) -> impl Sized + use<> {
        let mut mac = self.key.clone();
        mac.update(black_box(&self.time).as_bytes());
        mac.update(b".");
        mac.update(black_box(self.body));
        mac.finalize()
    }
}
