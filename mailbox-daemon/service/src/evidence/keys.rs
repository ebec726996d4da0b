use super::lookups::Lookups;
use crate::dns::Answer;
use proto::dkim::{Finding, Key, Unusable};
use std::collections::HashMap;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use types::Outcome;

/// Published keys by their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys(HashMap<String, Result<Key, Finding>>);

impl Keys {
    /// Looks up all of them side by side. What does not come in time is not known.
    pub(super) async fn fetch(lookups: &Lookups, names: Vec<String>, deadline: Instant) -> Keys {
        let mut questions = JoinSet::new();
        for name in names {
            let lookups = lookups.clone();
            questions.spawn(async move {
                let found = read(lookups.txt(&name).await);
                (name, found)
            });
        }
        let mut keys = Keys::default();
        while let Ok(Some(answer)) = timeout_at(deadline, questions.join_next()).await {
            if let Ok((name, found)) = answer {
                keys.0.insert(name, found);
            }
        }
        keys
    }

    /// The key, or what its absence means.
    pub(crate) fn get(&self, name: &str) -> Result<Key, Finding> {
        let unknown = Finding::because(Outcome::TempError, "DNS did not answer");
        self.0.get(name).cloned().unwrap_or(Err(unknown))
    }
}

/// The first record that is a key; without one, what is wrong with the first (RFC 6376 section 3.6.2.2).
fn read(answer: Answer<Vec<u8>>) -> Result<Key, Finding> {
    let Some(texts) = answer.known() else {
        return Err(Finding::because(Outcome::TempError, "DNS did not answer"));
    };
    let mut wrong: Option<Unusable> = None;
    for text in &texts {
        match Key::parse(text) {
            Ok(key) => return Ok(key),
            Err(unusable) => wrong = wrong.or(Some(unusable)),
        }
    }
    Err(wrong.map_or(Finding::because(Outcome::PermError, "there is no such key"), Unusable::finding))
}
