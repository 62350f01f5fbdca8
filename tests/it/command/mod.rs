//! The command `offhook`, run as a program: its data, its messages and its exit codes.

mod inbox;
mod judging;
mod listening;
mod package;
mod replaying;
mod sending;
mod signing;
mod suite;
mod terminal;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use offhook_tests::examples;

pub(crate) const TRUEDY_SECRET: &str = "whsec_S3cretMarker";
pub(crate) const SALPRE_TOKEN: &str = "S3cretMarker-token";
/// It is not among the secrets of `command`.
pub(crate) const STANDARD_SECRET: &str = "whsec_UzNjcmV0TWFya2VyVXNlZEhlcmU=";

/// What a run of the command left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Returns the path of the command.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(examples::build_command);
    &PROGRAM
}

/// Returns the command with these arguments and with the secrets of Truedy and Salpre.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).env_clear();
    command.env("TRUEDY_WEBHOOK_SECRET", TRUEDY_SECRET).env("SALPRE_WEBHOOK_TOKEN", SALPRE_TOKEN);
    command
}

/// Runs the command with this standard input.
pub(crate) fn run(mut command: Command, stdin: &[u8]) -> Run {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that ends without reading its input closes it.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code().expect("the command ended by itself"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the command with these arguments.
pub(crate) fn offhook(arguments: &[&str]) -> Run {
    run(command(arguments), b"")
}

/// Returns the only line of JSON that the command wrote.
pub(crate) fn json(run: &Run) -> serde_json::Value {
    assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
    serde_json::from_str(&run.stdout).unwrap()
}
