//! Signatures: the scheme language, checked by what others signed and by what they verify.

mod differential;
mod division;
mod published;
mod recipes;
mod vectors;
mod wrapper;
