//! The inbox, on both databases.

mod accepting;
mod common;
mod lines;
mod operating;
mod stored;
mod working;
