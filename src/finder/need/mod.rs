//! A need as somebody asks it, and the question that it comes to: from where, what must hold, what would be good.
//! Searches, matches and referrals ask in these words.

mod criteria;
mod home;
mod origin;

pub use criteria::{CoverageText, PreferredCriteria, RequiredCriteria, Values, radius_problem};
pub use home::{HomeAsk, TownName, is_state};
pub use origin::{Name, Near, Origin, OriginAsk, categories_of};

use jiff::Timestamp;

use super::question::{Criteria, Preferred, Question, Sort, Urgency};
use super::text::Words;
use crate::error::Result;
use crate::store::DbConnection;
use crate::types::Audience;

/// Values of one criterion that are read at most.
pub const MOST_VALUES: usize = 100;

/// A need as it was asked, before anything of it is looked up.
#[derive(Debug)]
pub struct NeedProfile {
    /// From where.
    pub origin: OriginAsk,
    /// How far a place may be.
    pub radius_km: f64,
    /// Whom the service is for.
    pub audience: Vec<Audience>,
    /// What must be written of it.
    pub words: Option<Words>,
    /// What must hold.
    pub required: Criteria,
    /// What ranks and never filters.
    pub preferred: Preferred,
    /// How quickly care is needed.
    pub urgency: Urgency,
    /// The longest expected wait.
    pub max_wait_days: Option<f64>,
    /// The order.
    pub sort: Sort,
}

impl NeedProfile {
    /// The question, with everything looked up that it names.
    ///
    /// # Errors
    /// [`crate::error::Error::Invalid`] if a place is not known; if the database fails.
    pub fn resolve(self, connection: &mut DbConnection, name: Name, now: Timestamp) -> Result<Question> {
        let Origin { at, residence, school, districts } = self.origin.find(connection, name)?;
        Ok(Question {
            origin: at,
            radius_km: self.radius_km,
            residence,
            school,
            districts,
            audience: self.audience,
            words: self.words,
            required: self.required,
            preferred: self.preferred,
            urgency: self.urgency,
            max_wait_days: self.max_wait_days,
            now,
        })
    }
}
