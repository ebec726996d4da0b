use super::script::{Fault, Place};
use std::collections::BTreeSet;

/// Faults of one script that are told; more would help nobody.
pub const FAULTS_MAX: usize = 100;

/// What is wrong with a script, gathered while it is read. Nothing is told twice.
#[derive(Debug, Default)]
pub struct Faults {
    told: BTreeSet<(Place, String)>,
    untold: usize,
}

impl Faults {
    /// Notes a fault.
    pub fn add(&mut self, place: Place, what: impl Into<String>) {
        match self.told.len() < FAULTS_MAX {
            true => drop(self.told.insert((place, what.into()))),
            false => self.untold += 1,
        }
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
