//! Accounts and their passwords.

use super::{Admin, AdminError, Answer, date, own_address};
use crate::auth::{ITERATIONS, new_record, new_salt};
use policy::spam::{Learner, Taught};
use serde_json::json;
use types::{Account, Address, DirectoryEntry, PasswordRecord, Quota, SendingRules};

impl Admin<'_> {
    pub(super) fn account_add(
        &self,
        address: &str,
        password: &str,
        quota: Option<&str>,
    ) -> Result<Answer, AdminError> {
        let quota = changed_quota(None, quota, None)?;
        let address = self.free_address(address)?;
        let scram_salt = new_salt();
        let account = Account {
            address: address.clone(),
            password: Some(record(password, &scram_salt, ITERATIONS)?),
            scram_salt,
            scram_iterations: ITERATIONS,
            app_passwords: Vec::new(),
            created_at: self.now,
        };
        self.store.account(&address)?;
        self.directory.put_quota(&address, quota)?;
        self.directory.put_sending_rules(&address, &SendingRules::default())?;
        self.directory.put(&address, &DirectoryEntry::Account(account))?;
        Ok(Answer::says(format!("account {address} is ready")))
    }

    pub(super) fn account_list(&self) -> Result<Answer, AdminError> {
        let entries = self.directory.entries()?;
        let quotas = self.directory.quotas()?;
        Ok(Answer::lists(entries.into_iter().filter_map(|(address, entry)| match entry {
            DirectoryEntry::Account(account) => Some(json!({
                "address": address.to_string(),
                "app_passwords": account.app_passwords.len(),
                "created": date(account.created_at),
                "quota": quota_text(quotas.get(&address).copied()),
            })),
            _ => None,
        })))
    }

    pub(super) fn account_password(&self, address: &str, password: &str) -> Result<Answer, AdminError> {
        let mut account = self.account(address)?;
        account.password = Some(record(password, &account.scram_salt, account.scram_iterations)?);
        self.keep(&account)?;
        Ok(Answer::says(format!("the password of {} is changed", account.address)))
    }

    pub(super) fn account_quota(
        &self,
        address: &str,
        storage: Option<&str>,
        messages: Option<&str>,
    ) -> Result<Answer, AdminError> {
        let address = self.account(address)?.address;
        let before = self.directory.quota(&address)?;
        let quota = changed_quota(before, storage, messages)?;
        if quota != before {
            self.directory.put_quota(&address, quota)?;
        }
        let used = self.store.account(&address)?.usage()?;
        Ok(Answer::lists([json!({
            "address": address.to_string(),
            "quota": quota_text(quota),
            "bytes": used.bytes,
            "messages": used.messages,
        })]))
    }

    pub(super) fn account_remove(&self, address: &str) -> Result<Answer, AdminError> {
        let account = self.account(address)?;
        self.directory.remove(&account.address)?;
        self.directory.put_quota(&account.address, None)?;
        self.directory.put_sending_rules(&account.address, &SendingRules::default())?;
        // Whoever gets the address next gets nothing that was shared with its bearer before.
        for (other, entry) in self.directory.entries()? {
            if matches!(entry, DirectoryEntry::Account(_)) {
                self.store.account(&other)?.withdraw(&account.address)?;
            }
        }
        self.store.remove_account(&account.address)?;
        self.spam.take_in(&Taught::Forgotten(Learner::of(&account.address)))?;
        Ok(Answer::says(format!(
            "account {} is removed; its mail is kept below removed/ in the state directory",
            account.address
        )))
    }

    pub(super) fn account(&self, address: &str) -> Result<Account, AdminError> {
        let address: Address = own_address(address)?;
        match self.directory.lookup(&address)? {
            Some(DirectoryEntry::Account(account)) => Ok(account),
            _ => Err(AdminError::Unknown { kind: "account", name: address.to_string() }),
        }
    }

    pub(super) fn keep(&self, account: &Account) -> Result<(), AdminError> {
        Ok(self.directory.put(&account.address, &DirectoryEntry::Account(account.clone()))?)
    }
}

/// An account's own limits after a change; `None` where it has what all have.
fn changed_quota(
    before: Option<Quota>,
    storage: Option<&str>,
    messages: Option<&str>,
) -> Result<Option<Quota>, AdminError> {
    match (storage, messages) {
        (None, None) => return Ok(before),
        (Some("default"), None) => return Ok(None),
        _ => {}
    }
    let mut quota = before.unwrap_or_default();
    if let Some(text) = storage {
        quota.storage = limit(text)?;
    }
    if let Some(text) = messages {
        quota.messages = limit(text)?;
    }
    Ok(Some(quota))
}

fn limit<T: std::str::FromStr>(text: &str) -> Result<Option<T>, AdminError> {
    match text {
        "none" => Ok(None),
        text => text.parse().map(Some).map_err(|_| AdminError::Quota(text.to_owned())),
    }
}

fn quota_text(quota: Option<Quota>) -> String {
    let Some(Quota { storage, messages }) = quota else { return "default".to_owned() };
    match (storage, messages) {
        (None, None) => "none".to_owned(),
        (Some(storage), None) => storage.to_string(),
        (None, Some(messages)) => format!("{messages} messages"),
        (Some(storage), Some(messages)) => format!("{storage}, {messages} messages"),
    }
}

pub(super) fn record(password: &str, salt: &[u8; 16], iterations: u32) -> Result<PasswordRecord, AdminError> {
    match (8..=256).contains(&password.chars().count()) {
        true => new_record(password, salt, iterations).map_err(|_| AdminError::Password),
        false => Err(AdminError::Password),
    }
}
