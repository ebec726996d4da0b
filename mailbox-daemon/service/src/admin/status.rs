use super::{Admin, AdminError, Answer, date};
use serde_json::{Map, Value, json};

impl Admin<'_> {
    /// One row for everything that is wrong.
    pub(super) fn status(&self) -> Result<Answer, AdminError> {
        let issues = self.issues.ok_or(AdminError::NotRunning)?.list();
        let message = match issues.len() {
            0 => format!("Nothing is wrong. Messages on their way out: {}.", self.queue.len()),
            _ => String::new(),
        };
        let rows = issues.into_iter().map(|issue| {
            let since = json!(date(issue.since));
            Map::<String, Value>::from_iter([
                ("issue".to_owned(), json!(issue.name)),
                ("since".to_owned(), since),
                ("text".to_owned(), json!(issue.text)),
            ])
        });
        Ok(Answer { message, rows: rows.collect(), whole: None })
    }
}
