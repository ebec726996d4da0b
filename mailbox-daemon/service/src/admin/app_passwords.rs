//! Passwords for single devices and programs, and what each is good for.

use super::accounts::record;
use super::{Admin, AdminError, Answer, any_address, date};
use crate::auth::new_salt;
use crate::directory::belongs_to;
use serde_json::json;
use types::{Address, AppPassword, AppPasswordRules};

impl Admin<'_> {
    pub(super) fn app_password_add(
        &self,
        address: &str,
        name: &str,
        rules: AppPasswordRules,
    ) -> Result<Answer, AdminError> {
        let mut account = self.account(address)?;
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
            return Err(AdminError::DeviceName);
        }
        if account.app_passwords.iter().any(|app| app.name == name) {
            return Err(AdminError::Exists(format!("an app password named {name}")));
        }
        // Before there is a password that anybody could use without them.
        self.change_rules(&account.address, |all| {
            all.app_passwords.remove(name);
            if rules != AppPasswordRules::default() {
                all.app_passwords.insert(name.to_owned(), rules.clone());
            }
        })?;
        let generated = generate();
        let password = record(&generated, &account.scram_salt, account.scram_iterations)?;
        account.app_passwords.push(AppPassword { name: name.to_owned(), password, created_at: self.now });
        self.keep(&account)?;
        Ok(Answer::lists([json!({
            "account": account.address.to_string(), "name": name, "password": generated,
        })]))
    }

    pub(super) fn app_password_list(&self, address: &str) -> Result<Answer, AdminError> {
        let account = self.account(address)?;
        let rules = self.directory.sending_rules(&account.address)?;
        Ok(Answer::lists(account.app_passwords.iter().map(|app| {
            let rules = rules.of_password(Some(&app.name));
            json!({
                "name": app.name,
                "created": date(app.created_at),
                "good_for": if rules.send_only { "sending" } else { "all" },
                "from": rules.from.map(|address| address.to_string()),
                "per_hour": rules.messages_per_hour,
            })
        })))
    }

    pub(super) fn app_password_revoke(&self, address: &str, name: &str) -> Result<Answer, AdminError> {
        let mut account = self.account(address)?;
        let before = account.app_passwords.len();
        account.app_passwords.retain(|app| app.name != name);
        if account.app_passwords.len() == before {
            return Err(AdminError::Unknown { kind: "app password named", name: name.to_owned() });
        }
        self.keep(&account)?;
        self.change_rules(&account.address, |all| drop(all.app_passwords.remove(name)))?;
        Ok(Answer::says(format!("the app password {name} of {} is revoked", account.address)))
    }

    /// The address a new password is to send as, which the account must be allowed to.
    pub(super) fn only_from(&self, account: &str, from: &str) -> Result<Address, AdminError> {
        let account = self.account(account)?.address;
        let from = any_address(from)?;
        let masquerades = self.directory.sending_rules(&account)?.masquerades;
        match masquerades.contains(&from.domain) || belongs_to(self.directory, &account, &from)? {
            true => Ok(from),
            false => Err(AdminError::NotAnAddressOf { address: from, account }),
        }
    }
}

/// Sixteen letters in fours, about 75 bits: long enough that guessing is hopeless, short enough to type on a television.
fn generate() -> String {
    let bytes: [u8; 16] = new_salt();
    let letters: Vec<char> = bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join("-")
}
