//! Verifies deliveries while valgrind knows which bytes are secret.
//!
//! Secrets and configured tokens are marked as undefined memory. Memcheck follows what is
//! computed from them, and reports each branch and each address that depends on it: exactly
//! what makes the time of a computation depend on a secret.
//!
//! What a request holds is not secret: whoever sends it knows it. So reading its headers,
//! and finding out that a signature has a wrong form, may take any time. Secret are the
//! configured secret, the keyed state, our own signature, and the digest of a configured
//! token. Whether they match is public, since the answer tells it. The few branches on that,
//! and those of the checks of a configuration, are named in `permitted.supp`.

mod cases;
mod secrecy;

use std::process::ExitCode;

use crabgrind::{RunMode, run_mode};

use crate::cases::CASES;

fn main() -> ExitCode {
    // With this argument the crate under test has been damaged, and every case must be reported.
    let damaged = std::env::args().nth(1).as_deref() == Some("--damaged");
    if run_mode() != RunMode::Valgrind {
        eprintln!("this program shows something under valgrind only: use scripts/constant-time");
        return ExitCode::FAILURE;
    }
    let mut failed = !run_case("the control that compares byte by byte", cases::leaky_control, true);
    for (name, case) in CASES {
        failed |= !run_case(name, *case, damaged);
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Runs one case, and returns whether it was reported exactly if it must be.
fn run_case(name: &str, case: fn(), must_be_reported: bool) -> bool {
    let before = crabgrind::count_errors();
    case();
    let reports = crabgrind::count_errors() - before;
    let holds = (reports > 0) == must_be_reported;
    println!("{} {name}: {reports} reports", if holds { "ok    " } else { "FAILED" });
    holds
}
