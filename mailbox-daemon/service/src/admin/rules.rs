//! The simple rules of accounts. They live in a script; one that somebody wrote by hand is never touched.

use super::{Admin, AdminError, Answer, VacationChange};
use policy::rules::{Rule, Rules};
use serde_json::{Value, json};
use store::{AccountMail, ScriptError};

/// The script rules are kept in where no other is active.
const SCRIPT: &str = "rules";

impl Admin<'_> {
    pub(super) fn rules_show(&self, account: &str) -> Result<Answer, AdminError> {
        let mail = self.mail_of(account)?;
        let (_, rules) = self.rules_of(&mail)?;
        let vacation = rules.vacation.iter().map(|vacation| {
            let then = format!("answer \"{}\"", first_line(vacation.text.0.as_str()));
            row("(vacation)", vacation.on, &vacation.days_in_words(), &then)
        });
        let rows = rules.rules.iter().map(|rule| {
            row(rule.name.0.as_str(), rule.on, &rule.conditions_in_words(), &rule.actions_in_words())
        });
        let answer = Answer::lists(vacation.chain(rows));
        Ok(Answer { whole: Some(json!(rules)), ..answer })
    }

    pub(super) fn rules_set(&self, account: &str, rules: &Rules) -> Result<Answer, AdminError> {
        let mail = self.mail_of(account)?;
        let (name, _) = self.rules_of(&mail)?;
        mail.put_script(&name, rules.to_script()?.as_bytes(), self.script_limits())?;
        mail.activate_script(Some(&name))?;
        let vacation = match &rules.vacation {
            Some(vacation) if vacation.on => " and a vacation",
            _ => "",
        };
        Ok(Answer::says(match rules.rules.len() {
            1 => format!("one rule{vacation}"),
            count => format!("{count} rules{vacation}"),
        }))
    }

    pub(super) fn rules_add(&self, account: &str, rule: Rule) -> Result<Answer, AdminError> {
        let mail = self.mail_of(account)?;
        let (_, mut rules) = self.rules_of(&mail)?;
        rules.rules.push(rule);
        self.rules_set(account, &rules)
    }

    pub(super) fn rules_remove(&self, account: &str, name: &str) -> Result<Answer, AdminError> {
        let mail = self.mail_of(account)?;
        let (_, mut rules) = self.rules_of(&mail)?;
        let before = rules.rules.len();
        rules.rules.retain(|rule| rule.name.0.as_str() != name);
        match rules.rules.len() < before {
            true => self.rules_set(account, &rules),
            false => Err(AdminError::Unknown { kind: "rule", name: name.to_owned() }),
        }
    }

    pub(super) fn rules_vacation(&self, account: &str, change: VacationChange) -> Result<Answer, AdminError> {
        let mail = self.mail_of(account)?;
        let (_, mut rules) = self.rules_of(&mail)?;
        match (change, &mut rules.vacation) {
            (VacationChange::Says(says), vacation) => *vacation = Some(*says),
            (VacationChange::IsOn(is_on), Some(vacation)) => vacation.on = is_on,
            (VacationChange::IsOn(_), None) => {
                return Err(AdminError::NoVacation(self.account(account)?.address));
            }
        }
        self.rules_set(account, &rules)
    }

    /// The rules of an account, and the script they are kept in.
    fn rules_of(&self, mail: &AccountMail) -> Result<(String, Rules), AdminError> {
        let name = mail.active_script()?.map_or_else(|| SCRIPT.to_owned(), |(name, _)| name);
        let text = match mail.script(&name, self.sieve.script_bytes_max) {
            Err(ScriptError::NotThere) => return Ok((name, Rules::default())),
            text => text?,
        };
        let rules = std::str::from_utf8(&text).ok().and_then(Rules::from_script);
        rules.map(|rules| (name.clone(), rules)).ok_or(AdminError::ByHand(name))
    }
}

fn row(name: &str, is_on: bool, when: &str, then: &str) -> Value {
    json!({ "name": name, "on": is_on, "when": when, "then": then })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
