//! The commands; `main` below lists them.

use compare::alloc::Counting;
use compare::cases::{CASES, RECEIVE};
use compare::measure::{Results, measure};
use compare::{instructions, interpreters, load, scale};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const USAGE: &str = "\
compare table [GROUP] [BYTES]  nanoseconds, ratios and allocations, all or those that are named
compare load                   requests per second over loopback
compare scale                  against body size, secrets and threads
compare instructions           counted by callgrind
compare serve axum|actix       the server that `load` drives";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] | ["table"] => tables("", None),
        ["table", group] => tables(group, None),
        ["table", group, bytes] => tables(group, Some(number(bytes))),
        ["load"] => loads(),
        ["scale"] => scale::print(),
        ["instructions"] => instructions::print(),
        ["iterate", title, bytes, name, times] => {
            instructions::iterate(title, number(bytes), name, number(times) as u32);
        }
        ["serve", framework] => load::serve(framework),
        _ => {
            eprintln!("{USAGE}");
            std::process::exit(2);
        }
    }
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}

fn tables(only: &str, bytes: Option<usize>) {
    for case in CASES.iter().filter(|case| case.title.contains(only)) {
        for size in case.sizes.iter().filter(|size| bytes.is_none_or(|bytes| bytes == **size)) {
            let mut results = measure(case.group(*size));
            if case.title == RECEIVE {
                results.rows.extend(interpreters::rows(*size));
            }
            print(&results);
        }
    }
}

fn print(results: &Results) {
    println!("\n{}, {} bytes", results.title, results.bytes);
    for row in &results.rows {
        print!("  {:<50} {:>10.0} ns  {:>6.3} ×", row.name, row.nanos(), results.ratio(row, &results.rows[0]));
        match row.allocations {
            Some((count, bytes)) => println!("  {count:>4} allocations  {bytes:>8} bytes"),
            None => println!(),
        }
    }
}

fn loads() {
    println!("requests per second, and the server's processor time per request");
    load::measure(|load| {
        println!(
            "  {:<6} {:>6} bytes  {:>2} connections  bare {:>7.0}/s {:>6.1} µs  extractor {:>7.0}/s {:>6.1} µs  {:.3} ×",
            load.framework,
            load.bytes,
            load.connections,
            load.bare,
            load.bare_cpu,
            load.extractor,
            load.extractor_cpu,
            load.ratio,
        );
    });
}
