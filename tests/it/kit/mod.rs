//! The test kit and the diagnosis.

mod samples;
