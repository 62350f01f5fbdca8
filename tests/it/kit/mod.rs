//! The test kit and the diagnosis.

mod near_misses;
mod samples;
