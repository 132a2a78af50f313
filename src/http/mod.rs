//! HTTP: extract, do one operation, answer. No query here, and nothing of HTTP below.

mod answer;
mod audit;
mod availability;
mod availability_reminders;
mod body;
mod caller;
mod capacity_pools;
mod consents;
mod contact_attempts;
mod crisis_contacts;
mod crisis_events;
mod crisis_rota;
mod csv;
mod cursor;
mod disclosures;
mod districts;
mod duplicates;
mod edge;
mod errand;
mod expected_wait;
mod fallback;
mod guardians;
mod health;
mod idempotency;
mod imminent_risk;
mod insurance_plans;
mod invitations;
mod listing;
mod locations;
mod matches;
mod merges;
mod near_misses;
mod noun;
mod oauth;
mod observations;
mod offerings;
mod offers;
mod offers_by_call;
pub mod openapi;
mod organizations;
mod pages;
mod partnerships;
mod people_notices;
mod problem;
mod query;
mod referral_notices;
mod referrals;
mod request_id;
mod resource;
mod schools;
mod search;
mod server;
mod services;
mod students;
mod towns;
mod update_links;
mod vocabularies;
mod wait_lists;
mod waker;
mod worklists;

pub use crisis_rota::CrisisTold;
pub use cursor::Cursors;
pub use edge::Edge;
pub use problem::{CrisisHelp, Problem, ProblemCode};
pub use server::{Server, serve, service};

use crate::app::App;

/// What every handler is given.
#[derive(Clone)]
pub struct Context {
    /// The application.
    pub app: App,
    /// Signs cursors.
    pub cursors: Cursors,
    /// Whether the directory may be searched without a token.
    pub public_search: bool,
    /// What every request passes.
    pub edge: Edge,
}

impl Context {
    /// Refuses a question while the finder is being loaded.
    ///
    /// # Errors
    /// [`ProblemCode::Starting`].
    fn ready(&self) -> Result<(), Problem> {
        if self.app.is_ready() {
            return Ok(());
        }
        Err(Problem::new(ProblemCode::Starting, "the finder is still being loaded; ask again in a moment"))
    }
}

/// Adds every operation of the contract.
fn configure(services: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    health::configure(services);
    oauth::configure(services);
    services.service(utoipa_actix_web::scope("/v1").configure(|services| {
        search::configure(services);
        matches::configure(services);
        near_misses::configure(services);
        // Before the organizations: "duplicates" is no id.
        duplicates::configure(services);
        organizations::configure(services);
        merges::configure(services);
        services::configure(services);
        locations::configure(services);
        offerings::configure(services);
        capacity_pools::configure(services);
        availability::configure(services);
        contact_attempts::configure(services);
        observations::configure(services);
        update_links::configure(services);
        availability_reminders::configure(services);
        insurance_plans::configure(services);
        districts::configure(services);
        schools::configure(services);
        partnerships::configure(services);
        towns::configure(services);
        vocabularies::configure(services);
        invitations::configure(services);
        crisis_contacts::configure(services);
        students::configure(services);
        guardians::configure(services);
        consents::configure(services);
        disclosures::configure(services);
        crisis_events::configure(services);
        crisis_rota::configure(services);
        referrals::configure(services);
        referral_notices::configure(services);
        people_notices::configure(services);
        offers::configure(services);
        wait_lists::configure(services);
        offers_by_call::configure(services);
        worklists::configure(services);
        audit::configure(services);
    }));
}
