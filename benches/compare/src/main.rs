//! The commands: see `USAGE`.

use std::io::stdout;

use compare::alloc::Counting;
use compare::cases::CASES;
use compare::{instructions, load, profile, readme, scale};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const USAGE: &str = "\
compare table [GROUP] [BYTES]  nanoseconds, ratios and allocations, all or those that are named
compare load                   requests per second over loopback
compare profile                where a server's time goes under load, by perf
compare scale                  against body size, secrets and threads
compare instructions           counted by callgrind
compare readme                 all of it, into results.md, ../ratios.svg and docs/performance.md";

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
        ["profile"] => profile::report(&mut stdout()).unwrap(),
        ["scale"] => scale::report(&mut stdout()).unwrap(),
        ["instructions"] => instructions::report(&mut stdout()).unwrap(),
        ["readme"] => readme::write().unwrap(),
        // What `load` and `instructions` start.
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
