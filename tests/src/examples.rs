//! Builds the example programs and the command.

use std::path::PathBuf;
use std::process::Command;

use crate::crate_root;

/// Builds an example and returns its path.
pub fn build(name: &str) -> PathBuf {
    compile(&["--example", name]).join("examples").join(name)
}

/// Builds the command `offhook` and returns its path.
pub fn build_command() -> PathBuf {
    compile(&["--bin", "offhook"]).join("offhook")
}

/// Compiles a program and returns the folder of the build. The flags are those of the workspace's
/// tests, so that nothing is compiled twice.
fn compile(program: &[&str]) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    // The path of a test binary is `<target>/<profile>/deps/<name>`.
    let (profile, target) = (this.ancestors().nth(2).unwrap(), this.ancestors().nth(3).unwrap());
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--workspace", "--all-features"])
        .args(program)
        .arg("--target-dir")
        .arg(target)
        .current_dir(crate_root())
        // scripts/mutants sets it for this program only. Another value would compile all dependencies again.
        .env_remove("RUSTC_BOOTSTRAP")
        .status()
        .expect("cargo runs");
    assert!(status.success(), "{program:?} does not compile");
    profile.to_owned()
}
