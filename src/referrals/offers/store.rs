//! Queries of the offers to an organization, on its behalf.

use diesel::prelude::*;

use crate::directory::COUNTED_UP_TO;
use crate::error::Result;
use crate::referrals::model::Offer;
use crate::referrals::store::{OPEN, OfferRow};
use crate::store::DbConnection;
use crate::store::schema::offers;
use crate::types::{OfferId, OrganizationId};

/// Which offers of an organization to list, the latest first.
#[derive(Clone, Debug, Default)]
pub struct OfferPage {
    /// Before this one.
    pub before: Option<OfferId>,
    /// At most so many.
    pub limit: i64,
    /// Only those that wait for a reply, or only those that do not.
    pub open: Option<bool>,
}

/// An offer to an organization.
pub(super) fn offer_to(
    connection: &mut DbConnection,
    organization: OrganizationId,
    id: OfferId,
) -> Result<Option<Offer>> {
    let row = offers::table
        .find(id.to_string())
        .filter(offers::organization_id.eq(organization.to_string()))
        .select(OfferRow::as_select())
        .get_result(connection)
        .optional()?;
    row.map(OfferRow::read).transpose()
}

/// A page of the offers to an organization and the row behind it, and how many there are.
pub(super) fn offers_to(
    connection: &mut DbConnection,
    organization: OrganizationId,
    page: &OfferPage,
) -> Result<(Vec<Offer>, i64)> {
    macro_rules! filtered {
        () => {{
            let mut query =
                offers::table.filter(offers::organization_id.eq(organization.to_string())).into_boxed();
            match page.open {
                Some(true) => query = query.filter(offers::state.eq_any(OPEN)),
                Some(false) => query = query.filter(offers::state.ne_all(OPEN)),
                None => {}
            }
            query
        }};
    }
    let counted: Vec<String> = filtered!().select(offers::id).limit(COUNTED_UP_TO + 1).load(connection)?;
    let mut query = filtered!().select(OfferRow::as_select()).order(offers::id.desc()).limit(page.limit + 1);
    if let Some(before) = page.before {
        query = query.filter(offers::id.lt(before.to_string()));
    }
    let rows = query.load(connection)?.into_iter().map(OfferRow::read).collect::<Result<_>>()?;
    Ok((rows, i64::try_from(counted.len()).unwrap_or(i64::MAX)))
}
