//! Tokens that were verified, until they expire: a signature costs more to check than a search.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::model::{Principal, PrincipalId};

/// Tokens that are remembered; beyond it those that have expired make room, and if none has, all do.
const REMEMBERED: usize = 10_000;

/// A token's digest: the token itself is not kept.
pub(super) type TokenDigest = [u8; 32];

/// The digest of a token.
pub(super) fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}

struct Entry {
    principal: Arc<Principal>,
    until: Timestamp,
}

#[derive(Default)]
struct Entries {
    /// Grows whenever something is forgotten. Who began to verify before may not remember after.
    generation: u64,
    by_digest: HashMap<TokenDigest, Entry>,
}

/// Verified tokens.
#[derive(Default)]
pub(super) struct Verified {
    entries: RwLock<Entries>,
}

impl Verified {
    /// Whose token it is, if it was verified before and has not expired.
    pub(super) fn find(&self, digest: &TokenDigest, now: Timestamp) -> Option<Arc<Principal>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.by_digest.get(digest).filter(|entry| now < entry.until)?;
        Some(entry.principal.clone())
    }

    /// To be asked for before a principal is looked up that is to be remembered.
    pub(super) fn generation(&self) -> u64 {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).generation
    }

    /// Remembers a verified token, unless something was forgotten since `generation`: then what was looked up
    /// may be what is no longer true.
    pub(super) fn remember(
        &self,
        digest: TokenDigest,
        principal: Arc<Principal>,
        until: Timestamp,
        now: Timestamp,
        generation: u64,
    ) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.generation != generation {
            return;
        }
        if entries.by_digest.len() >= REMEMBERED {
            entries.by_digest.retain(|_, entry| now < entry.until);
            if entries.by_digest.len() >= REMEMBERED {
                entries.by_digest.clear();
            }
        }
        entries.by_digest.insert(digest, Entry { principal, until });
    }

    /// Forgets every token of this client or person.
    pub(super) fn forget(&self, id: PrincipalId) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.generation += 1;
        entries.by_digest.retain(|_, entry| entry.principal.id != id);
    }

    /// Forgets all.
    pub(super) fn forget_all(&self) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.generation += 1;
        entries.by_digest.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Role, Tie};
    use crate::types::ClientId;

    fn principal() -> Arc<Principal> {
        let id = PrincipalId::Client(ClientId::new());
        let name = "System".to_owned();
        Arc::new(Principal { id, name, role: Role::Operator, tie: Tie::None, scopes: Vec::new() })
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_token_is_remembered_until_it_expires() {
        let cache = Verified::default();
        cache.remember(digest("t"), principal(), at(10), at(0), cache.generation());
        assert!(cache.find(&digest("t"), at(9)).is_some());
        assert!(cache.find(&digest("t"), at(10)).is_none());
        assert!(cache.find(&digest("u"), at(9)).is_none());
    }

    #[test]
    fn who_looked_up_before_something_was_forgotten_remembers_nothing() {
        let cache = Verified::default();
        let disabled = principal();
        let before = cache.generation();
        cache.forget(disabled.id);
        cache.remember(digest("t"), disabled, at(10), at(0), before);
        assert!(cache.find(&digest("t"), at(1)).is_none());
    }

    #[test]
    fn forgetting_one_leaves_the_others() {
        let cache = Verified::default();
        let (one, other) = (principal(), principal());
        cache.remember(digest("one"), one.clone(), at(10), at(0), cache.generation());
        cache.remember(digest("other"), other, at(10), at(0), cache.generation());
        cache.forget(one.id);
        assert!(cache.find(&digest("one"), at(1)).is_none());
        assert!(cache.find(&digest("other"), at(1)).is_some());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let cache = Verified::default();
        let one = principal();
        for number in 0..=REMEMBERED {
            cache.remember(digest(&number.to_string()), one.clone(), at(10), at(0), cache.generation());
        }
        assert!(cache.entries.read().unwrap().by_digest.len() <= REMEMBERED);
        assert!(cache.find(&digest(&REMEMBERED.to_string()), at(1)).is_some(), "the last one is");
    }
}
