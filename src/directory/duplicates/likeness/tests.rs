use super::*;

fn profile(number: u128, name: &str, phones: &[&str], domains: &[&str]) -> Profile {
    Profile {
        id: OrganizationId(uuid::Uuid::from_u128(number)),
        names: vec![Name::new(name)],
        phones: phones.iter().map(|phone| (*phone).to_owned()).collect(),
        domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
        places: Vec::new(),
    }
}

#[test]
fn each_piece_of_evidence_leaves_less_doubt_and_nothing_exceeds_one() {
    let likeness = |phones: &[&str], domains: &[&str]| {
        let profiles =
            [profile(1, "Heron House", phones, domains), profile(2, "Heron House", phones, domains)];
        pairs(&profiles, 0.0, None).first().map_or(0.0, |pair| pair.likeness)
    };
    assert!(likeness(&[], &[]) < 0.001, "a name alone is no evidence");
    let (domain, phone, both) =
        (likeness(&[], &["h.example"]), likeness(&["1"], &[]), likeness(&["1"], &["h.example"]));
    assert!(domain < phone && phone < both && both <= 1.0, "{domain} {phone} {both}");
}

#[test]
fn a_pair_is_told_once_though_it_shares_many_things_and_in_either_order_of_the_list() {
    let one = profile(2, "Heron House", &["1", "2"], &["h.example", "i.example"]);
    let other = profile(1, "Heron House", &["1", "2"], &["h.example", "i.example"]);
    let there = pairs(&[one.clone(), other.clone()], 0.0, None);
    assert_eq!(there.len(), 1);
    assert_eq!(there, pairs(&[other, one], 0.0, None));
    assert!(there[0].organization_id < there[0].other_id);
}

#[test]
fn a_domain_is_the_host_without_www_and_not_one_that_serves_many() {
    for (address, expected) in [
        ("https://www.Red-Heron.example.org/intake?x=1", Some("red-heron.example.org")),
        ("http://user@heron.example:8080", Some("heron.example")),
        ("intake@heron.example", Some("heron.example")),
        ("heron.example", Some("heron.example")),
        ("intake@gmail.com", None),
        ("https://www.facebook.com/heron", None),
        ("localhost", None),
        ("", None),
    ] {
        assert_eq!(domain(address).as_deref(), expected, "{address}");
    }
}

#[test]
fn a_number_is_what_is_dialled() {
    assert_eq!(number("+19785550100;ext=7").as_deref(), Some("+19785550100"));
    assert_eq!(number("none"), None);
    assert_eq!(number("911"), None);
}
