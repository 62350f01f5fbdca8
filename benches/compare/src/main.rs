//! `compare [GROUP] [BYTES]` prints the tables, all or those that are named.

use compare::alloc::Counting;
use compare::cases::{CASES, RECEIVE};
use compare::interpreters;
use compare::measure::{Results, measure};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    let bytes: Option<usize> = std::env::args().nth(2).map(|bytes| bytes.parse().unwrap());
    for case in CASES.iter().filter(|case| case.title.contains(&only)) {
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
