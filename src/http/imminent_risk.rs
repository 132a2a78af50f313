//! Somebody says that there is imminent risk: who helps, and a crisis event in the caller's district. Nothing else is
//! done in that call, and nothing stands in the way of it: not a wrong value, not a finder that is being loaded.

use std::sync::Arc;

use actix_web::HttpRequest;
use serde_json::Value;

use super::Context;
use super::crisis_rota::CrisisTold;
use super::errand::errand;
use super::matches::in_origin;
use super::problem::{CrisisHelp, Problem, ProblemCode};
use crate::access::Principal;
use crate::directory::{DistrictFacts, SchoolFacts, find};
use crate::exchange::crisis_rota::report;
use crate::finder::need::OriginAsk;
use crate::privacy::Purpose;
use crate::store::DbConnection;
use crate::students::crises::CrisisReport;
use crate::types::{CrisisEventId, DistrictId, SchoolId, crisis_contacts, mandated_reporting};

/// What a body says of risk, whatever else is in it.
pub(super) struct Risk {
    suspected_abuse: bool,
    /// Where the student may be, if that could be read.
    pub(super) origin: OriginAsk,
}

impl Risk {
    /// What the body says, if it says that there is imminent risk; `origin` reads where.
    pub(super) fn read(body: &[u8], origin: impl Fn(Value) -> Option<OriginAsk>) -> Option<Self> {
        let mut body: Value = serde_json::from_slice(body).ok()?;
        let is_true = |field: &str| body.get(field).and_then(Value::as_bool).unwrap_or(false);
        let suspected_abuse = is_true("suspected_abuse");
        is_true("imminent_risk").then(|| {
            let origin = body.get_mut("origin").map(Value::take).and_then(origin).unwrap_or_default();
            Self { suspected_abuse, origin }
        })
    }

    /// The problem that says whom to call, after the event was recorded where the caller has a district.
    pub(super) async fn answer(
        self,
        context: &Context,
        request: &HttpRequest,
        caller: Option<&Arc<Principal>>,
    ) -> Problem {
        let Self { suspected_abuse, origin } = self;
        let tie = caller.map(|caller| caller.tie.clone());
        let district = tie.as_ref().and_then(crate::access::Tie::district);
        let place = context.app.store.read(move |connection| Ok(place(connection, &origin, district)));
        let Place { state, school } = place.await.unwrap_or_default();
        let school = school.filter(|school| {
            let schools = tie.as_ref().map_or(&[][..], crate::access::Tie::schools);
            schools.is_empty() || schools.contains(school)
        });
        let said = CrisisReport { school, state: state.clone(), suspected_abuse, ..CrisisReport::default() };
        let recorded = match caller.filter(|_| district.is_some()) {
            None => None,
            Some(caller) => Some(event(context, request, caller, said).await),
        };
        let told = match &recorded {
            None => "Nobody was told: tell somebody.".to_owned(),
            Some(Ok((id, told))) if told.is_empty() => format!(
                "The crisis event {id} was recorded in your district, but nobody could be told by message: tell your \
                 district's crisis lead yourself."
            ),
            Some(Ok((id, _))) => {
                format!(
                    "The crisis event {id} was recorded in your district; a message goes to those in `told`."
                )
            }
            Some(Err(_)) => "It could not be recorded: tell your district's crisis lead yourself.".to_owned(),
        };
        let detail = format!(
            "You said that there may be imminent risk, so nothing was searched. Causeway does not assess risk; people do. \
             Call 911 if anybody is in immediate danger or there is a weapon, and 988 at any hour; crisis_contacts has \
             these and the state's own lines. {told}"
        );
        let (event, told) = recorded.and_then(Result::ok).unzip();
        let help = CrisisHelp {
            contacts: crisis_contacts(state.as_deref()),
            event,
            told,
            mandated_reporting: suspected_abuse.then(|| mandated_reporting(state.as_deref())),
        };
        Problem { help: Some(Box::new(help)), ..Problem::new(ProblemCode::ImminentRisk, detail) }
    }
}

async fn event(
    context: &Context,
    request: &HttpRequest,
    caller: &Arc<Principal>,
    said: CrisisReport,
) -> Result<(CrisisEventId, Vec<CrisisTold>), Problem> {
    let errand = errand(request, caller, Purpose::CoordinateCare)?;
    let (vault, can_send) = (context.app.vault.clone(), context.app.sends_mail());
    let work = move |tx: &mut crate::store::Tx<'_>| {
        let followed = report(tx, &vault, &errand, &said, can_send)?;
        Ok((followed.event.id, CrisisTold::all(&followed.escalations)))
    };
    let tenancy = caller.tenancy().ok_or_else(|| Problem::new(ProblemCode::Forbidden, "no district"))?;
    let recorded = context.app.store.write_for(tenancy, work).await;
    if let Err(error) = &recorded {
        tracing::error!(%error, "a crisis event could not be recorded");
    }
    Ok(recorded?)
}

/// Where the student may be.
#[derive(Default)]
pub(super) struct Place {
    /// The two-letter state.
    pub(super) state: Option<String>,
    /// The school, if it is one of the caller's district.
    school: Option<SchoolId>,
}

/// The state of the place that was named, or else of the district. What cannot be found is left out: the national
/// contacts are shown all the same.
fn place(connection: &mut DbConnection, origin: &OriginAsk, district: Option<DistrictId>) -> Place {
    let found = origin.find(connection, in_origin).ok();
    let of_origin = found.as_ref().and_then(|origin| origin.residence.state.clone());
    let school = found.and_then(|origin| origin.school);
    let facts = school.and_then(|school| find::<SchoolFacts>(connection, school).ok());
    let facts = facts.map(|school| school.facts);
    let is_own =
        facts.as_ref().is_some_and(|facts| facts.district_id.is_some() && facts.district_id == district);
    let of_school = facts.and_then(|facts| facts.state);
    let state = of_origin.or(of_school).or_else(|| state_of(connection, None, district));
    Place { state, school: school.filter(|_| is_own) }
}

/// The state of a school, or else of a district.
pub(super) fn state_of(
    connection: &mut DbConnection,
    school: Option<SchoolId>,
    district: Option<DistrictId>,
) -> Option<String> {
    let of_school = school.and_then(|school| find::<SchoolFacts>(connection, school).ok()?.facts.state);
    let of_district = || {
        let found = district.and_then(|id| find::<DistrictFacts>(connection, id).ok());
        found.and_then(|district| district.facts.state)
    };
    of_school.or_else(of_district)
}
