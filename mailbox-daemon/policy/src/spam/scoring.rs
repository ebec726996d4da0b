//! From counts to odds.
//!
//! Every feature says how much likelier spam has it than ham. Features of one group say much the same, so a group speaks with one voice: the
//! sum of its strongest, over the root of their number. The groups' voices are added by weight.

use super::features::{GROUPS, group_of};
use std::ops::Add;

/// Of a group the strongest so many speak.
const SPEAKERS_MAX: usize = 60;
/// What is unknown counts as seen so often in both classes.
const UNSEEN: f64 = 0.3;
/// Weights of the groups, in their order.
const WEIGHTS: [f64; GROUPS] = [0.5, 0.4, 0.9, 0.45, 0.2, 0.3, 0.15, 0.25, 0.3, 0.15, 0.35, 0.5];
/// What is added so that the probability means what it says.
const CALM: f64 = -2.0;

/// How often a feature was in the messages of both classes, and how many those were.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    pub spam: f64,
    pub ham: f64,
}

impl Add for Evidence {
    type Output = Evidence;

    fn add(self, other: Evidence) -> Evidence {
        Evidence { spam: self.spam + other.spam, ham: self.ham + other.ham }
    }
}

impl Evidence {
    pub fn is_none(self) -> bool {
        self.spam + self.ham <= 0.0
    }

    /// Logarithm of how much likelier spam has the feature than ham has.
    fn voice(self, learnt: Evidence) -> f64 {
        let (spam, ham) = (learnt.spam.max(1.0), learnt.ham.max(1.0));
        let unseen = UNSEEN * 2.0 / (spam + ham);
        ((self.spam / spam + unseen) / (self.ham / ham + unseen)).ln()
    }
}

/// Features with the logarithms of odds they add, strongest first in each group, and what they come to together.
pub struct Score {
    pub log_odds: f64,
    pub parts: Vec<(u64, f64)>,
}

/// Judges features by what is known of each, and of how many messages that was learnt.
pub fn score(features: impl Iterator<Item = (u64, Evidence, Evidence)>) -> Score {
    let mut groups: [Vec<(u64, f64)>; GROUPS] = Default::default();
    for (hash, evidence, learnt) in features.filter(|(_, evidence, _)| !evidence.is_none()) {
        groups[group_of(hash)].push((hash, evidence.voice(learnt)));
    }
    let mut score = Score { log_odds: CALM, parts: Vec::new() };
    for (voices, weight) in groups.iter_mut().zip(WEIGHTS) {
        if voices.len() > SPEAKERS_MAX {
            voices.select_nth_unstable_by(SPEAKERS_MAX, |a, b| b.1.abs().total_cmp(&a.1.abs()));
            voices.truncate(SPEAKERS_MAX);
        }
        let share = weight / (voices.len() as f64).sqrt().max(1.0);
        score.parts.extend(voices.iter().map(|(hash, voice)| (*hash, voice * share)));
    }
    score.log_odds += score.parts.iter().map(|(_, voice)| voice).sum::<f64>();
    score
}
