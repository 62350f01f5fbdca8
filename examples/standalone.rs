//! Verifies a captured request without a framework, and prints its event.
//!
//! ```text
//! standalone VENDOR [--at UNIX_SECONDS] --request FILE
//! standalone VENDOR [--at UNIX_SECONDS] -H 'name: value' … --body FILE
//! ```
//!
//! VENDOR is `truedy`, `talkifai` or `salpre`. `--request` names a file with the whole HTTP
//! request, head and body; `-` is standard input. The secret is read from
//! TRUEDY_WEBHOOK_SECRET, TALKIFAI_WEBHOOK_SECRET or SALPRE_WEBHOOK_TOKEN. `--at` is the time at
//! which the request was captured; without it, an old request is refused.
//!
//! The program exits with 0 if the delivery is accepted, with 1 if it is refused, and with 2 if
//! it cannot be checked.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::error::Error;
use std::io::Read;
use std::process::ExitCode;

use offhook::event::Parsed;
use offhook::{Clock, FixedClock, Salpre, SystemClock, TalkifAi, Truedy, Verifier};
use serde::Serialize;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, Box<dyn Error>> {
    let request = Captured::from_args()?;
    let clock = FixedClock::at(request.at.unwrap_or_else(|| SystemClock.now()));
    match request.vendor.as_str() {
        "truedy" => report(&Truedy::new(secret("TRUEDY_WEBHOOK_SECRET")?)?.with_clock(clock), &request),
        "talkifai" => report(&TalkifAi::new(secret("TALKIFAI_WEBHOOK_SECRET")?)?.with_clock(clock), &request),
        "salpre" => report(&Salpre::bearer(secret("SALPRE_WEBHOOK_TOKEN")?)?, &request),
        other => Err(format!("VENDOR must be truedy, talkifai or salpre, not {other}").into()),
    }
}

fn report<V: Verifier>(verifier: &V, request: &Captured) -> Result<bool, Box<dyn Error>>
where
    Parsed<V::Event>: Serialize,
{
    match verifier.receive(&request.headers, request.body.clone()) {
        Ok(delivery) => {
            println!("{}", serde_json::to_string(delivery.parsed())?);
            Ok(true)
        }
        Err(error) => {
            eprintln!("refused: {} ({error})", error.code());
            Ok(false)
        }
    }
}

struct Captured {
    vendor: String,
    at: Option<chrono::DateTime<chrono::Utc>>,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Captured {
    fn from_args() -> Result<Self, Box<dyn Error>> {
        let mut args = std::env::args().skip(1);
        let vendor = args.next().ok_or("usage: standalone VENDOR --request FILE (see the source for more)")?;
        let mut captured = Captured { vendor, at: None, headers: Vec::new(), body: Vec::new() };
        while let Some(option) = args.next() {
            let value = args.next().ok_or_else(|| format!("{option} needs a value"))?;
            match option.as_str() {
                "--at" => {
                    let time = chrono::DateTime::from_timestamp(value.parse()?, 0);
                    captured.at = Some(time.ok_or("--at is out of range")?);
                }
                "-H" => captured.headers.push(header(value.as_bytes())?),
                "--body" => captured.body = read(&value)?,
                "--request" => captured.set_request(&read(&value)?)?,
                _ => return Err(format!("{option} is not an option of this program").into()),
            }
        }
        Ok(captured)
    }

    fn set_request(&mut self, request: &[u8]) -> Result<(), Box<dyn Error>> {
        let mut rest = request;
        let mut lines = std::iter::from_fn(|| {
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let (line, tail) = rest.split_at_checked(end)?;
            rest = tail.get(1..)?;
            Some(line.strip_suffix(b"\r").unwrap_or(line))
        });
        lines.next().ok_or("the request has no request line")?;
        for line in lines.take_while(|line| !line.is_empty()) {
            self.headers.push(header(line)?);
        }
        self.body = rest.to_vec();
        Ok(())
    }
}

fn header(line: &[u8]) -> Result<(String, Vec<u8>), Box<dyn Error>> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or("a header line has no colon")?;
    let (name, value) = line.split_at(colon);
    Ok((String::from_utf8(name.to_vec())?, value.strip_prefix(b":").unwrap_or(value).to_vec()))
}

fn read(file: &str) -> std::io::Result<Vec<u8>> {
    if file == "-" {
        let mut input = Vec::new();
        std::io::stdin().read_to_end(&mut input)?;
        return Ok(input);
    }
    std::fs::read(file)
}

fn secret(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("{name} is not set"))
}
