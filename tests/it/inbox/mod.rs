//! The inbox, on both databases.

mod accepting;
mod common;
mod operating;
mod stored;
mod working;
