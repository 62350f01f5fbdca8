//! Bodies to events and back: what the vendors publish, what they might send, and
//! what nobody should.

mod calls;
mod edges;
mod hostile;
mod keys;
mod published;
mod robust;
mod roundtrip;
mod types;
mod ultravox;
mod vendors;
