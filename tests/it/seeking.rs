//! Those who seek a service and those who give one, for tests of referrals.

use std::time::Duration;

use actix_web::test::TestRequest;
use causeway::access::{Role, Tie};
use causeway::types::{DistrictId, OrganizationId};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::consents::Pupil;
use crate::students::{District, get};
use crate::support::{Answer, Causeway};

/// An agency with one offering.
pub struct Agency {
    pub organization: String,
    pub offering: String,
    pub pool: String,
}

impl Agency {
    /// A clinic of this name in Lawrence where Spanish is spoken; `enrolled` if it has people here.
    pub fn new(causeway: &Causeway, name: &str, engagement: &str) -> Self {
        let organization = causeway.create(
            "/v1/organizations",
            &json!({"name": name, "engagement": engagement, "facility_type": "outpatient_clinic", "time_zone": "America/New_York"}),
        );
        let service = causeway.create(
            "/v1/services",
            &json!({"organization_id": organization, "name": "Counseling", "status": "active", "audience": ["students"]}),
        );
        let coordinates = json!({"latitude": 42.7070, "longitude": -71.1631, "quality": "rooftop"});
        let location = causeway.create("/v1/locations", &json!({"name": name, "coordinates": coordinates}));
        let offering = causeway.create(
            "/v1/offerings",
            &json!({
                "service_id": service, "location_id": location, "grain": "team", "needs": ["anxiety"], "tiers": [2],
                "languages": [{"language": "es", "mode": "provider"}], "ages": {"accepted": [{"min": 3, "max": 18}]},
                "coverage": {"categories": ["medicaid"]},
            }),
        );
        let shown = causeway.get(&format!("/v1/offerings/{offering}")).json();
        Self { organization, offering, pool: shown["capacity_pool_id"].as_str().unwrap().to_owned() }
    }

    /// A token of somebody who works there.
    pub fn staff(&self, causeway: &Causeway) -> String {
        let organization: OrganizationId = self.organization.parse().unwrap();
        causeway.token(Role::AgencyStaff, &Tie::Organization(organization))
    }

    pub fn claims(&self, causeway: &Causeway, claim: &Value) {
        causeway.put(&format!("/v1/capacity-pools/{}/availability", self.pool), claim).expect(200);
    }

    /// The offers to it that wait for a reply.
    pub fn inbox(&self, causeway: &Causeway) -> Vec<Value> {
        let listed = get(causeway, &self.staff(causeway), "/v1/offers?open=true").expect(200).json();
        listed["items"].as_array().unwrap().clone()
    }

    /// The only offer to it that waits for a reply.
    #[track_caller]
    pub fn asked(&self, causeway: &Causeway) -> String {
        let inbox = self.inbox(causeway);
        assert_eq!(inbox.len(), 1, "{inbox:?}");
        inbox[0]["id"].as_str().unwrap().to_owned()
    }
}

/// Somebody who seeks.
pub struct Desk {
    pub district: District,
}

impl Desk {
    pub fn new(causeway: &Causeway, code: &str) -> Self {
        Self { district: District::new(causeway, code) }
    }

    /// A token of the district's lead that holds at the time that the test has come to.
    pub fn lead(&self, causeway: &Causeway) -> String {
        let district: DistrictId = self.district.id.parse().unwrap();
        causeway.token(Role::DistrictLead, &Tie::District { district, schools: Vec::new() })
    }

    /// A student whose mother lets clinics be asked and told, and lets them tell the school.
    pub fn pupil(&self, causeway: &Causeway) -> Pupil {
        let lead = self.lead(causeway);
        let pupil = Pupil::new(causeway, &lead, &json!({}));
        consents(causeway, &lead, &pupil);
        lets_tell(causeway, &lead, &pupil, &["service_record", "progress"]);
        pupil
    }

    pub fn post(&self, causeway: &Causeway, path: &str, body: &Value) -> Answer {
        keyed(causeway, &self.lead(causeway), path, body)
    }

    pub fn get(&self, causeway: &Causeway, path: &str) -> Value {
        get(causeway, &self.lead(causeway), path).expect(200).json()
    }

    /// Makes a referral that asks these, and begins.
    #[track_caller]
    pub fn refers(
        &self,
        causeway: &Causeway,
        pupil: &Pupil,
        agencies: &[&Agency],
        changes: &Value,
    ) -> String {
        let offerings: Vec<&str> = agencies.iter().map(|agency| agency.offering.as_str()).collect();
        let mut body = json!({
            "student_id": pupil.id, "need": need(), "shortlist": {"offerings": offerings}, "submit": true,
        });
        json_patch::merge(&mut body, changes);
        let made = self.post(causeway, "/v1/referrals", &body).expect(201);
        made.json()["id"].as_str().unwrap().to_owned()
    }

    pub fn referral(&self, causeway: &Causeway, id: &str) -> Value {
        self.get(causeway, &format!("/v1/referrals/{id}"))
    }

    /// How far it has come.
    pub fn status(&self, causeway: &Causeway, id: &str) -> String {
        let shown = self.referral(causeway, id);
        format!("{} {}", text(&shown["status"]), text(&shown["business_status"]))
    }

    pub fn acts(&self, causeway: &Causeway, id: &str, body: &Value) -> Answer {
        self.post(causeway, &format!("/v1/referrals/{id}/actions"), body)
    }
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

pub fn need() -> Value {
    json!({
        "origin": {"near": {"latitude": 42.70, "longitude": -71.16}},
        "required": {"needs": {"any_of": ["anxiety"]}, "tiers": {"any_of": [2]}},
    })
}

/// A consent to ask clinics and to tell them who it is, signed by the mother.
pub fn consents(causeway: &Causeway, token: &str, pupil: &Pupil) -> String {
    let changes = json!({
        "purposes": ["coordinate_care", "provide_service"],
        "fields": ["given_name", "family_name", "birth_date", "phone", "guardians", "languages", "needs"],
    });
    pupil.consented(causeway, token, &changes)
}

/// An authorization for clinics to tell the school these, signed by the mother.
pub fn lets_tell(causeway: &Causeway, token: &str, pupil: &Pupil, fields: &[&str]) -> String {
    let changes = json!({
        "authorities": ["hipaa_authorization"], "direction": "to_school", "purposes": ["report_progress"], "fields": fields,
    });
    pupil.consented(causeway, token, &changes)
}

/// Sends what needs an `Idempotency-Key`, with one of its own.
pub fn keyed(causeway: &Causeway, token: &str, path: &str, body: &Value) -> Answer {
    let key = format!("\"{}\"", Uuid::now_v7());
    causeway
        .send_as(token, TestRequest::post().uri(path).insert_header(("Idempotency-Key", key)).set_json(body))
}

/// An agency's answer.
#[track_caller]
pub fn answers(causeway: &Causeway, agency: &Agency, offer: &str, body: &Value) -> Value {
    keyed(causeway, &agency.staff(causeway), &format!("/v1/offers/{offer}/actions"), body).expect(200).json()
}

pub fn go_to(causeway: &Causeway, instant: &str) {
    let instant: Timestamp = instant.parse().unwrap();
    let by = instant.duration_since(causeway.clock.now());
    causeway.clock.advance(Duration::try_from(by).unwrap_or_else(|_| panic!("{instant} is past")));
}

/// What is due is done.
pub fn turn(causeway: &Causeway) -> usize {
    causeway.context().app.turn_clock().unwrap()
}
