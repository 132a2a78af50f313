//! What holds of referrals whatever is done with them: random acts of several parties, among them such as are not
//! permitted, and after each of them every invariant.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use actix_web::test::TestRequest;
use causeway::config::{EdgeConfig, Quotas};
use causeway::http::Edge;
use causeway::referrals::machine::Actor;
use causeway::referrals::machine::offer::{self, OfferAction, OfferState, Stage};
use causeway::referrals::machine::place::{self, EntryState, PlaceAction};
use causeway::referrals::machine::referral::{self, ReferralAction, ReferralState, ReferralStatus};
use serde_json::{Value, json};

use crate::consents::Pupil;
use crate::seeking::{Agency, Desk, consents, keyed, turn};
use crate::students::get;
use crate::support::{Causeway, on_both};

/// A token is used so long; it holds for a quarter of an hour.
const LEAD_KEPT: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

/// Numbers that look random and are the same each time (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % sides
    }

    fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.roll(among.len())]
    }
}

/// A district with students and referrals, and agencies; what the test knows of them.
struct World {
    desk: Desk,
    agencies: Vec<Agency>,
    pupils: Vec<Pupil>,
    /// The consents that stand, by student.
    consents: Vec<Option<String>>,
    /// Each with the position of its student.
    referrals: Vec<(String, usize)>,
    /// What the offers of each referral were the last time, to see that what has ended does not move.
    ended: BTreeMap<String, String>,
    /// A token of the district's lead, and until when it is used.
    lead: (String, jiff::Timestamp),
}

/// What is shown of everything at one moment, by path: asked at once, which is much quicker than one by one.
struct Shown(BTreeMap<String, Value>);

impl Shown {
    fn get(&self, path: &str) -> &Value {
        &self.0[path]
    }

    fn list(&self, path: &str, name: &str) -> Vec<Value> {
        self.get(path)[name].as_array().unwrap().clone()
    }

    fn offers(&self, referral: &str) -> Vec<Value> {
        self.list(&format!("/v1/referrals/{referral}/offers"), "items")
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

fn state_of(offer: &Value) -> OfferState {
    // One that rests shows how far it had come by what it may do next: any stage is as good as another for that.
    let name = text(&offer["business_status"]);
    OfferState::from_parts(name, None).unwrap_or(OfferState::OnHold(Stage::Accepted))
}

impl World {
    fn new(causeway: &Causeway) -> Self {
        let desk = Desk::new(causeway, "0149");
        let engagements = ["enrolled", "enrolled", "listed"];
        let agencies = engagements.iter().enumerate();
        let agencies: Vec<Agency> =
            agencies.map(|(number, how)| Agency::new(causeway, &format!("Agency {number}"), how)).collect();
        agencies[0].claims(causeway, &json!({"status": "capacity", "open_slots": 1}));
        let pupils: Vec<Pupil> = (0..2).map(|_| desk.pupil(causeway)).collect();
        let consents = pupils.iter().map(|_| Some(String::new())).collect();
        let lead = (desk.lead(causeway), causeway.clock.now() + LEAD_KEPT);
        let mut world =
            Self { desk, agencies, pupils, consents, referrals: Vec::new(), ended: BTreeMap::new(), lead };
        for pupil in [0, 1, 0] {
            world.refer(causeway, pupil);
        }
        world
    }

    fn refer(&mut self, causeway: &Causeway, pupil: usize) {
        let all: Vec<&Agency> = self.agencies.iter().collect();
        let changes = json!({"submit": pupil == 0, "pins": {"languages": ["es"]}});
        let id = self.desk.refers(causeway, &self.pupils[pupil], &all, &changes);
        self.referrals.push((id, pupil));
    }

    /// A token that holds now.
    fn lead(&mut self, causeway: &Causeway) -> String {
        if causeway.clock.now() >= self.lead.1 {
            self.lead = (self.desk.lead(causeway), causeway.clock.now() + LEAD_KEPT);
        }
        self.lead.0.clone()
    }

    /// Everything that the district may see.
    fn look(&mut self, causeway: &Causeway) -> Shown {
        let authorization = format!("Bearer {}", self.lead(causeway));
        let of_referral =
            |id: &String| ["", "/offers", "/events"].map(|part| format!("/v1/referrals/{id}{part}"));
        let referrals = self.referrals.iter().flat_map(|(id, _)| of_referral(id));
        let pools =
            self.agencies.iter().map(|agency| format!("/v1/capacity-pools/{}/availability", agency.pool));
        let files =
            self.pupils.iter().flat_map(|pupil| [format!("{}/disclosures", pupil.path), pupil.consents()]);
        let paths: Vec<String> = referrals.chain(pools).chain(files).collect();
        let request = |path: &String| {
            TestRequest::get().uri(path).insert_header(("Authorization", authorization.clone()))
        };
        let answers = causeway.send_all(paths.iter().map(request));
        Shown(paths.into_iter().zip(answers.into_iter().map(|answer| answer.expect(200).json())).collect())
    }

    /// One random act. The answer must be the one that the machines give.
    fn step(&mut self, causeway: &Causeway, dice: &mut Dice, shown: &Shown) -> String {
        match dice.roll(20) {
            0 => {
                // The consents of these tests end with June.
                let spring: jiff::Timestamp = "2027-05-01T00:00:00Z".parse().unwrap();
                let jumps = [1, 60, 24 * 60, 4 * 24 * 60, 31 * 24 * 60];
                let few = if causeway.clock.now() > spring { 1 } else { jumps.len() };
                let minutes = *dice.pick(&jumps[..few]);
                causeway.clock.advance(Duration::from_secs(60 * minutes));
                format!("{minutes} minutes pass, {} things are due", turn(causeway))
            }
            1 => {
                let agency = dice.pick(&self.agencies);
                let slots = dice.roll(3);
                let claim = match slots {
                    0 => json!({"status": "waitlist"}),
                    slots => json!({"status": "capacity", "open_slots": slots}),
                };
                agency.claims(causeway, &claim);
                format!("an agency claims {claim}")
            }
            2 => self.change_consents(causeway, dice, shown),
            3 => format!("{} things are due", turn(causeway)),
            4..8 => self.act_on_referral(causeway, dice, shown),
            8..11 => self.act_on_place(causeway, dice, shown),
            _ => self.act_on_offer(causeway, dice, shown),
        }
    }

    fn change_consents(&mut self, causeway: &Causeway, dice: &mut Dice, shown: &Shown) -> String {
        let pupil = dice.roll(self.pupils.len());
        let lead = self.lead(causeway);
        let file = &self.pupils[pupil];
        let standing: Vec<String> = shown
            .list(&file.consents(), "items")
            .iter()
            .filter(|consent| consent["revoked_at"].is_null())
            .map(|consent| text(&consent["id"]).to_owned())
            .collect();
        if standing.is_empty() {
            self.consents[pupil] = Some(consents(causeway, &lead, file));
            return format!("a consent for {pupil} comes");
        }
        for consent in standing {
            let revocation =
                json!({"by": {"guardian": file.guardian}, "method": "verbal_witnessed", "evidence": "call"});
            keyed(causeway, &lead, &format!("{}/{consent}/revoke", file.consents()), &revocation).expect(200);
        }
        self.consents[pupil] = None;
        format!("the consents of {pupil} are revoked")
    }

    fn act_on_referral(&mut self, causeway: &Causeway, dice: &mut Dice, shown: &Shown) -> String {
        let (id, _) = dice.pick(&self.referrals).clone();
        let action = *dice.pick(ReferralAction::ALL);
        if matches!(action, ReferralAction::EnterInError | ReferralAction::Revoke | ReferralAction::Close)
            && dice.roll(3) > 0
        {
            return "nothing".to_owned();
        }
        let status = text(&shown.get(&format!("/v1/referrals/{id}"))["status"]);
        let status: ReferralStatus = status.parse().unwrap();
        let offers = shown.offers(&id);
        let state = ReferralState::of(status, offers.iter().any(|offer| state_of(offer).is_engaged()));
        let offerings: Vec<&str> = self.agencies.iter().map(|agency| agency.offering.as_str()).collect();
        let mut body = json!({"action": action});
        let more = match action {
            ReferralAction::Hold | ReferralAction::Revoke | ReferralAction::EnterInError => {
                json!({"reason": "random"})
            }
            ReferralAction::Reroute => {
                json!({"shortlist": {"offerings": offerings}, "parallel": 1 + dice.roll(2)})
            }
            ReferralAction::ExtendShortlist => json!({"shortlist": {"offerings": offerings}}),
            ReferralAction::Pin => json!({"pins": {"languages": [*dice.pick(&["es", "ht"])]}}),
            ReferralAction::Unpin => json!({"pins": {"languages": ["ht"]}, "reason": "random"}),
            ReferralAction::Note => json!({"note": "random"}),
            ReferralAction::Close => json!({"outcome": {"served": false, "reason": "other"}}),
            ReferralAction::Submit
            | ReferralAction::Resume
            | ReferralAction::Assign
            | ReferralAction::Cover => json!({}),
        };
        // A wish that adds nobody is refused.
        let shortlist = shown.get(&format!("/v1/referrals/{id}"))["shortlist"].as_array().unwrap();
        let adds =
            offerings.iter().any(|offering| !shortlist.iter().any(|known| known["offering_id"] == *offering));
        json_patch::merge(&mut body, &more);
        let lead = self.lead(causeway);
        let answer = keyed(causeway, &lead, &format!("/v1/referrals/{id}/actions"), &body);
        let may = referral::transition(state, action, Actor::Requester).is_ok()
            && (action != ReferralAction::ExtendShortlist || adds);
        let expected = if may { 200 } else { 409 };
        assert_eq!(answer.status, expected, "{body} of a referral that is {state}: {}", answer.text);
        format!("{body}: {expected}")
    }

    fn act_on_offer(&mut self, causeway: &Causeway, dice: &mut Dice, shown: &Shown) -> String {
        let (referral, _) = dice.pick(&self.referrals).clone();
        let offers = shown.offers(&referral);
        let lead = self.lead(causeway);
        if offers.is_empty() {
            return "nothing".to_owned();
        }
        // Mostly the last, which lives.
        let offer = if dice.roll(4) == 0 { dice.pick(&offers) } else { offers.last().unwrap() };
        let action = *dice.pick(&OfferAction::ALL[..OfferAction::ALL.len() - 1]);
        let appointment = causeway.clock.now() + jiff::SignedDuration::from_hours(48);
        let mut body = json!({"action": action});
        let more = match action {
            OfferAction::Decline | OfferAction::Return => json!({"reason": "age", "note": "random"}),
            OfferAction::Schedule | OfferAction::Reschedule => json!({"appointment_at": appointment}),
            action if action.needs_reason() => json!({"reason": "random"}),
            _ => json!({}),
        };
        json_patch::merge(&mut body, &more);
        let by_agency = dice.roll(4) > 0;
        let agency = self
            .agencies
            .iter()
            .find(|agency| agency.organization == text(&offer["organization_id"]))
            .unwrap();
        let (token, sides) = match (by_agency, offer["by_call"].as_bool().unwrap()) {
            (true, false) => (agency.staff(causeway), vec![Actor::Recipient]),
            (true, true) => (lead, vec![Actor::Requester, Actor::Recipient]),
            (false, by_call) => (
                lead,
                if by_call { vec![Actor::Requester, Actor::Recipient] } else { vec![Actor::Requester] },
            ),
        };
        // Of what lies between, the agency knows more than the district is told.
        let own = if offer["by_call"].as_bool().unwrap() {
            offer.clone()
        } else {
            let path = format!("/v1/offers/{}", text(&offer["id"]));
            get(causeway, &agency.staff(causeway), &path).expect(200).json()
        };
        let state = state_of(&own);
        let path = format!("/v1/offers/{}/actions", text(&offer["id"]));
        let answer = keyed(causeway, &token, &path, &body);
        let may = sides.iter().any(|side| offer::transition(state, action, *side).is_ok());
        assert_eq!(
            answer.status,
            if may { 200 } else { 409 },
            "{body} of an offer that is {state}: {}",
            answer.text
        );
        format!("{body} of {state}: {}", answer.status)
    }

    fn act_on_place(&mut self, causeway: &Causeway, dice: &mut Dice, shown: &Shown) -> String {
        let (referral, _) = dice.pick(&self.referrals).clone();
        let offers = shown.offers(&referral);
        let entries = shown.list(&format!("/v1/referrals/{referral}/offers"), "wait_list_entries");
        if entries.is_empty() {
            return "nothing".to_owned();
        }
        let entry = dice.pick(&entries);
        let state: EntryState = text(&entry["status"]).parse().unwrap();
        let (action, body) = dice
            .pick(&[
                (PlaceAction::Confirm, json!({"action": "confirm"})),
                (PlaceAction::Skip, json!({"action": "skip", "reason": "other", "note": "random"})),
                (PlaceAction::Leave, json!({"action": "leave", "reason": "random"})),
            ])
            .clone();
        let pool = text(&entry["capacity_pool_id"]);
        let agency = self.agencies.iter().find(|agency| agency.pool == pool).unwrap();
        let (token, side) = if dice.roll(3) == 0 {
            (agency.staff(causeway), Actor::Recipient)
        } else {
            (self.lead(causeway), Actor::Requester)
        };
        let path = format!("/v1/wait-list-entries/{}/actions", text(&entry["id"]));
        let answer = keyed(causeway, &token, &path, &body);
        let is_engaged = offers.iter().any(|offer| state_of(offer).is_engaged());
        let may =
            place::transition(state, action, side).is_ok() && !(is_engaged && action == PlaceAction::Confirm);
        let expected = if may { 200 } else { 409 };
        assert_eq!(answer.status, expected, "{body} of a place that is {state}: {}", answer.text);
        format!("{body} of {state}: {expected}")
    }

    /// Every invariant.
    fn check(&mut self, all: &Shown) {
        let mut held: BTreeMap<String, usize> = BTreeMap::new();
        let mut told: BTreeMap<(usize, String), usize> = BTreeMap::new();
        for (id, pupil) in self.referrals.clone() {
            let shown = all.get(&format!("/v1/referrals/{id}"));
            let offers = all.offers(&id);
            let entries = all.list(&format!("/v1/referrals/{id}/offers"), "wait_list_entries");
            let engaged: Vec<&Value> = offers.iter().filter(|offer| state_of(offer).is_engaged()).collect();
            let open: Vec<&Value> = offers.iter().filter(|offer| state_of(offer).is_open()).collect();
            let waiting = entries.iter().filter(|entry| entry["status"] == "waiting").count();
            // 2: at most one is accepted, and then nothing else is open or waited for.
            assert!(engaged.len() <= 1, "{engaged:?}");
            assert!(engaged.is_empty() || (open.is_empty() && waiting == 0), "{offers:?} {entries:?}");
            let status = text(&shown["status"]);
            if matches!(status, "draft" | "on-hold") {
                assert!(open.is_empty(), "{status} {open:?}");
            }
            if matches!(status, "completed" | "revoked" | "entered-in-error") {
                assert!(open.is_empty() && engaged.is_empty() && waiting == 0, "{status} {offers:?}");
                assert!(shown["due"].is_null());
            }
            // 3: what has ended stays, unless it was in error; one row for each version.
            for offer in offers.iter().filter(|offer| state_of(offer).is_terminal()) {
                let was = self
                    .ended
                    .insert(text(&offer["id"]).to_owned(), text(&offer["business_status"]).to_owned());
                let is = text(&offer["business_status"]);
                assert!(
                    was.as_deref().is_none_or(|was| was == is || is == "entered_in_error"),
                    "{was:?} {is}"
                );
            }
            check_history(
                &all.list(&format!("/v1/referrals/{id}/events"), "items"),
                shown,
                &offers,
                &entries,
            );
            // 4: what is pinned holds of whoever is asked. Nobody speaks Haitian Creole.
            let pins: Vec<&str> = shown["pins"]["languages"]
                .as_array()
                .map_or(Vec::new(), |tags| tags.iter().map(text).collect());
            if pins.contains(&"ht") {
                assert!(open.is_empty(), "{pins:?} {open:?}");
            }
            for offer in &open {
                let pinned = &offer["profile"]["requirements"]["languages"];
                assert!(
                    pins.iter()
                        .all(|pin| pinned.as_array().unwrap().iter().any(|told| told == pin) || *pin == "es"),
                    "{pinned}"
                );
            }
            // 5: nobody is asked whom no consent names.
            if self.consents[pupil].is_none() {
                assert!(open.is_empty(), "{open:?}");
            }
            for offer in &offers {
                *told.entry((pupil, text(&offer["organization_id"]).to_owned())).or_default() += 1;
            }
            // 7: an active referral has something due from somebody.
            if status == "active" {
                assert!(shown["due"]["step"].is_string() && shown["due"]["from"].is_string(), "{shown}");
            }
            for offer in open.iter().chain(&engaged) {
                *held.entry(text(&offer["capacity_pool_id"]).to_owned()).or_default() += 1;
            }
        }
        // 1: no more is promised than there is.
        for agency in &self.agencies {
            let claim = all.get(&format!("/v1/capacity-pools/{}/availability", agency.pool));
            if let (Some(slots), Some(left)) =
                (claim["open_slots"].as_i64(), claim["effective_open_slots"].as_i64())
            {
                assert!((0..=slots).contains(&left), "{claim}");
                let most = held.get(&agency.pool).copied().unwrap_or(0);
                assert!(
                    slots - left <= i64::try_from(most).unwrap(),
                    "{claim}: more is held than lives ({most})"
                );
            }
        }
        // 5: as many releases as offers, each to whom it was made.
        for (pupil, file) in self.pupils.iter().enumerate() {
            let report = all.get(&format!("{}/disclosures", file.path));
            for agency in &self.agencies {
                let to = |one: &&Value| one["released_to"]["organization_id"] == agency.organization.as_str();
                let releases = report["items"].as_array().unwrap().iter().filter(to).count();
                let offers = told.get(&(pupil, agency.organization.clone())).copied().unwrap_or(0);
                assert_eq!(releases, offers, "of {pupil} to {}", agency.organization);
            }
        }
    }
}

/// One row of history for each version of each thing.
fn check_history(events: &[Value], shown: &Value, offers: &[Value], entries: &[Value]) {
    let mut versions: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for event in events {
        let is_new = versions
            .entry(text(&event["subject_id"]))
            .or_default()
            .insert(event["version"].as_i64().unwrap());
        assert!(is_new, "{event}");
    }
    for thing in offers.iter().chain(entries).chain([shown]) {
        let version = thing["version"].as_i64().unwrap();
        let known = versions.get(text(&thing["id"])).cloned().unwrap_or_default();
        assert_eq!(known, (1..=version).collect(), "{thing}");
    }
}

on_both! {
    fn whatever_is_done_every_invariant_holds(causeway) {
        let soak = std::env::var_os("CAUSEWAY_SOAK").is_some();
        let mut causeway = causeway;
        // As many requests as a test can make.
        let none = Quotas { reads: None, writes: None };
        let edge = Edge::new(EdgeConfig { per_caller: none, per_address: none, ..EdgeConfig::default() });
        causeway.change(|context| context.edge = edge);
        let mut world = World::new(&causeway);
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let mut done = Vec::new();
        for step in 0..if soak { 2_000 } else { 40 } {
            if step % 25 == 24 {
                let pupil = dice.roll(2);
                world.refer(&causeway, pupil);
            }
            let shown = world.look(&causeway);
            let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.check(&shown)));
            assert!(checked.is_ok(), "after {:#?}", &done[done.len().saturating_sub(12)..]);
            done.push(world.step(&causeway, &mut dice, &shown));
        }
    }
}
