use super::work::Spent;
use std::sync::Arc;
use thiserror::Error;
use types::{Address, DsnNotify, DsnReturn, Keyword, MailboxName, SpecialUse, SystemFlag, UnixSeconds};

/// What a script wants done with a message. All of it is done, or the message is not accepted.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Copies into mailboxes; the implicit keep is one of them. Empty where the message is discarded, redirected or refused.
    pub filings: Vec<Filing>,
    /// The message is kept because nothing the script does says otherwise (RFC 5228 section 2.10.2).
    pub implicit_keep: bool,
    /// Copies that go elsewhere.
    pub redirects: Vec<Redirect>,
    /// The message is not wanted.
    pub refusal: Option<Refusal>,
    /// What vacation answers.
    pub replies: Vec<Reply>,
    /// What enotify tells.
    pub notifications: Vec<Notification>,
    /// What is to be remembered, if the plan is carried out.
    pub memory: Vec<Memory>,
    /// Lines of `debug_log`, for the account's log.
    pub log: Vec<String>,
    /// Why the run broke off; the filings are then the implicit keep alone.
    pub trouble: Option<Trouble>,
}

/// One copy into a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filing {
    /// Where.
    pub target: Target,
    /// System flags it gets.
    pub flags: Vec<SystemFlag>,
    /// Keywords it gets.
    pub keywords: Vec<Keyword>,
    /// What is stored.
    pub content: Content,
}

impl Plan {
    /// The implicit keep and nothing else.
    pub fn keep(mailbox: &MailboxName) -> Plan {
        Plan { filings: vec![Filing::plain(mailbox)], ..Plan::default() }
    }
}

impl Filing {
    /// The message as it came, in a mailbox that is there.
    pub fn plain(mailbox: &MailboxName) -> Filing {
        let target = Target { mailbox: mailbox.clone(), special_use: None, id: None, create: false };
        Filing { target, flags: Vec::new(), keywords: Vec::new(), content: Content::Unchanged }
    }
}

/// Which mailbox is meant, tried in this order: id, special use, name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name; made if [`Target::create`] says so, the implicit keep's mailbox if it is not there.
    pub mailbox: MailboxName,
    /// Goes before the name if a mailbox has this use (RFC 8579).
    pub special_use: Option<SpecialUse>,
    /// Goes before both if a mailbox has it (RFC 9042).
    pub id: Option<String>,
    /// Whether a missing mailbox is made (RFC 5490 section 3.2).
    pub create: bool,
}

/// A message as it is at the time of an action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// As it came.
    #[default]
    Unchanged,
    /// Changed by editheader, replace or enclose.
    Changed {
        /// The whole header, its empty line left out.
        header: Arc<[u8]>,
        /// What follows the empty line.
        body: Body,
    },
}

/// The body of a changed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// As it came.
    Unchanged,
    /// Written anew.
    Changed(Arc<[u8]>),
}

/// A copy that goes elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Where.
    pub to: Address,
    /// What is sent.
    pub content: Content,
    /// `:notify` (RFC 6009 section 5); `None` for what the message came with.
    pub notify: Option<DsnNotify>,
    /// `:ret` (RFC 6009 section 5).
    pub returned: Option<DsnReturn>,
}

/// How a message is refused (RFC 5429).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// `reject`: a disposition notification, or a reply code where that serves the sender better.
    Reject,
    /// `ereject`: by reply code wherever possible.
    Ereject,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which of the two.
    pub kind: RefusalKind,
    /// Why, as the script says it.
    pub reason: String,
}

/// An answer of vacation (RFC 5230), decided on and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Whom it answers: the envelope's sender.
    pub to: Address,
    /// The whole message without `Date:` and `Message-ID:`, which whoever sends it adds.
    pub message: Vec<u8>,
    /// A copy is kept there (RFC 8580).
    pub copy_in: Option<Filing>,
}

/// A notification by mail (RFC 5435, RFC 5436), decided on and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Whom it goes to.
    pub to: Vec<Address>,
    /// The whole message without `Date:` and `Message-ID:`.
    pub message: Vec<u8>,
    /// A copy is kept there (RFC 8580).
    pub copy_in: Option<Filing>,
}

/// A hash of what is remembered, vacation's and duplicate's apart.
pub type MemoryKey = [u8; 16];

/// Something to be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// What.
    pub key: MemoryKey,
    /// Until when.
    pub until: UnixSeconds,
}

/// Why a run broke off. The script's owner is told.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Trouble {
    /// It is out of work or memory.
    #[error(transparent)]
    Spent(#[from] Spent),
    /// It was not run.
    #[error("the header of the message is longer than scripts read")]
    HeaderTooLong,
    /// It asks for something that cannot be.
    #[error("line {line}: {what}")]
    Failed {
        /// Where.
        line: usize,
        /// What.
        what: String,
    },
}
