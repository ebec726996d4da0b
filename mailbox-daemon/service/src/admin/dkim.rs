//! Keys that sign mail and the records to be published for them.

use super::{Admin, AdminError, Answer, date};
use crate::signing::SigningKey;
use policy::dkim_rotation::Stage;
use serde_json::{Value, json};

impl Admin<'_> {
    /// What belongs into DNS, for every domain. Keys that are not there yet are made.
    pub(super) fn dkim_list(&self) -> Result<Answer, AdminError> {
        let mut rows = Vec::new();
        for local in self.directory.domains()? {
            self.keyring.ensure(&local.domain, self.now)?;
            rows.extend(self.keyring.of(&local.domain).iter().map(|key| row(key)));
        }
        self.keyring.wake();
        Ok(Answer::lists(rows))
    }

    pub(super) fn dkim_rotate(&self, domain: &str) -> Result<Answer, AdminError> {
        let domain = self.local_domain(domain)?.domain;
        self.keyring.rotate(&domain, self.now)?;
        self.keyring.wake();
        let keys = self.keyring.of(&domain);
        let mut answer =
            Answer::lists(keys.iter().filter(|key| key.times.stage() == Stage::New).map(|key| row(key)));
        answer.message = format!(
            "publish these records and leave those of the old keys; the new keys sign mail from {domain} once their records \
             are seen in DNS"
        );
        Ok(answer)
    }
}

fn row(key: &SigningKey) -> Value {
    json!({
        "domain": key.domain.to_string(),
        "name": key.record_name(),
        "state": state(key.times.stage()),
        "made": date(key.times.made_at),
        "seen": key.times.seen_at.map(date),
        "value": key.record().strings(),
    })
}

fn state(stage: Stage) -> &'static str {
    match stage {
        Stage::New => "new",
        Stage::Signing => "signing",
        Stage::Retired => "retired",
    }
}
