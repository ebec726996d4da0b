//! The store floor: files in, mail out. Synchronous, with one door to the disk, and without a word of any protocol.
//!
//! A message is acknowledged when its [`Ticket`] resolves: then it is on disk under its final name. Everything in `index/`
//! is a cache of what the Maildir tree says and may be deleted at any time.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod bell;
mod checksum;
mod commit;
mod database;
pub mod directory;
pub mod disk;
pub mod doctor;
mod error;
mod fulltext;
mod index;
mod journal;
mod keywords;
mod lessons;
mod mailbox;
mod maildir;
mod message;
mod notes;
pub mod queue;
mod secrets;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod view;
mod watch;

pub use account::{
    AccountMail, Acl, AclEntry, AnnotationChange, Annotations, MailboxEntry, MemoryRow, ScriptEntry,
    ScriptError, ScriptLimits, ScriptMemory, ScriptVersion, Who,
};
pub use bell::{Bell, Ring};
pub use commit::{Committer, Ticket};
pub use error::StoreError;
pub use fulltext::{Extent, FullText, FullTextError, Places, Text, TextPlace};
pub use journal::{Listener, MailboxChange, MailboxEvent, MissedTooMuch};
pub use lessons::{Gathered, JOURNAL_BYTES_MAX, Kept, Lessons};
pub use mailbox::{
    Added, AddedAll, Arrival, Copied, DigestVisitor, Expunged, FlagChange, FlagsStored, Identity, Mailbox,
    MessageFile, Opener, Row, Status,
};
pub use message::{MessageView, NewMessage};
pub use notes::{Notes, Subject};
pub use secrets::Secrets;
pub use store::{Store, StoreOptions};
pub use view::{Changes, Expunges, View};
pub use watch::WatchGuard;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; a thread that panicked while it held the lock left nothing half done that the next holder could not bear.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
