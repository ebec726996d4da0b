//! `foreverypart` (RFC 5703 section 3): which part is looked at now.

use super::{Field, Message};
use crate::sieve::work::{Spent, Work};
use std::ops::Range;

/// A loop over parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loop {
    /// The part whose descendants it visits; `None` for all parts of the message, itself first.
    scope: Option<usize>,
    current: Option<usize>,
    next: usize,
}

impl<'a> Message<'a> {
    /// How many loops run within one another.
    pub fn loops(&self) -> usize {
        self.loops.len()
    }

    /// Begins a loop over the parts within the current part, or over all.
    pub fn enter_loop(&mut self) {
        let scope = self.current_part();
        let next = scope.map_or(0, |scope| scope + 1);
        self.loops.push(Loop { scope, current: None, next });
    }

    /// Goes to the next part of the innermost loop; `false` behind the last.
    pub fn next_part(&mut self, work: &mut Work) -> Result<bool, Spent> {
        let parts = self.parts(work)?;
        let Some(innermost) = self.loops.last_mut() else { return Ok(false) };
        let end = innermost.scope.map_or(parts.count(), |scope| parts.within(scope).end);
        innermost.current = Some(innermost.next).filter(|next| *next < end);
        innermost.next += 1;
        Ok(innermost.current.is_some())
    }

    /// Ends the innermost loop.
    pub fn leave_loop(&mut self) {
        self.loops.pop();
    }

    /// The part the innermost loop is at; `None` outside of loops.
    pub fn current_part(&self) -> Option<usize> {
        self.loops.last().and_then(|innermost| innermost.current)
    }

    /// The parts a test with `:mime` looks at: the current part, the message itself outside of loops; with `any_child` all they contain too
    /// (RFC 5703 section 4.1).
    pub fn parts_tested(&mut self, any_child: bool, work: &mut Work) -> Result<Range<usize>, Spent> {
        let current = self.current_part().unwrap_or(0);
        Ok(match any_child {
            true => self.parts(work)?.within(current),
            false => current..current + 1,
        })
    }

    /// The fields of some names in the header of a part.
    pub fn fields_of<N: AsRef<str>>(
        &mut self,
        part: usize,
        names: &[N],
        work: &mut Work,
    ) -> Result<Vec<Field<'a>>, Spent> {
        let header = self.header_of(part, work)?;
        Ok(header.select(names, None).into_iter().cloned().collect())
    }

    /// After a part was replaced: its loop goes on behind what it contains now.
    pub(super) fn skip_replaced(&mut self, part: usize, work: &mut Work) -> Result<(), Spent> {
        let behind = self.parts(work)?.within(part).end;
        if let Some(innermost) = self.loops.last_mut() {
            innermost.next = innermost.next.max(behind);
        }
        Ok(())
    }

    /// After the message was enclosed: its parts have `added` others before them.
    pub(super) fn shift_loops(&mut self, added: usize) {
        for each in &mut self.loops {
            // A loop over all parts goes on over those of the message inside.
            each.scope = Some(each.scope.map_or(added - 1, |scope| scope + added));
            each.current = each.current.map(|current| current + added);
            each.next += added;
        }
    }
}
