//! The composition root: the store, access control, the finder, and the feed that keeps the one in step with the other.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use crate::access::Access;
use crate::availability::links::LinkSigner;
use crate::config::{AccessConfig, MailConfig};
use crate::directory::{Record, centres_of, find_all};
use crate::error::Result;
use crate::exchange::outbox::{self, Delivery, Mailer, Post};
use crate::exchange::reminders;
use crate::finder::source::{Listing, affected, every_listing, every_plan, listings};
use crate::finder::{About, Answer, Entry, Index, NearMisses, PlanInfo, RankingProfile, Search};
use crate::privacy::audit::chain;
use crate::privacy::vault::Vault;
use crate::store::{Change, DbConnection, Listener, Noun, Position, Recorded, Store};
use crate::types::{InsurancePlanId, OfferingId, calendar_date};

/// Everything that a request needs. Cloning shares it.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub store: Store,
    /// Who may do what.
    pub access: Access,
    /// The keys that seal what could identify a student.
    pub vault: Vault,
    /// Signs the links by which agencies answer without an account.
    pub links: LinkSigner,
    mailer: Option<Arc<Mailer>>,
    feed: Arc<Feed>,
    profile: Arc<RankingProfile>,
}

/// What the finder said.
pub struct Found {
    /// The page of the answer.
    pub answer: Answer,
    /// What would be found if one criterion gave way, if that was wanted.
    pub near_misses: Option<Vec<NearMisses>>,
    /// The revision of the index that was asked.
    pub revision: String,
}

/// Near misses of each criterion and kind.
const NEAR_MISSES_SHOWN: usize = 3;

/// Keeps the index in step with the database.
struct Feed {
    store: Store,
    access: Access,
    node: String,
    index: RwLock<Index>,
    loaded: AtomicBool,
    /// How far the feed has been followed, readable while it is being followed.
    followed: AtomicI64,
    /// One at a time reads the database and applies what it read: the last to apply has read last.
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    position: Position,
    /// Numbers of the feed that this process has applied itself and will meet again when it polls.
    applied: BTreeSet<i64>,
}

/// How often the feed is asked for what other processes changed.
pub const POLL_EVERY: Duration = Duration::from_millis(200);
/// How often what the audit has told is sealed.
pub const SEAL_EVERY: Duration = Duration::from_secs(5);
/// Changes read in one poll.
const POLL_LIMIT: i64 = 5_000;
/// Own numbers that are remembered; older ones would only be applied twice.
const OWN_REMEMBERED: usize = 100_000;

impl App {
    /// An application on this store that issues and believes its own tokens only, in the name of the default
    /// address.
    ///
    /// # Errors
    /// As [`App::guarded`].
    pub fn new(store: Store) -> Result<Self> {
        Self::guarded(store, AccessConfig::default())
    }

    /// An application on this store, with an empty finder; [`App::load`] fills it.
    ///
    /// # Errors
    /// If the keys of the database do not open with the master key.
    pub fn guarded(store: Store, config: AccessConfig) -> Result<Self> {
        let vault = Vault::open(&store, &config.master_keys)?;
        let access = Access::new(store.clone(), config);
        let feed = Arc::new(Feed {
            store: store.clone(),
            access: access.clone(),
            node: format!("{:08x}", Uuid::now_v7().as_u128() & 0xffff_ffff),
            index: RwLock::new(Index::default()),
            loaded: AtomicBool::new(false),
            followed: AtomicI64::new(0),
            progress: Mutex::default(),
        });
        store.listen(&feed);
        let links = LinkSigner::new(store.secret("update-link")?);
        let profile = Arc::new(RankingProfile::default());
        Ok(Self { store, access, vault, links, mailer: None, feed, profile })
    }

    /// Fills the finder from the database.
    ///
    /// # Errors
    /// If the database fails.
    pub fn load(&self) -> Result<usize> {
        self.feed.load()
    }

    /// Whether the finder has been filled.
    pub fn is_ready(&self) -> bool {
        self.feed.loaded.load(Ordering::Acquire)
    }

    /// Applies what other processes changed; says how much that was.
    ///
    /// # Errors
    /// If the database fails.
    pub fn poll(&self) -> Result<usize> {
        self.feed.poll()
    }

    /// Seals what the audit has told since the last time; says how many events that were.
    ///
    /// # Errors
    /// If the database fails.
    pub fn seal_audit(&self) -> Result<u64> {
        chain::seal_all(&self.store, &self.vault)
    }

    /// The same application, which sends messages through this server; without one it sends none, and none are made.
    ///
    /// # Errors
    /// If the way to the server cannot be protected.
    pub fn mailing(mut self, config: Option<MailConfig>) -> Result<Self> {
        self.mailer = config.map(Mailer::new).transpose()?.map(Arc::new);
        Ok(self)
    }

    /// Whether this deployment sends messages.
    pub fn sends_mail(&self) -> bool {
        self.mailer.is_some()
    }

    /// Makes the reminders that are due, and deletes messages that are long finished; says how many were made.
    ///
    /// # Errors
    /// If the database fails.
    pub fn queue_mail(&self) -> Result<usize> {
        if !self.sends_mail() {
            return Ok(0);
        }
        self.store.write_now(outbox::purge)?;
        reminders::queue_due(&self.store)
    }

    /// Sends one message that is due, which may take as long as the mail server takes; none if none is.
    ///
    /// # Errors
    /// If the database fails.
    pub fn send_next_mail(&self) -> Result<Option<Delivery>> {
        let Some(mailer) = &self.mailer else { return Ok(None) };
        let (store, signer) = (&self.store, &self.links);
        let (public_url, node) = (self.access.issuer(), self.feed.node.as_str());
        outbox::send_next(&Post { store, mailer, signer, public_url, node })
    }

    /// Sends all that is due.
    ///
    /// # Errors
    /// If the database fails.
    pub fn send_mail_due(&self) -> Result<Vec<Delivery>> {
        std::iter::from_fn(|| self.send_next_mail().transpose()).collect()
    }

    /// Asks the finder, and for near misses if `wants_near_misses` of the answer; all of one revision.
    pub fn search(&self, search: &Search<'_>, wants_near_misses: impl FnOnce(&Answer) -> bool) -> Found {
        let index = self.feed.read_index();
        let answer = index.search(search, &self.profile);
        let near_misses = wants_near_misses(&answer)
            .then(|| index.near_misses(search.question, &self.profile, NEAR_MISSES_SHOWN));
        Found { answer, near_misses, revision: self.feed.revision(&index) }
    }

    /// How answers are ranked.
    pub fn profile(&self) -> &RankingProfile {
        &self.profile
    }

    /// The revision of the index, `node:counter`; not comparable across nodes.
    pub fn revision(&self) -> String {
        self.feed.revision(&self.feed.read_index())
    }

    /// How many changes the index has been through in this process.
    pub fn index_revision(&self) -> u64 {
        self.feed.read_index().revision()
    }

    /// The number of the last change of the feed that the finder has followed.
    pub fn feed_applied(&self) -> i64 {
        self.feed.followed.load(Ordering::Acquire)
    }

    /// How many offerings can be found.
    pub fn indexed(&self) -> usize {
        self.feed.read_index().len()
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.store.clock().now()
    }
}

impl Feed {
    fn read_index(&self) -> std::sync::RwLockReadGuard<'_, Index> {
        // A panic while writing would leave at worst one offering unindexed; the feed heals that.
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn revision(&self, index: &Index) -> String {
        format!("{}:{}", self.node, index.revision())
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self) -> Result<usize> {
        let mut progress = self.progress();
        // The place in the feed first: what changes while the load runs is applied after it.
        progress.position = self.store.feed_start()?;
        let index = self.store.read_now(|connection| {
            let centres = centres_of(connection)?;
            let plans = every_plan(connection)?;
            Index::load(plans.iter().map(plan_info), |keep| {
                every_listing(connection, &centres, |listing| keep(entry(&listing)))
            })
        })?;
        let count = index.len();
        self.followed.store(progress.position.highest(), Ordering::Release);
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index;
        self.loaded.store(true, Ordering::Release);
        Ok(count)
    }

    fn poll(&self) -> Result<usize> {
        let mut progress = self.progress();
        let mut total = 0;
        loop {
            // The place moves on only once everything before it has been applied.
            let mut position = progress.position.clone();
            let changes = self.store.feed_since(&mut position, POLL_LIMIT)?;
            let more = i64::try_from(changes.len()).is_ok_and(|count| count >= POLL_LIMIT);
            let foreign: Vec<Change> = changes
                .into_iter()
                .filter(|recorded| !progress.applied.remove(&recorded.seq))
                .map(|recorded| recorded.change)
                .collect();
            total += foreign.len();
            self.apply(&foreign)?;
            self.followed.store(position.highest(), Ordering::Release);
            progress.position = position;
            if !more {
                return Ok(total);
            }
        }
    }

    /// Reads what changed and puts it into the index.
    fn apply(&self, changes: &[Change]) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        self.access.changed(changes);
        let (plans, ids, listings) = self.store.read_now(|connection| {
            let plans = changed_plans(connection, changes)?;
            let ids = affected(connection, changes)?;
            let listings = listings(connection, &ids, None)?;
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
}

impl Listener for Feed {
    fn committed(&self, changes: &[Recorded]) {
        let own: Vec<Change> = changes.iter().map(|recorded| recorded.change).collect();
        // Before anything else, and whether the finder is loaded or not: who was disabled is refused at once.
        self.access.changed(&own);
        if !self.loaded.load(Ordering::Acquire) {
            return;
        }
        let mut progress = self.progress();
        match self.apply(&own) {
            Ok(()) => {
                progress.applied.extend(changes.iter().map(|recorded| recorded.seq));
                while progress.applied.len() > OWN_REMEMBERED {
                    progress.applied.pop_first();
                }
            }
            // They stay in the feed, and the next poll tries again.
            Err(error) => tracing::error!(%error, "could not apply own changes to the finder"),
        }
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
        partnerships: &listing.partnerships,
        about: About {
            organization: Some(&listing.organization.facts),
            service: Some(&listing.service.facts),
            location: listing.location.as_ref().map(|location| &location.facts),
        },
    }
}
