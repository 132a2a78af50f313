//! Purposes.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

use crate::types::{UnknownCode, codes};

codes! {
    /// Why student information is touched or told.
    Purpose, "purpose" {
        /// To find and arrange a service for the student.
        CoordinateCare = "coordinate_care",
        /// To answer what the law lets somebody ask.
        LegalCompliance = "legal_compliance",
        /// To run the deployment: keys, retention.
        Operate = "operate",
    }
}
