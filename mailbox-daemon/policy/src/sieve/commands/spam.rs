//! spamtest, spamtestplus and virustest (RFC 5235).

use super::TestRule;
use crate::sieve::check::Arguments;
use crate::sieve::program::Test;
use crate::sieve::run::{Failure, Matching, Run};

pub const TESTS: &[TestRule] = &[
    TestRule { name: "spamtest", extension: None, check: spamtest },
    TestRule { name: "virustest", extension: Some("virustest"), check: virustest },
];

fn spamtest(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    arguments.checker.needs.spam = true;
    let is_percent = arguments.flag("percent", Some("spamtestplus"));
    if !is_percent && !arguments.checker.uses("spamtestplus") {
        arguments.needs("spamtest", arguments.place(), "`spamtest`");
    }
    let scale = if is_percent { Scale::Percent } else { Scale::Ten };
    Box::new(Score { scale, matching: matching(arguments) })
}

fn virustest(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    Box::new(Score { scale: Scale::Virus, matching: matching(arguments) })
}

fn matching(arguments: &mut Arguments<'_>) -> Matching {
    let mut matching = arguments.matching();
    let (place, value) = arguments.text("a score to compare with");
    arguments.key(&mut matching, place, value);
    matching
}

/// How a score is told.
#[derive(Clone, Copy, Debug)]
enum Scale {
    /// Of spam, 0 untested, 1 to 10.
    Ten,
    /// Of spam, 0 to 100.
    Percent,
    /// Of viruses, 0 untested, 1 to 5.
    Virus,
}

#[derive(Debug)]
struct Score {
    scale: Scale,
    matching: Matching,
}

impl Test for Score {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let (percent, virus) = (run.facts.spam.spam_percent, run.facts.spam.virus);
        let (was_tested, score) = match self.scale {
            Scale::Ten => (percent.is_some(), percent.map_or(0, of_ten)),
            Scale::Percent => (percent.is_some(), percent.unwrap_or_default()),
            Scale::Virus => (virus > 0, virus),
        };
        let (_, mut evaluation) = run.parts();
        let mut search = self.matching.search();
        // What was not tested counts for nothing (RFC 5235 section 3.1).
        if search.is_counting() && !was_tested {
            return search.end(&mut evaluation);
        }
        Ok(search.value(score.to_string().as_bytes(), &mut evaluation)? || search.end(&mut evaluation)?)
    }
}

/// From 1, clear of spam, to 10, certainly spam (RFC 5235 section 3.2.1).
fn of_ten(percent: u8) -> u8 {
    match percent {
        0 => 1,
        1..=99 => (1 + percent / 11).clamp(2, 9),
        _ => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certainty_is_one_or_ten() {
        assert_eq!([0, 1, 20, 22, 50, 80, 88, 99, 100].map(of_ten), [1, 2, 2, 3, 5, 8, 9, 9, 10]);
    }
}
