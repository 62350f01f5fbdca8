//! The commands; `USAGE` lists them.

use std::io::stdout;
use std::path::Path;

use compare::alloc::Counting;
use compare::cases::CASES;
use compare::{instructions, load, profile, readme, scale};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const USAGE: &str = "\
compare table [GROUP] [BYTES]  prints nanoseconds, ratios and allocations, of all groups and sizes by default
compare load                   prints requests per second over loopback
compare load BEFORE            the same, beside BEFORE: this program, built from another revision
compare profile                prints where perf finds a server's time under load
compare scale                  prints the cost by body size, number of secrets and number of threads
compare instructions           prints instructions, counted by callgrind
compare readme                 measures everything, and writes results.md, ../ratios.svg and docs/performance.md";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] | ["table"] => tables("", None),
        ["table", group] => tables(group, None),
        ["table", group, bytes] => tables(group, Some(number(bytes))),
        ["load"] => {
            println!("{}", load::TITLE);
            load::measure(|load| println!("{load}"));
        }
        ["load", before] => {
            println!("{}", load::TITLE);
            load::measure_beside(Path::new(before), |load| println!("{load}"));
        }
        ["profile"] => profile::report(&mut stdout()).unwrap(),
        ["scale"] => scale::report(&mut stdout()).unwrap(),
        ["instructions"] => instructions::report(&mut stdout()).unwrap(),
        ["readme"] => readme::write().unwrap(),
        // `load` and `instructions` start this program with these commands.
        ["serve", framework] => load::serve(framework),
        ["iterate", title, bytes, name, times] => {
            instructions::iterate(title, number(bytes), name, number(times) as u32);
        }
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
            println!("\n{}", case.measure(*size));
        }
    }
}
