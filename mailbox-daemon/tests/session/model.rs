//! What the mailboxes should hold.

use super::belief::{Belief, Flags};
use std::collections::BTreeMap;

/// One mailbox.
#[derive(Clone, Debug, Default)]
pub struct Mailbox {
    /// `None` until the first answer told it.
    pub uid_validity: Option<u64>,
    pub messages: BTreeMap<u32, Flags>,
    highest_uid: u32,
}

/// All mailboxes.
pub type Model = BTreeMap<String, Mailbox>;

impl Mailbox {
    /// A message arrives under the UID the server gave it.
    pub fn arrive(&mut self, uid_validity: u64, uid: u32, flags: Flags) {
        assert_eq!(*self.uid_validity.get_or_insert(uid_validity), uid_validity);
        assert!(uid > self.highest_uid, "UID {uid} after {}", self.highest_uid);
        self.highest_uid = uid;
        self.messages.insert(uid, flags);
    }

    /// UIDs with a flag.
    pub fn with_flag(&self, flag: &str) -> Vec<u32> {
        self.messages.iter().filter(|(_, flags)| flags.contains(flag)).map(|(uid, _)| *uid).collect()
    }

    /// Why a client is wrong; where messages may be gone that it was not told of, it may believe in more.
    pub fn contradicts(&self, belief: &Belief, may_believe_more: bool) -> Option<String> {
        for message in &belief.messages {
            let Some(uid) = message.uid else {
                match may_believe_more {
                    true => continue,
                    false => return Some("nothing is known of a message".to_owned()),
                }
            };
            match self.messages.get(&uid) {
                None if may_believe_more => {}
                None => return Some(format!("{uid} is gone")),
                Some(flags) if *flags != message.flags => {
                    return Some(format!("{uid} has {flags:?}, not {:?}", message.flags));
                }
                Some(_) => {}
            }
        }
        let uids = belief.uids();
        let missing = self.messages.keys().find(|uid| !uids.contains(uid));
        missing
            .map(|uid| format!("{uid} is there"))
            .or_else(|| (!uids.is_sorted()).then(|| format!("{uids:?}")))
    }
}

/// Changes flags as STORE does.
pub fn store(flags: &mut Flags, mode: &str, named: &Flags) {
    match mode {
        "+" => flags.extend(named.iter().cloned()),
        "-" => flags.retain(|flag| !named.contains(flag)),
        _ => flags.clone_from(named),
    }
}
