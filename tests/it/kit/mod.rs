//! The test kit and the diagnosis.

mod calibration;
mod corpus;
mod deliver;
mod diagnosis;
mod near_misses;
mod samples;
