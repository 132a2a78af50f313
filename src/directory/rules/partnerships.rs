//! What makes a partnership acceptable.

use uuid::Uuid;

use super::{Check, NAME, Problems, TEXT, reference};
use crate::directory::PartnershipFacts;
use crate::store::Noun;
use crate::types::{OrganizationId, ServiceId};

impl Check for PartnershipFacts {
    fn check(&self, problems: &mut Problems) {
        problems.unless(
            self.district_id.is_some() || !self.schools.is_empty(),
            "/district_id",
            "is needed where no school is named: an agreement is with a district or with schools",
        );
        problems.set("/schools", &self.schools);
        problems.set("/services", &self.services);
        problems.period(self.begins_on, self.ends_on, "/ends_on");
        // What is kept from everyone else is said service by service: one that is added later, or one that
        // nobody thought of, must not vanish from the searches of other schools.
        problems.unless(
            self.reserved != Some(true) || !self.services.is_empty(),
            "/services",
            "must name the services that are reserved; leave reserved out where none is",
        );
        problems.optional("/funding_source", self.funding_source.as_ref(), NAME);
        problems.optional("/notes", self.notes.as_ref(), TEXT);
    }

    fn references(&self) -> Vec<(String, Noun, Uuid)> {
        let mut references = vec![reference("/organization_id", Noun::Organization, self.organization_id)];
        references.extend(self.district_id.map(|id| reference("/district_id", Noun::District, id)));
        for (position, school) in self.schools.iter().enumerate() {
            references.push((format!("/schools/{position}"), Noun::School, (*school).into()));
        }
        for (position, service) in self.services.iter().enumerate() {
            references.push((format!("/services/{position}"), Noun::Service, (*service).into()));
        }
        references
    }

    fn own_services(&self) -> Vec<(String, ServiceId, OrganizationId)> {
        let services = self.services.iter().enumerate();
        services
            .map(|(position, service)| (format!("/services/{position}"), *service, self.organization_id))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::directory::Facts;

    fn pointers(json: Value) -> Vec<String> {
        let facts: PartnershipFacts = serde_json::from_value(json).unwrap();
        facts
            .problems()
            .into_iter()
            .map(|problem| problem.to_string().split(": ").next().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_partnership_is_with_someone_in_order_and_reserves_only_what_it_names() {
        let id = "0192d7a0-0000-7000-8000-000000000001";
        assert_eq!(pointers(json!({"organization_id": id, "reserved": true})), ["/district_id", "/services"]);
        let twice = json!({
            "organization_id": id, "schools": [id, id], "services": [id, id], "reserved": true,
            "begins_on": "2026-09-02", "ends_on": "2026-09-01", "funding_source": " "
        });
        assert_eq!(pointers(twice), ["/schools/1", "/services/1", "/ends_on", "/funding_source"]);
        let one_day = json!({
            "organization_id": id, "district_id": id, "begins_on": "2026-09-01", "ends_on": "2026-09-01",
            "reserved": false
        });
        assert!(pointers(one_day).is_empty());
    }
}
