//! Who is wanted, who is not, and who is shut out.

use super::{Admin, AdminError, Answer, date};
use policy::access::{Entry, List};
use serde_json::json;
use types::Network;

/// Entries of both lists together; a list from the internet belongs into DNS.
const ENTRIES_MAX: usize = 10_000;

impl Admin<'_> {
    pub(super) fn access_add(&self, list: List, entry: &str) -> Result<Answer, AdminError> {
        let entry = parse(entry)?;
        if self.directory.access()?.len() >= ENTRIES_MAX {
            return Err(AdminError::ListFull(ENTRIES_MAX));
        }
        if !self.directory.put_access(list.name(), &entry.to_string(), self.now)? {
            return Err(AdminError::Exists(format!("{entry} on the {} list", list.name())));
        }
        Ok(Answer::says(match list {
            List::Block => format!("mail from {entry} is refused now"),
            List::Allow => format!("{entry} is never blocked, put off or looked up in lists of others now"),
        }))
    }

    pub(super) fn access_list(&self, list: List) -> Result<Answer, AdminError> {
        let all = self.directory.access()?.into_iter().filter(|(name, _, _)| name == list.name());
        Ok(Answer::lists(all.map(|(_, entry, since)| json!({ "entry": entry, "since": date(since) }))))
    }

    pub(super) fn access_remove(&self, list: List, entry: &str) -> Result<Answer, AdminError> {
        let entry = parse(entry)?;
        match self.directory.remove_access(list.name(), &entry.to_string())? {
            true => Ok(Answer::says(format!("{entry} is taken off the {} list", list.name()))),
            false => Err(AdminError::Unknown { kind: "entry", name: entry.to_string() }),
        }
    }

    pub(super) fn ban_list(&self) -> Answer {
        Answer::lists(self.bans.list(self.now).into_iter().map(|(from, ban)| {
            json!({
                "address": from.to_string(),
                "since": date(ban.since),
                "until": date(ban.until),
                "times": ban.times,
                "tried": ban.tried,
            })
        }))
    }

    pub(super) fn ban_lift(&self, address: &str) -> Result<Answer, AdminError> {
        let network: Network = address.parse().map_err(|_| AdminError::AccessEntry(address.to_owned()))?;
        let from = Network::of_connection(network.address());
        match self.bans.lift(from, self.now)? {
            true => Ok(Answer::says(format!("{from} may come in again"))),
            false => Err(AdminError::Unknown { kind: "ban of", name: from.to_string() }),
        }
    }
}

fn parse(entry: &str) -> Result<Entry, AdminError> {
    entry.parse().map_err(|_| AdminError::AccessEntry(entry.to_owned()))
}
