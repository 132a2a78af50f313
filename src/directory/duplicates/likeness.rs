//! Which organizations may be the same agency, and why. Pure: what is known of each is passed in.
//!
//! Names alone say little: "Care Clinic" is nine agencies in nine states. A pair is a candidate only if something
//! independent of the names speaks for it: a telephone number, a place, or a domain of the web.
//!
//! No pair is looked at that shares nothing: organizations are put into *blocks* by what they share, and pairs
//! are made within a block. What many share tells nothing, so large blocks are left out, and the work grows with
//! the number of organizations and not with its square.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::names::{Name, Weights};
use crate::directory::Placement;
use crate::types::{OrganizationId, PlaceQuality, PostalCode};

/// What is known of an organization that may tell it from others.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub(super) id: OrganizationId,
    /// Its name, and others it is known by.
    pub(super) names: Vec<Name>,
    /// Numbers of it and of its places and services, without extensions.
    pub(super) phones: BTreeSet<String>,
    /// Domains of its pages and its addresses for mail.
    pub(super) domains: BTreeSet<String>,
    /// Where it is.
    pub(super) places: Vec<Place>,
}

/// One place of an organization.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) postal_code: Option<PostalCode>,
    /// As stated, else the centre of the ZIP code.
    pub(super) placement: Option<Placement>,
}

/// What speaks for it that two organizations are the same agency.
#[derive(Clone, Debug, PartialEq, serde::Serialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Evidence {
    /// Their names are alike, without regard to case, accents, punctuation, legal form and the order of words.
    NamesAlike {
        /// From 0 to 1; 1 is the same name.
        #[schema(example = 0.93)]
        likeness: f64,
    },
    /// They have a telephone number in common, that of the organization or of one of its places or services.
    SamePhone {
        /// The number.
        #[schema(example = "+19785550100")]
        phone: String,
    },
    /// Two of their places are near each other.
    Near {
        /// Great-circle kilometres between these places.
        #[schema(example = 0.2)]
        distance_km: f64,
    },
    /// They have places in the same ZIP code.
    SamePostalCode {
        /// The ZIP code.
        postal_code: PostalCode,
    },
    /// Their pages or addresses for mail are on the same domain.
    SameDomain {
        /// The domain.
        #[schema(example = "red-heron.example.org")]
        domain: String,
    },
}

/// Two organizations that may be the same agency.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The one with the lesser id.
    pub organization_id: OrganizationId,
    /// The other one.
    pub other_id: OrganizationId,
    /// From 0 to 1: half of it is how alike the names are; the other half is the evidence beside the names, of
    /// which each piece leaves less doubt.
    pub likeness: f64,
    /// What speaks for it.
    pub evidence: Vec<Evidence>,
}

/// How much doubt a number in common takes away, of 1.
const PHONE: f64 = 0.8;
/// … the same spot.
const SAME_SPOT: f64 = 0.6;
/// … the same ZIP code, or ZIP codes that begin at the same spot.
const SAME_POSTAL_CODE: f64 = 0.5;
/// … a domain in common.
const DOMAIN: f64 = 0.5;

/// Places this far apart are not near each other any more.
const NEAR_KM: f64 = 10.0;
/// Organizations all of whose places are this far apart are no candidates: they are chapters of one body, which
/// answer for themselves, and a number or a page that they share is that of the body.
const FAR_KM: f64 = 100.0;
/// Names that are less alike are no evidence.
const ALIKE: f64 = 0.8;
/// A number or a domain that more organizations share is that of a switchboard, a call line or a host of pages.
const SHARED_BY_MANY: usize = 12;
/// More organizations make no block by a ZIP code or a word.
const LARGEST_BLOCK: usize = 50;

/// Every pair that may be the same agency and is at least so alike; the most alike first. With `only`, the pairs
/// of that one.
pub(super) fn pairs(profiles: &[Profile], min_likeness: f64, only: Option<OrganizationId>) -> Vec<Pair> {
    let weights = Weights::of(profiles.iter().map(|profile| profile.names.as_slice()));
    let phones = Shared::by(profiles, |profile| profile.phones.iter().cloned().collect());
    let domains = Shared::by(profiles, |profile| profile.domains.iter().cloned().collect());
    let by_place = Shared::by(profiles, |profile| places_of(profile).map(|code| code.to_string()).collect());
    let crowded = Shared::by(profiles, initials_by_place);
    let words = Shared::by(profiles, |profile| rare_words(profile, &weights));
    let whole = Shared::by(profiles, |profile| profile.names.iter().map(Name::squeezed).collect());

    let mut compared: HashSet<(usize, usize)> = HashSet::new();
    let mut pairs = Vec::new();
    let blocks = phones.up_to(SHARED_BY_MANY).chain(domains.up_to(SHARED_BY_MANY)).chain(
        [&by_place, &crowded, &words, &whole].into_iter().flat_map(|shared| shared.up_to(LARGEST_BLOCK)),
    );
    for block in blocks {
        for (place, one) in block.iter().enumerate() {
            for other in &block[place + 1..] {
                let (a, b) = (&profiles[*one], &profiles[*other]);
                if only.is_some_and(|only| a.id != only && b.id != only) || !compared.insert((*one, *other)) {
                    continue;
                }
                let compared = Compared { one: a, other: b, phones: &phones, domains: &domains };
                pairs.extend(compared.pair(&weights).filter(|pair| pair.likeness >= min_likeness));
            }
        }
    }
    pairs.sort_by(|one, other| {
        let ids = |pair: &Pair| (pair.organization_id, pair.other_id);
        other.likeness.total_cmp(&one.likeness).then_with(|| ids(one).cmp(&ids(other)))
    });
    pairs
}

/// Which organizations, by their place in the list, share a value.
struct Shared(BTreeMap<String, Vec<usize>>);

impl Shared {
    fn by(profiles: &[Profile], values: impl Fn(&Profile) -> BTreeSet<String>) -> Self {
        let mut shared: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, profile) in profiles.iter().enumerate() {
            for value in values(profile) {
                shared.entry(value).or_default().push(place);
            }
        }
        Self(shared)
    }

    /// Those that share a value with others, but with no more than `most`.
    fn up_to(&self, most: usize) -> impl Iterator<Item = &Vec<usize>> {
        self.0.values().filter(move |block| (2..=most).contains(&block.len()))
    }

    fn tells(&self, value: &str) -> bool {
        self.0.get(value).is_some_and(|sharing| sharing.len() <= SHARED_BY_MANY)
    }
}

fn places_of(profile: &Profile) -> impl Iterator<Item = PostalCode> {
    profile.places.iter().filter_map(|place| place.postal_code)
}

/// The ZIP codes, each with the first letters of each name: for ZIP codes with many organizations.
fn initials_by_place(profile: &Profile) -> BTreeSet<String> {
    let initials = |name: &Name| name.squeezed().chars().take(3).collect::<String>();
    let codes: BTreeSet<PostalCode> = places_of(profile).collect();
    let by_name = |name| {
        let initials = initials(name);
        codes.iter().map(move |code| format!("{code} {initials}"))
    };
    profile.names.iter().flat_map(by_name).collect()
}

/// The words of its names that few others carry.
fn rare_words(profile: &Profile, weights: &Weights) -> BTreeSet<String> {
    let few = u32::try_from(LARGEST_BLOCK).unwrap_or(u32::MAX);
    let words = profile.names.iter().flat_map(Name::words);
    words.filter(|word| weights.carried_by(word) <= few).map(str::to_owned).collect()
}

/// Two organizations, and what more than a few share.
struct Compared<'a> {
    one: &'a Profile,
    other: &'a Profile,
    phones: &'a Shared,
    domains: &'a Shared,
}

impl Compared<'_> {
    /// The two as a candidate, if they are one.
    fn pair(&self, weights: &Weights) -> Option<Pair> {
        let phone = in_common(&self.one.phones, &self.other.phones).find(|phone| self.phones.tells(phone));
        let nearest = self.nearest();
        if nearest.is_some_and(|nearest| nearest.km > FAR_KM) {
            return None;
        }
        let domain =
            in_common(&self.one.domains, &self.other.domains).find(|domain| self.domains.tells(domain));
        let codes: HashSet<PostalCode> = places_of(self.one).collect();
        let postal_code = places_of(self.other).filter(|code| codes.contains(code)).min();
        let near = nearest.filter(|nearest| nearest.km <= NEAR_KM);
        if phone.is_none() && domain.is_none() && postal_code.is_none() && near.is_none() {
            return None;
        }

        let names = self.names_alike(weights);
        // Neighbours and tenants of one page are not the same agency for that.
        if phone.is_none() && names < ALIKE {
            return None;
        }
        // A distance says nothing beside the ZIP code from which it was taken.
        let near_in_itself = near.filter(|near| near.is_exact || postal_code.is_none());
        let by_place = near_in_itself.map_or(0.0, Nearest::weight).max(if postal_code.is_some() {
            SAME_POSTAL_CODE
        } else {
            0.0
        });
        let doubt =
            (1.0 - phone.map_or(0.0, |_| PHONE)) * (1.0 - domain.map_or(0.0, |_| DOMAIN)) * (1.0 - by_place);

        let mut evidence = Vec::new();
        if names >= ALIKE {
            evidence.push(Evidence::NamesAlike { likeness: rounded(names, 100.0) });
        }
        evidence.extend(phone.map(|phone| Evidence::SamePhone { phone: phone.clone() }));
        evidence.extend(near_in_itself.map(|near| Evidence::Near { distance_km: rounded(near.km, 10.0) }));
        evidence.extend(postal_code.map(|postal_code| Evidence::SamePostalCode { postal_code }));
        evidence.extend(domain.map(|domain| Evidence::SameDomain { domain: domain.clone() }));
        let (organization_id, other_id) = (self.one.id.min(self.other.id), self.one.id.max(self.other.id));
        let likeness = rounded(0.5 * names + 0.5 * (1.0 - doubt), 1000.0);
        Some(Pair { organization_id, other_id, likeness, evidence })
    }

    fn names_alike(&self, weights: &Weights) -> f64 {
        let others = || self.other.names.iter();
        let all =
            self.one.names.iter().flat_map(|one| others().map(move |other| weights.likeness(one, other)));
        all.fold(0.0, f64::max)
    }

    /// Their places that are nearest to each other.
    fn nearest(&self) -> Option<Nearest> {
        let placed =
            |profile: &Profile| profile.places.iter().filter_map(|place| place.placement).collect::<Vec<_>>();
        let others = placed(self.other);
        let distances = placed(self.one).into_iter().flat_map(|one| {
            others.iter().map(move |other| Nearest {
                km: one.at().distance_km(other.at()),
                is_exact: [one, *other].iter().all(|place| place.quality == PlaceQuality::Rooftop),
            })
        });
        distances.min_by(|one, other| one.km.total_cmp(&other.km))
    }
}

/// How far apart the nearest places of two organizations are.
#[derive(Clone, Copy)]
struct Nearest {
    km: f64,
    /// Whether both are known to the house, and not only to the ZIP code or the town.
    is_exact: bool,
}

impl Nearest {
    fn weight(self) -> f64 {
        let at_best = if self.is_exact { SAME_SPOT } else { SAME_POSTAL_CODE };
        at_best * (1.0 - self.km / NEAR_KM).max(0.0)
    }
}

fn in_common<'a>(one: &'a BTreeSet<String>, other: &'a BTreeSet<String>) -> impl Iterator<Item = &'a String> {
    one.intersection(other)
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

/// The names of hosts that serve many, of whom one has not the address of another.
const PUBLIC_HOSTS: [&str; 18] = [
    "aol.com",
    "att.net",
    "bellsouth.net",
    "comcast.net",
    "facebook.com",
    "gmail.com",
    "google.com",
    "hotmail.com",
    "icloud.com",
    "instagram.com",
    "linkedin.com",
    "msn.com",
    "outlook.com",
    "sbcglobal.net",
    "sites.google.com",
    "verizon.net",
    "yahoo.com",
    "youtube.com",
];

/// The domain of a page or of an address for mail.
pub(super) fn domain(address: &str) -> Option<String> {
    let address = address.trim().to_lowercase();
    let rest = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().trim_end_matches('.');
    let host = host.strip_prefix("www.").unwrap_or(host);
    (host.contains('.') && !PUBLIC_HOSTS.contains(&host)).then(|| host.to_owned())
}

/// The number that is dialled, without its extension; none where nobody could dial it.
pub(super) fn number(phone: &str) -> Option<String> {
    let number = phone.split_once(";ext=").map_or(phone, |(number, _)| number);
    let digits = number.chars().filter(char::is_ascii_digit).count();
    (digits >= 7).then(|| number.to_owned())
}

#[cfg(test)]
mod tests;
