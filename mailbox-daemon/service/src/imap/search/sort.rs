//! SORT (RFC 5256, RFC 5957) and its ESEARCH answers (RFC 5267).

use super::sort_table::{SortTable, Sorted};
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
        let uids = sorted.as_ref().ok().map(|sorted| sorted.arrange(&sorted.uids));
        self.save(sort.returns, uids.as_deref().map(Found::Sorted));
        let (sorted, mut numbers) = (sorted?, uids.unwrap_or_default());
        let modseq = self.modseq_told(&sort.key, sort.returns, Found::Sorted(&numbers))?;
        if !sort.uid {
            numbers = sorted.arrange(&self.selected()?.seqs_of(&sorted.uids));
        }
        match sort.returns {
            None => self.write_sorted(&numbers, modseq, &settings.limits).await?,
            Some(returns) if !tells(returns) => {}
            Some(returns) => {
                write::esearch(&mut self.out, tag, sort.uid, returns, Found::Sorted(&numbers), modseq);
            }
        }
        if sort.returns.is_some_and(|returns| returns.update) {
            let code = Code::NoUpdate(tag.clone());
            write::untagged(&mut self.out, Status::No, Some(&code), "what is sorted is not kept up to date");
        }
        Reply::ok("sorted")
    }

    /// All messages the key holds for, in the order asked for.
    async fn sorted(&mut self, sort: &Sort, limits: &Limits) -> Result<Sorted, Refusal> {
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
    ) -> Result<Sorted, Refusal> {
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

    /// The sequence numbers of ascending UIDs that the session knows.
    fn seqs_of(&self, uids: &[u32]) -> Vec<u32> {
        let known = SequenceSet::from_ranges(uids.iter().map(|uid| (*uid, *uid)));
        self.view.seqs_of(&known).iter().collect()
    }
}
