//! The inbox, on both databases.

mod accepting;
pub(crate) mod common;
mod faults;
mod lines;
mod operating;
mod processes;
mod stored;
mod working;
