//! A message being written: a file without a name.

use crate::disk::{Disk, DiskFile, Spool};
use crate::error::StoreError;
use std::path::Path;
use std::sync::Arc;

/// Bytes gathered before they are written, so that an ordinary message costs one write.
const BUFFER_BYTES: usize = 32 * 1024;
/// Bytes copied at a time from one message to another.
const COPY_BYTES: usize = 64 * 1024;

/// A nameless file being written in wire form (CRLF line ends). Dropping it leaves nothing behind.
pub struct NewMessage {
    spool: Box<dyn Spool>,
    buffer: Vec<u8>,
    written: u64,
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

    /// Appends what follows the first `skip_bytes` of another message: the body of a message to several recipients is
    /// received once, each copy has its own first lines.
    pub fn copy_from(&mut self, other: &mut NewMessage, skip_bytes: u64) -> Result<(), StoreError> {
        other.flush()?;
        let bytes_left = other.written.saturating_sub(skip_bytes);
        let mut chunk = vec![0; bytes_left.min(COPY_BYTES as u64) as usize];
        let mut offset = skip_bytes;
        while offset < other.written {
            let count = other.spool.file().read_at(&mut chunk, offset)?;
            if count == 0 {
                return Err(StoreError::Io(std::io::ErrorKind::UnexpectedEof.into()));
            }
            self.write(&chunk[..count])?;
            offset += count as u64;
        }
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
