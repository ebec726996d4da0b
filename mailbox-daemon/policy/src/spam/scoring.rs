//! From counts to odds.
//!
//! Every feature says how much likelier spam has it than ham has. Features of one kind say much the same, so a kind speaks with one voice: the sum of
//! its strongest features over the root of their number, weighed, and bounded so that no kind alone convinces.
//!
//! Constants and weights were chosen on one half of a development corpus, the SpamAssassin public corpus of 2002 and 2003: the messages whose file
//! names have an even first octet of their SHA-256. The weights are those of a logistic regression on what was foreseen of these messages, in three
//! orders, with everything and with 50 messages of each class learnt. The other half was looked at along the way, and does worse: of its spam twice as
//! much is missed where one wanted message in a thousand may be lost.

use super::features::{KINDS, kind_of};
use std::ops::Add;

/// Of a kind the strongest so many speak.
const SPEAKERS_MAX: usize = 40;
/// What is rare counts as seen a little more often in both classes.
const PRIOR: f64 = 0.5;
/// No kind adds more to the log odds.
const VOICE_MAX: f64 = 1.5;
/// Weights of the kinds, in their order.
const WEIGHTS: [f64; KINDS] = [
    0.16, 0.13, 0.44, 0.14, 0.28, 0.06, 0.35, 0.50, 0.32, 0.42, 0.51, 0.05, 0.15, 0.10, 0.02, 0.25, 0.04,
    0.02, 0.02, 0.29, 0.02, 0.26, 0.08, 0.14, 0.11, 0.17,
];
/// What is added to the sum so that the log odds mean what they say.
const OFFSET: f64 = -2.6;

/// How often a feature was in the messages of both classes, or how many those were.
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
    pub fn sum(self) -> f64 {
        self.spam + self.ham
    }

    pub fn scaled(self, factor: f64) -> Evidence {
        Evidence { spam: self.spam * factor, ham: self.ham * factor }
    }

    /// Logarithm of how much likelier spam has the feature than ham has.
    fn voice(self, learnt: Evidence) -> f64 {
        let unseen = PRIOR * (self.sum() / learnt.sum().max(1.0)).sqrt();
        let rate = |count: f64, messages: f64| (count + unseen) / (messages + PRIOR);
        (rate(self.spam, learnt.spam) / rate(self.ham, learnt.ham)).ln()
    }
}

/// Features with what each adds to the logarithm of the odds, and what they come to together.
pub struct Score {
    pub log_odds: f64,
    pub parts: Vec<(u64, f64)>,
}

/// Judges features by what is known of each, where `learnt` is how many messages of both classes were.
pub fn score(features: impl Iterator<Item = (u64, Evidence)>, learnt: Evidence) -> Score {
    let mut kinds: [Vec<(u64, f64)>; KINDS] = Default::default();
    for (hash, evidence) in features.filter(|(_, evidence)| evidence.sum() > 0.0) {
        kinds[kind_of(hash)].push((hash, evidence.voice(learnt)));
    }
    let mut score = Score { log_odds: OFFSET, parts: Vec::new() };
    for (voices, weight) in kinds.iter_mut().zip(WEIGHTS) {
        if voices.len() > SPEAKERS_MAX {
            voices.select_nth_unstable_by(SPEAKERS_MAX, |a, b| b.1.abs().total_cmp(&a.1.abs()));
            voices.truncate(SPEAKERS_MAX);
        }
        let loudness = weight * voices.iter().map(|(_, voice)| voice).sum::<f64>()
            / (voices.len() as f64).sqrt().max(1.0);
        let bounded = VOICE_MAX * (loudness / VOICE_MAX).tanh();
        score.log_odds += bounded;
        let total: f64 = voices.iter().map(|(_, voice)| voice.abs()).sum();
        score.parts.extend(
            voices.iter().map(|(hash, voice)| (*hash, bounded.abs() * voice / total.max(f64::MIN_POSITIVE))),
        );
    }
    score
}
