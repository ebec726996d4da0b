//! What a client that knew a mailbox before is told of it (RFC 7162 sections 3.2.5 and 3.2.6).

use super::reply::Refusal;
use super::session::Session;
use super::store::Items;
use proto::imap::command::Resync;
use proto::imap::write;
use store::View;
use types::{ModSeq, SequenceSet};

/// Ranges of UIDs in one VANISHED.
const RANGES_PER_LINE: usize = 2048;

impl Session {
    /// Tells the client of the mailbox just opened what changed since it was last here.
    pub(super) async fn resync(&mut self, resync: &Resync) -> Result<(), Refusal> {
        let view = &self.selected()?.view;
        if view.mailbox().uid_validity().get() != resync.uid_validity {
            return Ok(());
        }
        let known = resync.known.clone().unwrap_or_else(SequenceSet::all);
        let matched = resync.matched.as_ref();
        let sure = matched.map_or(0, |(numbers, uids)| last_match(view, numbers, uids));
        let doubtful = known.without(&SequenceSet::from_ranges([(sure.min(1), sure)]));
        let changed = view.changed_since(&known, resync.modseq);
        self.tell_vanished(&doubtful, resync.modseq).await?;
        self.tell_messages(&changed, Items { uid: true, flags: true }).await
    }

    /// Tells which of these UIDs belong to no message any more.
    pub(super) async fn tell_vanished(&mut self, uids: &SequenceSet, since: ModSeq) -> Result<(), Refusal> {
        let settings = self.settings();
        let vanished = crate::disk(|| Ok::<_, Refusal>(self.selected()?.view.vanished_since(uids, since)))?;
        for ranges in vanished.ranges().chunks(RANGES_PER_LINE) {
            let line = SequenceSet::from_ranges(ranges.iter().map(|range| (range.first, range.last)));
            write::vanished(&mut self.out, true, &line);
            self.flush_if_full(&settings.limits).await?;
        }
        Ok(())
    }
}

/// The highest UID that has the sequence number the client says it had: nothing up to it has vanished. 0 when there is none.
fn last_match(view: &View, numbers: &SequenceSet, uids: &SequenceSet) -> u32 {
    for (seq, uid, count) in runs(numbers, uids).into_iter().rev() {
        // Within a run the UIDs here can only run ahead of the client's.
        let is_behind =
            |offset: u32| view.uid_of(seq + offset).is_some_and(|here| here.get() <= uid + offset);
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            match is_behind(middle) {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        if let Some(last) = low.checked_sub(1)
            && view.uid_of(seq + last).is_some_and(|here| here.get() == uid + last)
        {
            return uid + last;
        }
    }
    0
}

/// Two equally large sets side by side: first number, first UID and how many follow each other in both.
fn runs(numbers: &SequenceSet, uids: &SequenceSet) -> Vec<(u32, u32, u32)> {
    let mut runs = Vec::new();
    let mut uids = uids.ranges().iter().copied();
    let mut uid = uids.next();
    for range in numbers.ranges() {
        let mut seq = range.first;
        while seq <= range.last
            && let Some(here) = &mut uid
        {
            let count = (range.last - seq).min(here.last - here.first) + 1;
            runs.push((seq, here.first, count));
            seq += count;
            match here.last - here.first == count - 1 {
                true => uid = uids.next(),
                false => here.first += count,
            }
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_uids_pair_up_in_their_order() {
        let set = |ranges: &[(u32, u32)]| SequenceSet::from_ranges(ranges.iter().copied());
        assert_eq!(
            runs(&set(&[(1, 3), (7, 7)]), &set(&[(10, 11), (20, 21)])),
            [(1, 10, 2), (3, 20, 1), (7, 21, 1)]
        );
        assert_eq!(runs(&set(&[(5, 9)]), &set(&[(50, 54)])), [(5, 50, 5)]);
    }
}
