//! Signatures, checked against what other implementations sign and verify.

mod differential;
mod published;
mod recipes;
mod vectors;
mod wrapper;
