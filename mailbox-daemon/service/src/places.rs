//! Places of which one key may take so many: sessions of one account, strangers from one address.

use crate::host::Host;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use types::{Address, Network};

/// Who has how many places.
pub struct Places<K> {
    taken: Mutex<HashMap<K, usize>>,
}

/// One of them, given back when it is dropped.
pub struct Place<K: Eq + Hash> {
    places: Arc<Places<K>>,
    key: K,
}

impl<K: Clone + Eq + Hash> Places<K> {
    /// All free.
    pub fn new() -> Arc<Places<K>> {
        Arc::new(Places { taken: Mutex::default() })
    }

    /// One more for this key, unless it has `max`.
    pub fn take(self: &Arc<Self>, key: K, max: usize) -> Option<Place<K>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(key.clone()).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Place { places: Arc::clone(self), key })
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.key)),
        }
    }
}

/// The place of a session in which people read mail or set up scripts.
pub enum Presence {
    /// From this machine, where nobody is counted.
    Uncounted,
    /// Not logged in.
    Stranger {
        /// One of those of the network it comes from.
        _place: Place<Network>,
    },
    /// Logged in.
    Account {
        /// One of the account's.
        _place: Place<Address>,
    },
}

impl Presence {
    /// A place for somebody who is not logged in; `None` when too many from there are not.
    pub fn of_stranger(host: &Host, client: IpAddr) -> Option<Presence> {
        let settings = host.settings.load();
        if settings.access.is_own_machine(client) {
            return Some(Presence::Uncounted);
        }
        let max = settings.limits.imap_strangers_per_address_max;
        let place = host.strangers_present.take(Network::of_connection(client), max)?;
        Some(Presence::Stranger { _place: place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back() {
        let places = Places::new();
        let first = places.take("ana", 2).expect("free");
        let second = places.take("ana", 2).expect("free");
        assert!(places.take("ana", 2).is_none());
        assert!(places.take("ben", 2).is_some());
        drop(first);
        assert!(places.take("ana", 2).is_some());
        drop(second);
        assert!(places.taken.lock().expect("nobody panicked").is_empty());
    }
}
