use super::{Failure, Variables};
use crate::sieve::facts::Facts;
use crate::sieve::text::{Piece, Text};
use crate::sieve::work::{Spent, Work};
use std::borrow::Cow;

/// What strings and comparisons need of a run, apart from the message they look at.
#[derive(Debug)]
pub struct Evaluation<'e> {
    /// What may be asked.
    pub facts: &'e Facts<'e>,
    /// What may still be spent.
    pub work: &'e mut Work,
    /// The variables.
    pub variables: &'e mut Variables,
}

/// Longest string that variables may make.
const TEXT_BYTES_MAX: usize = 1024 * 1024;

impl Evaluation<'_> {
    /// A string with its variables as they are now.
    pub fn text<'t>(&mut self, text: &'t Text) -> Result<Cow<'t, str>, Failure> {
        let pieces = match text {
            Text::Constant(text) => return Ok(Cow::Borrowed(text)),
            Text::Template(pieces) => pieces,
        };
        let mut value = String::new();
        for piece in pieces {
            let part = match piece {
                Piece::Literal(part) => part,
                Piece::Variable(variable) => self.variables.value(variable),
                Piece::Matched(index) => self.variables.matched(*index),
            };
            self.work.spend(part.len() + 1)?;
            if value.len() + part.len() > TEXT_BYTES_MAX {
                return Err(Spent::Memory.into());
            }
            value.push_str(part);
        }
        Ok(Cow::Owned(value))
    }
}
