#[cfg(test)]
mod tests;

use super::features::place_of;
use super::scoring::{Evidence, Score, score};
use super::table::{Counts, Table};
use super::{Features, NamedFeatures};

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Unwanted.
    Spam,
    /// Wanted.
    Ham,
}

/// Whose knowledge: an account, by a hash of its address that is never 0, or the household.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Learner(pub u64);

impl Learner {
    /// All accounts together. It is taught on its own, so that a message two accounts teach counts once for it.
    pub const HOUSEHOLD: Learner = Learner(0);
}

/// How many messages were learnt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Spam.
    pub spam: u32,
    /// Ham.
    pub ham: u32,
}

/// What the learnt says of a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opinion {
    /// Logarithm of the odds that it is spam; 0 is even.
    pub log_odds: f64,
    /// From [`Opinion::SPAM_FROM`] on it is taken for spam: 0 to 1.
    pub probability: f64,
}

/// A feature that speaks for one class, in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Clue {
    /// What it is, such as `subject: "viagra"`.
    pub what: String,
    /// How much it adds to the log odds; above 0 for spam.
    pub weight: f64,
}

/// Everything learnt, in bounded memory: what the household learnt, and what each account did.
#[derive(Clone, Debug)]
pub struct Knowledge {
    pub(super) table: Table,
    /// The owners of what lies in the table, by their number there.
    pub(super) owners: Vec<Owner>,
}

/// A learner in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub learner: Learner,
    pub seen: Seen,
}

/// Learners beyond this number are not told apart from the household.
pub(super) const OWNERS_MAX: usize = 256;
/// Beyond this many messages of a class a learner's counts are halved, so that what is learnt now goes on to matter.
const SEEN_MAX: u32 = 30_000;
/// A message that an account learnt itself counts so often to it beside what the household learnt.
const OWN_WEIGHT: f64 = 4.0;

impl Opinion {
    /// The probability from which a message is spam.
    pub const SPAM_FROM: f64 = 0.9;

    fn of(log_odds: f64) -> Opinion {
        Opinion { log_odds, probability: 1.0 / (1.0 + (-log_odds).exp()) }
    }
}

impl Class {
    fn changed(self, counts: Counts, by: i32) -> Counts {
        match self {
            Class::Spam => counts.spam_changed(by),
            Class::Ham => counts.ham_changed(by),
        }
    }
}

impl Seen {
    fn weighed(self, weight: f64) -> Evidence {
        Evidence { spam: f64::from(self.spam) * weight, ham: f64::from(self.ham) * weight }
    }

    fn of(&mut self, class: Class) -> &mut u32 {
        match class {
            Class::Spam => &mut self.spam,
            Class::Ham => &mut self.ham,
        }
    }
}

impl Knowledge {
    /// Nothing learnt yet; never takes more than `bytes_max`.
    pub fn new(bytes_max: usize) -> Knowledge {
        Knowledge::keyed(bytes_max, 0)
    }

    /// The same with a random key, which keeps strangers from choosing which features push each other out.
    pub fn keyed(bytes_max: usize, key: u64) -> Knowledge {
        let household = Owner { learner: Learner::HOUSEHOLD, seen: Seen::default() };
        Knowledge { table: Table::new(bytes_max, key, 0), owners: vec![household] }
    }

    /// Learns a message, for this learner alone: whoever teaches an account teaches [`Learner::HOUSEHOLD`] besides.
    pub fn learn(&mut self, learner: Learner, class: Class, features: &Features) {
        let Some(owner) = self.owner(learner) else { return };
        self.table.count_message();
        self.change(owner, class, features, 1);
        let seen = self.owners[owner].seen.of(class);
        *seen += 1;
        if *seen > SEEN_MAX {
            self.halve(owner);
        }
    }

    /// Takes back what this learner learnt of it; what is not known any more stays as it is.
    pub fn unlearn(&mut self, learner: Learner, class: Class, features: &Features) {
        let Some(owner) = self.known(learner) else { return };
        let seen = self.owners[owner].seen.of(class);
        if *seen > 0 {
            *seen -= 1;
            self.change(owner, class, features, -1);
        }
    }

    /// What it looks like to an account, with the household's knowledge behind its own.
    pub fn opinion(&self, learner: Learner, features: &Features) -> Opinion {
        Opinion::of(self.score(learner, features.hashes().iter().copied()).log_odds)
    }

    /// The same with the strongest clues it rests on, at most `clues_max`.
    pub fn explained(
        &self,
        learner: Learner,
        features: &NamedFeatures,
        clues_max: usize,
    ) -> (Opinion, Vec<Clue>) {
        let Score { log_odds, mut parts } = self.score(learner, features.hashes());
        parts.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        let clue = |(hash, weight): (u64, f64)| {
            features.name(hash).map(|what| Clue { what: what.to_owned(), weight })
        };
        (Opinion::of(log_odds), parts.into_iter().take(clues_max).filter_map(clue).collect())
    }

    /// How much a learner has learnt.
    pub fn seen(&self, learner: Learner) -> Seen {
        self.known(learner).map(|owner| self.owners[owner].seen).unwrap_or_default()
    }

    /// Forgets what one learner learnt; what an account taught the household stays there.
    pub fn forget(&mut self, learner: Learner) {
        if let Some(owner) = self.known(learner) {
            self.table.change_all(owner as u8, |_| Counts::default());
            self.owners[owner].seen = Seen::default();
        }
    }

    fn change(&mut self, owner: usize, class: Class, features: &Features, by: i32) {
        for hash in features.hashes() {
            self.table.change(place_of(*hash), owner as u8, |counts| *counts = class.changed(*counts, by));
        }
    }

    fn halve(&mut self, owner: usize) {
        self.table.change_all(owner as u8, |counts| Counts { spam: counts.spam / 2, ham: counts.ham / 2 });
        let seen = &mut self.owners[owner].seen;
        *seen = Seen { spam: seen.spam / 2, ham: seen.ham / 2 };
    }

    fn score(&self, learner: Learner, hashes: impl Iterator<Item = u64>) -> Score {
        let own = self.known(learner).filter(|owner| *owner != 0);
        let household = self.owners[0].seen.weighed(1.0);
        let seen = own.map_or(household, |owner| household + self.owners[owner].seen.weighed(OWN_WEIGHT));
        // As much evidence as the household's, so that it convinces neither more nor less.
        let scale = if own.is_some() { household.sum().max(1.0) / seen.sum().max(1.0) } else { 1.0 };
        let weight = |owner: usize| match owner {
            0 => scale,
            _ if Some(owner) == own => scale * OWN_WEIGHT,
            _ => 0.0,
        };
        let evidence = hashes.map(|hash| {
            let mut evidence = Evidence::default();
            self.table.look(place_of(hash), |owner, counts| {
                let seen = Seen { spam: counts.spam.into(), ham: counts.ham.into() };
                evidence = evidence + seen.weighed(weight(owner.into()));
            });
            (hash, evidence)
        });
        score(evidence, seen.scaled(scale))
    }

    fn known(&self, learner: Learner) -> Option<usize> {
        self.owners.iter().position(|owner| owner.learner == learner)
    }

    pub(super) fn owner(&mut self, learner: Learner) -> Option<usize> {
        self.known(learner).or_else(|| {
            let has_room = self.owners.len() < OWNERS_MAX;
            has_room.then(|| self.owners.push(Owner { learner, seen: Seen::default() }))?;
            Some(self.owners.len() - 1)
        })
    }
}
