//! All tests that can share a process with others, grouped by what they test.

mod claims;
mod command;
mod events;
mod idempotency;
mod imports;
mod inbox;
mod inbox_example;
mod kit;
mod log;
mod oracles;
mod package;
mod verify;
mod web;
