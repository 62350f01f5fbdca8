//! The test kit and the diagnosis.

mod calibration;
mod corpus;
mod deliver;
mod diagnosis;
mod explained;
mod near_misses;
mod samples;
