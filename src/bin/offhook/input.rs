//! Files and standard input.

use std::path::Path;

use tokio::io::AsyncReadExt;

use crate::failure::Failure;
use crate::forms::{self, BodyFiles, Input, MAX_BYTES};

/// Reads a delivery from a file, or from standard input if the path is `-`.
pub(crate) async fn read(path: &Path, body_files: BodyFiles) -> Result<Input, Failure> {
    let name = if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() };
    let bytes = read_bytes(path).await?;
    forms::parse(&bytes, body_files).map_err(|error| Failure::usage(&name, &error))
}

/// Reads a file, or standard input if the path is `-`.
pub(crate) async fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    // One byte more shows that a file is too large.
    let limit = MAX_BYTES.saturating_add(1);
    let read = if is_stdin(path) {
        tokio::io::stdin().take(limit).read_to_end(&mut bytes).await
    } else {
        match tokio::fs::File::open(path).await {
            Ok(file) => file.take(limit).read_to_end(&mut bytes).await,
            Err(error) => Err(error),
        }
    };
    let length = read.map_err(|error| Failure::usage(&name, &error))?;
    if u64::try_from(length).is_ok_and(|length| length <= MAX_BYTES) {
        Ok(bytes)
    } else {
        Err(Failure::Usage(format!("{name}: the file is larger than {MAX_BYTES} bytes")))
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}
