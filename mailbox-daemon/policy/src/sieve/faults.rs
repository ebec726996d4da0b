use super::script::{Fault, Place};
use std::collections::BTreeSet;

/// Faults of one script that are told; more would help nobody.
pub const FAULTS_MAX: usize = 100;

/// What is wrong with a script, gathered while it is read. Nothing is told twice.
#[derive(Debug, Default)]
pub struct Faults {
    told: BTreeSet<(Place, String)>,
    closed: BTreeSet<Place>,
    untold: usize,
}

impl Faults {
    /// Notes a fault.
    pub fn add(&mut self, place: Place, what: impl Into<String>) {
        if self.closed.contains(&place) {
            return;
        }
        match self.told.len() < FAULTS_MAX {
            true => drop(self.told.insert((place, what.into()))),
            false => self.untold += 1,
        }
    }

    /// Notes a fault after which whatever else is found at its place would only follow from it.
    pub fn add_last(&mut self, place: Place, what: impl Into<String>) {
        self.add(place, what);
        self.close(place);
    }

    /// Nothing else at a place is told.
    pub fn close(&mut self, place: Place) {
        self.closed.insert(place);
    }

    /// Whether none was found.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// In the order of their places.
    pub fn into_list(self) -> Vec<Fault> {
        let last = self.told.last().map(|(place, _)| *place).unwrap_or_default();
        let rest = Fault { place: last, what: format!("{} more faults were found after these", self.untold) };
        let told = self.told.into_iter().map(|(place, what)| Fault { place, what });
        told.chain((self.untold > 0).then_some(rest)).collect()
    }
}
