//! Signatures: the scheme language, checked by what others signed and by what they verify.

mod differential;
mod published;
pub(crate) mod recipes;
mod vectors;
