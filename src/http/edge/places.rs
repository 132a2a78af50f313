//! How many requests of one address run at once, and how many that go on one caller has open. A body that comes slowly
//! holds its place until it has come or its time is up; whoever sends many such bodies must leave places to the others.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The places that are held, by whom. Cloning shares them.
pub(super) struct Places<K: Copy + Eq + Hash> {
    held: Arc<Mutex<HashMap<K, usize>>>,
}

/// A place of one request; dropping it gives it back.
pub(in crate::http) struct Place<K: Copy + Eq + Hash> {
    places: Places<K>,
    holder: K,
}

impl<K: Copy + Eq + Hash> Clone for Places<K> {
    fn clone(&self) -> Self {
        Self { held: self.held.clone() }
    }
}

impl<K: Copy + Eq + Hash> Default for Places<K> {
    fn default() -> Self {
        Self { held: Arc::default() }
    }
}

impl<K: Copy + Eq + Hash> Places<K> {
    /// Takes a place for one request; none where its holder has `most` already.
    pub(super) fn take(&self, holder: K, most: usize) -> Option<Place<K>> {
        let mut held = self.lock();
        let before = held.get(&holder).copied().unwrap_or(0);
        if before >= most {
            return None;
        }
        held.insert(holder, before + 1);
        Some(Place { places: self.clone(), holder })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut held = self.places.lock();
        if let Some(count) = held.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn an_address_holds_so_many_places_and_leaves_the_others_theirs() {
        let places = Places::default();
        let [one, other] = [1_u32, 2].map(|number| IpAddr::from(number.to_be_bytes()));
        let held: Vec<_> = (0..3).map(|_| places.take(one, 2)).collect();
        assert_eq!(held.iter().flatten().count(), 2);
        assert!(places.take(other, 2).is_some());
        drop(held);
        assert!(places.take(one, 2).is_some());
        assert!(places.lock().is_empty(), "what nobody holds takes no memory");
    }
}
