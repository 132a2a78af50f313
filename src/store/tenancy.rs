//! For whom a transaction works. Queries about students take it as an argument; on PostgreSQL the database is told
//! as well, and its row-level security shows the transaction nothing else (migration `0008_students`).

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::connection::DbConnection;
use crate::error::Result;
use crate::types::{DistrictId, OrganizationId, SchoolId};

/// One district, or some of its schools: whose students a caller may know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The district.
    pub district: DistrictId,
    /// Only these schools of it; none: the whole district.
    pub schools: Vec<SchoolId>,
}

/// For whom a transaction works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenancy {
    /// A district: its own students.
    District(Tenant),
    /// An organization: what was released to it.
    Agency(OrganizationId),
    /// The clock that ends offers and escalates crises, across districts.
    Clock,
    /// One who counts for the state: no row of any student.
    Analyst,
    /// The keeper of keys and of the audit, who wraps keys anew, seals and checks, and opens no identity.
    Keeper,
}

impl Tenancy {
    /// Tells the database, until the end of the transaction: a setting of the session would stay with the
    /// connection and show its next user what is not theirs.
    pub(super) fn enter(&self, connection: &mut DbConnection) -> Result<()> {
        let DbConnection::Postgres(postgres) = connection else { return Ok(()) };
        let (kind, district, organization) = match self {
            Self::District(tenant) => ("district", tenant.district.to_string(), String::new()),
            Self::Agency(organization) => ("agency", String::new(), organization.to_string()),
            Self::Clock => ("clock", String::new(), String::new()),
            Self::Analyst => ("analyst", String::new(), String::new()),
            Self::Keeper => ("keeper", String::new(), String::new()),
        };
        diesel::sql_query(
            "SELECT set_config('causeway.tenancy', $1, true), set_config('causeway.district', $2, true),
                    set_config('causeway.organization', $3, true)",
        )
        .bind::<Text, _>(kind)
        .bind::<Text, _>(district)
        .bind::<Text, _>(organization)
        .execute(postgres)?;
        Ok(())
    }
}
