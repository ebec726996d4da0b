//! A message being written: a file without a name.

use crate::disk::{Disk, DiskFile, FileView, Spool};
use crate::error::StoreError;
use std::marker::PhantomData;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

/// Bytes gathered before they are written, so that an ordinary message costs one write.
const BUFFER_BYTES: usize = 32 * 1024;

/// A nameless file being written in wire form (CRLF line ends). Dropping it leaves nothing behind.
pub struct NewMessage {
    spool: Box<dyn Spool>,
    buffer: Vec<u8>,
    written: u64,
}

/// What was written of a message, for as long as nothing more is.
pub struct MessageView<'a> {
    view: FileView,
    _message: PhantomData<&'a mut NewMessage>,
}

impl Deref for MessageView<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.view
    }
}

impl NewMessage {
    /// A new file on the file system of `dir`.
    pub(crate) fn create(disk: Arc<dyn Disk>, dir: &Path) -> Result<NewMessage, StoreError> {
        Ok(NewMessage { spool: disk.create_spool(dir)?, buffer: Vec::new(), written: 0 })
    }

    /// Appends bytes. After an error the message is of no use.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() >= BUFFER_BYTES {
            self.spool.file().write_at(bytes, self.written)?;
            self.written += bytes.len() as u64;
            return Ok(());
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// How many bytes were written.
    pub fn bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Reads back what was written; fewer bytes than asked for only at the end.
    pub fn read_at(&mut self, buffer: &mut [u8], offset: u64) -> Result<usize, StoreError> {
        self.flush()?;
        Ok(self.spool.file().read_at(buffer, offset)?)
    }

    /// All that was written in one piece, without a copy in memory where the disk can show it so.
    pub fn view(&mut self) -> Result<MessageView<'_>, StoreError> {
        self.flush()?;
        Ok(MessageView { view: self.spool.file().view()?, _message: PhantomData })
    }

    /// Writes what is still buffered and gives the buffer back: that the disk is full shows here.
    pub fn settle(&mut self) -> Result<(), StoreError> {
        self.flush()?;
        self.buffer = Vec::new();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if !self.buffer.is_empty() {
            self.spool.file().write_at(&self.buffer, self.written)?;
            self.written += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Writes what is still buffered and sets the file's time, in seconds since 1970: other programs take it for the date of
    /// arrival.
    pub(crate) fn finish(&mut self, modified: i64) -> Result<(), StoreError> {
        self.flush()?;
        Ok(self.spool.file().set_modified(modified)?)
    }

    /// Writes what is still buffered and names the file. May be repeated with another name after `AlreadyExists`.
    pub(crate) fn link(&mut self, to: &Path) -> Result<(), StoreError> {
        self.flush()?;
        Ok(self.spool.link(to)?)
    }

    /// The file, to be synced.
    pub(crate) fn into_file(self) -> Arc<dyn DiskFile> {
        Arc::clone(self.spool.file())
    }
}
