//! The example programs.

use std::path::PathBuf;
use std::process::Command;

/// Builds an example as this test was built, and says where it is.
pub fn build(name: &str) -> PathBuf {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--all-features", "--example", name])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the example {name} does not compile");
    let this = std::env::current_exe().unwrap();
    this.parent().unwrap().parent().unwrap().join("examples").join(name)
}
