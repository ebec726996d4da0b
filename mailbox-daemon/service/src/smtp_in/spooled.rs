use super::header::kept;
use crate::disk;
use crate::host::Host;
use proto::smtp::header;
use std::ops::Deref;
use store::{MessageView, NewMessage, StoreError};
use types::Address;

/// A message up to this size stays in memory until its copies are written.
const HELD_BYTES_MAX: usize = 128 * 1024;
/// Read at a time from a larger one.
const PIECE_BYTES: usize = 64 * 1024;

/// Takes a message piece by piece.
pub(super) type Take<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), StoreError>;

/// A message as it came, byte for byte: in memory while it is small, then in a file without a name.
pub(super) struct Spooled {
    held: Vec<u8>,
    file: Option<NewMessage>,
    /// Whose file system the file lies on; `None` for the queue's.
    place: Option<Address>,
}

/// The whole message in one piece.
pub(super) enum Raw<'a> {
    Held(&'a [u8]),
    Viewed(MessageView<'a>),
}

impl Deref for Raw<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Raw::Held(bytes) => bytes,
            Raw::Viewed(view) => view,
        }
    }
}

impl Spooled {
    /// An empty one on the file system of this account or, without one, of the queue.
    pub(super) fn new(place: Option<Address>) -> Spooled {
        Spooled { held: Vec::new(), file: None, place }
    }

    /// Appends bytes. As long as nobody calls [`Spooled::relieve`] all of them stay in memory.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        match &mut self.file {
            None => self.held.extend_from_slice(bytes),
            Some(file) => disk(|| file.write(bytes))?,
        }
        Ok(())
    }

    /// What is in memory: everything, until [`Spooled::relieve`] has found it too much.
    pub(super) fn held(&self) -> &[u8] {
        &self.held
    }

    /// Whether [`Spooled::raw`] costs nothing.
    pub(super) fn is_in_memory(&self) -> bool {
        self.file.is_none()
    }

    /// Moves what is too much for memory to the disk.
    pub(super) fn relieve(&mut self, host: &Host) -> Result<(), StoreError> {
        if self.file.is_some() || self.held.len() <= HELD_BYTES_MAX {
            return Ok(());
        }
        disk(|| {
            let mut file = match &self.place {
                Some(account) => host.store.new_message(account)?,
                None => host.queue.new_entry()?,
            };
            file.write(&std::mem::take(&mut self.held))?;
            self.file = Some(file);
            Ok(())
        })
    }

    /// Drops everything.
    pub(super) fn forget(&mut self) {
        self.held = Vec::new();
        self.file = None;
    }

    /// The whole message. Of a large one only what is looked at comes into memory, and leaves it with the view.
    pub(super) fn raw(&mut self) -> Result<Raw<'_>, StoreError> {
        match &mut self.file {
            None => Ok(Raw::Held(&self.held)),
            Some(file) => Ok(Raw::Viewed(file.view()?)),
        }
    }

    /// Gives the message piece by piece, without the header fields that are left out.
    pub(super) fn pass_on(
        &mut self,
        is_left_out: &dyn Fn(&header::Field<'_>) -> bool,
        take: Take<'_>,
    ) -> Result<(), StoreError> {
        let raw = self.raw()?;
        let body_at = header::end(&raw, 0).unwrap_or(raw.len());
        kept(&raw[..body_at], is_left_out).try_for_each(&mut *take)?;
        match raw {
            Raw::Held(bytes) => take(&bytes[body_at..]),
            Raw::Viewed(view) => {
                drop(view);
                self.pass_on_file(body_at as u64, take)
            }
        }
    }

    /// Gives what follows the empty line piece by piece.
    pub(super) fn pass_on_body(&mut self, take: Take<'_>) -> Result<(), StoreError> {
        let raw = self.raw()?;
        let body_at = header::end(&raw, 0).map_or(raw.len(), |end| end + b"\r\n".len());
        match raw {
            Raw::Held(bytes) => take(bytes.get(body_at..).unwrap_or_default()),
            Raw::Viewed(view) => {
                drop(view);
                self.pass_on_file(body_at as u64, take)
            }
        }
    }

    fn pass_on_file(&mut self, mut offset: u64, take: Take<'_>) -> Result<(), StoreError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let count = file.read_at(&mut piece, offset)?;
            if count == 0 {
                return Ok(());
            }
            take(&piece[..count])?;
            offset += count as u64;
        }
    }
}
