//! What a session's commands set off (RFC 6785): scripts that run once the command is answered.

use super::session::Session;
use crate::disk;
use crate::sieve::{Cause, Event, script_of};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Mailbox;
use tracing::warn;
use types::{Flags, SequenceSet, SystemFlag, Uid};

/// The port clients look for themselves (RFC 5804 section 1.8).
const WELL_KNOWN_PORT: u16 = 4190;

/// The flags of messages before a command changes them, where that sets off a script.
pub(super) struct Watched {
    script: Arc<str>,
    before: BTreeMap<u32, Flags>,
}

impl Session {
    /// Where the scripts are managed; `None` where nobody listens.
    pub(super) fn sieve_url(&self) -> Option<String> {
        let settings = self.host.settings.load();
        let hostname = &settings.hostname;
        match *self.host.managesieve_port.get().filter(|_| settings.sieve.enabled)? {
            WELL_KNOWN_PORT => Some(format!("sieve://{hostname}")),
            port => Some(format!("sieve://{hostname}:{port}")),
        }
    }

    /// Messages were appended.
    pub(super) fn set_off_by_appending(&self, mailbox: &Arc<Mailbox>, uids: &SequenceSet) {
        self.set_off(Cause::Append, mailbox, uids);
    }

    /// Messages were copied or moved here.
    pub(super) fn set_off_by_copying(&self, mailbox: &Arc<Mailbox>, uids: &[Uid]) {
        let uids = SequenceSet::from_ranges(uids.iter().map(|uid| (uid.get(), uid.get())));
        self.set_off(Cause::Copy, mailbox, &uids);
    }

    /// Messages were read.
    pub(super) fn set_off_by_reading(&self, mailbox: &Arc<Mailbox>, uids: &SequenceSet) {
        self.set_off(Cause::Flag(Flags::system(SystemFlag::Seen)), mailbox, uids);
    }

    /// Notes the flags of messages that are about to be marked.
    pub(super) fn watch_flags(&self, mailbox: &Arc<Mailbox>, uids: &SequenceSet) -> Option<Watched> {
        let script = self.event_script(mailbox)?;
        let flags = |uid: u32| Some((uid, mailbox.row(Uid::new(uid)?)?.flags));
        Some(Watched { script, before: disk(|| uids.iter().filter_map(flags).collect()) })
    }

    /// Messages were marked.
    pub(super) fn set_off_by_marking(
        &self,
        watched: Option<Watched>,
        mailbox: &Arc<Mailbox>,
        uids: &SequenceSet,
    ) {
        let Some(Watched { script, before }) = watched else { return };
        let mut changed: BTreeMap<u64, Vec<(u32, u32)>> = BTreeMap::new();
        for uid in uids.iter() {
            let now = Uid::new(uid).and_then(|uid| mailbox.row(uid));
            if let (Some(before), Some(now)) = (before.get(&uid), now) {
                changed.entry(before.bits() ^ now.flags.bits()).or_default().push((uid, uid));
            }
        }
        for (flags, uids) in changed {
            let cause = Cause::Flag(Flags::from_bits(flags));
            self.note_event(&script, cause, mailbox, &SequenceSet::from_ranges(uids));
        }
    }

    fn set_off(&self, cause: Cause, mailbox: &Arc<Mailbox>, uids: &SequenceSet) {
        if uids.is_empty() {
            return;
        }
        if let Some(script) = self.event_script(mailbox) {
            self.note_event(&script, cause, mailbox, uids);
        }
    }

    fn note_event(&self, script: &Arc<str>, cause: Cause, mailbox: &Arc<Mailbox>, uids: &SequenceSet) {
        let Ok(mail) = self.mail() else { return };
        let event = Event { script: Arc::clone(script), user: mail.address().clone(), cause };
        self.host.events.note(event, mailbox, uids);
    }

    fn event_script(&self, mailbox: &Mailbox) -> Option<Arc<str>> {
        if !self.host.settings.load().sieve.enabled {
            return None;
        }
        disk(|| script_of(mailbox)).unwrap_or_else(|error| {
            warn!(peer = %self.peer, mailbox = %mailbox.name(), %error, "which script is set off cannot be told");
            None
        })
    }
}
