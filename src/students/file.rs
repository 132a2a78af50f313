//! What stands on file of one student, opened.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::model::{Guardian, Student};
use super::{find, guardians};
use crate::directory::{self, DistrictFacts};
use crate::error::Result;
use crate::privacy::GuardianAccess;
use crate::privacy::signers::{MinorCare, Minority};
use crate::privacy::vault::{StudentKey, Vault};
use crate::store::{Tenant, Tx};
use crate::types::{GuardianId, StudentId};

/// One student with what decides about what may be told.
pub(crate) struct File {
    pub(crate) student: Student,
    pub(crate) key: StudentKey,
    /// Those who are so now.
    pub(crate) guardians: Vec<Guardian>,
    /// The two letters of the district's state, where they are known.
    state: Option<String>,
    /// The district's; UTC where it is not known.
    pub(crate) zone: TimeZone,
}

impl File {
    /// Opens the file of a student.
    ///
    /// # Errors
    /// [`crate::error::Error::NotFound`] if it is not one of the tenant's.
    pub(crate) fn open(tx: &mut Tx<'_>, vault: &Vault, tenant: &Tenant, id: StudentId) -> Result<Self> {
        let (student, key) = find(tx, vault, tenant, id)?;
        let guardians = guardians::of(tx, tenant, id, &key)?;
        let district = directory::find::<DistrictFacts>(tx.connection, tenant.district)?.facts;
        let zone = district.time_zone.and_then(|name| TimeZone::get(&name).ok()).unwrap_or(TimeZone::UTC);
        Ok(Self { student, key, guardians, state: district.state, zone })
    }

    /// Which day it is where the district is.
    pub(crate) fn day(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }

    /// What decides who must sign.
    pub(crate) fn minority(&self, minor_care: Option<MinorCare>) -> Minority<'_> {
        Minority {
            state: self.state.as_deref(),
            birth_date: self.student.facts.birth_date,
            grade: self.student.facts.grade,
            minor_care,
        }
    }

    /// What each guardian may know and decide.
    pub(crate) fn access(&self) -> Vec<(GuardianId, GuardianAccess)> {
        self.guardians.iter().map(|guardian| (guardian.id, guardian.facts.access)).collect()
    }
}
