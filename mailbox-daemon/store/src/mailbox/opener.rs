//! Opening many messages one after the other.

use super::{Mailbox, MessageFile};
use crate::disk::{Directory, DiskFile};
use crate::error::StoreError;
use crate::index::{Entry, NamesReader};
use crate::locked;
use crate::maildir::Place;
use crate::maildir::name::full_name;
use std::sync::Arc;
use types::Uid;

/// Messages up to this size are read whole when they are opened, and need not be asked for their length.
const WHOLE_BYTES_MAX: u32 = 32 * 1024;

/// Opens messages in ascending order for less than [`Mailbox::open_message`] each: names are read ahead, files found from their
/// open folder. What it does not find where it should be is left to that function.
pub struct Opener {
    mailbox: Arc<Mailbox>,
    names: NamesReader,
    names_file: Option<Arc<dyn DiskFile>>,
    folders: [Option<Box<dyn Directory>>; 2],
}

impl Opener {
    /// Nothing is opened yet.
    pub fn new(mailbox: &Arc<Mailbox>) -> Opener {
        let files = locked(&mailbox.shared).index.words_files();
        Opener {
            mailbox: Arc::clone(mailbox),
            names: NamesReader::default(),
            names_file: files.map(|(names, _)| names),
            folders: [None, None],
        }
    }

    /// Opens a message. One that is short and lies in wire form is read into `whole`, otherwise that is left empty.
    pub fn open(&mut self, uid: Uid, whole: &mut Vec<u8>) -> Result<MessageFile, StoreError> {
        let entry = locked(&self.mailbox.shared).entry(uid.get()).ok_or(StoreError::NoSuchMessage)?;
        whole.clear();
        let is_wire_form = entry.disk_bytes == entry.wire_bytes;
        if is_wire_form
            && entry.disk_bytes <= WHOLE_BYTES_MAX
            && let Some(file) = self.open_in_folder(&entry)
        {
            whole.resize(entry.disk_bytes as usize, 0);
            if file.read_at(whole, 0).is_ok_and(|count| count == whole.len()) {
                return Ok(MessageFile::new(file, &entry));
            }
            whole.clear();
        }
        self.mailbox.open_message(uid)
    }

    fn open_in_folder(&mut self, entry: &Entry) -> Option<Arc<dyn DiskFile>> {
        let base = self.names.read(&**self.names_file.as_ref()?, entry.words, entry.uid)?;
        let name = full_name(base, entry.place(), entry.flags());
        let folder = &mut self.folders[usize::from(entry.place() == Place::New)];
        if folder.is_none() {
            let path = self.mailbox.folder().join(entry.place().directory());
            *folder = Some(self.mailbox.core().disk.open_dir(&path).ok()?);
        }
        folder.as_ref()?.open_read(&name).ok()
    }
}
