//! How a noun of the directory is kept: one generic record, one small table mapping per noun.

use std::fmt;

use diesel::prelude::*;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::facts::{
    CapacityPoolFacts, DistrictFacts, InsurancePlanFacts, LocationFacts, OfferingFacts, OrganizationFacts,
    PartnershipFacts, SchoolFacts, ServiceFacts,
};
use crate::error::{Error, FieldError, Result};
use crate::store::{DbConnection, Noun, among, from_sql, schema, to_sql};
use crate::types::{
    CapacityPoolId, DistrictId, DistrictKind, InsurancePlanId, LocationId, OfferingId, OrganizationId,
    PartnershipId, SchoolId, ServiceId,
};

/// One thing of the directory, as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<F: Facts> {
    /// Which one.
    pub id: F::Id,
    /// Grows by one with every change.
    pub version: i64,
    /// When it was first recorded.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was retired: it is kept, and neither listed nor found any more.
    pub retired_at: Option<Timestamp>,
    /// What is said of it.
    pub facts: F,
}

/// The facts of one noun, and where its records are kept.
pub trait Facts:
    Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The noun's identifier.
    type Id: Copy + Eq + std::hash::Hash + fmt::Debug + fmt::Display + From<Uuid> + Into<Uuid> + Send + Sync;

    /// The noun.
    const NOUN: Noun;

    /// The names of the fields.
    const FIELDS: &'static [&'static str];

    /// The columns by which a list can be filtered.
    const FILTERS: &'static [&'static str];

    /// What is wrong with these facts on their own.
    fn problems(&self) -> Vec<FieldError>;

    /// The things they refer to, each with its JSON pointer.
    fn references(&self) -> Vec<(String, Noun, Uuid)>;

    /// Services that they name and that must be this organization's, each with its JSON pointer.
    fn own_services(&self) -> Vec<(String, ServiceId, OrganizationId)>;

    #[doc(hidden)]
    fn insert(connection: &mut DbConnection, record: &Record<Self>) -> Result<()>;
    #[doc(hidden)]
    fn update(connection: &mut DbConnection, record: &Record<Self>, expected: i64) -> Result<bool>;
    #[doc(hidden)]
    fn rows(connection: &mut DbConnection, ids: &[String]) -> Result<Vec<Row>>;
    #[doc(hidden)]
    fn page(connection: &mut DbConnection, page: &Page) -> Result<(Vec<Row>, i64)>;
}

/// What a list asks for.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Only records behind this one; lists run in the order of ids.
    pub after: Option<Uuid>,
    /// How many.
    pub limit: i64,
    /// Retired ones too.
    pub include_retired: bool,
    /// Columns of [`Facts::FILTERS`] and the value each must have; of several for one column, any.
    pub filters: Vec<(&'static str, String)>,
}

impl Page {
    fn values(&self, filter: &str) -> Vec<&String> {
        self.filters.iter().filter(|(name, _)| *name == filter).map(|(_, value)| value).collect()
    }
}

/// Totals are counted up to here.
pub const COUNTED_UP_TO: i64 = 1_000;

pub(super) type Row =
    (String, i64, chrono::NaiveDateTime, chrono::NaiveDateTime, Option<chrono::NaiveDateTime>, String);

impl<F: Facts> Record<F> {
    pub(super) fn from_row((id, version, created_at, updated_at, retired_at, facts): Row) -> Result<Self> {
        Ok(Self {
            id: parse_id(&id)?,
            version,
            created_at: from_sql(created_at),
            updated_at: from_sql(updated_at),
            retired_at: retired_at.map(from_sql),
            facts: serde_json::from_str(&facts).map_err(|source| {
                Error::internal(format!("reading the facts of {} {id}", F::NOUN.as_str()), source)
            })?,
        })
    }
}

pub(crate) fn parse_id<Id: From<Uuid>>(text: &str) -> Result<Id> {
    text.parse::<Uuid>()
        .map(Id::from)
        .map_err(|source| Error::internal(format!("reading the id {text:?}"), source))
}

/// Finds records by id, in no particular order; ids that are not there are left out. Chunked, because
/// SQLite takes only so many values at once.
pub(crate) fn find_all<F: Facts>(connection: &mut DbConnection, ids: &[F::Id]) -> Result<Vec<Record<F>>> {
    let mut records = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(500) {
        let ids: Vec<String> = chunk.iter().map(ToString::to_string).collect();
        for row in F::rows(connection, &ids)? {
            records.push(Record::from_row(row)?);
        }
    }
    Ok(records)
}

/// Finds one record, retired or not.
///
/// # Errors
/// [`Error::NotFound`].
pub fn find<F: Facts>(connection: &mut DbConnection, id: F::Id) -> Result<Record<F>> {
    find_all(connection, &[id])?
        .pop()
        .ok_or_else(|| Error::NotFound { what: F::NOUN.as_str(), id: id.to_string() })
}

macro_rules! stored {
    ($($facts:ty: $id:ty, $noun:ident in $table:ident {
        $($column:ident = |$it:ident| $value:expr),* $(,)?
    } filters { $($filter:ident),* } $(if not in { $hidden:expr })?)+) => {$(
        impl Facts for $facts {
            type Id = $id;
            const NOUN: Noun = Noun::$noun;
            const FIELDS: &'static [&'static str] = <$facts>::FIELDS;
            const FILTERS: &'static [&'static str] = &[$(stringify!($filter)),*];

            fn problems(&self) -> Vec<FieldError> {
                let mut problems = super::rules::Problems::default();
                super::rules::Check::check(self, &mut problems);
                problems.into_inner()
            }

            fn references(&self) -> Vec<(String, Noun, Uuid)> {
                super::rules::Check::references(self)
            }

            fn own_services(&self) -> Vec<(String, ServiceId, OrganizationId)> {
                super::rules::Check::own_services(self)
            }

            fn insert(connection: &mut DbConnection, record: &Record<Self>) -> Result<()> {
                use schema::$table::dsl;
                diesel::insert_into(dsl::$table)
                    .values((
                        dsl::id.eq(record.id.to_string()),
                        dsl::version.eq(record.version),
                        dsl::created_at.eq(to_sql(record.created_at)),
                        dsl::updated_at.eq(to_sql(record.updated_at)),
                        dsl::retired_at.eq(record.retired_at.map(to_sql)),
                        $(dsl::$column.eq({ let $it = &record.facts; $value }),)*
                        dsl::facts.eq(to_json(&record.facts)?),
                    ))
                    .execute(connection)?;
                Ok(())
            }

            fn update(connection: &mut DbConnection, record: &Record<Self>, expected: i64) -> Result<bool> {
                use schema::$table::dsl;
                let changed = diesel::update(
                        dsl::$table.filter(dsl::id.eq(record.id.to_string())).filter(dsl::version.eq(expected)),
                    )
                    .set((
                        dsl::version.eq(record.version),
                        dsl::updated_at.eq(to_sql(record.updated_at)),
                        dsl::retired_at.eq(record.retired_at.map(to_sql)),
                        $(dsl::$column.eq({ let $it = &record.facts; $value }),)*
                        dsl::facts.eq(to_json(&record.facts)?),
                    ))
                    .execute(connection)?;
                Ok(changed == 1)
            }

            fn rows(connection: &mut DbConnection, ids: &[String]) -> Result<Vec<Row>> {
                use schema::$table::dsl;
                let all = dsl::$table.select((
                    dsl::id, dsl::version, dsl::created_at, dsl::updated_at, dsl::retired_at, dsl::facts,
                ));
                Ok(among!(all, dsl::id, ids).load(connection)?)
            }

            fn page(connection: &mut DbConnection, page: &Page) -> Result<(Vec<Row>, i64)> {
                use schema::$table::dsl;
                macro_rules! filtered {
                    ($query:expr) => {{
                        let mut query = $query;
                        if !page.include_retired {
                            query = query.filter(dsl::retired_at.is_null());
                        }
                        $(query = query.filter(dsl::id.ne_all($hidden));)?
                        $(let values = page.values(stringify!($filter));
                        if !values.is_empty() {
                            query = query.filter(dsl::$filter.eq_any(values));
                        })*
                        query
                    }};
                }
                let mut query = filtered!(dsl::$table
                    .select((dsl::id, dsl::version, dsl::created_at, dsl::updated_at, dsl::retired_at, dsl::facts))
                    .order(dsl::id)
                    .limit(page.limit)
                    .into_boxed());
                if let Some(after) = page.after {
                    query = query.filter(dsl::id.gt(after.to_string()));
                }
                let rows = query.load(connection)?;
                let counted: Vec<String> =
                    filtered!(dsl::$table.select(dsl::id).limit(COUNTED_UP_TO + 1).into_boxed()).load(connection)?;
                Ok((rows, i64::try_from(counted.len()).unwrap_or(i64::MAX)))
            }
        }
    )+};
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|source| Error::internal("writing JSON", source))
}

stored! {
    OrganizationFacts: OrganizationId, Organization in organizations {
        name = |it| it.name.clone(),
    } filters {} if not in {
        schema::organization_merges::table
            .filter(schema::organization_merges::undone_at.is_null())
            .select(schema::organization_merges::organization_id)
    }

    LocationFacts: LocationId, Location in locations {
        organization_id = |it| it.organization_id.map(|id| id.to_string()),
        postal_code = |it| it.postal_code.map(String::from),
    } filters { organization_id, postal_code }

    ServiceFacts: ServiceId, Service in services {
        organization_id = |it| it.organization_id.to_string(),
    } filters { organization_id }

    CapacityPoolFacts: CapacityPoolId, CapacityPool in capacity_pools {
        organization_id = |it| it.organization_id.to_string(),
    } filters { organization_id }

    InsurancePlanFacts: InsurancePlanId, InsurancePlan in insurance_plans {} filters {}

    DistrictFacts: DistrictId, District in districts {
        code = |it| it.code.clone(),
        kind = |it| it.kind.map(DistrictKind::as_str),
    } filters { code, kind }

    SchoolFacts: SchoolId, School in schools {
        district_id = |it| it.district_id.map(|id| id.to_string()),
        code = |it| it.code.clone(),
        postal_code = |it| it.postal_code.map(String::from),
    } filters { district_id, code, postal_code }

    OfferingFacts: OfferingId, Offering in offerings {
        service_id = |it| it.service_id.to_string(),
        location_id = |it| it.location_id.map(|id| id.to_string()),
        // An offering without a pool is given one before it is stored.
        capacity_pool_id = |it| it.capacity_pool_id.map(|id| id.to_string()).unwrap_or_default(),
    } filters { service_id, location_id, capacity_pool_id }

    PartnershipFacts: PartnershipId, Partnership in partnerships {
        organization_id = |it| it.organization_id.to_string(),
        district_id = |it| it.district_id.map(|id| id.to_string()),
    } filters { organization_id, district_id }
}
