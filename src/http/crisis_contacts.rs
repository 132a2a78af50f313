//! `/v1/crisis-contacts`: whom to call when a child is in danger.

use std::str::FromStr;

use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

use super::query::{FromParams, Params, Query};
use crate::types::{CrisisContact, crisis_contacts};

/// Whom to call, in the order in which to show them.
#[derive(Serialize, utoipa::ToSchema)]
struct CrisisContactList {
    /// The state's own, then the national ones.
    #[schema(value_type = Vec<CrisisContact>)]
    items: Vec<&'static CrisisContact>,
}

/// Parameters of the list.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters that `CrisisContactAsk` reads")]
struct CrisisContactParams {
    /// The state where the student is. Left out, the national contacts alone.
    #[param(example = "MA", pattern = "^[A-Z]{2}$")]
    state: Option<String>,
}

struct CrisisContactAsk {
    state: Option<State>,
}

/// Two capitals.
struct State(String);

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("{text:?} is not a state: two capitals are needed, such as MA"))
    }
}

impl FromParams for CrisisContactAsk {
    fn from_params(params: &mut Params) -> Self {
        Self { state: params.one("state") }
    }
}

/// Lists whom to call in a crisis. Nobody has to be signed in to see it, and it never depends on the database.
#[utoipa::path(
    tag = "crisis_contacts", operation_id = "list_crisis_contacts", security(()), params(CrisisContactParams),
    responses((status = 200, description = "The contacts, in the order in which to show them", body = CrisisContactList))
)]
#[get("/crisis-contacts")]
async fn list(ask: Query<CrisisContactAsk>) -> HttpResponse {
    let state = ask.0.state.as_ref().map(|state| state.0.as_str());
    HttpResponse::Ok().json(CrisisContactList { items: crisis_contacts(state) })
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(list);
}
