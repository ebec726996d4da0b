//! redb files behind the one door to the disk.
//!
//! A database that met an I/O error refuses everything until it is opened again (redb's rule); [`Database`] does that at
//! the next use, so a disk that was full for a while needs no restart.

use crate::disk::{Disk, DiskFile};
use crate::error::StoreError;
use crate::locked;
use redb::{Durability, ReadTransaction, StorageBackend, WriteTransaction};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// One redb file.
pub(crate) struct Database {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    cache_bytes: usize,
    opened: Mutex<Option<Arc<redb::Database>>>,
}

/// What a power cut may take back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    /// Nothing: on disk when the call returns.
    Durable,
    /// Everything since the last durable commit.
    Cached,
}

impl Database {
    /// Opens a file, making it when it is not there.
    pub(crate) fn open(disk: Arc<dyn Disk>, path: &Path, cache_bytes: usize) -> Result<Database, StoreError> {
        let database = Database { disk, path: path.to_owned(), cache_bytes, opened: Mutex::new(None) };
        if !exists(&*database.disk, path)? {
            database.create()?;
        }
        database.handle()?;
        Ok(database)
    }

    /// Like [`Database::open`] for a file that can be done without: a damaged one is moved aside and begun anew.
    pub(crate) fn open_or_replace(
        disk: Arc<dyn Disk>,
        path: &Path,
        cache_bytes: usize,
    ) -> Result<Database, StoreError> {
        match Database::open(Arc::clone(&disk), path, cache_bytes) {
            Err(StoreError::Damaged { .. }) => {
                disk.rename(path, &path.with_extension("damaged"))?;
                Database::open(disk, path, cache_bytes)
            }
            result => result,
        }
    }

    /// Reads one consistent state.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        use redb::ReadableDatabase;
        let handle = self.handle()?;
        let read = || work(&handle.begin_read()?);
        read().map_err(|error| self.failed(&handle, error))
    }

    /// Changes the file: all of `work` or, after an error, nothing.
    pub(crate) fn write<T>(
        &self,
        commit: Commit,
        work: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let handle = self.handle()?;
        let write = || {
            let mut transaction = handle.begin_write()?;
            match commit {
                Commit::Durable => transaction.set_quick_repair(true),
                Commit::Cached => transaction.set_durability(Durability::None)?,
            }
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        write().map_err(|error| self.failed(&handle, error))
    }

    /// A file that only comes to be under its name once it is whole: redb refuses one that a power cut left half initialised.
    fn create(&self) -> Result<(), StoreError> {
        let unfinished = self.path.with_extension("new");
        if exists(&*self.disk, &unfinished)? {
            self.disk.remove_file(&unfinished)?;
        }
        drop(self.open_file(&unfinished, true)?);
        self.disk.rename(&unfinished, &self.path)?;
        match self.path.parent() {
            Some(parent) => Ok(self.disk.sync_dir(parent)?),
            None => Ok(()),
        }
    }

    fn handle(&self) -> Result<Arc<redb::Database>, StoreError> {
        let mut opened = locked(&self.opened);
        if let Some(handle) = &*opened {
            return Ok(Arc::clone(handle));
        }
        let handle = Arc::new(self.open_file(&self.path, false)?);
        *opened = Some(Arc::clone(&handle));
        Ok(handle)
    }

    fn open_file(&self, path: &Path, create: bool) -> Result<redb::Database, StoreError> {
        let file = self.disk.open_update(path, create)?;
        round_up(&*file)?;
        let mut builder = redb::Database::builder();
        builder.set_cache_size(self.cache_bytes);
        builder.create_with_backend(Backend(file)).map_err(|error| store_error(path, error.into()))
    }

    fn failed(&self, handle: &Arc<redb::Database>, error: redb::Error) -> StoreError {
        if matches!(error, redb::Error::Io(_) | redb::Error::PreviousIo | redb::Error::LockPoisoned(_)) {
            let mut opened = locked(&self.opened);
            if opened.as_ref().is_some_and(|current| Arc::ptr_eq(current, handle)) {
                *opened = None;
            }
        }
        store_error(&self.path, error)
    }
}

/// Whether the file is there, told by its folder so that the door needs no more than it has.
fn exists(disk: &dyn Disk, path: &Path) -> Result<bool, StoreError> {
    match disk.stat(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A power cut may leave a file that was growing with a length between the old and the new one. redb takes whole pages only;
/// what lies in the added ones belongs to no commit.
fn round_up(file: &dyn DiskFile) -> io::Result<()> {
    const PAGE_BYTES: u64 = 4096;
    let bytes = file.bytes()?;
    let mut start = [0; 4];
    let is_database = file.read_at(&mut start, 0)? == 4 && start == *b"redb";
    match is_database && !bytes.is_multiple_of(PAGE_BYTES) {
        true => file.set_bytes(bytes.next_multiple_of(PAGE_BYTES)),
        false => Ok(()),
    }
}

fn store_error(path: &Path, error: redb::Error) -> StoreError {
    match error {
        redb::Error::Io(error) if error.kind() != io::ErrorKind::InvalidData => error.into(),
        redb::Error::Io(_)
        | redb::Error::Corrupted(_)
        | redb::Error::UpgradeRequired(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TypeDefinitionChanged { .. } => StoreError::Damaged { path: path.to_owned() },
        other => io::Error::other(other.to_string()).into(),
    }
}

/// The door's file as redb wants one.
struct Backend(Arc<dyn DiskFile>);

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Backend")
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.bytes()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match self.0.read_at(out, offset)? == out.len() {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_bytes(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(data, offset)
    }
}
