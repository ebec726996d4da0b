//! INPROGRESS (RFC 9585): a client whose command takes long hears that it goes on. Who is gone is found out that way too.

use super::reply::Refusal;
use super::session::Session;
use proto::imap::Tag;
use proto::imap::write::{self, Code, Status};
use std::time::Duration;
use tokio::time::Instant;

/// The command at hand and when its client last heard of it.
pub(super) struct Progress {
    tag: Tag,
    heard: Instant,
}

impl Progress {
    pub(super) fn of(tag: &Tag) -> Progress {
        Progress { tag: tag.clone(), heard: Instant::now() }
    }
}

impl Session {
    /// Tells how much of the work is done, where known, if nothing was told for long enough.
    pub(super) async fn tell_progress(&mut self, done: Option<(u64, u64)>) -> Result<(), Refusal> {
        let every = self.progress_interval();
        let Some(progress) = &mut self.progress else { return Ok(()) };
        if progress.heard.elapsed() < every {
            return Ok(());
        }
        progress.heard = Instant::now();
        let code = Code::InProgress(progress.tag.clone(), done);
        write::untagged(&mut self.out, Status::Ok, Some(&code), "still at it");
        Ok(self.flush().await?)
    }

    /// Does disk work that may take long beside the session, which tells meanwhile that it goes on. The work is done to its
    /// end, whoever listens.
    pub(super) async fn long_disk<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let mut work = tokio::task::spawn_blocking(work);
        self.tell_progress(None).await?;
        loop {
            // Zero is for tests; a clock that never rests would keep the processor busy.
            let rest = self.progress_interval().max(Duration::from_millis(10));
            tokio::select! {
                done = &mut work => return done.map_err(|_| Refusal::Gone),
                () = tokio::time::sleep(rest) => self.tell_progress(None).await?,
            }
        }
    }

    fn progress_interval(&self) -> Duration {
        Duration::from_secs(self.host.settings.load().limits.imap_progress_s)
    }
}
