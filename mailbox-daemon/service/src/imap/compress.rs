//! COMPRESS=DEFLATE (RFC 4978) and its end.

use super::reply::{Answer, Refusal, Reply};
use super::session::Session;
use proto::imap::Tag;
use proto::imap::write::{self, Code, Status};
use std::sync::Arc;

impl Session {
    /// Only inside TLS: nobody saves bytes on a connection that anybody may read.
    pub(super) async fn compress(&mut self, tag: &Tag) -> Answer {
        match self.stream() {
            Some(stream) if stream.is_compressed() => {
                return Err(Refusal::no(Code::CompressionActive, "DEFLATE is on already"));
            }
            Some(stream) if stream.is_tls() => {}
            _ => return Err(Refusal::no(Code::PrivacyRequired, "not without TLS")),
        }
        write::tagged(&mut self.out, Some(tag), Status::Ok, None, "DEFLATE from here on");
        self.flush().await?;
        let early = self.input.take_rest();
        let deflaters = Arc::clone(&self.host.deflaters);
        if let Some(stream) = self.stream_mut() {
            stream.start_deflate(&deflaters, early);
        }
        Ok(Reply::Later)
    }

    /// UNAUTHENTICATE's OK is the last that is compressed, the command the last that came so (RFC 8437 section 4.1).
    pub(super) async fn end_compression(&mut self) -> Result<(), Refusal> {
        self.flush().await?;
        if let Some(stream) = self.stream_mut() {
            let plain = stream.end_deflate();
            self.input.feed(&plain);
        }
        Ok(())
    }
}
