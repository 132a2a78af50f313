//! The composition root: the store, access control, the finder, and the feed that keeps the one in step with the other.

mod feed;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::access::Access;
use crate::availability::links::LinkSigner;
use crate::config::{AccessConfig, MailConfig};
use crate::error::Result;
use crate::exchange::outbox::{self, Delivery, Mailer, Post};
use crate::exchange::{crisis_rota, people_notices, referral_notices, reminders};
use crate::finder::{Answer, Criteria, Hit, NearMisses, Question, RankingProfile, Search};
use crate::privacy::audit::chain;
use crate::privacy::vault::Vault;
use crate::referrals::{Matcher, clock};
use crate::store::{Position, Store};
use crate::types::OfferingId;
use feed::Feed;
pub use feed::Followed;

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

/// How often the feed is asked, whether a bell was heard or not, for what other processes changed.
pub const POLL_EVERY: Duration = Duration::from_millis(200);
/// How often what the audit has told is sealed.
pub const SEAL_EVERY: Duration = Duration::from_secs(5);

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
        let feed = Arc::new(Feed::new(store.clone(), access.clone()));
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
        self.feed.is_loaded()
    }

    /// Applies everything that other processes changed; says how much that was.
    ///
    /// # Errors
    /// If the database fails.
    pub fn poll(&self) -> Result<usize> {
        let mut total = 0;
        loop {
            let followed = self.follow()?;
            total += followed.applied;
            if !followed.more {
                return Ok(total);
            }
        }
    }

    /// Applies some of what other processes changed: little enough that a writer of this process does not wait
    /// long behind it.
    ///
    /// # Errors
    /// If the database fails.
    pub fn follow(&self) -> Result<Followed> {
        self.feed.follow()
    }

    /// Whether this process changed something since the last call, so that others are to be woken.
    pub fn has_news(&self) -> bool {
        self.feed.has_news()
    }

    /// Changes whenever there may be something new in the feed.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.feed.news()
    }

    /// Where this process stands in the feed.
    pub fn position(&self) -> Position {
        self.feed.position()
    }

    /// How long ago the finder was known to be in step with the database.
    pub fn lag(&self) -> Duration {
        self.feed.lag()
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

    /// Makes the reminders and the notices, of offers and of what waits, that are due, and deletes messages that are long
    /// finished; says how many were made.
    ///
    /// # Errors
    /// If the database fails.
    pub fn queue_mail(&self) -> Result<usize> {
        if !self.sends_mail() {
            return Ok(0);
        }
        self.store.write_now(|tx| {
            outbox::purge(tx)?;
            referral_notices::purge(tx)
        })?;
        let store = &self.store;
        Ok(referral_notices::queue_due(store)?
            + people_notices::queue_due(store)?
            + reminders::queue_due(store)?)
    }

    /// Sends one message that is due, which may take as long as the mail server takes; none if none is.
    ///
    /// # Errors
    /// If the database fails.
    pub fn send_next_mail(&self) -> Result<Option<Delivery>> {
        let Some(mailer) = &self.mailer else { return Ok(None) };
        let (store, signer) = (&self.store, &self.links);
        let (public_url, node) = (self.access.issuer(), self.feed.node());
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

    /// Does everything that is due: tells the next of reports of imminent risk that nobody acknowledged, ends offers that
    /// nobody replied to, and offers free slots to those who wait; referrals only once the finder is loaded. Says how much
    /// that was.
    ///
    /// # Errors
    /// If the database fails.
    pub fn turn_clock(&self) -> Result<usize> {
        let told = if self.sends_mail() { crisis_rota::turn(&self.store) } else { Ok(0) };
        // Neither keeps the other from being done.
        let done = if self.is_ready() { clock::turn(&self.store, &self.vault, self) } else { Ok(0) };
        Ok(told? + done?)
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
        self.feed.position().highest()
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

impl Matcher for App {
    fn holds(&self, offering: OfferingId, required: &Criteria, now: Timestamp) -> bool {
        self.feed.read_index().holds(offering, required, now)
    }

    fn best(&self, question: &Question, limit: usize) -> Vec<Hit> {
        let search = Search { limit, explain: true, ..Search::new(question) };
        self.feed.read_index().search(&search, &self.profile).hits
    }
}
