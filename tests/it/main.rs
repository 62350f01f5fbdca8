//! Every test that can share a process with others, by what it tests.

mod events;
mod idempotency;
mod imports;
mod package;
mod verify;
mod web;
