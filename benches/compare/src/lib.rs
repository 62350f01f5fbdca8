//! Measures offhook, its peers and the least possible work, interleaved in one run.

pub mod alloc;
pub mod cases;
pub mod deliveries;
pub mod instructions;
pub mod interpreters;
pub mod load;
pub mod measure;
pub mod profile;
pub mod readme;
pub mod routes;
pub mod scale;
