//! Builds the example programs.

use std::path::PathBuf;
use std::process::Command;

use crate::crate_root;

/// Builds an example and returns its path. The flags are those of the workspace's tests, so that
/// nothing is compiled twice.
pub fn build(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    // The path of a test binary is `<target>/<profile>/deps/<name>`.
    let (profile, target) = (this.ancestors().nth(2).unwrap(), this.ancestors().nth(3).unwrap());
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--workspace", "--all-features", "--example", name, "--target-dir"])
        .arg(target)
        .current_dir(crate_root())
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the example {name} does not compile");
    profile.join("examples").join(name)
}
