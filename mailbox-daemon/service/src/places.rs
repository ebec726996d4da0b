//! Places of which one key may take so many: sessions of one account, strangers from one address.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

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
