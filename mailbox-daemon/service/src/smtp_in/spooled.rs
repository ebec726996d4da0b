use crate::disk;
use crate::host::Host;
use store::{NewMessage, StoreError};
use types::Address;

/// A message up to this size is held in memory and reaches the disk in one write, with one wait.
const HELD_BYTES_MAX: usize = 32 * 1024;
/// The bytes so far, in memory while they are few.
pub(super) struct Spooled {
    held: Vec<u8>,
    file: Option<NewMessage>,
    /// The lines on top that are the first mailbox's own.
    own_bytes: usize,
    /// Whose file system it goes to; `None` for the queue's.
    first: Option<Address>,
}

impl Spooled {
    /// Begins with the lines that are the first mailbox's own and the trace that all copies share.
    pub(super) fn new(first: Option<Address>, own_lines: Vec<u8>, trace: &[u8]) -> Spooled {
        let own_bytes = own_lines.len();
        let mut held = own_lines;
        held.extend_from_slice(trace);
        Spooled { held, file: None, own_bytes, first }
    }

    /// Appends bytes.
    pub(super) fn write(&mut self, host: &Host, bytes: &[u8]) -> Result<(), StoreError> {
        if self.file.is_none() && self.held.len() + bytes.len() <= HELD_BYTES_MAX {
            self.held.extend_from_slice(bytes);
            return Ok(());
        }
        disk(|| self.file(host)?.write(bytes))
    }

    /// Drops everything.
    pub(super) fn forget(&mut self) {
        self.held = Vec::new();
        self.file = None;
    }

    /// Appends everything but the first mailbox's own lines to another copy, and sees both down to the disk: that it is full
    /// must show before any copy has a name.
    pub(super) fn copy_to(&mut self, host: &Host, copy: &mut NewMessage) -> Result<(), StoreError> {
        let own_bytes = self.own_bytes as u64;
        let file = self.file(host)?;
        copy.copy_from(file, own_bytes)?;
        copy.read_at(&mut [], 0)?;
        Ok(())
    }

    /// The first copy.
    pub(super) fn into_file(mut self, host: &Host) -> Result<NewMessage, StoreError> {
        self.file(host)?;
        Ok(self.file.expect("it was made above"))
    }

    /// The file of the first copy, on the file system of the first place it goes to.
    fn file(&mut self, host: &Host) -> Result<&mut NewMessage, StoreError> {
        if self.file.is_none() {
            let mut file = match &self.first {
                Some(account) => host.store.new_message(account)?,
                None => host.queue.new_entry()?,
            };
            file.write(&std::mem::take(&mut self.held))?;
            self.file = Some(file);
        }
        Ok(self.file.as_mut().expect("it was made above"))
    }
}
