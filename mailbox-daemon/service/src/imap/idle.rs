//! IDLE (RFC 2177, RFC 9051 section 6.3.13). While it runs the session sleeps; news wake it.

use super::reply::{Answer, Refusal, Reply};
use super::session::Session;
use proto::imap::Tag;
use proto::imap::session::ExpungeNews;
use proto::imap::write::{self, Status};

/// DONE and a little more.
const LINE_BYTES_MAX: usize = 1000;

impl Session {
    pub(super) async fn idle(&mut self, tag: &Tag) -> Answer {
        self.idling = Some(tag.clone());
        write::continuation(&mut self.out, "idling");
        // What happened before IDLE is news too.
        self.tell_news(ExpungeNews::Told).await?;
        self.with_highest_modseq(Ok(Reply::Later))
    }

    /// The line that ends IDLE; `None` when it has not come.
    pub(super) async fn idle_line(&mut self) -> Option<Result<(), Refusal>> {
        let line = self.input.line(LINE_BYTES_MAX)?;
        let tag = self.idling.take();
        if let Err(gone) = self.tell_news(ExpungeNews::Told).await {
            return Some(Err(gone));
        }
        Some(match line {
            Ok(line) if line.eq_ignore_ascii_case(b"DONE") => {
                let answer = self.with_highest_modseq(Reply::ok("idle no more"));
                self.answer(tag.as_ref(), answer)
            }
            Ok(_) => self.answer(tag.as_ref(), Err(Refusal::bad("IDLE ends with DONE"))),
            Err(_) => {
                write::untagged(&mut self.out, Status::Bye, None, "IDLE ends with DONE");
                Err(Refusal::Gone)
            }
        })
    }
}
