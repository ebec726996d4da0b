//! A message on its way to the disk. Nearly every one comes in wire form and stays as it came; what does not is written once more.

use super::wire_form::{WireForm, rewrite};
use crate::imap::reply::Refusal;
use proto::imap::command::AppendMessage;
use proto::imap::line_ends::LineEnds;
use proto::imap::write::Code;
use proto::mime::{ScanLimits, Scanner};
use std::sync::Arc;
use store::{AccountMail, Arrival, NewMessage, StoreError};
use types::{Limits, UnixSeconds};

pub(super) struct Incoming {
    message: AppendMessage,
    file: NewMessage,
    scanner: Scanner,
    line_ends: LineEnds,
    has_nul: bool,
}

pub(super) fn is_empty() -> Refusal {
    Refusal::no(Code::Cannot, "a message has at least one byte")
}

impl Incoming {
    pub(super) fn new(
        mail: &Arc<AccountMail>,
        message: AppendMessage,
        limits: &Limits,
    ) -> Result<Incoming, Refusal> {
        Ok(Incoming {
            message,
            file: mail.new_message()?,
            scanner: Scanner::new(ScanLimits::from(limits)),
            line_ends: LineEnds::default(),
            has_nul: false,
        })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.file.bytes()
    }

    pub(super) fn take_in(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.has_nul |= memchr::memchr(0, bytes).is_some();
        self.line_ends.feed(bytes, |_| Ok::<_, StoreError>(()))?;
        self.scanner.feed(bytes);
        self.file.write(bytes)
    }

    pub(super) fn finish(
        self,
        mail: &Arc<AccountMail>,
        now: UnixSeconds,
        limits: &Limits,
    ) -> Result<(NewMessage, Arrival), Refusal> {
        let Incoming { message, mut file, scanner, mut line_ends, has_nul } = self;
        if file.bytes() == 0 {
            return Err(is_empty());
        }
        line_ends.finish(|_| Ok::<_, StoreError>(()))?;
        let mut digest = scanner.finish();
        if has_nul || line_ends.has_changed() {
            let mut wire = WireForm::new(mail.new_message()?, limits);
            rewrite(&mut file, &digest, &mut wire, limits)?;
            (file, digest) = wire.finish(limits)?;
        }
        let AppendMessage { flags, keywords, internal_date } = message;
        let internal_date = internal_date.unwrap_or(now);
        Ok((file, Arrival { flags, keywords, internal_date, digest: digest.into_bytes() }))
    }
}
