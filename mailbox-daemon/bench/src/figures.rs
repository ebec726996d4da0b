//! What was measured: a name with its unit, and a number.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::meter::ms;

/// The figures of one server, by name. Names are `work.measure_unit`.
#[derive(Debug, Default)]
pub struct Figures {
    values: BTreeMap<String, f64>,
}

impl Figures {
    /// Adds one.
    pub fn put(&mut self, name: impl Into<String>, value: f64) {
        self.values.insert(name.into(), value);
    }

    /// Adds a duration in milliseconds.
    pub fn put_ms(&mut self, name: impl Into<String>, duration: Duration) {
        self.put(name, ms(duration));
    }

    /// One of them.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.values.get(name).copied()
    }

    /// All, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.values.iter().map(|(name, value)| (name.as_str(), *value))
    }
}
