//! Every mailbox a session can see: one's own and those others share, in one list.

use super::reply::Refusal;
use super::resolve::OTHER_USERS;
use super::session::Session;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use store::MailboxEntry;
use types::{MailboxName, Right, Rights};

impl Session {
    /// One's own mailboxes and what others share, each below the levels above it, sorted with INBOX first.
    pub(super) fn all_mailboxes(&self) -> Result<Arc<Vec<MailboxEntry>>, Refusal> {
        let own = self.mail()?.list()?;
        let shared = self.shared_with_me()?;
        // A folder of one's own that bears a name of the other namespace cannot be reached, so it is not shown.
        let is_in_the_way = |entry: &MailboxEntry| is_of_others(&entry.name) && entry.exists;
        if shared.is_empty() && !own.iter().any(is_in_the_way) {
            return Ok(own);
        }
        Ok(Arc::new(merged(own.to_vec(), shared)))
    }

    /// What may be done with mailboxes where that is not simply everything.
    pub(super) fn limited_rights(&self) -> Result<HashMap<MailboxName, Rights>, Refusal> {
        let me = self.mail()?;
        let own = me.shared_rights(me.address())?;
        Ok(own.into_iter().chain(self.shared_with_me()?).collect())
    }
}

fn is_of_others(name: &MailboxName) -> bool {
    name.levels().next() == Some(OTHER_USERS)
}

fn merged(own: Vec<MailboxEntry>, shared: Vec<(MailboxName, Rights)>) -> Vec<MailboxEntry> {
    let mut entries: BTreeMap<MailboxName, MailboxEntry> = BTreeMap::new();
    for mut entry in own {
        if is_of_others(&entry.name) {
            // What is left is the subscription.
            (entry.exists, entry.has_children, entry.special_use) = (false, false, None);
            if !entry.subscribed {
                continue;
            }
        }
        entries.insert(entry.name.clone(), entry);
    }
    for (name, _) in shared.into_iter().filter(|(_, rights)| rights.has(Right::Lookup)) {
        let mut above = name.parent();
        while let Some(parent) = above {
            above = parent.parent();
            entries.entry(parent).or_insert_with_key(MailboxEntry::level).has_children = true;
        }
        entries.entry(name).or_insert_with_key(MailboxEntry::level).exists = true;
    }
    let mut entries: Vec<MailboxEntry> = entries.into_values().collect();
    entries.sort_by_key(|entry| !entry.name.is_inbox());
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_become_one() {
        let name = |text: &str| MailboxName::parse(text).expect("a name");
        let own = |text: &str| MailboxEntry { exists: true, ..MailboxEntry::level(&name(text)) };
        let subscribed = MailboxEntry { subscribed: true, ..own("Other Users/ben@home.test/Old") };
        let lookup = Rights::of(&[Right::Lookup]);
        let all = merged(
            vec![own("INBOX"), own("Archive"), own("Other Users"), own("Zoo"), subscribed],
            vec![
                (name("Other Users/ben@home.test/A/B"), lookup),
                (name("Other Users/ben@home.test/Secret"), Rights::of(&[Right::Insert])),
            ],
        );
        let shown: Vec<(&str, bool, bool)> =
            all.iter().map(|entry| (entry.name.as_str(), entry.exists, entry.has_children)).collect();
        assert_eq!(
            shown,
            [
                ("INBOX", true, false),
                ("Archive", true, false),
                ("Other Users", false, true),
                ("Other Users/ben@home.test", false, true),
                ("Other Users/ben@home.test/A", false, true),
                ("Other Users/ben@home.test/A/B", true, false),
                ("Other Users/ben@home.test/Old", false, false),
                ("Zoo", true, false),
            ]
        );
    }
}
