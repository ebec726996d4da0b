//! How good a filter is, from what it foretold of messages whose class is known (as TREC's spam track had it).

use super::Class;

/// Something foretold of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Foretold {
    /// How much it looks like spam; any scale.
    pub score: f64,
    /// Whether it was taken for spam.
    pub is_taken: bool,
    /// What it is.
    pub class: Class,
}

/// Figures, in percent; `None` where a class has no message.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Wanted messages judged.
    pub ham: usize,
    /// Unwanted messages judged.
    pub spam: usize,
    /// How often a ham scores above a spam, of all such pairs: the area above the ROC curve.
    pub one_minus_roca: Option<f64>,
    /// Spam below the lowest threshold that loses at most 0.1, 0.5 and 1 % of ham, rounded down to whole messages.
    pub spam_missed_at_ham_loss: [Option<f64>; 3],
    /// Ham taken for spam at the default threshold.
    pub ham_lost: Option<f64>,
    /// Spam not taken for it at the default threshold.
    pub spam_missed: Option<f64>,
}

/// The losses at which [`Figures::spam_missed_at_ham_loss`] is told.
const HAM_LOSSES: [f64; 3] = [0.001, 0.005, 0.01];

impl Figures {
    /// The figures of all that was foretold.
    pub fn of(foretold: &[Foretold]) -> Figures {
        let count = |class, taken: Option<bool>| {
            foretold
                .iter()
                .filter(|one| one.class == class && taken.is_none_or(|taken| one.is_taken == taken))
                .count()
        };
        let (ham, spam) = (count(Class::Ham, None), count(Class::Spam, None));
        let figures = Figures { ham, spam, ..Figures::default() };
        if ham == 0 || spam == 0 {
            return figures;
        }
        let steps = steps(foretold);
        let missed_at = |loss: f64| percent(spam - caught(&steps, (loss * ham as f64) as usize), spam);
        Figures {
            one_minus_roca: Some(one_minus_roca(&steps) * 100.0),
            spam_missed_at_ham_loss: HAM_LOSSES.map(|loss| Some(missed_at(loss))),
            ham_lost: Some(percent(count(Class::Ham, Some(true)), ham)),
            spam_missed: Some(percent(count(Class::Spam, Some(false)), spam)),
            ..figures
        }
    }
}

/// Ham and spam of each score, the highest first.
fn steps(foretold: &[Foretold]) -> Vec<(usize, usize)> {
    let mut sorted = foretold.to_vec();
    sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
    let alike = sorted.chunk_by(|a, b| a.score.total_cmp(&b.score).is_eq());
    alike
        .map(|ones| {
            let spam = ones.iter().filter(|one| one.class == Class::Spam).count();
            (ones.len() - spam, spam)
        })
        .collect()
}

/// The spam that is caught where no more ham is lost.
fn caught(steps: &[(usize, usize)], ham_lost_max: usize) -> usize {
    let within = steps.iter().scan(0, |lost, (ham, spam)| {
        *lost += ham;
        (*lost <= ham_lost_max).then_some(*spam)
    });
    within.sum()
}

/// Pairs in which the ham scores higher, alike ones half, of all pairs.
fn one_minus_roca(steps: &[(usize, usize)]) -> f64 {
    let (mut ham, mut spam, mut wrong) = (0.0, 0.0, 0.0);
    for (step_ham, step_spam) in steps {
        wrong += *step_spam as f64 * (ham + *step_ham as f64 / 2.0);
        ham += *step_ham as f64;
        spam += *step_spam as f64;
    }
    wrong / (ham * spam)
}

fn percent(part: usize, whole: usize) -> f64 {
    part as f64 * 100.0 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foretold(scores: &[(f64, Class)]) -> Vec<Foretold> {
        scores
            .iter()
            .map(|(score, class)| Foretold { score: *score, is_taken: *score > 0.5, class: *class })
            .collect()
    }

    #[test]
    fn figures_are_those_of_the_curve() {
        use Class::{Ham, Spam};
        let perfect = Figures::of(&foretold(&[(0.9, Spam), (0.8, Spam), (0.2, Ham)]));
        assert_eq!((perfect.one_minus_roca, perfect.spam_missed_at_ham_loss), (Some(0.0), [Some(0.0); 3]));
        assert_eq!((perfect.ham_lost, perfect.spam_missed), (Some(0.0), Some(0.0)));
        // One of four pairs is the wrong way round; no ham may be lost, so the spam below it is missed.
        let crossed = Figures::of(&foretold(&[(0.9, Spam), (0.7, Ham), (0.6, Spam), (0.1, Ham)]));
        assert_eq!((crossed.one_minus_roca, crossed.spam_missed_at_ham_loss[0]), (Some(25.0), Some(50.0)));
        assert_eq!((crossed.ham_lost, crossed.spam_missed), (Some(50.0), Some(0.0)));
        // All alike say nothing.
        let alike = Figures::of(&foretold(&[(0.1, Spam), (0.1, Ham)]));
        assert_eq!((alike.one_minus_roca, alike.spam_missed_at_ham_loss[2]), (Some(50.0), Some(100.0)));
    }

    #[test]
    fn without_one_class_there_are_no_figures() {
        let figures = Figures::of(&foretold(&[(0.9, Class::Spam)]));
        assert_eq!(figures, Figures { spam: 1, ..Figures::default() });
    }
}
