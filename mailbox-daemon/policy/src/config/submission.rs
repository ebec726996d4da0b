use crate::allowance::{Allowance, DAY};
use serde::Deserialize;
use types::SendingRules;

/// What the people who live here may send, unless their account has limits of its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Submission {
    /// Messages an account may send in twenty-four hours. A family never meets it; whoever stole a password does.
    pub messages_per_day: u32,
    /// Recipients of all these messages together.
    pub recipients_per_day: u32,
}

impl Default for Submission {
    fn default() -> Submission {
        Submission { messages_per_day: 500, recipients_per_day: 2000 }
    }
}

impl Submission {
    /// What an account with these rules may send in a day.
    pub fn allowance(&self, rules: &SendingRules) -> Allowance {
        Allowance {
            stretch: DAY,
            messages: rules.messages_per_day.unwrap_or(self.messages_per_day),
            recipients: rules.recipients_per_day.unwrap_or(self.recipients_per_day),
        }
    }

    pub(super) fn contradiction(&self) -> Option<String> {
        let nothing = [("messages", self.messages_per_day), ("recipients", self.recipients_per_day)];
        let (unit, _) = nothing.into_iter().find(|(_, limit)| *limit == 0)?;
        Some(format!("submission.{unit}_per_day is 0: nobody could send anything"))
    }
}
