//! What the owner should look at: things that are wrong now, each under a name of its own, until they are not.

use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use types::UnixSeconds;

/// More are not kept: whoever has a hundred begins with the first.
const ISSUES_MAX: usize = 100;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// What it is called in the log and by programs, such as `dnsbl/zen.spamhaus.org`.
    pub name: String,
    /// Since when.
    pub since: UnixSeconds,
    /// What is wrong and what to do about it, for somebody who never opens a shell.
    pub text: String,
}

/// What is wrong now.
#[derive(Default)]
pub struct Issues {
    open: Mutex<BTreeMap<String, Issue>>,
    raised: Notify,
}

impl Issues {
    /// Notes that something is wrong. Said again it keeps its beginning; the log hears of it once.
    pub fn raise(&self, name: &str, text: &str, now: UnixSeconds) {
        let mut open = self.open();
        if let Some(issue) = open.get_mut(name) {
            text.clone_into(&mut issue.text);
            return;
        }
        tracing::warn!(issue = name, "{text}");
        if open.len() < ISSUES_MAX {
            let issue = Issue { name: name.to_owned(), since: now, text: text.to_owned() };
            open.insert(name.to_owned(), issue);
            self.raised.notify_one();
        }
    }

    /// Notes that it is not wrong any more.
    pub fn clear(&self, name: &str) {
        if self.open().remove(name).is_some() {
            tracing::info!(issue = name, "no longer wrong");
        }
    }

    /// Resolves when something was raised since the last time it did; for one listener.
    pub async fn raised(&self) {
        self.raised.notified().await;
    }

    /// Everything that is wrong, by name.
    pub fn list(&self) -> Vec<Issue> {
        self.open().values().cloned().collect()
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<String, Issue>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issue_keeps_its_beginning_until_it_is_over() {
        let issues = Issues::default();
        issues.raise("disk", "10 % left", 100);
        issues.raise("disk", "5 % left", 200);
        let issue = Issue { name: "disk".to_owned(), since: 100, text: "5 % left".to_owned() };
        assert_eq!(issues.list(), [issue]);
        issues.clear("disk");
        assert_eq!(issues.list(), []);
    }
}
