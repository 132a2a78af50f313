//! How many requests of one address run at once. A body that comes slowly holds its place until it has come or its
//! time is up; whoever sends many such bodies must leave places to the others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The places that are held. Cloning shares them.
#[derive(Clone, Default)]
pub(super) struct Places {
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A place of one request; dropping it gives it back.
pub(super) struct Place {
    places: Places,
    address: IpAddr,
}

impl Places {
    /// Takes a place for a request of this address; none where it holds `most` already.
    pub(super) fn take(&self, address: IpAddr, most: usize) -> Option<Place> {
        let mut held = self.lock();
        let before = held.get(&address).copied().unwrap_or(0);
        if before >= most {
            return None;
        }
        held.insert(address, before + 1);
        Some(Place { places: self.clone(), address })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.lock();
        if let Some(count) = held.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
