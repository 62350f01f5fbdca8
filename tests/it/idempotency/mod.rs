//! The idempotency stores, against real servers on loopback, and the flow around a handler.

mod broken;
mod cancelled;
mod capacity;
mod clocks;
mod common;
mod conflicts;
mod contract;
mod crash;
mod endpoints;
mod examples;
mod explorer;
mod faults;
mod flow;
mod http;
mod in_memory;
mod leases;
mod lines;
mod retention;
mod stale;
mod tasks;
mod transactions;
mod undecodable;
