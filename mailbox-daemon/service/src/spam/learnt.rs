use policy::spam::{Features, Identity, Knowledge, Learner, Lesson, Memory, Taught};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use store::disk::Disk;
use store::{Gathered, JOURNAL_BYTES_MAX, Lessons, StoreError};
use tracing::warn;

/// Lessons that gather before they are written whatever the clock says. Where they cannot be written, they are let go of and everything is written
/// with the next checkpoint instead.
const GATHERED_BYTES_MAX: u64 = 1024 * 1024;

/// All that was learnt, in memory and on its way to the disk. It is read when it is first asked for.
pub struct Learnt {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    bytes_max: usize,
    opened: OnceLock<Opened>,
}

struct Opened {
    /// Never locked while the disk is read or written.
    held: RwLock<Held>,
    /// Held by whoever writes.
    files: Mutex<Lessons>,
}

struct Held {
    memory: Memory,
    gathered: Gathered,
    /// Whether what gathered does not tell everything that is not on disk.
    needs_checkpoint: bool,
}

impl Learnt {
    /// What was learnt, in a folder, and how much memory it may take.
    pub fn new(disk: Arc<dyn Disk>, dir: &Path, bytes_max: usize) -> Learnt {
        Learnt { disk, dir: dir.to_owned(), bytes_max, opened: OnceLock::new() }
    }

    /// Learns something and says whether it was news.
    pub fn take_in(&self, taught: &Taught) -> Result<bool, StoreError> {
        let is_news = self.change(|held| {
            let is_news = held.memory.take_in(taught);
            if is_news && !held.needs_checkpoint {
                held.gathered.push(&taught.encode());
            }
            is_news
        });
        self.flush_if_much()?;
        Ok(is_news)
    }

    /// Learns a message for an account and says whether it was news.
    pub fn message(&self, learner: Learner, lesson: Lesson, message: &[u8]) -> Result<bool, StoreError> {
        let identity = Identity::of(message);
        let features = Features::of(message);
        self.take_in(&Taught::Message { learner, lesson, identity, features })
    }

    /// Adds to what a learner knows what another box wrote down of it; `false` where that is damaged. Durable on return.
    pub fn import(&self, learner: Learner, bytes: &[u8]) -> Result<bool, StoreError> {
        let is_whole = self.change(|held| {
            let is_whole = held.memory.import(learner, bytes);
            held.needs_checkpoint |= is_whole;
            is_whole
        });
        self.flush()?;
        Ok(is_whole)
    }

    /// Looks at what was learnt. Nothing is learnt meanwhile.
    pub fn with<T>(&self, look: impl FnOnce(&Memory) -> T) -> T {
        look(&self.opened().held.read().unwrap_or_else(PoisonError::into_inner).memory)
    }

    /// Looks at the knowledge alone.
    pub fn knowledge<T>(&self, look: impl FnOnce(&Knowledge) -> T) -> T {
        self.with(|memory| look(memory.knowledge()))
    }

    /// Writes what is not on disk yet: lessons to the journal, everything where that has become long. What could not be written waits in memory.
    pub fn flush(&self) -> Result<(), StoreError> {
        // Nothing was looked at, nothing learnt.
        let Some(opened) = self.opened.get() else { return Ok(()) };
        let mut files = opened.files();
        let (gathered, checkpoint) = self.change(|held| {
            let gathered = std::mem::take(&mut held.gathered);
            let is_due = files.journal_bytes() + gathered.bytes() > JOURNAL_BYTES_MAX;
            let checkpoint = (held.needs_checkpoint || is_due).then(|| held.memory.encode());
            held.needs_checkpoint = false;
            (gathered, checkpoint)
        });
        let written = match &checkpoint {
            Some(everything) => files.checkpoint(everything),
            None => files.append(&gathered),
        };
        if written.is_err() {
            self.change(|held| {
                held.needs_checkpoint |= checkpoint.is_some();
                held.gathered.put_back(gathered);
                if held.gathered.bytes() > GATHERED_BYTES_MAX {
                    held.gathered = Gathered::default();
                    held.needs_checkpoint = true;
                }
            });
        }
        written
    }

    fn flush_if_much(&self) -> Result<(), StoreError> {
        match self.change(|held| held.gathered.bytes() > GATHERED_BYTES_MAX) {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Held) -> T) -> T {
        change(&mut self.opened().held.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn opened(&self) -> &Opened {
        self.opened.get_or_init(|| self.open())
    }

    fn nothing(&self) -> Memory {
        Memory::new(self.bytes_max, u64::from_le_bytes(crate::auth::random_bytes()))
    }

    /// Whatever lies there, this ends with a memory, in the worst case an empty one.
    fn open(&self) -> Opened {
        let (files, kept) = Lessons::open(Arc::clone(&self.disk), &self.dir);
        for path in &kept.set_aside {
            warn!(path = %path.display(), "what was learnt about spam is damaged and was set aside; learning goes on with what is left");
        }
        let decode = |bytes: &Vec<u8>| Memory::decode(bytes, self.bytes_max);
        let memory = match kept.checkpoint.as_ref().map(decode) {
            Some(Some(memory)) => memory,
            None => self.nothing(),
            Some(None) => {
                let aside = files.set_checkpoint_aside().unwrap_or_else(|_| self.dir.clone());
                warn!(path = %aside.display(), "what was learnt about spam is of another version and was set aside; learning begins anew");
                self.nothing()
            }
        };
        let mut held = Held { memory, gathered: Gathered::default(), needs_checkpoint: false };
        for taught in kept.lessons().filter_map(Taught::decode) {
            held.memory.take_in(&taught);
        }
        Opened { held: RwLock::new(held), files: Mutex::new(files) }
    }
}

impl Opened {
    fn files(&self) -> MutexGuard<'_, Lessons> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
