//! What the full-text index knows of a text that is searched.

use store::{Extent, FullTextError, Mailbox, TextPlace};
use types::SequenceSet;

/// Where one text may be.
pub(super) struct LookedUp {
    extent: Extent,
    /// Among the messages that are known.
    hits: SequenceSet,
}

impl LookedUp {
    /// Asks the index of the mailbox's account. `None` without one that knows, and for texts too short to be looked up.
    pub(super) fn ask(mailbox: &Mailbox, folded: &str, place: TextPlace) -> Option<LookedUp> {
        let asked = mailbox.account().with_full_text(false, |index| {
            let extent = index.extent(mailbox.uid_validity())?;
            if extent.last == 0 {
                return Err(FullTextError::Absent);
            }
            Ok((extent, index.find(mailbox.uid_validity(), folded, place)?))
        });
        match asked {
            Ok((extent, hits)) => Some(LookedUp { extent, hits: hits? }),
            Err(FullTextError::Absent) => None,
            Err(error) => {
                tracing::warn!(%error, "searching without the full-text index");
                None
            }
        }
    }

    /// Whether the text may be in the message; otherwise it is not.
    pub(super) fn may_be_in(&self, uid: u32) -> bool {
        uid > self.extent.last || self.hits.contains(uid) || self.extent.passed_over.contains(uid)
    }

    /// All messages the text may be in.
    pub(super) fn candidates(&self) -> SequenceSet {
        let known = self.hits.ranges().iter().chain(self.extent.passed_over.ranges());
        let unknown = self.extent.last.checked_add(1).map(|first| (first, u32::MAX));
        SequenceSet::from_ranges(known.map(|range| (range.first, range.last)).chain(unknown))
    }
}
