//! The inbox, on both databases.

mod accepting;
mod batches;
pub(crate) mod common;
mod faults;
mod latency;
mod lines;
mod operating;
mod processes;
mod schema;
mod stored;
mod working;
