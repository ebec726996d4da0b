use crate::{Address, Domain};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an account may send other than all may. The directory keeps it beside the account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendingRules {
    /// Domains of this box as any of whose addresses it may send.
    pub masquerades: Vec<Domain>,
    /// Messages a day; `None` for what all may.
    pub messages_per_day: Option<u32>,
    /// Recipients a day, each counted once a message; `None` for what all may.
    pub recipients_per_day: Option<u32>,
    /// What single app passwords are restricted to, by their names.
    pub app_passwords: BTreeMap<String, AppPasswordRules>,
}

/// What a machine's password is good for; by default for all the account's own is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppPasswordRules {
    /// For sending only: no mail can be read with it.
    pub send_only: bool,
    /// The one address it sends as.
    pub from: Option<Address>,
    /// Messages an hour.
    pub messages_per_hour: Option<u32>,
}

impl SendingRules {
    /// The rules of the app password of that name, or of the account's own password.
    pub fn of_password(&self, app_password: Option<&str>) -> AppPasswordRules {
        app_password.and_then(|name| self.app_passwords.get(name)).cloned().unwrap_or_default()
    }
}
