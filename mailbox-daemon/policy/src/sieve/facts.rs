use super::plan::MemoryKey;
use super::script::{Script, ScriptName};
use crate::config;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use types::{Address, MailParameters, MailboxName, Recipient, ReversePath, SpecialUse, UnixSeconds};

/// Everything a script may ask about.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The header as it is going to be stored, its empty line left out.
    pub header: &'a [u8],
    /// What follows the empty line.
    pub body: &'a [u8],
    /// Whether there is an empty line: a message may end with its header.
    pub has_body: bool,
    /// Whose script runs.
    pub account: &'a Address,
    /// All addresses that lead to this account alone: its own and its aliases.
    pub own_addresses: &'a [Address],
    /// The envelope; `None` where there is none, as in scripts run by IMAP events.
    pub envelope: Option<&'a EnvelopeFacts>,
    /// Where and when it runs.
    pub environment: &'a EnvironmentFacts,
    /// The account's mailboxes; empty unless [`super::Needs::mailboxes`].
    pub mailboxes: &'a [MailboxFacts],
    /// METADATA entries of the server (RFC 5464) the script asks for.
    pub server_annotations: &'a BTreeMap<String, Vec<u8>>,
    /// Where the implicit keep goes: INBOX, or Junk for mail the site takes for spam.
    pub keep_in: &'a MailboxName,
    /// What is thought of the message (RFC 5235).
    pub spam: SpamFacts,
    /// People the account wrote to: the members of `:addrbook:default` (RFC 6134); empty unless [`super::Needs::contacts`].
    pub contacts: &'a [Address],
    /// Scripts that may be included, by name; those that do not compile are left out.
    pub scripts: &'a BTreeMap<ScriptName, Arc<Script>>,
    /// What `vacation` and `duplicate` remember and until when; empty unless [`super::Needs::memory`].
    pub memory: &'a BTreeMap<MemoryKey, UnixSeconds>,
    /// What one run may do.
    pub limits: &'a config::Sieve,
}

/// The envelope a message came with.
#[derive(Clone, Debug)]
pub struct EnvelopeFacts {
    /// The sender.
    pub from: ReversePath,
    /// The recipient this copy is for, as the client named it, with its DSN wishes.
    pub to: Recipient,
    /// Of MAIL FROM: `RET`, `ENVID`.
    pub parameters: MailParameters,
}

/// Where and when a script runs (RFC 5183).
#[derive(Clone, Debug)]
pub struct EnvironmentFacts {
    /// The time.
    pub now: UnixSeconds,
    /// Minutes east of Greenwich of the local time zone at that time.
    pub zone_minutes: i16,
    /// This server's name.
    pub host: String,
    /// The client that brought the message.
    pub remote_ip: Option<IpAddr>,
    /// Its verified name, if it has one.
    pub remote_host: Option<String>,
    /// Of a script run by an IMAP event (RFC 6785).
    pub imap: Option<ImapFacts>,
}

/// What set a script off (RFC 6785 section 4).
#[derive(Clone, Debug)]
pub struct ImapFacts {
    /// Who did it: a guest where the mailbox is shared.
    pub user: Address,
    /// `APPEND`, `COPY` or `FLAG`.
    pub cause: String,
    /// The mailbox the message is in.
    pub mailbox: MailboxName,
    /// Flags and keywords that changed; only for `FLAG`.
    pub changed_flags: Vec<String>,
    /// Flags and keywords the message has.
    pub flags: Vec<String>,
}

/// One mailbox of the account.
#[derive(Clone, Debug)]
pub struct MailboxFacts {
    /// Its name.
    pub name: MailboxName,
    /// Its special uses (RFC 6154).
    pub special_uses: Vec<SpecialUse>,
    /// Its MAILBOXID (RFC 8474).
    pub id: String,
    /// Its METADATA entries the script asks for (RFC 5464).
    pub annotations: BTreeMap<String, Vec<u8>>,
}

/// What is thought of a message (RFC 5235).
#[derive(Clone, Copy, Debug, Default)]
pub struct SpamFacts {
    /// How much it looks like spam, 0 to 100; `None` if nobody looked.
    pub spam_percent: Option<u8>,
    /// 0 untested, 1 clean, 2 to 5 as RFC 5235 section 2.3.
    pub virus: u8,
}
