//! What a client asks for: one type per command, valid once it exists (RFC 9051 section 6).

use super::acl::{AclSubject, RightsChange};
use super::metadata::{EntryName, GetMetadata, SetMetadata};
use super::multisearch::MultiSearch;
use super::notify::NotifySet;
use super::search::{PartialRange, SearchKey, SearchReturn};
use super::sort::{Sort, Thread};
use super::utf7::Utf7Error;
use std::fmt;
use thiserror::Error;
use types::{Flags, Keyword, MailboxName, MailboxNameError, ModSeq, SequenceSet, SpecialUse, UnixSeconds};

/// What a client calls one command; its tagged answer repeats it (RFC 9051 section 2.2.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tag(String);

impl Tag {
    /// `1*<any ASTRING-CHAR except "+">`; `None` for anything else.
    pub fn parse(bytes: &[u8]) -> Option<Tag> {
        let tag_byte = |byte: &u8| byte.is_ascii_graphic() && !b"(){%*\"\\+".contains(byte);
        match !bytes.is_empty() && bytes.iter().all(tag_byte) {
            true => Some(Tag(bytes.iter().map(|byte| char::from(*byte)).collect())),
            false => None,
        }
    }

    /// As the client wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One command, all its literals included (APPEND's message excepted).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its tag.
    pub tag: Tag,
    /// What is asked for.
    pub body: CommandBody,
}

/// A mailbox a client named. A name no mailbox can have is a fault the handler words: "does not exist" or "cannot be made".
pub type MailboxArgument = Result<MailboxName, NameFault>;

/// Why a mailbox argument names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameFault {
    /// Its modified UTF-7 is broken.
    #[error(transparent)]
    Utf7(#[from] Utf7Error),
    /// It is no UTF-8.
    #[error("a mailbox name is UTF-8")]
    NotUtf8,
    /// It breaks the rules for names.
    #[error(transparent)]
    Name(#[from] MailboxNameError),
}

/// The arguments of each command, named as RFC 9051 section 6 does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandBody {
    /// The command up to the first literal that is streamed, which is still to come; all of it when there is none.
    Append(Append),
    /// SASL (RFC 9051 section 6.2.2); `initial` is SASL-IR's decoded response, empty for `=`.
    Authenticate {
        /// The mechanism, in upper case.
        mechanism: String,
        /// The initial response.
        initial: Option<Vec<u8>>,
    },
    /// CANCELUPDATE (RFC 5267): the tags of searches.
    CancelUpdate(Vec<String>),
    /// CAPABILITY.
    Capability,
    /// CHECK (RFC 3501 section 6.4.1).
    Check,
    /// CLOSE.
    Close,
    /// COMPRESS DEFLATE (RFC 4978); there is no other mechanism.
    Compress,
    /// COPY and UID COPY.
    Copy(Transfer),
    /// CREATE, with RFC 6154's USE.
    Create {
        /// The new mailbox.
        mailbox: MailboxArgument,
        /// What it is for.
        special_use: Vec<SpecialUse>,
    },
    /// DELETE.
    Delete(MailboxArgument),
    /// DELETEACL (RFC 4314).
    DeleteAcl(AclSubject),
    /// ENABLE (RFC 5161): capability names in upper case.
    Enable(Vec<String>),
    /// EXPUNGE; with a set it is UID EXPUNGE (RFC 4315).
    Expunge(Option<MessageSet>),
    /// FETCH and UID FETCH.
    Fetch(Fetch),
    /// GETACL (RFC 4314).
    GetAcl(MailboxArgument),
    /// GETMETADATA (RFC 5464).
    GetMetadata(GetMetadata),
    /// GETQUOTA (RFC 9208): the name of a quota root.
    GetQuota(String),
    /// GETQUOTAROOT (RFC 9208).
    GetQuotaRoot(MailboxArgument),
    /// ID (RFC 2971): what the client says of itself.
    Id(Vec<(String, Option<String>)>),
    /// IDLE (RFC 2177).
    Idle,
    /// LIST, plain or extended (RFC 5258).
    List(List),
    /// LISTRIGHTS (RFC 4314).
    ListRights(AclSubject),
    /// LOGIN.
    Login {
        /// User name.
        user: String,
        /// Password.
        password: Secret,
    },
    /// LOGOUT.
    Logout,
    /// LSUB (RFC 3501 section 6.3.9).
    Lsub {
        /// Prefix of the pattern.
        reference: String,
        /// What to match.
        pattern: String,
    },
    /// MOVE and UID MOVE (RFC 6851).
    Move(Transfer),
    /// MYRIGHTS (RFC 4314).
    MyRights(MailboxArgument),
    /// ESEARCH (RFC 7377).
    MultiSearch(MultiSearch),
    /// NAMESPACE.
    Namespace,
    /// NOOP.
    Noop,
    /// NOTIFY (RFC 5465); `None` ends it.
    Notify(Option<NotifySet>),
    /// RENAME.
    Rename {
        /// The mailbox as it is called.
        from: MailboxArgument,
        /// What it is to be called.
        to: MailboxArgument,
    },
    /// REPLACE and UID REPLACE (RFC 8508), as far as APPEND.
    Replace(Replace),
    /// SEARCH and UID SEARCH.
    Search(Search),
    /// SELECT or EXAMINE.
    Select {
        /// The mailbox to open.
        mailbox: MailboxArgument,
        /// Whether it is EXAMINE.
        read_only: bool,
        /// What is to be told beyond the usual.
        parameters: SelectParameters,
    },
    /// SETACL (RFC 4314).
    SetAcl(AclSubject, RightsChange),
    /// SORT and UID SORT (RFC 5256).
    Sort(Sort),
    /// SETMETADATA (RFC 5464).
    SetMetadata(SetMetadata),
    /// STARTTLS.
    StartTls,
    /// STATUS.
    Status {
        /// The mailbox.
        mailbox: MailboxArgument,
        /// What to tell of it, in the order asked.
        items: Vec<StatusItem>,
    },
    /// STORE and UID STORE.
    Store(Store),
    /// SUBSCRIBE.
    Subscribe(MailboxArgument),
    /// THREAD and UID THREAD (RFC 5256).
    Thread(Thread),
    /// UNAUTHENTICATE (RFC 8437).
    Unauthenticate,
    /// UNSELECT (RFC 3691).
    Unselect,
    /// UNSUBSCRIBE.
    Unsubscribe(MailboxArgument),
}

/// Parameters of SELECT and EXAMINE (RFC 4466 section 2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelectParameters {
    /// CONDSTORE: modification sequences are told from now on (RFC 7162 section 3.1.8).
    pub condstore: bool,
    /// QRESYNC: what the client knows of the mailbox.
    pub resync: Option<Box<Resync>>,
}

/// What a client knows of a mailbox it had open before (RFC 7162 section 3.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resync {
    /// The generation of the UIDs it knows.
    pub uid_validity: u32,
    /// It has heard of every change up to this one.
    pub modseq: ModSeq,
    /// The UIDs it knows; all when missing.
    pub known: Option<SequenceSet>,
    /// Some sequence numbers it knows and the UIDs they belonged to, in the same order; both are equally many.
    pub matched: Option<(SequenceSet, SequenceSet)>,
}

/// A password on its way to the check. It never shows itself in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Messages a client means: numbers, or `$`, the result it saved (RFC 9051 section 6.4.4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageSet {
    /// A sequence set; `u32::MAX` stands for `*`.
    Numbers(SequenceSet),
    /// `$`.
    Saved,
}

/// Which messages, by which kind of number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Whether the numbers are UIDs (the command came with the UID prefix).
    pub uid: bool,
    /// The numbers.
    pub set: MessageSet,
}

/// COPY and MOVE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Which messages.
    pub target: Target,
    /// Where to.
    pub mailbox: MailboxArgument,
}

/// APPEND up to its first streamed literal (RFC 9051 section 6.3.12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Where to.
    pub mailbox: MailboxArgument,
    /// What to do first.
    pub steps: Vec<AppendStep>,
}

/// REPLACE up to its first streamed literal (RFC 8508 section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replace {
    /// The message that goes: one number.
    pub target: Target,
    /// The message that comes.
    pub append: Append,
}

/// One step through the messages of an APPEND. A message ends where the next one begins, or with the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendStep {
    /// A message begins.
    Message(AppendMessage),
    /// Its next octets come from the client, right behind this step: it is always the last one at hand.
    Octets(Literal, AppendPlace),
    /// Its next octets are what an IMAP URL names (RFC 4469).
    Url(String),
}

/// What stands before one message in APPEND.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppendMessage {
    /// System flags to set.
    pub flags: Flags,
    /// Keywords to set.
    pub keywords: Vec<Keyword>,
    /// The internal date; now when missing.
    pub internal_date: Option<UnixSeconds>,
}

/// Where a literal stands in APPEND, which decides what may follow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppendPlace {
    /// In the list of CATENATE (RFC 4469).
    pub catenate: bool,
    /// In the parentheses of UTF8 (RFC 6855 section 4).
    pub utf8: bool,
    /// In REPLACE, which takes one message.
    pub replace: bool,
}

/// An announced literal (RFC 9051 section 4.3, RFC 7888, RFC 3516).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Literal {
    /// Octets to come.
    pub bytes: u64,
    /// Whether the client waits for `+` before it sends them.
    pub synchronising: bool,
    /// Whether it is a `literal8`, which may hold NUL.
    pub binary: bool,
}

/// FETCH: macros are already spelled out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Which messages.
    pub target: Target,
    /// What of each.
    pub items: Vec<FetchItem>,
    /// Only of messages that changed after this one (RFC 7162 section 3.1.4.1).
    pub changed_since: Option<ModSeq>,
    /// Whether messages that vanished since are told too (RFC 7162 section 3.2.6).
    pub vanished: bool,
    /// Only some of the messages, by their place among them (RFC 9394 section 3.3).
    pub partial: Option<PartialRange>,
}

/// One data item of FETCH (RFC 9051 section 6.4.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchItem {
    /// `BINARY[...]`, `BINARY.PEEK[...]` (RFC 3516).
    Binary {
        /// Which bytes, before they are decoded. RFC 3516 has part numbers only; HEADER, TEXT and MIME are understood too.
        section: Section,
        /// A slice of it.
        partial: Option<Partial>,
        /// Whether `\Seen` stays as it is.
        peek: bool,
    },
    /// `BINARY.SIZE[...]`.
    BinarySize(Section),
    /// `BODY[...]` and its older spellings.
    Body(BodyItem),
    /// `BODY` (`false`) or `BODYSTRUCTURE` (`true`: with extension data).
    BodyStructure(bool),
    /// `EMAILID` (RFC 8474).
    EmailId,
    /// `ENVELOPE`.
    Envelope,
    /// `FLAGS`.
    Flags,
    /// `INTERNALDATE`.
    InternalDate,
    /// `MODSEQ` (RFC 7162 section 3.1.4.2).
    ModSeq,
    /// `PREVIEW` (`false`) or `PREVIEW (LAZY)` (`true`) (RFC 8970).
    Preview(bool),
    /// `RFC822.SIZE`.
    Rfc822Size,
    /// `SAVEDATE` (RFC 8514).
    SaveDate,
    /// `THREADID` (RFC 8474).
    ThreadId,
    /// `UID`.
    Uid,
}

/// `BODY[section]<partial>`, or what RFC822, RFC822.HEADER and RFC822.TEXT mean by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyItem {
    /// Which bytes.
    pub section: Section,
    /// A slice of them.
    pub partial: Option<Partial>,
    /// Whether `\Seen` stays as it is.
    pub peek: bool,
    /// Whether the answer is called RFC822... as the question was.
    pub rfc822_name: bool,
}

/// `<first.count>`: octets of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// Octets skipped.
    pub first: u32,
    /// Octets wanted at most; `u32::MAX` when none were named.
    pub count: u32,
}

impl Partial {
    /// The slice of these octets; what reaches beyond their end is cut.
    pub fn slice(self, octets: &[u8]) -> &[u8] {
        let rest = octets.get(self.first as usize..).unwrap_or_default();
        &rest[..rest.len().min(self.count as usize)]
    }
}

/// What stands between the brackets of `BODY[...]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Part numbers; empty for the message itself.
    pub part: Vec<u32>,
    /// Which piece of that part.
    pub text: SectionText,
}

/// The piece of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionText {
    /// HEADER.
    Header,
    /// HEADER.FIELDS and HEADER.FIELDS.NOT (`not`).
    HeaderFields {
        /// The field names as asked.
        names: Vec<String>,
        /// Whether all others are meant.
        not: bool,
    },
    /// MIME.
    Mime,
    /// TEXT.
    Text,
    /// All of it.
    Whole,
}

/// LIST (RFC 9051 section 6.3.9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Whether any part of the extended syntax was used (then an empty pattern is no question for the separator).
    pub extended: bool,
    /// Which mailboxes are picked.
    pub selection: ListSelection,
    /// Prefix of every pattern.
    pub reference: String,
    /// Patterns, joined by "or".
    pub patterns: Vec<String>,
    /// What is told beside the name.
    pub returns: ListReturn,
}

/// Selection options (RFC 5258 section 3.1, RFC 6154).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListSelection {
    /// Subscribed names, existing or not.
    pub subscribed: bool,
    /// Remote mailboxes too; there are none.
    pub remote: bool,
    /// Also names with matching mailboxes below them.
    pub recursive_match: bool,
    /// Only mailboxes with a special use.
    pub special_use: bool,
}

/// Return options (RFC 5258 section 3.2, RFC 5819, RFC 6154).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListReturn {
    /// `\Subscribed`.
    pub subscribed: bool,
    /// `\HasChildren` and `\HasNoChildren`; told in any case.
    pub children: bool,
    /// Special uses; told in any case.
    pub special_use: bool,
    /// A METADATA answer with these entries for each mailbox (RFC 9590).
    pub metadata: Option<Vec<EntryName>>,
    /// A MYRIGHTS answer for each mailbox (RFC 8440).
    pub my_rights: bool,
    /// A STATUS answer for each mailbox.
    pub status: Option<Vec<StatusItem>>,
}

/// One item of STATUS (RFC 9051 section 6.3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusItem {
    /// Octets of the largest message APPEND takes (RFC 7889).
    AppendLimit,
    /// Messages marked deleted.
    Deleted,
    /// Octets of messages marked deleted (RFC 9208).
    DeletedStorage,
    /// The highest modification sequence (RFC 7162 section 3.1.7).
    HighestModSeq,
    /// The mailbox's identifier (RFC 8474).
    MailboxId,
    /// How many messages.
    Messages,
    /// Recent messages (IMAP4rev1).
    Recent,
    /// Octets of all messages (RFC 8438).
    Size,
    /// The next UID.
    UidNext,
    /// The generation of UIDs.
    UidValidity,
    /// Messages without `\Seen`.
    Unseen,
}

impl StatusItem {
    /// All of them.
    pub const ALL: [StatusItem; 11] = [
        StatusItem::AppendLimit,
        StatusItem::Deleted,
        StatusItem::DeletedStorage,
        StatusItem::HighestModSeq,
        StatusItem::MailboxId,
        StatusItem::Messages,
        StatusItem::Recent,
        StatusItem::Size,
        StatusItem::UidNext,
        StatusItem::UidValidity,
        StatusItem::Unseen,
    ];

    /// The protocol's word.
    pub fn name(self) -> &'static str {
        match self {
            StatusItem::AppendLimit => "APPENDLIMIT",
            StatusItem::Deleted => "DELETED",
            StatusItem::DeletedStorage => "DELETED-STORAGE",
            StatusItem::HighestModSeq => "HIGHESTMODSEQ",
            StatusItem::MailboxId => "MAILBOXID",
            StatusItem::Messages => "MESSAGES",
            StatusItem::Recent => "RECENT",
            StatusItem::Size => "SIZE",
            StatusItem::UidNext => "UIDNEXT",
            StatusItem::UidValidity => "UIDVALIDITY",
            StatusItem::Unseen => "UNSEEN",
        }
    }
}

/// SEARCH (RFC 9051 section 6.4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Whether the answer has UIDs.
    pub uid: bool,
    /// RETURN options; `None` asks for the old SEARCH answer.
    pub returns: Option<SearchReturn>,
    /// What to look for.
    pub key: SearchKey,
}

/// How STORE changes flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreMode {
    /// `+FLAGS`.
    Add,
    /// `-FLAGS`.
    Remove,
    /// `FLAGS`.
    Replace,
}

/// STORE (RFC 9051 section 6.4.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Which messages.
    pub target: Target,
    /// How.
    pub mode: StoreMode,
    /// Whether the new flags need not be told.
    pub silent: bool,
    /// Messages that changed after this one are left alone (RFC 7162 section 3.1.3).
    pub unchanged_since: Option<ModSeq>,
    /// System flags.
    pub flags: Flags,
    /// Keywords.
    pub keywords: Vec<Keyword>,
}
