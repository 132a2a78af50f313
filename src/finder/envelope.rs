//! What a node of the tree knows of everything below it: the box, the facets, and the best value of every
//! input of the ranking.

use rstar::{Envelope, Point, RTreeObject};

use super::facets::Facets;
use super::wait::{Moment, Standing, Statement};
use crate::types::{Grain, OfferingId};
use uuid::Uuid;

/// Facets and best ranking inputs, of one offering or of all below a node.
///
/// Merging takes the better of each by itself, so that what it says of a node is at least as good as any
/// offering below it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Summary {
    pub(super) facets: Facets,
    /// Shortest wait in days, the date apart, among claims with a known wait; infinite without one.
    wait_days: f64,
    /// Earliest ready date, in days since 1970, among claims with a known wait.
    ready_day: i32,
    /// Best grain: 0 facility, 1 service, 2 team.
    grain: u8,
    /// Best reliability.
    pub(super) reliability: f64,
    /// The last microsecond at which a claim with a known wait may be live.
    wait_known_until: i64,
    /// The same of a claim that says "open".
    open_until: i64,
    /// The same of one that says "open", also where every opening is promised, or "waitlist".
    waitlist_until: i64,
    /// The same of any claim.
    live_until: i64,
    /// The second of the newest report.
    reported: i64,
    /// The first offering in order of id.
    pub(super) first: OfferingId,
}

impl Summary {
    fn empty() -> Self {
        Self {
            facets: Facets::default(),
            wait_days: f64::INFINITY,
            ready_day: i32::MAX,
            grain: 0,
            reliability: 0.0,
            wait_known_until: i64::MIN,
            open_until: i64::MIN,
            waitlist_until: i64::MIN,
            live_until: i64::MIN,
            reported: i64::MIN,
            first: OfferingId(Uuid::max()),
        }
    }

    pub(super) fn of(
        offering: OfferingId,
        facets: Facets,
        grain: Grain,
        reliability: f64,
        statement: Option<&Statement>,
    ) -> Self {
        let grain = grain_rank(grain);
        let mut summary = Self { facets, grain, reliability, first: offering, ..Self::empty() };
        if let Some(statement) = statement {
            let until = statement.last_live_microsecond();
            summary.live_until = until;
            summary.reported = statement.reported_at.as_second();
            if let Some((wait_days, ready_day)) = statement.outlook.bounds() {
                summary.wait_days = wait_days;
                summary.ready_day = ready_day;
                summary.wait_known_until = until.min(statement.outlook.known_until());
            }
            match statement.standing {
                Standing::Open => {
                    summary.open_until = until;
                    summary.waitlist_until = until;
                }
                Standing::Waitlist | Standing::Full => summary.waitlist_until = until,
                Standing::Closed | Standing::Assessment => {}
            }
        }
        summary
    }

    fn merge(&mut self, other: &Self) {
        self.facets.merge(&other.facets);
        self.wait_days = self.wait_days.min(other.wait_days);
        self.ready_day = self.ready_day.min(other.ready_day);
        self.grain = self.grain.max(other.grain);
        self.reliability = self.reliability.max(other.reliability);
        self.wait_known_until = self.wait_known_until.max(other.wait_known_until);
        self.open_until = self.open_until.max(other.open_until);
        self.waitlist_until = self.waitlist_until.max(other.waitlist_until);
        self.live_until = self.live_until.max(other.live_until);
        self.reported = self.reported.max(other.reported);
        self.first = self.first.min(other.first);
    }

    /// No known wait below is shorter than this many days; none where none is known any more.
    pub(super) fn shortest_wait(&self, moment: &Moment) -> Option<f64> {
        (moment.microsecond <= self.wait_known_until)
            .then(|| self.wait_days.max(moment.days_until(self.ready_day)))
    }

    pub(super) fn may_be_open(&self, moment: &Moment) -> bool {
        moment.microsecond <= self.open_until
    }

    pub(super) fn may_take_onto_waitlist(&self, moment: &Moment) -> bool {
        moment.microsecond <= self.waitlist_until
    }

    /// No live report below is newer than this second; none where none is live any more.
    pub(super) fn newest_report(&self, moment: &Moment) -> Option<i64> {
        (moment.microsecond <= self.live_until).then_some(self.reported)
    }

    /// The best grain below.
    pub(super) fn best_grain(&self) -> Grain {
        match self.grain {
            0 => Grain::Facility,
            1 => Grain::Service,
            _ => Grain::Team,
        }
    }
}

fn grain_rank(grain: Grain) -> u8 {
    match grain {
        Grain::Facility => 0,
        Grain::Service => 1,
        Grain::Team => 2,
    }
}

/// A box in the space of the unit sphere, and the summary of what is in it. Offerings without a place add
/// nothing to the box.
///
/// For the tree, geometry alone decides what is contained, where an object goes and how nodes split;
/// summaries are merged along. `rstar` recomputes a node's envelope from its children on splits,
/// reinsertions and removals, and merges on insertion, so that every node has exactly the merge of its
/// children (a test holds it to that).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FacetEnvelope {
    lower: [f64; 3],
    upper: [f64; 3],
    pub(super) summary: Summary,
}

impl FacetEnvelope {
    pub(super) fn of(point: Option<[f64; 3]>, summary: Summary) -> Self {
        match point {
            Some(point) => Self { lower: point, upper: point, summary },
            None => Self { summary, ..Self::new_empty() },
        }
    }

    /// Squared distance from `origin` to the box: never more than [`chord_2`] to a point in it, in floating
    /// point too, because every step is monotone. Infinite for an empty box.
    pub(super) fn chord_2_from(&self, origin: &[f64; 3]) -> f64 {
        let outside = |axis: usize| {
            let (below, above) = (self.lower[axis] - origin[axis], origin[axis] - self.upper[axis]);
            below.max(above).max(0.0)
        };
        outside(0).powi(2) + outside(1).powi(2) + outside(2).powi(2)
    }

    /// Whether all below is at one point.
    pub(super) fn is_point(&self) -> bool {
        self.lower == self.upper
    }

    pub(super) fn contains(&self, point: &[f64; 3]) -> bool {
        (0..3).all(|axis| self.lower[axis] <= point[axis] && point[axis] <= self.upper[axis])
    }

    fn sides(&self) -> [f64; 3] {
        std::array::from_fn(|axis| (self.upper[axis] - self.lower[axis]).max(0.0))
    }
}

/// Squared chord distance, as [`crate::types::Coordinates::distance_km`] computes it.
pub(super) fn chord_2(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2) + (a[2] - b[2]).powi(2)
}

impl Envelope for FacetEnvelope {
    type Point = [f64; 3];

    fn new_empty() -> Self {
        Self { lower: [f64::MAX; 3], upper: [f64::MIN; 3], summary: Summary::empty() }
    }

    fn contains_point(&self, point: &[f64; 3]) -> bool {
        self.contains(point)
    }

    fn contains_envelope(&self, other: &Self) -> bool {
        (0..3).all(|axis| self.lower[axis] <= other.lower[axis] && other.upper[axis] <= self.upper[axis])
    }

    fn merge(&mut self, other: &Self) {
        for axis in 0..3 {
            self.lower[axis] = self.lower[axis].min(other.lower[axis]);
            self.upper[axis] = self.upper[axis].max(other.upper[axis]);
        }
        self.summary.merge(&other.summary);
    }

    fn merged(&self, other: &Self) -> Self {
        let mut merged = *self;
        merged.merge(other);
        merged
    }

    fn intersects(&self, other: &Self) -> bool {
        (0..3).all(|axis| self.lower[axis] <= other.upper[axis] && other.lower[axis] <= self.upper[axis])
    }

    fn intersection_area(&self, other: &Self) -> f64 {
        (0..3)
            .map(|axis| {
                (self.upper[axis].min(other.upper[axis]) - self.lower[axis].max(other.lower[axis])).max(0.0)
            })
            .product()
    }

    fn area(&self) -> f64 {
        self.sides().into_iter().product()
    }

    fn distance_2(&self, point: &[f64; 3]) -> f64 {
        self.chord_2_from(point)
    }

    fn min_max_dist_2(&self, point: &[f64; 3]) -> f64 {
        rstar::AABB::from_corners(self.lower, self.upper).min_max_dist_2(point)
    }

    fn center(&self) -> [f64; 3] {
        std::array::from_fn(|axis| f64::midpoint(self.lower[axis], self.upper[axis]))
    }

    fn perimeter_value(&self) -> f64 {
        self.sides().into_iter().sum()
    }

    fn sort_envelopes<T: RTreeObject<Envelope = Self>>(axis: usize, envelopes: &mut [T]) {
        envelopes
            .sort_unstable_by(|a, b| a.envelope().lower.nth(axis).total_cmp(&b.envelope().lower.nth(axis)));
    }

    fn partition_envelopes<T: RTreeObject<Envelope = Self>>(
        axis: usize,
        envelopes: &mut [T],
        selection_size: usize,
    ) {
        envelopes.select_nth_unstable_by(selection_size, |a, b| {
            a.envelope().lower.nth(axis).total_cmp(&b.envelope().lower.nth(axis))
        });
    }
}

/// What stands in the tree for an offering with a place, and in a roster for one that comes without travel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    /// Where its leaf is kept.
    pub(super) slot: u32,
    /// Whether it tells by itself if the offering matches, service area aside, so that the leaf need not be
    /// looked at.
    pub(super) is_exact: bool,
    /// Whether the offering is for the residents of an area only.
    pub(super) has_area: bool,
    /// The offering alone.
    pub(super) envelope: FacetEnvelope,
}

impl RTreeObject for Site {
    type Envelope = FacetEnvelope;

    fn envelope(&self) -> FacetEnvelope {
        self.envelope
    }
}
