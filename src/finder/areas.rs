//! Where a student must live, apart from the tree: unique service areas with posting lists by code and a tree of
//! the boxes of those that are drawn, and for each area, school and district the roster of what comes there
//! without travel.

use std::collections::hash_map::Entry as MapEntry;
use std::hash::Hash;
use std::sync::Arc;

use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, Envelope, RTree};
use rustc_hash::FxHashMap;

use super::envelope::{FacetEnvelope, Site};
use super::partners::Door;
use super::question::Residence;
use crate::directory::{NamedPlace, ServiceArea};
use crate::types::{BoundingBox, Coordinates, PostalCode, Shape, Truth, comparable_place};

/// Every service area that an offering has, once.
#[derive(Debug, Default)]
pub(super) struct Areas {
    numbers: FxHashMap<Arc<Extent>, u32>,
    areas: Vec<Area>,
    free: Vec<u32>,
    by_postal_code: FxHashMap<PostalCode, Vec<u32>>,
    by_town: FxHashMap<NamedPlace, Vec<u32>>,
    by_county: FxHashMap<NamedPlace, Vec<u32>>,
    by_state: FxHashMap<String, Vec<u32>>,
    /// The boxes of what is drawn, in plain longitude and latitude.
    drawn: RTree<DrawnBox>,
    doors: FxHashMap<Door, Roster>,
}

type DrawnBox = GeomWithData<Rectangle<[f64; 2]>, u32>;

#[derive(Debug)]
struct Area {
    extent: Arc<Extent>,
    /// How many offerings have it.
    users: u32,
    /// What comes to all who live there by telehealth or to their home.
    roster: Roster,
}

/// A service area as areas are compared: its codes in one case and order, and what is drawn as a shape.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Extent {
    postal_codes: Vec<PostalCode>,
    towns: Vec<NamedPlace>,
    counties: Vec<NamedPlace>,
    states: Vec<String>,
    drawn: Drawn,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Drawn {
    Nothing,
    Shape(Shape),
    /// An outline that is wrong. None is stored; if one were, nobody could say who lives in it.
    Illegible,
}

/// The areas that a residence is in, and the kinds of code that it lacks.
#[derive(Debug)]
pub(super) struct Located {
    /// Numbers of areas, ascending.
    pub(super) inside: Vec<u32>,
    home: Home,
}

/// A residence as it is compared with areas.
#[derive(Debug)]
struct Home {
    postal_code: Option<PostalCode>,
    town: Option<NamedPlace>,
    county: Option<NamedPlace>,
    state: Option<String>,
    at: Option<Coordinates>,
}

/// By what an area includes a residence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LivesIn {
    PostalCode,
    Town,
    County,
    State,
    Drawn,
}

impl Areas {
    /// The number of an area, which from now on has one user more.
    pub(super) fn join(&mut self, area: &ServiceArea) -> u32 {
        let extent = Extent::of(area);
        if let Some(number) = self.numbers.get(&extent).copied() {
            self.areas[number as usize].users += 1;
            return number;
        }
        let extent = Arc::new(extent);
        let fresh = Area { extent: Arc::clone(&extent), users: 1, roster: Roster::default() };
        let number = if let Some(number) = self.free.pop() {
            self.areas[number as usize] = fresh;
            number
        } else {
            self.areas.push(fresh);
            u32::try_from(self.areas.len() - 1).expect("memory ends before four billion areas")
        };
        post(&mut self.by_postal_code, &extent.postal_codes, number);
        post(&mut self.by_town, &extent.towns, number);
        post(&mut self.by_county, &extent.counties, number);
        post(&mut self.by_state, &extent.states, number);
        if let Some(drawn) = extent.drawn_box(number) {
            self.drawn.insert(drawn);
        }
        self.numbers.insert(extent, number);
        number
    }

    /// Takes one user from an area; one without users is forgotten.
    pub(super) fn leave(&mut self, number: u32) {
        let area = &mut self.areas[number as usize];
        area.users -= 1;
        if area.users > 0 {
            return;
        }
        let extent = Arc::clone(&area.extent);
        self.numbers.remove(&extent);
        unpost(&mut self.by_postal_code, &extent.postal_codes, number);
        unpost(&mut self.by_town, &extent.towns, number);
        unpost(&mut self.by_county, &extent.counties, number);
        unpost(&mut self.by_state, &extent.states, number);
        if let Some(drawn) = extent.drawn_box(number) {
            self.drawn.remove(&drawn);
        }
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

    /// Finds the areas that include a residence. Costs one look-up per code, one step per area found, and a look at
    /// the border of each drawn area whose box holds its point and whose codes have not decided already.
    pub(super) fn locate(&self, residence: &Residence) -> Located {
        let home = Home::of(residence);
        let mut inside = Vec::new();
        if let Some(code) = &home.postal_code {
            inside.extend(self.by_postal_code.get(code).into_iter().flatten());
        }
        if let Some(town) = &home.town {
            inside.extend(self.by_town.get(town).into_iter().flatten());
        }
        if let Some(county) = &home.county {
            inside.extend(self.by_county.get(county).into_iter().flatten());
        }
        if let Some(state) = &home.state {
            inside.extend(self.by_state.get(state).into_iter().flatten());
        }
        inside.sort_unstable();
        inside.dedup();
        if let Some(at) = home.at {
            let point = AABB::from_point([at.longitude(), at.latitude()]);
            let around = self.drawn.locate_in_envelope_intersecting(point).map(|drawn| drawn.data);
            let drawn: Vec<u32> = around
                .filter(|area| inside.binary_search(area).is_err() && self.extent(*area).is_drawn_around(at))
                .collect();
            inside.extend(drawn);
            inside.sort_unstable();
        }
        Located { inside, home }
    }

    /// Whether the residence is in the area: unknown where it lacks a code of a kind, or the point, that could
    /// still decide it.
    pub(super) fn includes(&self, area: u32, located: &Located) -> Truth {
        if located.inside.binary_search(&area).is_ok() {
            return Truth::Yes;
        }
        let (extent, home) = (self.extent(area), &located.home);
        let undecided = (!extent.postal_codes.is_empty() && home.postal_code.is_none())
            || (!extent.towns.is_empty() && home.town.is_none())
            || (!extent.counties.is_empty() && home.county.is_none())
            || (!extent.states.is_empty() && home.state.is_none())
            || match extent.drawn {
                Drawn::Nothing => false,
                Drawn::Shape(_) => home.at.is_none(),
                Drawn::Illegible => true,
            };
        if undecided { Truth::Unknown } else { Truth::No }
    }

    /// By what the area includes the residence, the narrowest first; nothing where it does not.
    pub(super) fn why(&self, area: u32, located: &Located) -> Option<LivesIn> {
        let (extent, home) = (self.extent(area), &located.home);
        if home.postal_code.is_some_and(|code| extent.postal_codes.contains(&code)) {
            Some(LivesIn::PostalCode)
        } else if home.town.as_ref().is_some_and(|town| extent.towns.contains(town)) {
            Some(LivesIn::Town)
        } else if home.county.as_ref().is_some_and(|county| extent.counties.contains(county)) {
            Some(LivesIn::County)
        } else if home.state.as_ref().is_some_and(|state| extent.states.contains(state)) {
            Some(LivesIn::State)
        } else {
            home.at.filter(|at| extent.is_drawn_around(*at)).map(|_| LivesIn::Drawn)
        }
    }

    fn extent(&self, area: u32) -> &Extent {
        &self.areas[area as usize].extent
    }
}

impl Extent {
    fn of(area: &ServiceArea) -> Self {
        Self {
            postal_codes: sorted(area.postal_codes.iter().copied()),
            towns: sorted(area.towns.iter().map(|place| town(&place.name, &place.state))),
            counties: sorted(area.counties.iter().map(|place| county(&place.name, &place.state))),
            states: sorted(area.states.iter().map(|state| state.to_lowercase())),
            drawn: match area.polygon.as_ref().map(crate::types::Outline::shape) {
                None => Drawn::Nothing,
                Some(Ok(shape)) => Drawn::Shape(shape),
                Some(Err(_)) => Drawn::Illegible,
            },
        }
    }

    fn drawn_box(&self, number: u32) -> Option<DrawnBox> {
        let Drawn::Shape(shape) = &self.drawn else { return None };
        let BoundingBox { west, south, east, north } = shape.bounds();
        Some(GeomWithData::new(Rectangle::from_corners([west, south], [east, north]), number))
    }

    fn is_drawn_around(&self, at: Coordinates) -> bool {
        matches!(&self.drawn, Drawn::Shape(shape) if shape.contains(at))
    }
}

impl Home {
    fn of(residence: &Residence) -> Self {
        let Residence { postal_code, town: in_town, county: in_county, state, at, assumed: _ } = residence;
        // A town or county counts only together with the state.
        let in_state = |name: &Option<String>, place: fn(&str, &str) -> NamedPlace| {
            Some(place(name.as_deref()?, state.as_deref()?))
        };
        Self {
            postal_code: *postal_code,
            town: in_state(in_town, town),
            county: in_state(in_county, county),
            state: state.as_deref().map(str::to_lowercase),
            at: *at,
        }
    }
}

fn town(name: &str, state: &str) -> NamedPlace {
    NamedPlace { name: comparable_place(name), state: state.to_lowercase() }
}

fn county(name: &str, state: &str) -> NamedPlace {
    NamedPlace { name: name.to_lowercase(), state: state.to_lowercase() }
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
