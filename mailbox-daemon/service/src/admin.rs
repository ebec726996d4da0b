//! What the owner can ask for: the commands of the command line and later of the web pages, each executed in one place.

mod accounts;
mod app_passwords;
mod command;
mod dkim;
mod error;
mod gate;
mod names;
mod queue;
mod relay;
mod reports;
mod rules;
mod scripts;
mod sending;
mod spam;
mod status;

pub use command::{Command, Selection, VacationChange};
pub use error::AdminError;
pub use relay::{relay_hints, relay_presets};

use crate::gate::bans::Bans;
use crate::issues::Issues;
use crate::reports::Reports;
use crate::signing::Keyring;
use crate::spam::Learnt;
pub use policy::access::List;
use policy::config;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::directory::Directory;
use store::queue::Queue;
use store::{Notes, Store};
use types::{Address, AddressError, AppPasswordRules, Domain, UnixSeconds};

/// What came of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    /// One sentence for a person, after the rows; empty where they say it all.
    pub message: String,
    /// Rows of a list, all with the same keys.
    pub rows: Vec<Map<String, Value>>,
    /// All of it for programs, where that is not the rows.
    #[serde(default)]
    pub whole: Option<Value>,
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
    /// How many scripts there may be, and how large.
    pub sieve: &'a config::Sieve,
    /// What was learnt about spam.
    pub spam: &'a Learnt,
    /// How the filter is set.
    pub filter: &'a config::Spam,
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
            Command::SpamExplain { account, message } => self.spam_explain(account.as_deref(), &message),
            Command::SpamExport { account } => self.spam_export(&account),
            Command::SpamForget { account } => self.spam_forget(&account),
            Command::SpamImport { account, export } => self.spam_import(&account, &export),
            Command::SpamStats { account } => self.spam_stats(account.as_deref()),
            Command::SpamTrain { account, messages } => self.spam_train(&account, &messages),
            Command::Status => self.status(),
            Command::ReportsList { domain, month } => self.reports_list(domain.as_deref(), month.as_deref()),
            Command::ReportsSend => self.reports_send(),
            Command::RulesAdd { account, rule } => self.rules_add(&account, *rule),
            Command::RulesRemove { account, name } => self.rules_remove(&account, &name),
            Command::RulesSet { account, rules } => self.rules_set(&account, &rules),
            Command::RulesShow { account } => self.rules_show(&account),
            Command::RulesVacation { account, change } => self.rules_vacation(&account, change),
            Command::ScriptActivate { account, name } => self.script_activate(&account, name.as_deref()),
            Command::ScriptDelete { account, name } => self.script_delete(&account, &name),
            Command::ScriptLog { account } => self.script_log(&account),
            Command::ScriptGet { account, name } => self.script_get(&account, name.as_deref()),
            Command::ScriptList { account } => self.script_list(&account),
            Command::ScriptPut { account, name, text, activate } => {
                self.script_put(&account, &name, &text, activate)
            }
        }
    }
}

impl Answer {
    fn says(message: impl Into<String>) -> Answer {
        Answer { message: message.into(), ..Answer::default() }
    }

    fn lists(rows: impl IntoIterator<Item = Value>) -> Answer {
        let rows = rows.into_iter().filter_map(|row| match row {
            Value::Object(columns) => Some(columns),
            _ => None,
        });
        Answer { rows: rows.collect(), ..Answer::default() }
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
