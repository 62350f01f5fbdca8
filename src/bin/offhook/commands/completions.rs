//! `offhook completions`: what a shell needs to complete the arguments.

use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

use crate::failure::{Failure, Outcome};
use crate::output::Output;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  offhook completions bash > ~/.local/share/bash-completion/completions/offhook
  offhook completions zsh > \"${fpath[1]}/_offhook\"
  offhook completions fish > ~/.config/fish/completions/offhook.fish")]
pub(crate) struct Arguments {
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut crate::Arguments::command(), "offhook", &mut script);
    if output.is_json() {
        let script = String::from_utf8_lossy(&script);
        output.json(&json!({ "shell": arguments.shell.to_string(), "script": script }))?;
    } else {
        output.bytes(&script)?;
    }
    Ok(Outcome::Done)
}
