//! Which message was learnt as what, so that each counts once whatever happens to it.

use super::{Class, Identity, Learner};
use std::collections::HashSet;

/// Rows of one generation: with its table's empty places some 300 KB. At least so many messages' worth of rows are remembered, at most twice as many.
const GENERATION_ROWS_MAX: usize = 28_672;

/// A row has whose it is in its first bits, then which message, then as what it was learnt.
const LEARNER_BITS: u32 = 16;
const SPAM_BIT: u64 = 1;

/// What was learnt of which message, in bounded memory: the rows that were not touched for longest make room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    young: HashSet<u64>,
    old: HashSet<u64>,
}

impl Ledger {
    /// As what a learner learnt a message.
    pub fn class(&self, learner: Learner, identity: Identity) -> Option<Class> {
        let row = row(learner, identity);
        let has = |row: u64| self.young.contains(&row) || self.old.contains(&row);
        match (has(row | SPAM_BIT), has(row)) {
            (true, _) => Some(Class::Spam),
            (false, true) => Some(Class::Ham),
            (false, false) => None,
        }
    }

    /// Notes as what a learner learnt a message, in place of what was there.
    pub fn note(&mut self, learner: Learner, identity: Identity, class: Class) {
        let row = row(learner, identity);
        for rows in [&mut self.young, &mut self.old] {
            rows.remove(&row);
            rows.remove(&(row | SPAM_BIT));
        }
        if self.young.len() >= GENERATION_ROWS_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(match class {
            Class::Spam => row | SPAM_BIT,
            Class::Ham => row,
        });
    }

    /// Forgets everything of one learner.
    pub fn forget(&mut self, learner: Learner) {
        let whose = bits_of(learner);
        for rows in [&mut self.young, &mut self.old] {
            rows.retain(|row| row >> (64 - LEARNER_BITS) != whose);
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether nothing was noted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows, the older first, eight bytes each.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        for rows in [&self.old, &self.young] {
            for row in rows {
                out.extend_from_slice(&row.to_le_bytes());
            }
        }
    }

    /// What [`Ledger::encode`] wrote.
    pub(super) fn decode(bytes: &[u8]) -> Ledger {
        let (rows, _) = bytes.as_chunks::<8>();
        let rows = &rows[rows.len().saturating_sub(2 * GENERATION_ROWS_MAX)..];
        let (old, young) = rows.split_at(rows.len().saturating_sub(GENERATION_ROWS_MAX));
        let set = |rows: &[[u8; 8]]| rows.iter().map(|row| u64::from_le_bytes(*row)).collect();
        Ledger { young: set(young), old: set(old) }
    }
}

fn row(learner: Learner, identity: Identity) -> u64 {
    (bits_of(learner) << (64 - LEARNER_BITS)) | ((identity.0 >> LEARNER_BITS) & !SPAM_BIT)
}

/// Two accounts of one household hardly ever share them; then each counts what the other was taught as learnt.
fn bits_of(learner: Learner) -> u64 {
    learner.0 >> (64 - LEARNER_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: Learner = Learner(1 << 60);
    const BEN: Learner = Learner(2 << 60);

    fn identity(number: u64) -> Identity {
        Identity(number << 20)
    }

    #[test]
    fn rows_are_noted_changed_and_forgotten() {
        let mut ledger = Ledger::default();
        ledger.note(ANA, identity(1), Class::Spam);
        ledger.note(BEN, identity(1), Class::Ham);
        ledger.note(Learner::HOUSEHOLD, identity(1), Class::Spam);
        assert_eq!(ledger.class(ANA, identity(1)), Some(Class::Spam));
        assert_eq!(ledger.class(BEN, identity(1)), Some(Class::Ham));
        assert_eq!(ledger.class(BEN, identity(2)), None);
        ledger.note(ANA, identity(1), Class::Ham);
        assert_eq!((ledger.class(ANA, identity(1)), ledger.len()), (Some(Class::Ham), 3));
        let mut bytes = Vec::new();
        ledger.encode(&mut bytes);
        assert_eq!(Ledger::decode(&bytes).class(BEN, identity(1)), Some(Class::Ham));
        ledger.forget(ANA);
        assert_eq!(ledger.class(ANA, identity(1)), None);
        assert_eq!(ledger.class(Learner::HOUSEHOLD, identity(1)), Some(Class::Spam));
    }

    #[test]
    fn the_oldest_rows_make_room() {
        let mut ledger = Ledger::default();
        for number in 0..3 * GENERATION_ROWS_MAX as u64 {
            ledger.note(ANA, identity(number), Class::Spam);
            ledger.note(ANA, identity(0), Class::Ham);
            assert!(ledger.len() <= 2 * GENERATION_ROWS_MAX);
        }
        let last = 3 * GENERATION_ROWS_MAX as u64 - 1;
        assert_eq!(ledger.class(ANA, identity(0)), Some(Class::Ham), "touched all the time");
        assert_eq!(ledger.class(ANA, identity(1)), None);
        assert!(
            (last - GENERATION_ROWS_MAX as u64 / 2..=last).all(|n| ledger.class(ANA, identity(n)).is_some())
        );
        let mut bytes = Vec::new();
        ledger.encode(&mut bytes);
        let decoded = Ledger::decode(&bytes);
        assert_eq!(decoded.len(), ledger.len());
        assert_eq!(decoded.class(ANA, identity(last)), Some(Class::Spam));
    }
}
