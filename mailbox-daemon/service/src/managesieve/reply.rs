use proto::managesieve::write::Code;
use proto::managesieve::{Fault, FaultKind};
use std::borrow::Cow;
use std::io;
use store::{ScriptError, StoreError};

/// How a command went.
pub(super) type Answer = Result<Reply, Refusal>;

/// The OK of a command that did what it should.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) code: Option<Code>,
    pub(super) text: Cow<'static, str>,
}

/// A command that did not.
#[derive(Debug)]
pub(super) enum Refusal {
    /// NO.
    No(Option<Code>, Cow<'static, str>),
    /// NO to what is no command here; too many of them end the session.
    Error(&'static str),
    /// BYE: nobody goes on after this.
    Bye(Option<Code>, Cow<'static, str>),
    /// The connection is of no more use.
    Gone,
}

// Every handler ends in one of these, so they are answers already.
#[expect(clippy::unnecessary_wraps)]
impl Reply {
    pub(super) fn ok(text: &'static str) -> Answer {
        Ok(Reply { code: None, text: text.into() })
    }

    pub(super) fn coded(code: Code, text: impl Into<Cow<'static, str>>) -> Answer {
        Ok(Reply { code: Some(code), text: text.into() })
    }
}

impl Refusal {
    pub(super) fn no(code: Code, text: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal::No(Some(code), text.into())
    }

    pub(super) fn plain(text: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal::No(None, text.into())
    }
}

impl From<io::Error> for Refusal {
    fn from(_: io::Error) -> Refusal {
        Refusal::Gone
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        match fault.kind {
            FaultKind::Syntax => Refusal::Error(fault.text),
            FaultKind::TooLarge => Refusal::no(Code::QuotaMaxSize, fault.text),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        match error {
            StoreError::OutOfSpace => Refusal::no(Code::Quota, "the disk is full"),
            _ => Refusal::no(Code::TryLater, "the scripts cannot be read or written just now"),
        }
    }
}

impl From<ScriptError> for Refusal {
    fn from(error: ScriptError) -> Refusal {
        let code = match error {
            ScriptError::Store(error) => return error.into(),
            ScriptError::NameUnfit => return Refusal::plain(error.to_string()),
            ScriptError::Active => Code::Active,
            ScriptError::Exists => Code::AlreadyExists,
            ScriptError::NotThere => Code::NonExistent,
            ScriptError::TooLong => Code::QuotaMaxSize,
            ScriptError::TooMany => Code::QuotaMaxScripts,
            ScriptError::TooLongTogether => Code::Quota,
        };
        Refusal::no(code, error.to_string())
    }
}
