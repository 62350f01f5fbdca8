//! The example `inbox`, as a process: what it prints, how it ends, and what survives when it is
//! killed.

mod crash;
mod server;
mod steps;
