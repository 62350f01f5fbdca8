//! Deliveries over real HTTP on loopback, to both frameworks.

mod codes;
mod copies;
mod crowds;
mod debug;
mod functions;
mod limits;
mod raw_sockets;
mod request;
mod senders;
mod standalone;
mod timeouts;
mod transport;
