//! Deliveries over real HTTP on loopback, to both frameworks.

mod copies;
mod debug;
mod functions;
mod request;
mod senders;
mod standalone;
mod transport;
