//! What makes a request to tell somebody, and the paper that it rests on, acceptable at all.

use serde_json::{Value, json};

use crate::consents::{Pupil, clinic, consent, eligibility, guardian};
use crate::students::{District, create, get, post};
use crate::support::on_both;

on_both! {
    fn a_day_before_the_student_was_born_and_a_line_that_is_none_are_refused(causeway) {
        let District { lead, .. } = District::new(&causeway, "0149");
        let clinic = clinic(&causeway);
        let pupil = Pupil::new(&causeway, &lead, &json!({}));
        let releases = format!("{}/disclosures", pupil.path);
        let with = |change: Value| {
            let mut body = eligibility(&clinic);
            json_patch::merge(&mut body, &change);
            post(&causeway, &lead, &releases, &body).expect(400).errors()[0].0.clone()
        };
        assert_eq!(with(json!({"accepted_on": "2015-04-01"})), "/accepted_on");
        assert_eq!(with(json!({"accepted_on": "-009999-01-01"})), "/accepted_on");
        let name = json!({"recipient": {"organization": {"name": "R. Intake\u{0}\nsays"}}});
        assert_eq!(with(name), "/recipient/organization/name");
        assert_eq!(with(json!({"threat": "a\u{0}b"})), "/threat");
        let early = json!({"signed_at": "2015-04-01T12:00:00Z"});
        let mut signature = pupil.parent();
        json_patch::merge(&mut signature, &early);
        let mut consent = consent();
        consent["signatures"] = json!([signature]);
        let refused = post(&causeway, &lead, &pupil.consents(), &consent).expect(400);
        assert_eq!(refused.errors()[0].0, "/signatures/0/signed_at");
        for list in ["disclosures", "audit"] {
            get(&causeway, &lead, &format!("/v1/{list}?since=-009999-01-03T00:00:00Z")).expect(200);
        }
    }
}

on_both! {
    fn who_is_barred_adds_no_language_to_the_limited_profile(causeway) {
        let District { lead, .. } = District::new(&causeway, "0149");
        let pupil = Pupil::new(&causeway, &lead, &json!({}));
        let mut barred = guardian("barred");
        barred["languages"] = json!([{"language": "ht", "used": ["spoken"]}]);
        create(&causeway, &lead, &format!("{}/guardians", pupil.path), &barred);
        let profile = post(&causeway, &lead, &format!("{}/limited-profile", pupil.path), &json!({})).expect(200);
        assert_eq!(profile.json()["languages"], json!(["es"]));
    }
}
