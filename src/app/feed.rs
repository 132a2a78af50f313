//! The feed that keeps the finder in step with the database.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use jiff::civil::Date;
use tokio::sync::watch;
use uuid::Uuid;

use crate::access::Access;
use crate::directory::{Record, centres_of, find_all};
use crate::error::Result;
use crate::finder::source::{Listing, affected, every_listing, every_plan, listings};
use crate::finder::{About, Entry, Index, PlanInfo};
use crate::store::{Change, DbConnection, Following, Listener, Noun, Position, Recorded, Store};
use crate::types::{InsurancePlanId, OfferingId, calendar_date};

/// Changes that are applied at once. A writer of this process waits behind no more than this.
const AT_ONCE: i64 = 100;
/// Own numbers that are remembered; older ones would only be applied twice.
const OWN_REMEMBERED: usize = 100_000;
/// How long following steps aside for writers before it looks again, and how long in all.
const STEP_ASIDE: Duration = Duration::from_micros(200);
const STEP_ASIDE_AT_MOST: Duration = Duration::from_millis(10);
/// Out of step for longer than this, a writer takes a turn at following: where there is always another writer, nobody
/// else would get one.
const WRITERS_FOLLOW_AFTER: Duration = Duration::from_millis(500);

/// Keeps the index in step with the database.
pub(super) struct Feed {
    store: Store,
    access: Access,
    node: String,
    index: RwLock<Index>,
    loaded: AtomicBool,
    /// One at a time reads the database and applies what it read: the last to apply has read last.
    progress: Mutex<Progress>,
    /// Writers of this process that wait for `progress`, and go first.
    writers: AtomicUsize,
    /// How far the feed has been followed, and when everything in it had been; readable meanwhile.
    standing: Mutex<(Position, Instant)>,
    has_news: AtomicBool,
    news: watch::Sender<u64>,
}

#[derive(Default)]
struct Progress {
    position: Position,
    /// Numbers of the feed that this process has applied itself and will meet again when it polls.
    applied: BTreeSet<i64>,
}

/// What following the feed did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Changes of other processes that were applied.
    pub applied: usize,
    /// Whether there may be more.
    pub more: bool,
}

impl Feed {
    pub(super) fn new(store: Store, access: Access) -> Self {
        Self {
            store,
            access,
            node: format!("{:08x}", Uuid::now_v7().as_u128() & 0xffff_ffff),
            index: RwLock::new(Index::default()),
            loaded: AtomicBool::new(false),
            progress: Mutex::default(),
            writers: AtomicUsize::new(0),
            standing: Mutex::new((Position::default(), Instant::now())),
            has_news: AtomicBool::new(false),
            news: watch::Sender::new(0),
        }
    }

    pub(super) fn read_index(&self) -> RwLockReadGuard<'_, Index> {
        // A panic while writing would leave at worst one offering unindexed; the feed heals that.
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn revision(&self, index: &Index) -> String {
        format!("{}:{}", self.node, index.revision())
    }

    /// The name of this process among those that share the database.
    pub(super) fn node(&self) -> &str {
        &self.node
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.loaded.load(Ordering::Acquire)
    }

    pub(super) fn has_news(&self) -> bool {
        self.has_news.swap(false, Ordering::AcqRel)
    }

    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    pub(super) fn position(&self) -> Position {
        self.standing().0.clone()
    }

    pub(super) fn lag(&self) -> Duration {
        self.standing().1.elapsed()
    }

    fn standing(&self) -> MutexGuard<'_, (Position, Instant)> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn load(&self) -> Result<usize> {
        self.reload(&mut self.progress())
    }

    fn reload(&self, progress: &mut Progress) -> Result<usize> {
        let began = Instant::now();
        // The place in the feed first: what changes while the load runs is applied after it.
        let position = self.store.feed_start()?;
        let now = self.store.clock().now();
        let index = self.store.read_now(|connection| {
            let centres = centres_of(connection)?;
            let plans = every_plan(connection)?;
            Index::load(plans.iter().map(plan_info), |keep| {
                every_listing(connection, &centres, now, |listing| keep(entry(&listing)))
            })
        })?;
        let count = index.len();
        {
            let mut standing = self.index.write().unwrap_or_else(PoisonError::into_inner);
            let revision = standing.revision();
            *standing = index;
            if self.is_loaded() {
                standing.continue_from(revision);
            }
        }
        *progress = Progress { position: position.clone(), applied: BTreeSet::new() };
        *self.standing() = (position, began);
        self.loaded.store(true, Ordering::Release);
        self.tell();
        Ok(count)
    }

    pub(super) fn follow(&self) -> Result<Followed> {
        let came = Instant::now();
        while self.writers.load(Ordering::Acquire) > 0 && came.elapsed() < STEP_ASIDE_AT_MOST {
            std::thread::sleep(STEP_ASIDE);
        }
        self.follow_on(&mut self.progress())
    }

    fn follow_on(&self, progress: &mut Progress) -> Result<Followed> {
        let began = Instant::now();
        // The place moves on only once everything before it has been applied.
        let mut position = progress.position.clone();
        let changes = match self.store.feed_since(&mut position, AT_ONCE)? {
            Following::Changes(changes) => changes,
            Following::Overtaken => {
                tracing::warn!("this process fell too far behind the change feed; loading the finder anew");
                self.access.forget();
                let applied = self.reload(progress)?;
                return Ok(Followed { applied, more: true });
            }
        };
        let more = i64::try_from(changes.len()).is_ok_and(|count| count >= AT_ONCE);
        let (own, foreign): (Vec<Recorded>, Vec<Recorded>) =
            changes.into_iter().partition(|recorded| progress.applied.remove(&recorded.seq));
        let foreign: Vec<Change> = foreign.iter().map(|recorded| recorded.change).collect();
        if let Err(error) = self.apply(&foreign) {
            // All of them come again.
            progress.applied.extend(own.iter().map(|recorded| recorded.seq));
            return Err(error);
        }
        {
            let mut standing = self.standing();
            standing.0.clone_from(&position);
            if !more {
                standing.1 = began;
            }
        }
        progress.position = position;
        if !foreign.is_empty() {
            self.tell();
        }
        Ok(Followed { applied: foreign.len(), more })
    }

    fn tell(&self) {
        self.news.send_modify(|count| *count += 1);
    }

    /// Reads what changed and puts it into the index.
    fn apply(&self, changes: &[Change]) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        self.access.changed(changes);
        let now = self.store.clock().now();
        let (plans, ids, listings) = self.store.read_now(|connection| {
            let plans = changed_plans(connection, changes)?;
            let ids = affected(connection, changes)?;
            let listings = listings(connection, &ids, None, now)?;
            Ok((plans, ids, listings))
        })?;
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for plan in &plans {
            let (id, info) = plan_info(plan);
            index.set_plan(id, info);
        }
        let mut gone: BTreeSet<OfferingId> = ids.into_iter().collect();
        for listing in listings.iter().filter(|listing| listing.can_be_found()) {
            gone.remove(&listing.offering.id);
            index.apply(entry(listing));
        }
        for id in gone {
            index.remove(id);
        }
        Ok(())
    }

    /// Applies what this process has committed.
    fn apply_own(&self, changes: &[Recorded], own: &[Change]) {
        self.writers.fetch_add(1, Ordering::AcqRel);
        let mut progress = self.progress();
        self.writers.fetch_sub(1, Ordering::AcqRel);
        match self.apply(own) {
            Ok(()) => {
                progress.applied.extend(changes.iter().map(|recorded| recorded.seq));
                while progress.applied.len() > OWN_REMEMBERED {
                    progress.applied.pop_first();
                }
            }
            // They stay in the feed, and the next poll tries again.
            Err(error) => tracing::error!(%error, "could not apply own changes to the finder"),
        }
        if self.lag() > WRITERS_FOLLOW_AFTER
            && let Err(error) = self.follow_on(&mut progress)
        {
            tracing::error!(%error, "could not follow the change feed; trying again");
        }
    }
}

impl Listener for Feed {
    fn committed(&self, changes: &[Recorded]) {
        let own: Vec<Change> = changes.iter().map(|recorded| recorded.change).collect();
        // Before anything else, and whether the finder is loaded or not: who was disabled is refused at once.
        self.access.changed(&own);
        if self.is_loaded() {
            self.apply_own(changes, &own);
        }
        self.has_news.store(true, Ordering::Release);
        self.tell();
    }
}

fn changed_plans(
    connection: &mut DbConnection,
    changes: &[Change],
) -> Result<Vec<Record<crate::directory::InsurancePlanFacts>>> {
    let ids: Vec<InsurancePlanId> = changes
        .iter()
        .filter(|change| change.noun == Noun::InsurancePlan)
        .map(|change| InsurancePlanId(change.subject))
        .collect();
    find_all(connection, &ids)
}

fn plan_info(plan: &Record<crate::directory::InsurancePlanFacts>) -> (InsurancePlanId, PlanInfo) {
    let last_day = |retired_at| calendar_date(retired_at).yesterday().unwrap_or(Date::MIN);
    let retired = plan.retired_at.map(last_day);
    let info = PlanInfo {
        category: plan.facts.category,
        effective_from: plan.facts.effective_from,
        // A retired plan pays for nobody any more.
        effective_until: match (plan.facts.effective_until, retired) {
            (Some(until), Some(retired)) => Some(until.min(retired)),
            (until, retired) => until.or(retired),
        },
    };
    (plan.id, info)
}

fn entry(listing: &Listing) -> Entry<'_> {
    Entry {
        offering: listing.offering.id,
        place: listing.placement.map(crate::directory::Placement::at),
        facts: &listing.offering.facts,
        audience: &listing.service.facts.audience,
        claim: listing.claim.as_ref(),
        evidence: listing.evidence,
        partnerships: &listing.partnerships,
        about: About {
            organization: Some(&listing.organization.facts),
            service: Some(&listing.service.facts),
            location: listing.location.as_ref().map(|location| &location.facts),
        },
    }
}
