//! What accounts may send other than all may.

use super::{Admin, AdminError, Answer};
use crate::allowance;
use serde_json::json;
use types::{Address, SendingRules};

impl Admin<'_> {
    /// Changes what is given, and shows what holds then.
    pub(super) fn account_sending(
        &self,
        address: &str,
        messages: Option<&str>,
        recipients: Option<&str>,
    ) -> Result<Answer, AdminError> {
        let address = self.account(address)?.address;
        let messages = messages.map(limit).transpose()?;
        let recipients = recipients.map(limit).transpose()?;
        let rules = self.change_rules(&address, |rules| {
            rules.messages_per_day = messages.unwrap_or(rules.messages_per_day);
            rules.recipients_per_day = recipients.unwrap_or(rules.recipients_per_day);
        })?;
        let (messages_sent, recipients_sent) = allowance::sent(self.notes, &address, self.now)?;
        let or_default = |limit: Option<u32>| limit.map_or_else(|| "default".to_owned(), |n| n.to_string());
        Ok(Answer::lists([json!({
            "address": address.to_string(),
            "messages_per_day": or_default(rules.messages_per_day),
            "recipients_per_day": or_default(rules.recipients_per_day),
            "messages_sent": messages_sent,
            "recipients_sent": recipients_sent,
            "sends_for": rules.masquerades.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })]))
    }

    pub(super) fn domain_masquerade(
        &self,
        domain: &str,
        account: &str,
        allowed: bool,
    ) -> Result<Answer, AdminError> {
        let domain = self.local_domain(domain)?.domain;
        let account = self.account(account)?.address;
        self.change_rules(&account, |rules| {
            rules.masquerades.retain(|other| *other != domain);
            if allowed {
                rules.masquerades.push(domain.clone());
            }
        })?;
        Ok(Answer::says(match allowed {
            true => format!("{account} may send as any address of {domain}"),
            false => format!("{account} sends as its own addresses of {domain} only"),
        }))
    }

    /// Changes the rules of an account; gives what they are then.
    pub(super) fn change_rules(
        &self,
        account: &Address,
        change: impl FnOnce(&mut SendingRules),
    ) -> Result<SendingRules, AdminError> {
        let before = self.directory.sending_rules(account)?;
        let mut rules = before.clone();
        change(&mut rules);
        if rules != before {
            self.directory.put_sending_rules(account, &rules)?;
        }
        Ok(rules)
    }
}

/// A number, or `default` for what all may.
fn limit(text: &str) -> Result<Option<u32>, AdminError> {
    match text {
        "default" => Ok(None),
        number => number.parse().map(Some).map_err(|_| AdminError::SendingLimit(text.to_owned())),
    }
}
