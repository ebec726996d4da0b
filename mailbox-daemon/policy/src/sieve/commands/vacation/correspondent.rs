//! Whom vacation answers (RFC 5230 sections 4.5 and 4.6, RFC 3834 section 2).

use crate::sieve::facts::Facts;
use crate::sieve::letter::address_of;
use crate::sieve::message::{Field, Header};
use crate::sieve::work::{Spent, Work};
use proto::mime::address;
use types::{Address, MailboxName};

/// Fields that name those a message is for.
const RECIPIENT_FIELDS: [&str; 6] = ["To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"];

/// Fields of mailing lists (RFC 2369, RFC 2919).
const LIST_FIELDS: [&str; 7] =
    ["List-Id", "List-Help", "List-Subscribe", "List-Unsubscribe", "List-Post", "List-Owner", "List-Archive"];

/// Senders that are no people, by their local part.
const MACHINES: [&str; 8] =
    ["mailer-daemon", "listserv", "majordomo", "bounce", "bounces", "nobody", "daemon", "autoresponder"];
const MACHINES_BEGIN: [&str; 7] =
    ["owner-", "bounce-", "bounces+", "noreply", "no-reply", "donotreply", "do-not-reply"];
const MACHINES_END: [&str; 6] = ["-request", "-owner", "-bounces", "-noreply", "-no-reply", ".noreply"];

/// Who is answered, and as whom.
pub struct Answer {
    /// The sender of the message.
    pub to: Address,
    /// The owner's address the message names: it tells the sender nothing new.
    pub from: Address,
}

/// A message that may be answered.
pub struct Correspondence<'a> {
    pub header: &'a Header<'a>,
    pub facts: &'a Facts<'a>,
    /// More addresses of the script's owner (`:addresses`).
    pub addresses: &'a [String],
}

impl Correspondence<'_> {
    /// Whom to answer, if there is somebody who wants to be.
    pub fn answer(&self, work: &mut Work) -> Result<Option<Answer>, Spent> {
        let sender = self.facts.envelope.and_then(|envelope| envelope.from.clone());
        let Some(to) = sender.filter(|sender| !is_machine(sender) && !self.is_own(sender)) else {
            return Ok(None);
        };
        let from = if self.is_automatic() || self.is_spam() { None } else { self.named_owner(work)? };
        Ok(from.map(|from| Answer { to, from }))
    }

    /// Whether the site takes it for spam: whoever sent that is seldom whom it names.
    fn is_spam(&self) -> bool {
        *self.facts.keep_in != MailboxName::inbox()
    }

    /// Whether a machine or a mailing list sent it.
    fn is_automatic(&self) -> bool {
        let values = |name: &'static str| self.header.named(name).map(Field::text);
        let word = |text: &[u8]| {
            let end = text.iter().position(|octet| matches!(octet, b' ' | b'\t' | b';' | b'('));
            text[..end.unwrap_or(text.len())].to_ascii_lowercase()
        };
        let bulk: [&[u8]; 3] = [b"bulk", b"junk", b"list"];
        let suppressed: [&[u8]; 3] = [b"all", b"oof", b"autoreply"];
        let suppresses = |text: &[u8]| {
            text.split(|octet| *octet == b',').any(|part| suppressed.contains(&&*word(part.trim_ascii())))
        };
        LIST_FIELDS.into_iter().any(|name| self.header.has(name))
            || values("Auto-Submitted").any(|text| word(text) != b"no")
            || values("Precedence").any(|text| bulk.contains(&&*word(text)))
            || values("X-Auto-Response-Suppress").any(suppresses)
    }

    /// The first address of the script's owner among the recipients the header names.
    fn named_owner(&self, work: &mut Work) -> Result<Option<Address>, Spent> {
        for field in RECIPIENT_FIELDS.into_iter().flat_map(|name| self.header.named(name)) {
            work.spend(field.value().len())?;
            let addresses = address::mailboxes(field.value());
            let mut addresses = addresses.iter().filter_map(|mailbox| address_of(mailbox).ok());
            if let Some(own) = addresses.find(|address| self.is_own(address)) {
                return Ok(Some(own));
            }
        }
        Ok(None)
    }

    /// Whether an address belongs to the script's owner: one the house knows, the one this copy is for, or one the script names.
    fn is_own(&self, address: &Address) -> bool {
        let bare = address.folded_without_tag();
        let is_same = |other: &Address| other.folded_without_tag() == bare;
        let recipient = self.facts.envelope.map(|envelope| &envelope.to.address);
        is_same(self.facts.account)
            || self.facts.own_addresses.iter().any(is_same)
            || recipient.is_some_and(is_same)
            || self.addresses.iter().any(|named| is_named(named, address))
    }
}

/// Whether an address is the one a script names.
fn is_named(named: &str, address: &Address) -> bool {
    let bare = named.rsplit_once('<').map_or(named, |(_, bare)| bare.trim_end_matches('>')).trim();
    Address::parse(bare).is_ok_and(|named| {
        named.domain == address.domain
            && named.local.as_str().to_lowercase() == address.local.as_str().to_lowercase()
    })
}

fn is_machine(sender: &Address) -> bool {
    let local = sender.local.as_str().to_ascii_lowercase();
    MACHINES.contains(&local.as_str())
        || MACHINES_BEGIN.iter().any(|start| local.starts_with(start))
        || MACHINES_END.iter().any(|end| local.ends_with(end))
}

/// The owner's address a message was sent to, or the account's own.
pub fn own_address<'a>(facts: &Facts<'a>) -> &'a Address {
    let recipient = facts.envelope.map(|envelope| &envelope.to.address);
    let is_own = |address: &&Address| {
        let bare = address.folded_without_tag();
        facts.own_addresses.iter().chain([facts.account]).any(|own| own.folded_without_tag() == bare)
    };
    recipient.filter(is_own).unwrap_or(facts.account)
}
