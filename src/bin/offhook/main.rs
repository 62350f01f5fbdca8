//! The command `offhook`: signs, sends, verifies and explains deliveries while you develop a
//! receiver. `offhook --help` lists what it can do.

mod client;
mod commands;
mod failure;
mod forms;
mod input;
mod interrupt;
mod output;
mod rust_test;
#[cfg(test)]
mod scan;
#[cfg(test)]
mod tests;
mod vendors;

use clap::Parser;

use commands::Command;
use failure::{Failure, Outcome};
use output::Output;

/// Signs, sends, verifies and explains webhook deliveries.
///
/// Data goes to standard output, and messages go to standard error.
#[derive(Parser)]
#[command(name = "offhook", version, after_help = AFTER_HELP)]
struct Arguments {
    /// Write one JSON object a line
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  offhook listen --forward-to http://127.0.0.1:3000
  offhook send truedy call.ended --to http://127.0.0.1:8900/webhooks/truedy
  offhook explain capture.json

Exit codes:
  0    accepted, or done
  1    refused, or failed
  2    the arguments, a file or a secret cannot be used
  130  interrupted

Secrets are read from the environment, from --secret-file, or from the terminal:
  TRUEDY_WEBHOOK_SECRET, TALKIFAI_WEBHOOK_SECRET, SALPRE_WEBHOOK_TOKEN,
  ULTRAVOX_WEBHOOK_SECRET, STANDARD_WEBHOOKS_SECRET (also for svix)
The variable SALPRE_WEBHOOK_HEADER names the header of Salpre's token, if it is not
`Authorization: Bearer`.";

#[tokio::main]
async fn main() {
    let Arguments { json, command } = Arguments::parse();
    let output = Output::new(json);
    interrupt::listen().await;
    let outcome = command.run(&output).await;
    if let Err(failure) = &outcome {
        output.failure(failure);
    }
    // A thread that still waits for standard input must not hold up the end.
    std::process::exit(exit_code(&outcome));
}

fn exit_code(outcome: &Result<Outcome, Failure>) -> i32 {
    match outcome {
        // Whoever reads the output has seen enough of it.
        Ok(Outcome::Done) | Err(Failure::ClosedOutput) => 0,
        Ok(Outcome::Refused) | Err(Failure::Failed(_)) => 1,
        Err(Failure::Usage(_)) => 2,
        Err(Failure::Interrupted) => 130,
    }
}
