//! Where a student must live, apart from the tree: unique service areas with posting lists by code, and for
//! each area, school and district the roster of what comes there without travel.

use std::collections::hash_map::Entry as MapEntry;
use std::hash::Hash;
use std::sync::Arc;

use rstar::Envelope;
use rustc_hash::FxHashMap;

use super::envelope::{FacetEnvelope, Site};
use super::partners::Door;
use super::question::Residence;
use crate::directory::{NamedPlace, ServiceArea};
use crate::types::{PostalCode, Truth};

/// Every service area that an offering has, once.
#[derive(Debug, Default)]
pub(super) struct Areas {
    numbers: FxHashMap<Arc<ServiceArea>, u32>,
    areas: Vec<Area>,
    free: Vec<u32>,
    by_postal_code: FxHashMap<PostalCode, Vec<u32>>,
    by_town: FxHashMap<NamedPlace, Vec<u32>>,
    by_county: FxHashMap<NamedPlace, Vec<u32>>,
    by_state: FxHashMap<String, Vec<u32>>,
    doors: FxHashMap<Door, Roster>,
}

#[derive(Debug)]
struct Area {
    codes: Arc<ServiceArea>,
    /// How many offerings have it.
    users: u32,
    /// What comes to all who live there by telehealth or to their home.
    roster: Roster,
}

/// The areas that a residence is in, and the kinds of code that it lacks.
#[derive(Debug)]
pub(super) struct Located {
    /// Numbers of areas, ascending.
    pub(super) inside: Vec<u32>,
    residence: Residence,
}

impl Areas {
    /// The number of an area, which from now on has one user more.
    pub(super) fn join(&mut self, area: &ServiceArea) -> u32 {
        let area = normalized(area);
        if let Some(number) = self.numbers.get(&area).copied() {
            self.areas[number as usize].users += 1;
            return number;
        }
        let codes = Arc::new(area);
        let fresh = Area { codes: Arc::clone(&codes), users: 1, roster: Roster::default() };
        let number = if let Some(number) = self.free.pop() {
            self.areas[number as usize] = fresh;
            number
        } else {
            self.areas.push(fresh);
            u32::try_from(self.areas.len() - 1).expect("memory ends before four billion areas")
        };
        post(&mut self.by_postal_code, &codes.postal_codes, number);
        post(&mut self.by_town, &codes.towns, number);
        post(&mut self.by_county, &codes.counties, number);
        post(&mut self.by_state, &codes.states, number);
        self.numbers.insert(codes, number);
        number
    }

    /// Takes one user from an area; one without users is forgotten.
    pub(super) fn leave(&mut self, number: u32) {
        let area = &mut self.areas[number as usize];
        area.users -= 1;
        if area.users > 0 {
            return;
        }
        let codes = Arc::clone(&area.codes);
        self.numbers.remove(&codes);
        unpost(&mut self.by_postal_code, &codes.postal_codes, number);
        unpost(&mut self.by_town, &codes.towns, number);
        unpost(&mut self.by_county, &codes.counties, number);
        unpost(&mut self.by_state, &codes.states, number);
        self.free.push(number);
    }

    /// The roster of an area.
    pub(super) fn roster(&self, area: u32) -> &Roster {
        &self.areas[area as usize].roster
    }

    pub(super) fn roster_mut(&mut self, area: u32) -> &mut Roster {
        &mut self.areas[area as usize].roster
    }

    /// What is given in a school, or in all schools of a district.
    pub(super) fn behind(&self, door: Door) -> Option<&Roster> {
        self.doors.get(&door)
    }

    pub(super) fn add_to_door(&mut self, door: Door, site: Site) {
        self.doors.entry(door).or_default().add(site);
    }

    pub(super) fn remove_from_door(&mut self, door: Door, slot: u32) {
        if let MapEntry::Occupied(mut roster) = self.doors.entry(door) {
            roster.get_mut().remove(slot);
            if roster.get().blocks.is_empty() {
                roster.remove();
            }
        }
    }

    /// Finds the areas that include a residence. Costs one look-up per code and one step per area found.
    pub(super) fn locate(&self, residence: &Residence) -> Located {
        let state = residence.state.as_deref().map(str::to_lowercase);
        let mut inside = Vec::new();
        if let Some(code) = &residence.postal_code {
            inside.extend(self.by_postal_code.get(code).into_iter().flatten());
        }
        if let Some(town) = place(residence.town.as_deref(), state.as_deref()) {
            inside.extend(self.by_town.get(&town).into_iter().flatten());
        }
        if let Some(county) = place(residence.county.as_deref(), state.as_deref()) {
            inside.extend(self.by_county.get(&county).into_iter().flatten());
        }
        if let Some(state) = &state {
            inside.extend(self.by_state.get(state).into_iter().flatten());
        }
        inside.sort_unstable();
        inside.dedup();
        Located { inside, residence: residence.clone() }
    }

    /// Whether the residence is in the area: unknown where it lacks a code of a kind that could still
    /// decide it.
    pub(super) fn includes(&self, area: u32, located: &Located) -> Truth {
        if located.inside.binary_search(&area).is_ok() {
            return Truth::Yes;
        }
        let codes = &self.areas[area as usize].codes;
        let residence = &located.residence;
        let stateless = residence.state.is_none();
        let undecided = (!codes.postal_codes.is_empty() && residence.postal_code.is_none())
            || (!codes.towns.is_empty() && (residence.town.is_none() || stateless))
            || (!codes.counties.is_empty() && (residence.county.is_none() || stateless))
            || (!codes.states.is_empty() && stateless);
        if undecided { Truth::Unknown } else { Truth::No }
    }
}

fn place(name: Option<&str>, state: Option<&str>) -> Option<NamedPlace> {
    Some(NamedPlace { name: name?.to_lowercase(), state: state?.to_owned() })
}

/// The same area with its codes in one case and order.
fn normalized(area: &ServiceArea) -> ServiceArea {
    let lower =
        |places: &[NamedPlace]| {
            sorted(places.iter().map(|place| NamedPlace {
                name: place.name.to_lowercase(),
                state: place.state.to_lowercase(),
            }))
        };
    ServiceArea {
        postal_codes: sorted(area.postal_codes.iter().copied()),
        towns: lower(&area.towns),
        counties: lower(&area.counties),
        states: sorted(area.states.iter().map(|state| state.to_lowercase())),
    }
}

fn sorted<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}

fn post<K: Hash + Eq + Clone>(lists: &mut FxHashMap<K, Vec<u32>>, keys: &[K], number: u32) {
    for key in keys {
        lists.entry(key.clone()).or_default().push(number);
    }
}

fn unpost<K: Hash + Eq + Clone>(lists: &mut FxHashMap<K, Vec<u32>>, keys: &[K], number: u32) {
    for key in keys {
        if let MapEntry::Occupied(mut list) = lists.entry(key.clone()) {
            list.get_mut().retain(|other| *other != number);
            if list.get().is_empty() {
                list.remove();
            }
        }
    }
}

/// Sites in blocks, each with the envelope of what is in it, so that whole blocks are passed over. All
/// blocks but the last are full.
#[derive(Debug, Default)]
pub(super) struct Roster {
    blocks: Vec<Block>,
}

/// A handful of sites and the merge of their envelopes.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) envelope: FacetEnvelope,
    pub(super) sites: Vec<Site>,
}

impl Roster {
    const BLOCK: usize = if cfg!(test) { 3 } else { 32 };

    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    pub(super) fn add(&mut self, site: Site) {
        match self.blocks.last_mut() {
            Some(block) if block.sites.len() < Self::BLOCK => {
                block.envelope.merge(&site.envelope);
                block.sites.push(site);
            }
            _ => self.blocks.push(Block { envelope: site.envelope, sites: vec![site] }),
        }
    }

    /// Removes a site; the last one of all takes its place. Costs a look at every site.
    pub(super) fn remove(&mut self, slot: u32) {
        let position = self.blocks.iter().enumerate().find_map(|(number, block)| {
            Some((number, block.sites.iter().position(|site| site.slot == slot)?))
        });
        let (Some((number, position)), Some(last)) = (position, self.blocks.last_mut()) else {
            return;
        };
        let Some(moved) = last.sites.pop() else { return };
        last.refresh();
        if last.sites.is_empty() {
            self.blocks.pop();
        }
        if moved.slot != slot
            && let Some(block) = self.blocks.get_mut(number)
        {
            block.sites[position] = moved;
            block.refresh();
        }
    }
}

impl Block {
    fn refresh(&mut self) {
        self.envelope =
            self.sites.iter().fold(FacetEnvelope::new_empty(), |all, site| all.merged(&site.envelope));
    }
}
