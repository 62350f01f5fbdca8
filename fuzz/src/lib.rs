//! What the fuzz targets run.

use std::sync::OnceLock;

/// Checks the input by the oracle of this name. With `OFFHOOK_PLANTED_FAULT` set, the crate under
/// test has the planted fault of the oracle, which the run must find.
pub fn check(oracle: &str, input: &[u8]) {
    static CHECK: OnceLock<fn(&[u8])> = OnceLock::new();
    let check = CHECK.get_or_init(|| {
        let all = offhook_oracles::ALL;
        let found = all.into_iter().find(|found| found.name == oracle).expect("a target has the name of its oracle");
        if std::env::var_os("OFFHOOK_PLANTED_FAULT").is_some() { found.check_planted } else { found.check }
    });
    check(input);
}
