//! SORT (RFC 5256, RFC 5957) and its ESEARCH answers (RFC 5267).

use super::sort_table::SortTable;
use super::tells;
use crate::disk;
use crate::imap::reply::{Answer, Refusal, Reply};
use crate::imap::session::{Selected, Session};
use proto::imap::Tag;
use proto::imap::search::Needs;
use proto::imap::sort::{Sort, SortCriterion};
use proto::imap::write::{self, Code, Found, Status};
use types::{Limits, ModSeq, SequenceSet};

/// Numbers written at a time.
const CHUNK: usize = 8192;

impl Session {
    pub(in crate::imap) async fn sort(&mut self, tag: &Tag, sort: Sort) -> Answer {
        let settings = self.settings();
        let sorted = Box::pin(self.sorted(&sort, &settings.limits)).await;
        self.save(sort.returns, sorted.as_ref().ok().map(|uids| Found::Sorted(uids)));
        let mut sorted = sorted?;
        let modseq = self.modseq_told(&sort.key, sort.returns, Found::Sorted(&sorted))?;
        if !sort.uid {
            self.selected()?.to_seqs(&mut sorted);
        }
        match sort.returns {
            None => self.write_sorted(&sorted, modseq, &settings.limits).await?,
            Some(returns) if !tells(returns) => {}
            Some(returns) => {
                write::esearch(&mut self.out, tag, sort.uid, returns, Found::Sorted(&sorted), modseq);
            }
        }
        if sort.returns.is_some_and(|returns| returns.update) {
            let code = Code::NoUpdate(tag.clone());
            write::untagged(&mut self.out, Status::No, Some(&code), "what is sorted is not kept up to date");
        }
        Reply::ok("sorted")
    }

    /// The UIDs of all messages the key holds for, in the order asked for.
    async fn sorted(&mut self, sort: &Sort, limits: &Limits) -> Result<Vec<u32>, Refusal> {
        let found = self.find(&sort.key).await?;
        let selected = self.selected()?;
        disk(|| selected.sort(&found, &sort.criteria, limits))
    }

    async fn write_sorted(
        &mut self,
        sorted: &[u32],
        modseq: Option<ModSeq>,
        limits: &Limits,
    ) -> Result<(), Refusal> {
        let mut line = write::SortWriter::begin(&mut self.out);
        for numbers in sorted.chunks(CHUNK) {
            line.numbers(&mut self.out, numbers);
            self.flush_if_full(limits).await?;
        }
        line.end(&mut self.out, modseq);
        Ok(())
    }
}

impl Selected {
    fn sort(
        &self,
        found: &SequenceSet,
        criteria: &[SortCriterion],
        limits: &Limits,
    ) -> Result<Vec<u32>, Refusal> {
        let mut table = SortTable::new(criteria);
        match criteria.iter().map(|criterion| criterion.key.needs()).max() {
            None | Some(Needs::Row) => self.view.for_each_row(found, &mut |_, row| table.add(row, None, b"")),
            Some(Needs::Front) => {
                self.for_each_front(found, limits, &mut |row, front| table.add(row, Some(front), b""))?;
            }
            Some(Needs::Digest | Needs::Message) => {
                self.for_each_known(found, limits, &mut |row, digest| {
                    table.add(row, Some(digest.front()), digest.envelope());
                })?;
            }
        }
        Ok(table.into_sorted())
    }

    /// UIDs the session knows become sequence numbers.
    fn to_seqs(&self, uids: &mut [u32]) {
        let mut ascending = uids.to_vec();
        ascending.sort_unstable();
        let known = SequenceSet::from_ranges(ascending.iter().map(|uid| (*uid, *uid)));
        let seqs: Vec<u32> = self.view.seqs_of(&known).iter().collect();
        for uid in uids {
            // Both lists have the same length, as every UID found is one the session knows.
            if let Some(seq) = ascending.binary_search(uid).ok().and_then(|place| seqs.get(place)) {
                *uid = *seq;
            }
        }
    }
}
