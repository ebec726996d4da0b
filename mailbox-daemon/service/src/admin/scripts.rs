//! The scripts of accounts.

use super::{Admin, AdminError, Answer};
use policy::sieve::{Fault, Script};
use serde_json::json;
use std::sync::Arc;
use store::{AccountMail, ScriptLimits};

impl Admin<'_> {
    pub(super) fn script_list(&self, account: &str) -> Result<Answer, AdminError> {
        let scripts = self.mail_of(account)?.scripts()?;
        Ok(Answer::lists(
            scripts.into_iter().map(
                |script| json!({ "name": script.name, "bytes": script.bytes, "active": script.is_active }),
            ),
        ))
    }

    pub(super) fn script_get(&self, account: &str, name: Option<&str>) -> Result<Answer, AdminError> {
        let mail = self.mail_of(account)?;
        let active = || Ok::<_, AdminError>(mail.active_script()?.map(|(name, _)| name));
        let name = match name {
            Some(name) => name.to_owned(),
            None => {
                active()?.ok_or(AdminError::Unknown { kind: "active script of", name: account.to_owned() })?
            }
        };
        let text = mail.script(&name, self.sieve.script_bytes_max)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let whole = Some(json!({ "name": name, "text": text }));
        Ok(Answer { message: text.trim_end().to_owned(), whole, ..Answer::default() })
    }

    pub(super) fn script_put(
        &self,
        account: &str,
        name: &str,
        text: &str,
        activate: bool,
    ) -> Result<Answer, AdminError> {
        let mail = self.mail_of(account)?;
        let script = Script::compile(text.as_bytes(), self.sieve).map_err(AdminError::Script)?;
        mail.put_script(name, text.as_bytes(), self.script_limits())?;
        if activate {
            mail.activate_script(Some(name))?;
        }
        let state = if activate { "is kept and run from now on" } else { "is kept" };
        let warnings = script.warnings().iter().map(|warning: &Fault| format!("\nwarning: {warning}"));
        Ok(Answer::says(format!("script {name} {state}{}", warnings.collect::<String>())))
    }

    /// What the scripts said and why they failed, oldest lines first.
    pub(super) fn script_log(&self, account: &str) -> Result<Answer, AdminError> {
        let log = self.mail_of(account)?.script_log()?;
        let whole = Some(json!({ "lines": log.lines().collect::<Vec<_>>() }));
        Ok(Answer { message: log.trim_end().to_owned(), whole, ..Answer::default() })
    }

    pub(super) fn script_activate(&self, account: &str, name: Option<&str>) -> Result<Answer, AdminError> {
        let mail = self.mail_of(account)?;
        if let Some(name) = name {
            let text = mail.script(name, self.sieve.script_bytes_max)?;
            Script::compile(&text, self.sieve).map_err(AdminError::Script)?;
        }
        mail.activate_script(name)?;
        Ok(Answer::says(match name {
            Some(name) => format!("script {name} is run from now on"),
            None => "no script is run".to_owned(),
        }))
    }

    pub(super) fn script_delete(&self, account: &str, name: &str) -> Result<Answer, AdminError> {
        self.mail_of(account)?.delete_script(name)?;
        Ok(Answer::says(format!("script {name} is deleted")))
    }

    pub(super) fn script_limits(&self) -> ScriptLimits {
        ScriptLimits {
            count_max: self.sieve.scripts_max,
            bytes_max: self.sieve.script_bytes_max,
            total_bytes_max: self.sieve.scripts_bytes_max,
        }
    }

    pub(super) fn mail_of(&self, account: &str) -> Result<Arc<AccountMail>, AdminError> {
        Ok(self.store.account(&self.account(account)?.address)?)
    }
}
