//! Answers: words to bytes (RFC 9051 section 7), appended to the session's output. Nothing here allocates on the way.

mod acl;
mod command;
mod data;
mod fetch;
mod mailbox;
mod metadata;
mod notify;
mod quota;
mod search;
mod search_command;
mod threads;

use super::command::Tag;
use super::notify::EVENT_NAMES;
use crate::imap::object_id::ObjectId;
use types::{Flags, Keyword, ModSeq, SequenceSet};

pub use acl::{acl, listrights, myrights};
pub use command::command;
pub use data::{astring, flag_list, mailbox_name, nstring, number, quoted, sequence_set, string};
pub use fetch::{FetchWriter, MessageName};
pub use mailbox::{
    ListLine, enabled, exists, expunge, flags, list, list_no_access, list_renamed, list_separator, lsub,
    namespace, recent, status, vanished,
};
pub use quota::{quota, quotaroot};
pub use search::{
    ContextChange, Found, SearchedMailbox, SortWriter, context_change, esearch, multisearch, search,
};
pub use threads::ThreadWriter;

pub use metadata::{metadata, metadata_changed};

/// The first word of a status answer (RFC 9051 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The command is no command, or not now.
    Bad,
    /// The connection ends.
    Bye,
    /// It could not be done.
    No,
    /// It is done.
    Ok,
}

impl Status {
    fn word(self) -> &'static [u8] {
        match self {
            Status::Bad => b"BAD",
            Status::Bye => b"BYE",
            Status::No => b"NO",
            Status::Ok => b"OK",
        }
    }
}

/// A response code (RFC 9051 section 7.1, RFC 5530).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// The name is taken.
    AlreadyExists,
    /// Where APPEND put the messages (RFC 4315).
    AppendUid(u32, SequenceSet),
    /// Wrong name or password.
    AuthenticationFailed,
    /// The events NOTIFY can tell (RFC 5465).
    BadEvent,
    /// The charsets SEARCH speaks.
    BadCharset,
    /// A URL that names nothing here (RFC 4469).
    BadUrl(String),
    /// It can never be done.
    Cannot,
    /// The capabilities from now on.
    Capability(String),
    /// The mailbox selected before is closed.
    Closed,
    /// COMPRESS is on already (RFC 4978).
    CompressionActive,
    /// Where COPY and MOVE put the messages: UIDVALIDITY of the target, UIDs before and after (RFC 4315).
    CopyUid(u32, SequenceSet, SequenceSet),
    /// The data is damaged.
    Corruption,
    /// Some messages are gone.
    ExpungeIssued,
    /// It has mailboxes below it.
    HasChildren,
    /// The mailbox's highest MODSEQ (RFC 7162).
    HighestModSeq(ModSeq),
    /// The command of that tag goes on: how much of how much is done, where known (RFC 9585).
    InProgress(Tag, Option<(u64, u64)>),
    /// Another session is in the way; later it may work.
    InUse,
    /// One of our limits.
    Limit,
    /// Octets of the longest value that was left out (RFC 5464 section 4.2.1).
    MetadataLongEntries(u64),
    /// Octets a value may have.
    MetadataMaxSize(u64),
    /// There are as many annotations as there may be.
    MetadataTooMany,
    /// There is no such mailbox.
    NonExistent,
    /// The mailbox's identifier (RFC 8474).
    MailboxId(u64),
    /// The result of the search with that tag is not kept up to date (RFC 5267).
    NoUpdate(Tag),
    /// Messages left alone because they changed meanwhile (RFC 7162 section 3.1.3).
    Modified(SequenceSet),
    /// No permission.
    NoPerm,
    /// More happened than can be told: NOTIFY is off (RFC 5465 section 5.8).
    NotificationOverflow,
    /// The disk is full.
    OverQuota,
    /// Flags that can be set, and whether new keywords can be made.
    PermanentFlags(Flags, Vec<Keyword>, bool),
    /// No flag can be set: the mailbox is open for reading only.
    PermanentFlagsNone,
    /// Only under TLS.
    PrivacyRequired,
    /// Opened by EXAMINE.
    ReadOnly,
    /// Opened by SELECT.
    ReadWrite,
    /// Our fault.
    ServerBug,
    /// The literal or message is too large.
    TooBig,
    /// The target does not exist but could be made.
    TryCreate,
    /// The next UID.
    UidNext(u32),
    /// The generation of UIDs.
    UidValidity(u32),
    /// Our fault, and passing.
    Unavailable,
    /// Messages are to be named by UID (RFC 9586).
    UidRequired,
    /// A transfer encoding that is not known (RFC 3516).
    UnknownCte,
    /// The first message without `\Seen`.
    Unseen(u32),
    /// A special use that cannot be given.
    UseAttr,
}

impl Code {
    fn write(&self, out: &mut Vec<u8>) {
        let pair = |out: &mut Vec<u8>, word: &[u8], value: u64| {
            out.extend_from_slice(word);
            number(out, value);
        };
        match self {
            Code::AppendUid(validity, uids) => {
                pair(out, b"APPENDUID ", u64::from(*validity));
                out.push(b' ');
                sequence_set(out, uids);
            }
            Code::BadEvent => {
                out.extend_from_slice(b"BADEVENT (");
                out.extend_from_slice(EVENT_NAMES.as_bytes());
                out.push(b')');
            }
            Code::BadUrl(url) => {
                out.extend_from_slice(b"BADURL ");
                bracketed_text(out, url);
            }
            Code::Capability(names) => {
                out.extend_from_slice(b"CAPABILITY ");
                out.extend_from_slice(names.as_bytes());
            }
            Code::CopyUid(validity, source, target) => {
                pair(out, b"COPYUID ", u64::from(*validity));
                out.push(b' ');
                sequence_set(out, source);
                out.push(b' ');
                sequence_set(out, target);
            }
            Code::InProgress(tag, done) => {
                out.extend_from_slice(b"INPROGRESS (");
                quoted(out, tag.as_str().as_bytes());
                out.push(b' ');
                match *done {
                    // The goal is a number above zero.
                    Some((done, goal)) if goal > 0 => {
                        number(out, done);
                        out.push(b' ');
                        number(out, goal);
                    }
                    _ => out.extend_from_slice(b"NIL NIL"),
                }
                out.push(b')');
            }
            Code::HighestModSeq(modseq) => pair(out, b"HIGHESTMODSEQ ", modseq.0),
            Code::MailboxId(number) => {
                out.extend_from_slice(format!("MAILBOXID ({})", ObjectId::Mailbox(*number)).as_bytes());
            }
            Code::Modified(messages) => {
                out.extend_from_slice(b"MODIFIED ");
                sequence_set(out, messages);
            }
            Code::MetadataLongEntries(bytes) => pair(out, b"METADATA LONGENTRIES ", *bytes),
            Code::MetadataMaxSize(bytes) => pair(out, b"METADATA MAXSIZE ", *bytes),
            Code::NoUpdate(tag) => {
                out.extend_from_slice(b"NOUPDATE ");
                quoted(out, tag.as_str().as_bytes());
            }
            Code::PermanentFlags(system, keywords, more) => {
                out.extend_from_slice(b"PERMANENTFLAGS ");
                flag_list(out, *system, keywords, *more);
            }
            Code::UidNext(uid) => pair(out, b"UIDNEXT ", u64::from(*uid)),
            Code::UidValidity(validity) => pair(out, b"UIDVALIDITY ", u64::from(*validity)),
            Code::Unseen(seq) => pair(out, b"UNSEEN ", u64::from(*seq)),
            plain => out.extend_from_slice(plain.word().as_bytes()),
        }
    }

    /// The word of a code without arguments.
    fn word(&self) -> &'static str {
        match self {
            Code::AlreadyExists => "ALREADYEXISTS",
            Code::AuthenticationFailed => "AUTHENTICATIONFAILED",
            Code::BadCharset => "BADCHARSET (US-ASCII UTF-8)",
            Code::Cannot => "CANNOT",
            Code::Closed => "CLOSED",
            Code::CompressionActive => "COMPRESSIONACTIVE",
            Code::Corruption => "CORRUPTION",
            Code::ExpungeIssued => "EXPUNGEISSUED",
            Code::HasChildren => "HASCHILDREN",
            Code::InUse => "INUSE",
            Code::Limit => "LIMIT",
            Code::MetadataTooMany => "METADATA TOOMANY",
            Code::NonExistent => "NONEXISTENT",
            Code::NoPerm => "NOPERM",
            Code::NotificationOverflow => "NOTIFICATIONOVERFLOW",
            Code::OverQuota => "OVERQUOTA",
            Code::PermanentFlagsNone => "PERMANENTFLAGS ()",
            Code::PrivacyRequired => "PRIVACYREQUIRED",
            Code::ReadOnly => "READ-ONLY",
            Code::ReadWrite => "READ-WRITE",
            Code::ServerBug => "SERVERBUG",
            Code::TooBig => "TOOBIG",
            Code::TryCreate => "TRYCREATE",
            Code::UidRequired => "UIDREQUIRED",
            Code::Unavailable => "UNAVAILABLE",
            Code::UnknownCte => "UNKNOWN-CTE",
            Code::UseAttr => "USEATTR",
            Code::AppendUid(..)
            | Code::BadEvent
            | Code::BadUrl(_)
            | Code::Capability(_)
            | Code::CopyUid(..)
            | Code::HighestModSeq(_)
            | Code::InProgress(..)
            | Code::MailboxId(_)
            | Code::Modified(_)
            | Code::NoUpdate(_)
            | Code::MetadataLongEntries(_)
            | Code::MetadataMaxSize(_)
            | Code::PermanentFlags(..)
            | Code::UidNext(_)
            | Code::UidValidity(_)
            | Code::Unseen(_) => "",
        }
    }
}

/// Text inside a response code: what would end it is percent-encoded as in a URL.
fn bracketed_text(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b']' | 0..b' ' | 0x7f => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            _ => out.push(byte),
        }
    }
}

/// The answer that ends a command; `*` stands for a tag that could not be read.
pub fn tagged(out: &mut Vec<u8>, tag: Option<&Tag>, status: Status, code: Option<&Code>, text: &str) {
    out.extend_from_slice(tag.map_or("*", Tag::as_str).as_bytes());
    out.push(b' ');
    status_rest(out, status, code, text);
}

/// A status answer that ends no command.
pub fn untagged(out: &mut Vec<u8>, status: Status, code: Option<&Code>, text: &str) {
    out.extend_from_slice(b"* ");
    status_rest(out, status, code, text);
}

fn status_rest(out: &mut Vec<u8>, status: Status, code: Option<&Code>, text: &str) {
    out.extend_from_slice(status.word());
    out.push(b' ');
    if let Some(code) = code {
        out.push(b'[');
        code.write(out);
        out.extend_from_slice(b"] ");
    }
    // A text with a line end in it would be an answer of its own.
    out.extend(text.bytes().map(|byte| if byte < b' ' || byte == 0x7f { b'?' } else { byte }));
    out.extend_from_slice(b"\r\n");
}

/// The request to go on (RFC 9051 section 7.6).
pub fn continuation(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b"+ ");
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// `* CAPABILITY ...`.
pub fn capability(out: &mut Vec<u8>, names: &str) {
    out.extend_from_slice(b"* CAPABILITY ");
    out.extend_from_slice(names.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// `* ID (...)` (RFC 2971).
pub fn id(out: &mut Vec<u8>, pairs: &[(&str, &str)]) {
    out.extend_from_slice(b"* ID (");
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        string(out, name.as_bytes());
        out.push(b' ');
        string(out, value.as_bytes());
    }
    out.extend_from_slice(b")\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_answer_stays_on_its_line() {
        let mut out = Vec::new();
        untagged(&mut out, Status::No, Some(&Code::Limit), "a\r\n* BYE");
        assert_eq!(out, b"* NO [LIMIT] a??* BYE\r\n");
        out.clear();
        let tag = Tag::parse(b"a1").expect("a tag");
        untagged(&mut out, Status::Ok, Some(&Code::InProgress(tag.clone(), Some((4, 9)))), "x");
        untagged(&mut out, Status::Ok, Some(&Code::InProgress(tag, None)), "x");
        assert_eq!(out, b"* OK [INPROGRESS (\"a1\" 4 9)] x\r\n* OK [INPROGRESS (\"a1\" NIL NIL)] x\r\n");
        out.clear();
        let set = SequenceSet::from_ranges([(1, 3), (9, 9)]);
        tagged(
            &mut out,
            Tag::parse(b"a1").as_ref(),
            Status::Ok,
            Some(&Code::CopyUid(7, set.clone(), set)),
            "moved",
        );
        assert_eq!(out, b"a1 OK [COPYUID 7 1:3,9 1:3,9] moved\r\n");
    }
}
