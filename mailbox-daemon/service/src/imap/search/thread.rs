//! THREAD (RFC 5256).

use super::known::sent;
use crate::disk;
use crate::imap::reply::{Answer, Refusal, Reply};
use crate::imap::session::{Selected, Session};
use proto::imap::sort::{Thread, ThreadAlgorithm};
use proto::imap::threads::{Forest, Step, ThreadFacts, Threads};
use proto::imap::write::ThreadWriter;
use types::{Limits, SequenceSet};

/// Messages written between two looks at how much waits.
const CHUNK: usize = 4096;

impl Session {
    pub(in crate::imap) async fn thread(&mut self, thread: Thread) -> Answer {
        let settings = self.settings();
        let mut forest = Box::pin(self.threads(&thread, &settings.limits)).await?;
        let mut writer = ThreadWriter::begin(&mut self.out);
        loop {
            let mut ended = true;
            for step in forest.by_ref().take(CHUNK) {
                ended = false;
                match step {
                    Step::Headless => writer.headless(&mut self.out),
                    Step::Message { depth, branches, number } => {
                        writer.message(&mut self.out, depth, branches, number);
                    }
                }
            }
            if ended {
                break;
            }
            self.flush_if_full(&settings.limits).await?;
        }
        writer.end(&mut self.out);
        Reply::ok("threaded")
    }

    async fn threads(&mut self, thread: &Thread, limits: &Limits) -> Result<Box<Forest>, Refusal> {
        let found = self.find(&thread.key).await?;
        let selected = self.selected()?;
        disk(|| selected.threads(&found, thread.algorithm, thread.uid, limits)).map(Box::new)
    }
}

impl Selected {
    fn threads(
        &self,
        found: &SequenceSet,
        algorithm: ThreadAlgorithm,
        uid: bool,
        limits: &Limits,
    ) -> Result<Forest, Refusal> {
        let mut threads = Threads::new(algorithm);
        // Both ascend together.
        let mut numbers = self.numbers(found, uid);
        self.for_each_known(found, limits, &mut |row, digest| {
            let number = numbers.find(|(uid, _)| *uid == row.uid.get()).map(|(_, number)| number);
            threads.add(&ThreadFacts {
                number: number.unwrap_or_default(),
                sent: sent(row, digest.front()),
                message_id: digest.message_id().unwrap_or_default(),
                references: digest.references().unwrap_or_default(),
                in_reply_to: digest.in_reply_to().unwrap_or_default(),
                subject: digest.subject().unwrap_or_default(),
            });
        })?;
        Ok(threads.finish())
    }

    /// UIDs the session knows and what they are called in an answer.
    fn numbers<'a>(&self, found: &'a SequenceSet, uid: bool) -> impl Iterator<Item = (u32, u32)> + use<'a> {
        let seqs = if uid { found.clone() } else { self.view.seqs_of(found) };
        let seqs: Vec<u32> = seqs.iter().collect();
        found.iter().zip(seqs)
    }
}
