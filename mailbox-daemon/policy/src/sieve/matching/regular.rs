//! `:regex`: extended regular expressions, run in time linear in the value.
//!
//! Whether an expression matches is what POSIX says. Where it could match several texts from the same place, POSIX wants the
//! longest, this wants the one its alternatives name first: `a|ab` captures `a` of `ab`.

use super::super::work::{Spent, Work};
use super::expression::{self, Expression};
use super::{Comparator, KeyFault, Match};
use regex::{Regex, RegexBuilder};

pub use expression::quoted;

/// States one expression may have, about.
const STATES_MAX: usize = 4096;

/// Octets of one compiled expression, as the crate counts them.
const COMPILED_BYTES_MAX: usize = 512 * 1024;

/// What a state costs in memory, about: itself, and for each group its places while it runs.
const STATE_BYTES: usize = 64;

/// See [`STATE_BYTES`].
const STATE_BYTES_PER_GROUP: usize = 32;

/// Compiling a state takes as long as so many steps.
const COMPILE_STEPS_PER_STATE: usize = 100;

/// States that are stepped through at a time take as long as one step, about.
const STATES_PER_STEP: usize = 8;

/// A compiled expression.
#[derive(Clone, Debug)]
pub(super) struct Regular {
    regex: Regex,
    states: usize,
}

impl Regular {
    pub(super) fn compile(comparator: Comparator, text: &str, work: &mut Work) -> Result<Regular, KeyFault> {
        let Expression { source, states, groups } =
            expression::read(comparator, text).map_err(KeyFault::Regular)?;
        let too_large = || KeyFault::Regular("it is too large".to_owned());
        if states > STATES_MAX {
            return Err(too_large());
        }
        work.spend(COMPILE_STEPS_PER_STATE * (states + 16))?;
        work.take((STATE_BYTES + STATE_BYTES_PER_GROUP * groups) * (states + 16))?;
        let mut builder = RegexBuilder::new(&source);
        builder.size_limit(COMPILED_BYTES_MAX).dot_matches_new_line(true);
        builder.case_insensitive(comparator == Comparator::UnicodeCasemap);
        let regex = builder.build().map_err(|_| too_large())?;
        Ok(Regular { regex, states })
    }

    /// The first match, with its groups.
    pub(super) fn compare(&self, value: &[u8], work: &mut Work) -> Result<Option<Match>, Spent> {
        work.spend(value.len().saturating_mul(1 + self.states / STATES_PER_STEP))?;
        let text = String::from_utf8_lossy(value);
        Ok(self.regex.captures(&text).map(|groups| {
            let spans = groups.iter().map(|group| group.map_or((0, 0), |group| (group.start(), group.end())));
            Match::of_spans(text.as_bytes(), spans)
        }))
    }
}
