//! What goes in and out, and how long anybody waits for it.

use super::{AHEAD_BYTES_MAX, Flow, READ_BYTES, Session};
use crate::stream::BrokenDeflate;
use proto::imap::write::{self, Status};
use std::io;
use std::time::Duration;
use tokio::time::timeout;
use tracing::info;
use types::Limits;

impl Session {
    /// Reads up to `bytes`; 0 when the client is gone.
    pub(in crate::imap) async fn fill(&mut self, bytes: usize) -> io::Result<usize> {
        self.fill_within(bytes, self.patience()).await
    }

    /// Reads up to `bytes` from a client that may not be silent for longer than `patience`. If nothing more can come, says so.
    pub(in crate::imap) async fn fill_within(
        &mut self,
        bytes: usize,
        patience: Duration,
    ) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return Ok(0) };
        let space = self.input.space(bytes);
        let read = timeout(patience, stream.read(space)).await;
        let read = read.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        self.input.filled(bytes, *read.as_ref().unwrap_or(&0));
        if let Some(text) = read.as_ref().err().and_then(parting_words) {
            write::untagged(&mut self.out, Status::Bye, None, text);
        }
        read
    }

    /// Whether the client hung up while a long command runs. What it sends meanwhile is kept for its turn; that it sends no more
    /// does not say that it has stopped reading.
    pub(in crate::imap) async fn is_client_gone(&mut self) -> bool {
        let Some(stream) = &mut self.stream else { return true };
        if self.input.waiting_bytes() >= AHEAD_BYTES_MAX {
            return false;
        }
        let read = timeout(Duration::ZERO, stream.read(self.input.space(READ_BYTES))).await;
        self.input.filled(READ_BYTES, read.as_ref().map_or(0, |read| *read.as_ref().unwrap_or(&0)));
        matches!(read, Ok(Err(_)))
    }

    /// Sends what was written. A client that does not take it in time is gone, also one that takes it in drips.
    pub(in crate::imap) async fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let send_s = self.host.settings.load().limits.imap_send_s;
        let patience = self.patience().min(Duration::from_secs(send_s));
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        let sent = timeout(patience, stream.write_all(&self.out)).await;
        self.out.clear();
        sent.map_err(|_| {
            info!(peer = %self.peer, "the client reads nothing, its session ends");
            io::Error::from(io::ErrorKind::TimedOut)
        })?
    }

    /// Sends what was written once there is enough of it.
    pub(in crate::imap) async fn flush_if_full(&mut self, limits: &Limits) -> io::Result<()> {
        match self.out.len() >= limits.output_bytes_max {
            true => self.flush().await,
            false => Ok(()),
        }
    }

    /// Ends the session with a word of why.
    pub(in crate::imap) async fn bye(&mut self, text: &str) -> Flow {
        write::untagged(&mut self.out, Status::Bye, None, text);
        let _ = self.flush().await;
        self.close().await
    }

    pub(in crate::imap) async fn close(&mut self) -> Flow {
        if let Some(stream) = &mut self.stream {
            let _ = timeout(Duration::from_secs(5), stream.shutdown()).await;
        }
        Flow::Break(())
    }

    /// An idle session holds no buffer.
    pub(in crate::imap) fn release_buffers(&mut self) {
        self.input.release();
        self.out = Vec::new();
        self.progress = None;
        if let Some(stream) = &mut self.stream {
            stream.release_buffers();
        }
    }
}

/// Why a client that cannot be read any more is left; `None` when it is gone itself.
fn parting_words(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::TimedOut => Some("nothing was heard for too long"),
        _ => BrokenDeflate::is_cause_of(error).then_some("the compressed stream is broken"),
    }
}
