//! What was learnt about spam.

use super::{Admin, AdminError, Answer};
use data_encoding::BASE64;
use policy::spam::{
    Case, Class, Clue, Identity, Learner, Learning, Lesson, NamedFeatures, Seen, Taught, judge,
};
use serde_json::{Value, json};
use types::{Address, DirectoryEntry};

/// Clues an explanation has.
const CLUES_MAX: usize = 20;

impl Admin<'_> {
    /// One row for each account, and one for the household.
    pub(super) fn spam_stats(&self, account: Option<&str>) -> Result<Answer, AdminError> {
        let mut learners = match account {
            Some(account) => vec![self.account(account)?.address],
            None => self.accounts()?,
        };
        learners.sort();
        let mut rows: Vec<Value> =
            learners.iter().map(|account| self.row_of(&account.to_string(), Learner::of(account))).collect();
        rows.push(self.row_of("all together", Learner::HOUSEHOLD));
        Ok(Answer::lists(rows))
    }

    fn row_of(&self, name: &str, learner: Learner) -> Value {
        let (own, learning) = self.learning(learner);
        let state = match (learning, self.filter.enabled) {
            (Some(learning), _) => format!("learning: {learning}"),
            (None, true) => "acts".to_owned(),
            (None, false) => "could act, but is off".to_owned(),
        };
        json!({ "account": name, "spam": own.spam, "ham": own.ham, "state": state })
    }

    fn learning(&self, learner: Learner) -> (Seen, Option<Learning>) {
        let (own, household) =
            self.spam.knowledge(|knowledge| (knowledge.seen(learner), knowledge.seen(Learner::HOUSEHOLD)));
        (own, Learning::of(own, household, self.filter))
    }

    /// What is thought of a message's content, and why.
    pub(super) fn spam_explain(&self, account: Option<&str>, message: &str) -> Result<Answer, AdminError> {
        let learner = match account {
            Some(account) => Learner::of(&self.account(account)?.address),
            None => Learner::HOUSEHOLD,
        };
        let message = BASE64.decode(message.as_bytes()).map_err(|_| AdminError::Damaged)?;
        let features = NamedFeatures::of(&message);
        let (opinion, clues, own, household, known) = self.spam.with(|memory| {
            let knowledge = memory.knowledge();
            let (opinion, clues) = knowledge.explained(learner, &features, CLUES_MAX);
            let known = memory.class(learner, Identity::of(&message));
            let (own, household) = (knowledge.seen(learner), knowledge.seen(Learner::HOUSEHOLD));
            (opinion, clues, own, household, known)
        });
        let verdict = judge(&Case {
            evidence: None,
            site: None,
            is_correspondent: false,
            opinion: &opinion,
            clues: &[],
            own,
            household,
            settings: self.filter,
        });
        let known = known.map(word);
        let whole = json!({
            "is_junk": verdict.is_junk,
            "score": verdict.score,
            "learning": verdict.learning.map(|learning| learning.to_string()),
            "learnt_as": known,
            "clues": clues.iter().map(clue).collect::<Vec<_>>(),
        });
        let mut sentences = vec![match (verdict.score, verdict.learning) {
            (Some(score), _) if verdict.is_junk => format!("By its content it is spam: {score} of 100."),
            (Some(score), _) => format!("By its content it is not taken for spam: {score} of 100."),
            (None, Some(learning)) => format!("Too little is learnt to judge content yet: {learning}."),
            (None, None) => String::new(),
        }];
        sentences.extend(known.map(|known| format!("Somebody taught that it is {known}.")));
        if clues.is_empty() {
            sentences.push("Nothing about it was ever seen before.".to_owned());
        }
        let rows = Answer::lists(clues.iter().map(clue));
        Ok(Answer { message: sentences.join(" "), whole: Some(whole), ..rows })
    }

    /// Learns messages, each as the command line wrote it down. Durable when it is answered.
    pub(super) fn spam_train(&self, account: &str, messages: &[String]) -> Result<Answer, AdminError> {
        let learner = Learner::of(&self.account(account)?.address);
        let mut learnt = 0_usize;
        for message in messages {
            let taught = BASE64.decode(message.as_bytes()).ok().and_then(|bytes| Taught::decode(&bytes));
            match taught {
                Some(taught @ Taught::Message { learner: of, lesson: Lesson::Said(_), .. })
                    if of == learner =>
                {
                    learnt += usize::from(self.spam.take_in(&taught)?);
                }
                _ => return Err(AdminError::Damaged),
            }
        }
        self.spam.flush()?;
        Ok(Answer::lists([json!({ "learnt": learnt, "known": messages.len() - learnt })]))
    }

    pub(super) fn spam_forget(&self, account: &str) -> Result<Answer, AdminError> {
        let account = self.account(account)?.address;
        self.spam.take_in(&Taught::Forgotten(Learner::of(&account)))?;
        self.spam.flush()?;
        Ok(Answer::says(format!(
            "what {account} taught is forgotten; what the household learnt from it stays"
        )))
    }

    pub(super) fn spam_export(&self, account: &str) -> Result<Answer, AdminError> {
        let learner = Learner::of(&self.account(account)?.address);
        let bytes = self.spam.knowledge(|knowledge| knowledge.export(learner));
        Ok(Answer::lists([json!({ "export": BASE64.encode(&bytes) })]))
    }

    pub(super) fn spam_import(&self, account: &str, export: &str) -> Result<Answer, AdminError> {
        let account = self.account(account)?.address;
        let learner = Learner::of(&account);
        let bytes = BASE64.decode(export.as_bytes()).map_err(|_| AdminError::Damaged)?;
        match self.spam.import(learner, &bytes)? {
            true => {
                let Seen { spam, ham } = self.spam.knowledge(|knowledge| knowledge.seen(learner));
                Ok(Answer::says(format!("{account} now knows {spam} spam and {ham} wanted messages")))
            }
            false => Err(AdminError::Damaged),
        }
    }

    fn accounts(&self) -> Result<Vec<Address>, AdminError> {
        let accounts = self.directory.entries()?.into_iter().filter_map(|(address, entry)| match entry {
            DirectoryEntry::Account(_) => Some(address),
            _ => None,
        });
        Ok(accounts.collect())
    }
}

fn clue(clue: &Clue) -> Value {
    let speaks_for = if clue.weight > 0.0 { "spam" } else { "ham" };
    json!({ "clue": clue.what, "speaks_for": speaks_for, "weight": (clue.weight * 100.0).round() / 100.0 })
}

fn word(class: Class) -> &'static str {
    match class {
        Class::Spam => "spam",
        Class::Ham => "ham",
    }
}
