//! What a script may ask about besides the message.

use super::scripts::Ready;
use crate::correspondents;
use crate::directory::belongs_to;
use crate::host::Host;
use policy::config;
use policy::sieve::{EnvelopeFacts, EnvironmentFacts, Facts, MailboxFacts, Needs, Plan, SpamFacts};
use proto::imap::object_id::ObjectId;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{AccountMail, ScriptMemory, StoreError};
use types::{Address, DirectoryEntry, MailboxName, SpecialUse, UnixSeconds};

/// Mailboxes a script is told of.
const MAILBOXES_MAX: usize = 1000;
/// Names an account goes by; more are not known as its own.
const OWN_ADDRESSES_MAX: usize = 200;

/// What is known of an account, as far as its script may ask.
pub(crate) struct Gathered {
    own_addresses: Vec<Address>,
    mailboxes: Vec<MailboxFacts>,
    server_annotations: BTreeMap<String, Vec<u8>>,
    contacts: Vec<Address>,
    memory: BTreeMap<[u8; 16], UnixSeconds>,
}

/// A message as a script sees it.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    /// Its header as it is going to be stored, without the empty line.
    pub(crate) header: &'a [u8],
    /// What follows the empty line.
    pub(crate) body: &'a [u8],
    /// Whether there is an empty line.
    pub(crate) has_body: bool,
    /// The envelope, where there is one.
    pub(crate) envelope: Option<&'a EnvelopeFacts>,
    /// Where and when.
    pub(crate) environment: &'a EnvironmentFacts,
    /// Where the implicit keep goes.
    pub(crate) keep_in: &'a MailboxName,
    /// What is thought of it.
    pub(crate) spam: SpamFacts,
}

impl Gathered {
    /// Gathers what the scripts of an account need.
    pub(crate) fn gather(
        host: &Host,
        account: &Arc<AccountMail>,
        needs: &Needs,
        memory: Option<&ScriptMemory>,
    ) -> Result<Gathered, StoreError> {
        let address = account.address();
        // Whoever remembers may be vacation, which asks whether mail was for its owner.
        let own_addresses = match needs.memory {
            true => own_addresses(host, address)?,
            false => vec![address.clone()],
        };
        Ok(Gathered {
            own_addresses,
            mailboxes: if needs.mailboxes || needs.annotations {
                mailboxes(account, needs)?
            } else {
                Vec::new()
            },
            server_annotations: match needs.annotations {
                true => server_annotations(account)?,
                false => BTreeMap::new(),
            },
            contacts: if needs.contacts { correspondents::of(host, address)? } else { Vec::new() },
            memory: memory.map(ScriptMemory::rows).unwrap_or_default(),
        })
    }

    /// Runs a script on a message.
    pub(crate) fn run(
        &self,
        ready: &Ready,
        account: &Address,
        seen: Seen<'_>,
        limits: &config::Sieve,
    ) -> Plan {
        ready.script.run(&Facts {
            header: seen.header,
            body: seen.body,
            has_body: seen.has_body,
            account,
            own_addresses: &self.own_addresses,
            envelope: seen.envelope,
            environment: seen.environment,
            mailboxes: &self.mailboxes,
            server_annotations: &self.server_annotations,
            keep_in: seen.keep_in,
            spam: seen.spam,
            contacts: &self.contacts,
            scripts: &ready.included,
            memory: &self.memory,
            limits,
        })
    }
}

/// Minutes east of Greenwich by the box's time zone.
pub(crate) fn zone_minutes(now: UnixSeconds) -> i16 {
    let Ok(now) = jiff::Timestamp::from_second(now) else { return 0 };
    (jiff::tz::TimeZone::system().to_offset(now).seconds() / 60) as i16
}

fn own_addresses(host: &Host, account: &Address) -> Result<Vec<Address>, StoreError> {
    let mut own = vec![account.clone()];
    for (name, entry) in host.directory.entries()? {
        if own.len() >= OWN_ADDRESSES_MAX {
            break;
        }
        if matches!(entry, DirectoryEntry::Alias(_)) && belongs_to(&host.directory, account, &name)? {
            own.push(name);
        }
    }
    Ok(own)
}

fn mailboxes(account: &Arc<AccountMail>, needs: &Needs) -> Result<Vec<MailboxFacts>, StoreError> {
    let mut all = Vec::new();
    for entry in account.list()?.iter().filter(|entry| entry.exists).take(MAILBOXES_MAX) {
        let mailbox = match account.mailbox(&entry.name) {
            Err(StoreError::NoSuchMailbox) => continue,
            mailbox => mailbox?,
        };
        let mut annotations = BTreeMap::new();
        if needs.annotations {
            annotations = account.annotations(Some(&entry.name), account.address())?;
            let special = entry.special_use.map(SpecialUse::attribute);
            let named = special.map(|use_| ("/private/specialuse".to_owned(), use_.as_bytes().to_vec()));
            annotations.extend(named);
        }
        all.push(MailboxFacts {
            name: entry.name.clone(),
            special_uses: entry.special_use.into_iter().collect(),
            id: ObjectId::Mailbox(mailbox.id()).to_string(),
            annotations,
        });
    }
    Ok(all)
}

fn server_annotations(account: &AccountMail) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
    let mut annotations = account.annotations(None, account.address())?;
    let admin = format!("mailto:postmaster@{}", account.address().domain);
    annotations.insert("/shared/admin".to_owned(), admin.into_bytes());
    Ok(annotations)
}
