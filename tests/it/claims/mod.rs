//! What SECURITY.md and the README promise.

#[cfg(target_os = "linux")]
mod memory;
mod promises;
mod table;
mod texts;
