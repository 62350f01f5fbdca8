//! The inbox, on both databases.

mod accepting;
mod common;
mod faults;
mod lines;
mod operating;
mod processes;
mod stored;
mod working;
