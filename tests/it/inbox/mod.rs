//! The inbox, on both databases.

mod accepting;
pub(crate) mod common;
mod operating;
mod stored;
mod working;
