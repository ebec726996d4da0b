//! Commands: bytes to words (RFC 9051 section 9, RFC 3501 section 9).
//!
//! A new command is a line in [`command`]'s table, a variant of [`CommandBody`] and a function in one of the files here.

mod acl;
mod append;
mod cursor;
mod fetch;
mod list;
mod message;
mod metadata;
mod multisearch;
mod notify;
mod search;
mod search_return;
mod select;
mod sort;

use super::command::{Command, CommandBody, Secret, Tag};
use cursor::{Cursor, utf8};
use data_encoding::BASE64;
use std::borrow::Cow;
use thiserror::Error;
use types::{Limits, SpecialUse};

pub use append::append_continued;
pub use fetch::section_alone;

/// What decides how bytes are read.
#[derive(Clone, Copy, Debug)]
pub struct Dialect<'a> {
    /// The box's limits.
    pub limits: &'a Limits,
    /// Whether mailbox names are UTF-8 (IMAP4rev2 or UTF8=ACCEPT was enabled) and not modified UTF-7.
    pub utf8_names: bool,
    /// Whether SEARCH may name no charset (UTF8=ACCEPT was enabled, RFC 6855 section 3).
    pub utf8_only: bool,
}

/// Why a command was not understood. It is the client's fault and stays so when repeated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct Fault {
    /// Its kind, which picks the answer.
    pub kind: FaultKind,
    /// What to tell the person reading the client's log.
    pub text: Cow<'static, str>,
}

/// Kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// SEARCH in a charset that is not spoken here: `NO [BADCHARSET]`; with `save` the saved result is lost
    /// (RFC 5182 section 2.1).
    BadCharset {
        /// Whether the result would have been saved.
        save: bool,
    },
    /// One of our limits: `NO [LIMIT]`.
    Limit,
    /// The frame ends where a literal's content should stand. Only a prefix of a command can have it.
    LiteralToCome,
    /// The grammar is broken: `BAD`.
    Syntax,
    /// A literal larger than the limit: `NO [TOOBIG]`.
    TooBig,
    /// NOTIFY of an event that cannot be told: `NO [BADEVENT]`.
    UnknownEvent,
    /// CREATE with a use that cannot be given: `NO [USEATTR]`.
    UseAttribute,
}

impl Fault {
    pub(super) fn syntax(text: &'static str) -> Fault {
        Fault { kind: FaultKind::Syntax, text: Cow::Borrowed(text) }
    }

    pub(super) fn limit(text: &'static str) -> Fault {
        Fault { kind: FaultKind::Limit, text: Cow::Borrowed(text) }
    }

    pub(super) fn too_big(text: &'static str) -> Fault {
        Fault { kind: FaultKind::TooBig, text: Cow::Borrowed(text) }
    }

    fn literal_to_come() -> Fault {
        Fault { kind: FaultKind::LiteralToCome, text: Cow::Borrowed("a literal is cut short") }
    }
}

/// The tag a frame begins with and the bytes after it and its space.
pub fn tag(frame: &[u8]) -> (Option<Tag>, &[u8]) {
    let end = frame.iter().position(|byte| matches!(byte, b' ' | b'\r' | b'\n')).unwrap_or(frame.len());
    let rest = &frame[end..];
    (Tag::parse(&frame[..end]), rest.strip_prefix(b" ").unwrap_or(rest))
}

/// Whether the command (after its tag) ends in a message that is streamed and not buffered.
pub fn streams_message(after_tag: &[u8]) -> bool {
    let begins =
        |words: &[u8]| after_tag.get(..words.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(words));
    begins(b"APPEND ") || begins(b"REPLACE ") || begins(b"UID REPLACE ")
}

/// Parses a command after its tag: the whole of it with its line end, or for APPEND everything up to the line that announces the message.
pub fn command(after_tag: &[u8], dialect: &Dialect<'_>) -> Result<CommandBody, Fault> {
    let mut cursor = Cursor::new(after_tag, dialect);
    let word = cursor.word();
    let body = match &*word.to_ascii_uppercase() {
        b"APPEND" => append::append(&mut cursor)?,
        b"AUTHENTICATE" => authenticate(&mut cursor)?,
        b"CANCELUPDATE" => search::cancel_update(&mut cursor)?,
        b"CAPABILITY" => CommandBody::Capability,
        b"CHECK" => CommandBody::Check,
        b"CLOSE" => CommandBody::Close,
        b"COMPRESS" => compress(&mut cursor)?,
        b"COPY" => message::copy(&mut cursor, false)?,
        b"CREATE" => create(&mut cursor)?,
        b"DELETEACL" => CommandBody::DeleteAcl(acl::subject(&mut cursor)?),
        b"DELETE" => CommandBody::Delete(argument(&mut cursor, Cursor::mailbox)?),
        b"ENABLE" => enable(&mut cursor)?,
        b"ESEARCH" => multisearch::esearch(&mut cursor)?,
        b"EXAMINE" => select::select(&mut cursor, true)?,
        b"EXPUNGE" => CommandBody::Expunge(None),
        b"FETCH" => fetch::fetch(&mut cursor, false)?,
        b"GETACL" => CommandBody::GetAcl(argument(&mut cursor, Cursor::mailbox)?),
        b"GETMETADATA" => metadata::getmetadata(&mut cursor)?,
        b"GETQUOTA" => {
            CommandBody::GetQuota(argument(&mut cursor, |cursor| cursor.text("a quota root is missing"))?)
        }
        b"GETQUOTAROOT" => CommandBody::GetQuotaRoot(argument(&mut cursor, Cursor::mailbox)?),
        b"ID" => id(&mut cursor)?,
        b"IDLE" => CommandBody::Idle,
        b"LIST" => list::list(&mut cursor)?,
        b"LISTRIGHTS" => CommandBody::ListRights(acl::subject(&mut cursor)?),
        b"LOGIN" => login(&mut cursor)?,
        b"LOGOUT" => CommandBody::Logout,
        b"LSUB" => list::lsub(&mut cursor)?,
        b"MOVE" => message::move_(&mut cursor, false)?,
        b"MYRIGHTS" => CommandBody::MyRights(argument(&mut cursor, Cursor::mailbox)?),
        b"NAMESPACE" => CommandBody::Namespace,
        b"NOOP" => CommandBody::Noop,
        b"NOTIFY" => notify::notify(&mut cursor)?,
        b"RENAME" => rename(&mut cursor)?,
        b"REPLACE" => append::replace(&mut cursor, false)?,
        b"SEARCH" => search::search(&mut cursor, false)?,
        b"SELECT" => select::select(&mut cursor, false)?,
        b"SETACL" => acl::setacl(&mut cursor)?,
        b"SORT" => sort::sort(&mut cursor, false)?,
        b"SETMETADATA" => metadata::setmetadata(&mut cursor)?,
        b"STARTTLS" => CommandBody::StartTls,
        b"STATUS" => list::status(&mut cursor)?,
        b"STORE" => message::store(&mut cursor, false)?,
        b"SUBSCRIBE" => CommandBody::Subscribe(argument(&mut cursor, Cursor::mailbox)?),
        b"THREAD" => sort::thread(&mut cursor, false)?,
        b"UID" => uid(&mut cursor)?,
        b"UNAUTHENTICATE" => CommandBody::Unauthenticate,
        b"UNSELECT" => CommandBody::Unselect,
        b"UNSUBSCRIBE" => CommandBody::Unsubscribe(argument(&mut cursor, Cursor::mailbox)?),
        b"" => return Err(Fault::syntax("a command is missing after the tag")),
        _ => return Err(Fault::syntax("there is no such command")),
    };
    cursor.end()?;
    Ok(body)
}

fn uid(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    cursor.space()?;
    match &*cursor.word().to_ascii_uppercase() {
        b"COPY" => message::copy(cursor, true),
        b"EXPUNGE" => Ok(CommandBody::Expunge(Some(argument(cursor, Cursor::message_set)?))),
        b"FETCH" => fetch::fetch(cursor, true),
        b"MOVE" => message::move_(cursor, true),
        b"REPLACE" => append::replace(cursor, true),
        b"SEARCH" => search::search(cursor, true),
        b"SORT" => sort::sort(cursor, true),
        b"STORE" => message::store(cursor, true),
        b"THREAD" => sort::thread(cursor, true),
        _ => Err(Fault::syntax(
            "UID stands before COPY, EXPUNGE, FETCH, MOVE, REPLACE, SEARCH, SORT, STORE or THREAD",
        )),
    }
}

/// A space and one argument.
fn argument<'a, T>(
    cursor: &mut Cursor<'a>,
    parse: impl FnOnce(&mut Cursor<'a>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    cursor.space()?;
    parse(cursor)
}

fn authenticate(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    cursor.space()?;
    let mechanism = cursor.atom("a mechanism is missing")?.to_ascii_uppercase();
    let initial = match cursor.eat(b' ') {
        false => None,
        true => Some(match cursor.take_while(|byte| byte.is_ascii_graphic()) {
            b"=" => Vec::new(),
            base64 => {
                BASE64.decode(base64).map_err(|_| Fault::syntax("the initial response is not base64"))?
            }
        }),
    };
    Ok(CommandBody::Authenticate { mechanism, initial })
}

fn compress(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    cursor.space()?;
    match cursor.eat_word("DEFLATE") {
        true => Ok(CommandBody::Compress),
        false => Err(Fault::syntax("the only way to compress is DEFLATE")),
    }
}

fn create(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    let mailbox = argument(cursor, Cursor::mailbox)?;
    let mut special_use = Vec::new();
    if cursor.eat(b' ') {
        cursor.list("CREATE's options stand in parentheses", |cursor| {
            if !cursor.eat_word("USE") {
                return Err(Fault::syntax("the only option of CREATE is USE"));
            }
            cursor.space()?;
            cursor.list("uses stand in parentheses", |cursor| {
                special_use.push(use_attribute(cursor)?);
                Ok(())
            })
        })?;
    }
    Ok(CommandBody::Create { mailbox, special_use })
}

fn use_attribute(cursor: &mut Cursor<'_>) -> Result<SpecialUse, Fault> {
    cursor.expect(b'\\', "a use begins with \\")?;
    let name = cursor.atom("a use is missing after \\")?;
    SpecialUse::ALL.into_iter().find(|use_| use_.attribute()[1..].eq_ignore_ascii_case(name)).ok_or(Fault {
        kind: FaultKind::UseAttribute,
        text: Cow::Borrowed("a mailbox here can be for \\Archive, \\Drafts, \\Junk, \\Sent or \\Trash"),
    })
}

fn enable(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    let mut names = Vec::new();
    while cursor.eat(b' ') {
        names.push(cursor.atom("a capability is missing")?.to_ascii_uppercase());
    }
    match names.is_empty() {
        true => Err(Fault::syntax("a capability is missing")),
        false => Ok(CommandBody::Enable(names)),
    }
}

fn id(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    const PAIRS_MAX: usize = 30;
    cursor.space()?;
    let mut pairs = Vec::new();
    if !cursor.eat_word("NIL") {
        cursor.list("ID takes NIL or a list of strings", |cursor| {
            let name = utf8(cursor.string("ID's names are strings")?)?;
            cursor.space()?;
            pairs.push((name, cursor.nstring("ID's values are strings or NIL")?));
            match pairs.len() <= PAIRS_MAX {
                true => Ok(()),
                false => Err(Fault::syntax("ID takes at most 30 pairs")),
            }
        })?;
    }
    Ok(CommandBody::Id(pairs))
}

fn login(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    cursor.space()?;
    let user = cursor.text("a user name is missing")?;
    cursor.space()?;
    let password = Secret(cursor.text("a password is missing")?);
    Ok(CommandBody::Login { user, password })
}

fn rename(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    let from = argument(cursor, Cursor::mailbox)?;
    let to = argument(cursor, Cursor::mailbox)?;
    Ok(CommandBody::Rename { from, to })
}

/// Parses a whole command, tag and line end included. Servers read through [`super::Input`]; this is for a frame at hand.
pub fn frame(frame: &[u8], dialect: &Dialect<'_>) -> Result<Command, (Option<Tag>, Fault)> {
    match tag(frame) {
        (Some(tag), rest) => match command(rest, dialect) {
            Ok(body) => Ok(Command { tag, body }),
            Err(fault) => Err((Some(tag), fault)),
        },
        (None, _) => Err((None, Fault::syntax("a command begins with a tag"))),
    }
}
