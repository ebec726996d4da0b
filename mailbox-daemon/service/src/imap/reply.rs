use proto::imap::command::NameFault;
use proto::imap::write::{Code, Status};
use proto::imap::{Fault, FaultKind};
use std::borrow::Cow;
use std::io;
use store::StoreError;

/// How a command went.
pub(super) type Answer = Result<Reply, Refusal>;

/// A command that did what it should.
#[derive(Debug)]
pub(super) enum Reply {
    /// Its tagged OK.
    Ok(Option<Code>, &'static str),
    /// It was answered already, or will be (IDLE).
    Later,
}

/// A command that did not.
#[derive(Debug)]
pub(super) enum Refusal {
    /// NO.
    No(Option<Code>, Cow<'static, str>),
    /// BAD.
    Bad(Option<Code>, Cow<'static, str>),
    /// The connection is of no more use.
    Gone,
}

// Every handler ends in one of these, so they are answers already.
#[expect(clippy::unnecessary_wraps)]
impl Reply {
    pub(super) fn ok(text: &'static str) -> Answer {
        Ok(Reply::Ok(None, text))
    }

    pub(super) fn coded(code: Code, text: &'static str) -> Answer {
        Ok(Reply::Ok(Some(code), text))
    }
}

impl Refusal {
    pub(super) fn no(code: Code, text: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal::No(Some(code), text.into())
    }

    pub(super) fn bad(text: &'static str) -> Refusal {
        Refusal::Bad(None, Cow::Borrowed(text))
    }

    /// A name that cannot be given to a mailbox.
    pub(super) fn unfit_name(fault: NameFault) -> Refusal {
        Refusal::no(Code::Cannot, fault.to_string())
    }

    /// A name no mailbox can have, so none has it.
    pub(super) fn unknown_name(fault: NameFault) -> Refusal {
        Refusal::no(Code::NonExistent, format!("there is no such mailbox: {fault}"))
    }

    /// The target of COPY, MOVE or APPEND is missing, but could be made.
    pub(super) fn or_try_create(self) -> Refusal {
        match self {
            Refusal::No(Some(Code::NonExistent), text) => Refusal::No(Some(Code::TryCreate), text),
            other => other,
        }
    }

    /// Status, code and text of the tagged answer; `None` when nobody listens any more.
    pub(super) fn parts(&self) -> Option<(Status, Option<&Code>, &str)> {
        match self {
            Refusal::No(code, text) => Some((Status::No, code.as_ref(), text)),
            Refusal::Bad(code, text) => Some((Status::Bad, code.as_ref(), text)),
            Refusal::Gone => None,
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(_: io::Error) -> Refusal {
        Refusal::Gone
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        let code = match fault.kind {
            FaultKind::Syntax | FaultKind::LiteralToCome => return Refusal::Bad(None, fault.text),
            FaultKind::BadCharset { .. } => Code::BadCharset,
            FaultKind::Limit => Code::Limit,
            FaultKind::TooBig => Code::TooBig,
            FaultKind::UnknownEvent => Code::BadEvent,
            FaultKind::UseAttribute => Code::UseAttr,
        };
        Refusal::No(Some(code), fault.text)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        let code = match &error {
            StoreError::Damaged { .. } => {
                // Where it lies is for the log, not for the client.
                return Refusal::no(Code::Corruption, "a message is damaged and was set aside");
            }
            StoreError::TooManyAnnotations => Code::MetadataTooMany,
            StoreError::HasChildren => Code::HasChildren,
            StoreError::InboxStays | StoreError::NameUnfit => Code::Cannot,
            StoreError::MailboxExists => Code::AlreadyExists,
            StoreError::NoSuchMailbox => Code::NonExistent,
            StoreError::NoSuchMessage => Code::ExpungeIssued,
            StoreError::OutOfSpace => Code::OverQuota,
            StoreError::TooManyAclEntries
            | StoreError::TooManyKeywords
            | StoreError::TooManyMailboxes
            | StoreError::UidsExhausted => Code::Limit,
            StoreError::Io(_) | StoreError::Poisoned | StoreError::ReadOnly => {
                return Refusal::no(Code::Unavailable, "the mail cannot be read or written just now");
            }
        };
        Refusal::no(code, error.to_string())
    }
}
