//! Signatures, checked against what other implementations sign and verify.

mod differential;
mod division;
mod facts;
mod lengths;
mod published;
pub mod recipes;
mod texts;
mod vectors;
mod wrapper;
