//! What the owner can ask for: the commands of the command line and later of the web pages, each executed in one place.

mod accounts;
mod app_passwords;
mod dkim;
mod gate;
mod names;
mod queue;
mod relay;
mod reports;
mod sending;
mod status;

pub use relay::{relay_hints, relay_presets};

use crate::gate::bans::Bans;
use crate::issues::Issues;
use crate::reports::Reports;
use crate::signing::{Keyring, KeyringError};
pub use policy::access::List;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::directory::Directory;
use store::queue::Queue;
use store::{Notes, Store, StoreError};
use thiserror::Error;
use types::{Address, AddressError, AppPasswordRules, Domain, UnixSeconds};

/// One thing to do or to show.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Command {
    /// A new entry for the list of the wanted or the unwanted.
    AccessAdd {
        /// Which list.
        list: List,
        /// A domain, an address, an IP address or a range.
        entry: String,
    },
    /// What the command line put on a list.
    AccessList {
        /// Which list.
        list: List,
    },
    /// Takes an entry off a list.
    AccessRemove {
        /// Which list.
        list: List,
        /// As it was added.
        entry: String,
    },
    /// A new account with its password.
    AccountAdd {
        /// Its address.
        address: String,
        /// Its password.
        password: String,
        /// What it may hold, when that is not what all may.
        quota: Option<String>,
    },
    /// Every account.
    AccountList,
    /// A new password for an account.
    AccountPassword {
        /// Which account.
        address: String,
        /// The new password.
        password: String,
    },
    /// What an account may hold, or without anything new what it may and does.
    AccountQuota {
        /// Which account.
        address: String,
        /// A size, `none`, or `default` for what all may.
        storage: Option<String>,
        /// A number of messages or `none`.
        messages: Option<String>,
    },
    /// Ends an account; its mail is moved aside.
    AccountRemove {
        /// Which account.
        address: String,
    },
    /// What an account may send, or without anything new what it may and did.
    AccountSending {
        /// Which account.
        address: String,
        /// Messages a day, or `default` for what all may.
        messages: Option<String>,
        /// Recipients a day, or `default` for what all may.
        recipients: Option<String>,
    },
    /// A new alias, or a new target for one.
    AliasAdd {
        /// The other name.
        address: String,
        /// Where its mail goes.
        target: String,
    },
    /// Every alias.
    AliasList,
    /// Ends an alias.
    AliasRemove {
        /// Which one.
        address: String,
    },
    /// A password for one device or program.
    AppPasswordAdd {
        /// For which account.
        address: String,
        /// What the device is called.
        name: String,
        /// Whether no mail can be read with it.
        send_only: bool,
        /// The one address it sends as.
        from: Option<String>,
        /// Messages an hour.
        per_hour: Option<u32>,
    },
    /// The app passwords of an account.
    AppPasswordList {
        /// Which account.
        address: String,
    },
    /// Revokes one app password.
    AppPasswordRevoke {
        /// Of which account.
        address: String,
        /// Which one.
        name: String,
    },
    /// Lets somebody in again who guessed passwords.
    BanLift {
        /// His address.
        address: String,
    },
    /// Who is shut out for guessing passwords.
    BanList,
    /// The keys that sign mail and what is to be published of them.
    DkimList,
    /// The next keys for a domain, before their time.
    DkimRotate {
        /// Which domain.
        domain: String,
    },
    /// A new domain to receive mail for.
    DomainAdd {
        /// Its name.
        domain: String,
    },
    /// Where mail for unknown names of a domain goes; nowhere without a target.
    DomainCatchAll {
        /// Which domain.
        domain: String,
        /// The address that gets it.
        target: Option<String>,
    },
    /// Every domain.
    DomainList,
    /// Whether an account may send as any address of a domain.
    DomainMasquerade {
        /// Which domain.
        domain: String,
        /// Which account.
        account: String,
        /// Whether it may.
        allowed: bool,
    },
    /// Ends a domain nobody has an address in.
    DomainRemove {
        /// Which one.
        domain: String,
    },
    /// A new group, or more members for one.
    GroupAdd {
        /// Its address.
        address: String,
        /// Who gets its mail.
        members: Vec<String>,
    },
    /// Every group with its members.
    GroupList,
    /// Ends a group, or takes single members out of it.
    GroupRemove {
        /// Which group.
        address: String,
        /// The members to take out; all when empty, and the group with them.
        members: Vec<String>,
    },
    /// Gives up a queued message without a report.
    QueueDelete {
        /// Which one.
        id: String,
    },
    /// Keeps queued mail from being tried.
    QueueHold {
        /// Which.
        what: Selection,
    },
    /// What waits to go out.
    QueueList,
    /// Lets held mail go on.
    QueueRelease {
        /// Which.
        what: Selection,
    },
    /// Tries a message, or all, now.
    QueueRetry {
        /// Which one; all when absent.
        id: Option<String>,
    },
    /// Everything about one queued message.
    QueueShow {
        /// Which one.
        id: String,
    },
    /// What is wrong now.
    Status,
    /// What others reported about this box's domains.
    ReportsList {
        /// Of one domain alone.
        domain: Option<String>,
        /// Of one month alone, such as `2026-11`.
        month: Option<String>,
    },
    /// Sends the reports others asked for now, about everything up to now.
    ReportsSend,
}

/// Which queued mail is meant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Selection {
    /// One message.
    Message(String),
    /// All mail to a domain, also what is still to come.
    Domain(String),
    /// All mail, also what is still to come.
    All,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    /// One sentence for a person, after the rows; empty where they say it all.
    pub message: String,
    /// Rows of a list, all with the same keys.
    pub rows: Vec<Map<String, Value>>,
}

/// Why it was not done.
#[derive(Debug, Error)]
pub enum AdminError {
    /// An address is not one.
    #[error("{text}: {source}")]
    Address {
        /// What was given.
        text: String,
        /// What is wrong with it.
        source: AddressError,
    },
    /// There is no such thing.
    #[error("there is no {kind} {name}")]
    Unknown {
        /// Account, alias, ...
        kind: &'static str,
        /// What was asked for.
        name: String,
    },
    /// The name is taken.
    #[error("{0} exists already")]
    Exists(String),
    /// The domain is not one of ours.
    #[error("{0} is not a domain of this box; `domain add {0}` makes it one")]
    ForeignDomain(Domain),
    /// The domain is still used.
    #[error("{0} still has accounts, aliases or groups; remove them first")]
    DomainInUse(Domain),
    /// The password is too short, too long or not text.
    #[error("a password has 8 to 256 characters, none of them a control character")]
    Password,
    /// The name of a device is empty or too long.
    #[error("the name of a device has 1 to 64 characters")]
    DeviceName,
    /// A quota is no size or number.
    #[error("{0} is no quota: it is a size such as 5G, a number of messages, none or default")]
    Quota(String),
    /// A limit on sending is no number.
    #[error("{0} is no limit: it is a number, or default")]
    SendingLimit(String),
    /// An app password is to send as an address that is not the account's.
    #[error("{account} may not send as {address}: it is none of its addresses")]
    NotAnAddressOf {
        /// The address.
        address: Address,
        /// The account.
        account: Address,
    },
    /// An entry of a list is none.
    #[error("{0} is neither a domain, nor an address, nor an IP address or range such as 192.0.2.0/24")]
    AccessEntry(String),
    /// The lists are as long as they may be.
    #[error("the lists have {0} entries already; remove some first")]
    ListFull(usize),
    /// A month is not one.
    #[error("{0} is no month: it looks like 2026-11")]
    Month(String),
    /// A group needs somebody in it.
    #[error("a group needs at least one member")]
    EmptyGroup,
    /// Only a running daemon knows.
    #[error("no daemon runs on this state directory")]
    NotRunning,
    /// A key cannot be made.
    #[error("a key cannot be made: {0}")]
    Keyring(#[from] KeyringError),
    /// The state directory does not answer.
    #[error("the state directory cannot be used: {0}")]
    Store(#[from] StoreError),
}

/// What commands work on, in the running daemon or on a state directory at rest.
pub struct Admin<'a> {
    /// Mail.
    pub store: &'a Store,
    /// Accounts and other names.
    pub directory: &'a Directory,
    /// Mail on its way out.
    pub queue: &'a Queue,
    /// What is wrong with the running daemon; `None` where none runs.
    pub issues: Option<&'a Issues>,
    /// What the box remembers.
    pub notes: &'a Notes,
    /// Who is shut out.
    pub bans: &'a Bans,
    /// Reports to others.
    pub reports: &'a Reports,
    /// Keys that sign mail.
    pub keyring: &'a Keyring,
    /// The wall clock.
    pub now: UnixSeconds,
}

impl Admin<'_> {
    /// Does one thing.
    pub fn execute(&self, command: Command) -> Result<Answer, AdminError> {
        match command {
            Command::AccessAdd { list, entry } => self.access_add(list, &entry),
            Command::AccessList { list } => self.access_list(list),
            Command::AccessRemove { list, entry } => self.access_remove(list, &entry),
            Command::AccountAdd { address, password, quota } => {
                self.account_add(&address, &password, quota.as_deref())
            }
            Command::AccountList => self.account_list(),
            Command::AccountPassword { address, password } => self.account_password(&address, &password),
            Command::AccountQuota { address, storage, messages } => {
                self.account_quota(&address, storage.as_deref(), messages.as_deref())
            }
            Command::AccountRemove { address } => self.account_remove(&address),
            Command::AccountSending { address, messages, recipients } => {
                self.account_sending(&address, messages.as_deref(), recipients.as_deref())
            }
            Command::AliasAdd { address, target } => self.alias_add(&address, &target),
            Command::AliasList => self.alias_list(),
            Command::AliasRemove { address } => self.alias_remove(&address),
            Command::AppPasswordAdd { address, name, send_only, from, per_hour } => {
                let from = from.map(|from| self.only_from(&address, &from)).transpose()?;
                let rules = AppPasswordRules { send_only, from, messages_per_hour: per_hour };
                self.app_password_add(&address, &name, rules)
            }
            Command::AppPasswordList { address } => self.app_password_list(&address),
            Command::AppPasswordRevoke { address, name } => self.app_password_revoke(&address, &name),
            Command::BanLift { address } => self.ban_lift(&address),
            Command::BanList => Ok(self.ban_list()),
            Command::DkimList => self.dkim_list(),
            Command::DkimRotate { domain } => self.dkim_rotate(&domain),
            Command::DomainAdd { domain } => self.domain_add(&domain),
            Command::DomainCatchAll { domain, target } => self.domain_catch_all(&domain, target.as_deref()),
            Command::DomainList => self.domain_list(),
            Command::DomainMasquerade { domain, account, allowed } => {
                self.domain_masquerade(&domain, &account, allowed)
            }
            Command::DomainRemove { domain } => self.domain_remove(&domain),
            Command::GroupAdd { address, members } => self.group_add(&address, &members),
            Command::GroupList => self.group_list(),
            Command::GroupRemove { address, members } => self.group_remove(&address, &members),
            Command::QueueDelete { id } => self.queue_delete(&id),
            Command::QueueHold { what } => self.queue_hold(&what),
            Command::QueueList => self.queue_list(),
            Command::QueueRelease { what } => self.queue_release(&what),
            Command::QueueRetry { id } => self.queue_retry(id.as_deref()),
            Command::QueueShow { id } => self.queue_show(&id),
            Command::Status => self.status(),
            Command::ReportsList { domain, month } => self.reports_list(domain.as_deref(), month.as_deref()),
            Command::ReportsSend => self.reports_send(),
        }
    }
}

impl Answer {
    fn says(message: impl Into<String>) -> Answer {
        Answer { message: message.into(), rows: Vec::new() }
    }

    fn lists(rows: impl IntoIterator<Item = Value>) -> Answer {
        let rows = rows.into_iter().filter_map(|row| match row {
            Value::Object(columns) => Some(columns),
            _ => None,
        });
        Answer { message: String::new(), rows: rows.collect() }
    }
}

/// A moment as people and programs read it, in UTC.
fn date(at: UnixSeconds) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |timestamp| timestamp.to_string())
}

/// An address this box hosts or might host.
fn own_address(text: &str) -> Result<Address, AdminError> {
    Address::parse_own(text).map_err(|source| AdminError::Address { text: text.to_owned(), source })
}

/// Any address.
fn any_address(text: &str) -> Result<Address, AdminError> {
    Address::parse(text).map_err(|source| AdminError::Address { text: text.to_owned(), source })
}

fn domain_name(text: &str) -> Result<Domain, AdminError> {
    Domain::parse(text)
        .ok()
        .filter(|domain| domain.literal().is_none())
        .ok_or(AdminError::Address { text: text.to_owned(), source: AddressError::BadDomain })
}
