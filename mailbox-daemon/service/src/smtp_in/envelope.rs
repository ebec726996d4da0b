use super::receive::Incoming;
use super::sender::check_address;
use super::{Connection, reply_to_store};
use crate::directory::expand;
use crate::disk;
use crate::host::Host;
use policy::access::always_arrives;
use policy::pressure::Shortage;
use policy::recipients::{Destinations, RecipientError};
use policy::srs::is_rewritten;
use proto::smtp::parse::Mail;
use proto::smtp::reply::{Reply, say};
use store::StoreError;
use tokio::time::Instant;
use tracing::{debug, info, warn};
use types::{Address, Recipient, Usage};

/// One message from MAIL to its end.
pub(super) struct Transaction {
    pub(super) mail: Mail,
    /// The recipients as the client named them and were accepted.
    pub(super) named: Vec<Recipient>,
    /// Mailboxes here, each once.
    pub(super) mailboxes: Vec<Delivery>,
    /// Addresses elsewhere, each once.
    pub(super) external: Vec<Recipient>,
    /// Recipients with `NOTIFY=SUCCESS` whose mail goes nowhere but into mailboxes here.
    pub(super) reported: Vec<Recipient>,
    /// The first name here that leads mail from outside out again.
    pub(super) forwarded_by: Option<Address>,
    pub(super) incoming: Option<Incoming>,
}

/// One mailbox a message goes to.
#[derive(Clone)]
pub(super) struct Delivery {
    pub(super) account: Address,
    /// What `Delivered-To:` says: with the tag, if mail came for one.
    pub(super) delivered_to: Address,
    /// Whether mail goes there only if it is not the report that the address it came to is for.
    pub(super) unless_report: bool,
    /// Whether it comes through an address that always gets its mail, such as `postmaster@`.
    pub(super) is_for_role: bool,
    /// The first recipient, among those the client named, that leads there.
    pub(super) named: usize,
}

impl Delivery {
    /// To an account that a script of another one leads the mail to.
    pub(super) fn led(account: Address, named: usize) -> Delivery {
        Delivery { delivered_to: account.clone(), account, unless_report: false, is_for_role: false, named }
    }
}

impl Connection {
    /// MAIL (RFC 5321 section 4.1.1.2).
    pub(super) fn mail(&mut self, mail: Mail) -> Reply {
        if let Some(shortage) = self.shortage() {
            debug!(peer = %self.peer, ?shortage, "mail from outside waits");
            return match shortage {
                Shortage::Memory => say::NO_MEMORY,
                Shortage::Disk => say::NO_SPACE,
            };
        }
        if let (Some(login), Some(from)) = (&self.login, &mail.from)
            && let Err(refusal) = check_address(&self.host, login, from)
        {
            return refusal;
        }
        if let Err(refusal) = self.take_turn(&mail.from) {
            return refusal;
        }
        self.inquire(&mail.from);
        self.transaction = Some(Transaction::new(mail));
        say::SENDER_OK
    }

    /// RCPT (RFC 5321 section 4.1.1.3).
    pub(super) fn rcpt(&mut self, recipient: Recipient) -> Reply {
        let Some(transaction) = &self.transaction else { return say::BAD_SEQUENCE };
        if let Err(refusal) = self.check_wanted(&transaction.mail.from, &recipient.address) {
            return refusal;
        }
        let may_relay = self.login.is_some();
        if is_rewritten(&recipient.address.local) && !self.carries_report() {
            return say::NO_SUCH_USER.with_text("This return address takes delivery reports only");
        }
        let found = match expand(&self.host, &self.settings, recipient.address.clone(), may_relay) {
            Ok(found) => found,
            Err(error) => return self.directory_failed(&error),
        };
        let Some(transaction) = &mut self.transaction else { return say::BAD_SEQUENCE };
        if let (false, Ok(to)) = (may_relay, &found)
            && !to.external.is_empty()
        {
            transaction.forwarded_by.get_or_insert_with(|| recipient.address.clone());
        }
        match found {
            Ok(to) => match has_room(&self.host, &to, transaction.mail.parameters.size_bytes) {
                Ok(true) => transaction.add(recipient, to, self.settings.limits.recipients_max),
                Ok(false) => {
                    info!(peer = %self.peer, recipient = %recipient.address, "mailbox full");
                    say::MAILBOX_FULL
                }
                Err(error) => self.directory_failed(&error),
            },
            Err(error) => {
                debug!(peer = %self.peer, recipient = %recipient.address, %error, "recipient refused");
                reply_to_recipient(error)
            }
        }
    }

    /// Whether the message is a report, as a null sender says (RFC 5321 section 4.5.5).
    fn carries_report(&self) -> bool {
        self.transaction.as_ref().is_some_and(|transaction| transaction.mail.from.is_none())
    }

    /// What is short. The people who live here may send until the last byte.
    pub(super) fn shortage(&self) -> Option<Shortage> {
        match &self.login {
            Some(_) => None,
            None => self.host.pressure.shortage(&self.host),
        }
    }

    fn directory_failed(&self, error: &StoreError) -> Reply {
        warn!(peer = %self.peer, %error, "the directory cannot be read");
        reply_to_store(error)
    }
}

impl Transaction {
    fn new(mail: Mail) -> Transaction {
        Transaction {
            mail,
            named: Vec::new(),
            mailboxes: Vec::new(),
            external: Vec::new(),
            reported: Vec::new(),
            forwarded_by: None,
            incoming: None,
        }
    }

    /// When the message has to be complete.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.incoming.as_ref().map(Incoming::deadline)
    }

    fn add(&mut self, recipient: Recipient, to: Destinations, destinations_max: usize) -> Reply {
        let count = self.mailboxes.len() + self.external.len() + to.accounts.len() + to.external.len();
        if count > destinations_max {
            return say::TOO_MANY_RECIPIENTS;
        }
        if to.external.is_empty() && recipient.notify.is_some_and(|notify| notify.success) {
            self.reported.push(recipient.clone());
        }
        let is_for_role = always_arrives(&recipient.address.local);
        for account in to.accounts {
            let unless_report = to.is_for_reports;
            if let Some(known) = self.mailboxes.iter_mut().find(|delivery| delivery.account == account) {
                known.unless_report &= unless_report;
                known.is_for_role |= is_for_role;
                continue;
            }
            let is_own_name = recipient.address.folded_without_tag() == account;
            let delivered_to = if is_own_name { recipient.address.clone() } else { account.clone() };
            let named = self.named.len();
            self.mailboxes.push(Delivery { account, delivered_to, unless_report, is_for_role, named });
        }
        for address in to.external {
            if self.external.iter().all(|known| known.address != address) {
                self.external.push(onward(&recipient, address));
            }
        }
        self.named.push(recipient);
        say::RECIPIENT_OK
    }
}

/// The recipient the next server is told. Reports name the address the sender knows (RFC 3461 section 5.2.7).
fn onward(named: &Recipient, address: Address) -> Recipient {
    let renamed = named.address != address && named.address.is_ascii();
    let original = named.original.clone().or_else(|| renamed.then(|| format!("rfc822;{}", named.address)));
    Recipient { address, notify: named.notify, original }
}

/// Whether anybody behind a recipient has room. Only here can one recipient be refused and another taken, so a message that
/// turns out larger than announced is taken too, and a group is not shut because one of its members is full.
fn has_room(host: &Host, to: &Destinations, size_bytes: Option<u64>) -> Result<bool, StoreError> {
    if to.accounts.is_empty() || !to.external.is_empty() {
        return Ok(true);
    }
    let more = Usage { messages: 1, bytes: size_bytes.unwrap_or(1) };
    for account in &to.accounts {
        // Most have no limit; then their mail need not be looked at before it is delivered.
        if host.quota(account)?.is_unlimited() || disk(|| host.has_room(&host.store.account(account)?, more))?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn reply_to_recipient(error: RecipientError) -> Reply {
    match error {
        RecipientError::NotLocal => say::NO_RELAY,
        RecipientError::Unknown => say::NO_SUCH_USER,
        RecipientError::ReturnAddress(_) => say::NO_SUCH_USER.with_text(error.to_string()),
        RecipientError::Loop => say::LOOP.with_text(error.to_string()),
        RecipientError::TooMany => say::TOO_MANY_RECIPIENTS.with_text(error.to_string()),
    }
}
