//! Tests that parse bodies into events and write events as JSON again: published deliveries,
//! bodies that a vendor might send, and bodies that no vendor should send.

mod calls;
mod edges;
mod hostile;
mod keys;
mod published;
mod robust;
mod roundtrip;
mod types;
mod vendors;
