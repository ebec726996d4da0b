//! IDLE (RFC 2177, RFC 9051 section 6.3.13). While it runs the session sleeps; news wake it.

use super::reply::{Answer, Refusal, Reply};
use super::session::{Flow, Session};
use proto::imap::Tag;
use proto::imap::session::ExpungeNews;
use proto::imap::write::{self, Status};

/// DONE and a little more.
const LINE_BYTES_MAX: usize = 1000;

impl Session {
    // All commands answer alike.
    #[expect(clippy::unnecessary_wraps)]
    pub(super) fn idle(&mut self, tag: &Tag) -> Answer {
        self.idling = Some(tag.clone());
        write::continuation(&mut self.out, "idling");
        // What happened before IDLE is news too.
        self.tell_news(ExpungeNews::Told);
        Ok(Reply::Later)
    }

    /// Something happened in the mailbox while idling.
    pub(super) async fn tell_idle_news(&mut self) -> Flow {
        if let Some(why) = self.is_shut_out() {
            return self.bye(why).await;
        }
        self.tell_news(ExpungeNews::Told);
        match self.flush().await {
            Ok(()) => Flow::Continue(()),
            Err(_) => Flow::Break(()),
        }
    }

    /// The line that ends IDLE; `None` when it has not come.
    pub(super) fn idle_line(&mut self) -> Option<Result<(), Refusal>> {
        let line = self.input.line(LINE_BYTES_MAX)?;
        let tag = self.idling.take();
        self.tell_news(ExpungeNews::Told);
        Some(match line {
            Ok(line) if line.eq_ignore_ascii_case(b"DONE") => {
                self.answer(tag.as_ref(), Reply::ok("idle no more"))
            }
            Ok(_) => self.answer(tag.as_ref(), Err(Refusal::bad("IDLE ends with DONE"))),
            Err(_) => {
                write::untagged(&mut self.out, Status::Bye, None, "IDLE ends with DONE");
                Err(Refusal::Gone)
            }
        })
    }
}
