//! Students.

pub mod crises;
