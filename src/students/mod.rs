//! Students.
