//! offhook beside the floor and its peers, interleaved in one run.
//!
//! Each figure is the median of many short rounds, and in every round each
//! subject runs once, so that what disturbs the machine disturbs all alike.

mod alloc;
mod cases;
mod measure;

use cases::Size;
use measure::{Subject, measure};

fn main() {
    let only = std::env::args().nth(1);
    let bytes: Option<usize> = std::env::args().nth(2).map(|bytes| bytes.parse().unwrap());
    for size in [Size::Small, Size::Medium, Size::Large, Size::Huge] {
        if bytes.is_some_and(|bytes| bytes != size.bytes()) {
            continue;
        }
        for (group, subjects) in [
            ("verify, time and body signed (Truedy)", cases::verify_timed(size)),
            ("verify, body signed (TalkifAI, GitHub)", cases::verify_body(size)),
            ("verify, Standard Webhooks", cases::verify_standard(size)),
            ("parse", cases::parse(size)),
            ("verify and parse", cases::verify_and_parse(size)),
        ] {
            if only.as_ref().is_some_and(|only| !group.contains(only.as_str())) {
                continue;
            }
            report(group, size, subjects);
        }
    }
}

fn report(group: &str, size: Size, mut subjects: Vec<Subject>) {
    let results = measure(&mut subjects);
    println!("\n{group}, {} bytes", size.bytes());
    let floor = results[0].nanos;
    for (subject, result) in subjects.iter().zip(&results) {
        println!(
            "  {:<52} {:>10.0} ns  {:>6.3} ×  {:>4} allocations  {:>8} bytes",
            subject.name,
            result.nanos,
            result.nanos / floor,
            result.allocations,
            result.allocated,
        );
    }
}
