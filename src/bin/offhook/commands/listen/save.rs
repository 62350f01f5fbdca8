//! Captures in a folder, one for each delivery.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::delivery::Delivery;
use crate::failure::Failure;

/// A folder for captures.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Opens a folder, and makes it if it does not exist.
    pub(super) fn open(path: PathBuf) -> Result<Self, Failure> {
        match std::fs::create_dir_all(&path) {
            Ok(()) => Ok(Folder(path)),
            Err(error) => Err(Failure::usage(&path.display().to_string(), &error)),
        }
    }

    /// Writes the capture of a delivery. A file that exists is never replaced.
    pub(super) fn save(&self, delivery: &Delivery) -> Result<(), Failure> {
        let path = self.0.join(name(delivery));
        write_new(&path, delivery.capture.to_json().as_bytes())
            .map_err(|error| Failure::failed(&path.display().to_string(), &error))
    }
}

fn write_new(path: &Path, content: &[u8]) -> std::io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(content)
}

/// Returns a name that sorts by time. What comes from the sender is reduced to letters, digits
/// and dots.
fn name(delivery: &Delivery) -> String {
    let shown = &delivery.shown;
    let event = shown.verdict.event.as_deref().unwrap_or(shown.verdict.code);
    let event: String =
        event.chars().take(40).map(|character| if is_plain(character) { character } else { '-' }).collect();
    let time: String =
        shown.received_at.chars().map(|character| if character == ':' { '-' } else { character }).collect();
    format!("{time}-{}-{}-{event}.json", shown.number, shown.verdict.vendor)
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-')
}
