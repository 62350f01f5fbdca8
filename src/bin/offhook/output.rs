//! Data on standard output, and messages on standard error.

use std::io::{self, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Where a command writes, and in which form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Output { json }
    }

    /// Returns whether the data is to be JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Writes data as text.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        self.bytes(text.as_bytes())
    }

    /// Writes data as it is.
    pub(crate) fn bytes(&self, data: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(data).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ClosedOutput,
            _ => Failure::failed("standard output", &error),
        })
    }

    /// Writes data as one line of JSON.
    pub(crate) fn json(&self, data: &impl Serialize) -> Result<(), Failure> {
        let line = serde_json::to_string(data).map_err(|error| Failure::failed("standard output", &error))?;
        self.text(&format!("{line}\n"))
    }

    /// Writes a message. One that cannot be written is lost, because there is no other place
    /// for it.
    pub(crate) fn message(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Writes why a command ended, unless nobody is there to read it.
    pub(crate) fn failure(&self, failure: &Failure) {
        match failure {
            Failure::ClosedOutput => {}
            Failure::Interrupted => self.message("interrupted"),
            Failure::Usage(text) | Failure::Failed(text) => self.message(&format!("error: {text}")),
        }
    }
}

/// Returns text from outside with its control characters escaped, so that it cannot move the
/// cursor or change the colours of a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut printable, character| {
        if character.is_control() {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
        printable
    })
}
