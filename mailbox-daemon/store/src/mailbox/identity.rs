//! What the name of a message's file tells of it besides flags and sizes. Names outlive the index, and so does this.

use super::{Mailbox, Row};
use crate::error::StoreError;
use crate::index::{Entry, NamesReader};
use crate::locked;
use crate::maildir::FileName;
use types::{SequenceSet, Uid, UnixSeconds};

/// Since when a message is in its mailbox, and which message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// When it came into the mailbox; its internal date where another program gave it a name that does not tell.
    pub saved: UnixSeconds,
    /// The same for all copies of a message, wherever they are, and for no other message.
    pub content: u64,
}

impl Identity {
    fn of(name: &str, entry: &Entry) -> Identity {
        let name = FileName::parse(name);
        Identity { saved: name.saved().unwrap_or(entry.internal_date()), content: name.content() }
    }
}

impl Mailbox {
    /// One message's identity.
    pub fn identity(&self, uid: Uid) -> Result<Identity, StoreError> {
        let entry = locked(&self.shared).entry(uid.get()).ok_or(StoreError::NoSuchMessage)?;
        match self.path_of(&entry) {
            Some((_, base)) => Ok(Identity::of(&base, &entry)),
            None => self.identity_in_folder(&entry),
        }
    }

    /// The index does not know the name any more.
    fn identity_in_folder(&self, entry: &Entry) -> Result<Identity, StoreError> {
        let mut writer = self.begin()?;
        let found = self.with_file(&mut writer, entry, |_, base, entry| Ok(Identity::of(base, entry)))?;
        found.ok_or(StoreError::NoSuchMessage)
    }

    /// Calls `visit` for every message of the set that is there, ascending. The mailbox is not locked meanwhile.
    pub fn for_each_identity(
        &self,
        uids: &SequenceSet,
        mut visit: impl FnMut(&Row, Identity),
    ) -> Result<(), StoreError> {
        let mut reader = NamesReader::default();
        self.for_each_chunk(uids, |chunk| {
            let files = locked(&self.shared).index.words_files();
            for entry in chunk {
                let name =
                    files.as_ref().and_then(|(names, _)| reader.read(&**names, entry.words, entry.uid));
                let identity = match name {
                    Some(name) => Identity::of(name, entry),
                    None => match self.identity_in_folder(entry) {
                        Err(StoreError::NoSuchMessage) => continue,
                        identity => identity?,
                    },
                };
                visit(&entry.row(), identity);
            }
            Ok(())
        })
    }
}
