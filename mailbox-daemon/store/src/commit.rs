//! Group commit: one thread syncs for everybody. Whoever arrives while it works shares the next sync.
//!
//! A lone file costs one `fsync` (its name rides on it where the file system promises that), a lone folder one `fsync` of the
//! folder, and anything more one `syncfs` for all. Requests are finished in the order they came.
//!
//! Where several wait for each other's syncs, the next sync waits a moment until as many are together again: they are about to
//! arrive, and one sync for all of them ends sooner than one for each half. Somebody alone never waits.

use crate::disk::{Disk, DiskFile};
use crate::error::StoreError;
use crate::locked;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a request needs on disk before it is done.
pub(crate) enum Durable {
    /// Everything written so far.
    Everything,
    /// One file and its names.
    File(Arc<dyn DiskFile>),
    /// The names in one folder.
    Folder(PathBuf),
    /// Nothing: only the turn in the order of requests counts.
    Nothing,
}

/// Why a sync failed, in a form many tickets can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SyncFailure {
    /// The disk said so.
    Disk(Option<i32>),
    /// An earlier sync failed, or the thread is gone.
    Poisoned,
}

impl From<SyncFailure> for StoreError {
    fn from(failure: SyncFailure) -> StoreError {
        match failure {
            SyncFailure::Disk(Some(code)) => io::Error::from_raw_os_error(code).into(),
            SyncFailure::Disk(None) => StoreError::Io(io::ErrorKind::Other.into()),
            SyncFailure::Poisoned => StoreError::Poisoned,
        }
    }
}

/// The longest a sync waits for company.
const GATHER_MAX: Duration = Duration::from_millis(2);
/// Whoever came in company longer ago than this may be alone by now.
const COMPANY_LASTS: Duration = Duration::from_millis(20);

type Finish = Box<dyn FnOnce(Result<(), SyncFailure>) + Send>;

struct Request {
    durable: Durable,
    /// Makes the result visible; runs before the ticket resolves.
    finish: Option<Finish>,
    ticket: Arc<TicketState>,
}

impl Request {
    fn finish(mut self, result: Result<(), SyncFailure>) {
        if let Some(finish) = self.finish.take() {
            finish(result);
        }
        self.ticket.resolve(result);
    }
}

/// A request nobody finished (the thread is gone) fails instead of hanging.
impl Drop for Request {
    fn drop(&mut self) {
        if let Some(finish) = self.finish.take() {
            finish(Err(SyncFailure::Poisoned));
        }
        self.ticket.resolve(Err(SyncFailure::Poisoned));
    }
}

/// The committing thread's handle; clones share it.
#[derive(Clone)]
pub struct Committer {
    shared: Arc<Shared>,
}

struct Shared {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    names_ride: bool,
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    is_poisoned: AtomicBool,
    syncs: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Waiting {
    requests: Vec<Request>,
    is_closed: bool,
}

impl Committer {
    /// Starts the thread for the file system `root` lies on.
    pub(crate) fn start(disk: Arc<dyn Disk>, root: &Path) -> Result<Committer, StoreError> {
        let names_ride = disk.names_ride_on_file_sync(root);
        let shared = Arc::new(Shared {
            disk,
            root: root.to_owned(),
            names_ride,
            waiting: Mutex::default(),
            arrived: Condvar::new(),
            is_poisoned: AtomicBool::new(false),
            syncs: AtomicU64::new(0),
            thread: Mutex::new(None),
        });
        let worker = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("committer".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || worker.run())
            .map_err(StoreError::Io)?;
        *locked(&shared.thread) = Some(thread);
        Ok(Committer { shared })
    }

    /// Makes a file and its names durable.
    pub fn submit(&self, file: Arc<dyn DiskFile>) -> Ticket {
        self.request(Durable::File(file), None)
    }

    /// Makes the names in a folder durable.
    pub fn submit_folder(&self, folder: &Path) -> Ticket {
        self.request(Durable::Folder(folder.to_owned()), None)
    }

    /// Syncs nothing: resolves when the thread came by, a sign that it lives.
    pub fn beat(&self) -> Ticket {
        self.request(Durable::Nothing, None)
    }

    /// How many syncs were made.
    pub fn syncs(&self) -> u64 {
        self.shared.syncs.load(Ordering::Relaxed)
    }

    /// Whether the thread runs and no sync failed.
    pub fn is_alive(&self) -> bool {
        !self.shared.is_poisoned.load(Ordering::Acquire) && !locked(&self.shared.waiting).is_closed
    }

    /// Whether no sync failed.
    pub(crate) fn is_sound(&self) -> bool {
        !self.shared.is_poisoned.load(Ordering::Acquire)
    }

    /// Refuses what cannot be kept any more.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        match self.is_alive() {
            true => Ok(()),
            false => Err(StoreError::Poisoned),
        }
    }

    /// Runs a sync of the caller's own; a failure counts like one of the thread's.
    pub(crate) fn run(&self, sync: impl FnOnce() -> io::Result<()>) -> Result<(), StoreError> {
        self.shared.syncs.fetch_add(1, Ordering::Relaxed);
        sync().map_err(|error| self.shared.failed(&error).into())
    }

    /// Queues a request; `finish` runs on the committing thread after the sync, in the order of requests.
    pub(crate) fn commit(&self, durable: Durable, finish: Finish) -> Ticket {
        self.request(durable, Some(finish))
    }

    fn request(&self, durable: Durable, finish: Option<Finish>) -> Ticket {
        let ticket = Arc::new(TicketState::default());
        let request = Request { durable, finish, ticket: Arc::clone(&ticket) };
        let mut waiting = locked(&self.shared.waiting);
        match waiting.is_closed {
            true => {
                drop(waiting);
                drop(request);
            }
            false => {
                waiting.requests.push(request);
                drop(waiting);
                self.shared.arrived.notify_one();
            }
        }
        Ticket { state: ticket }
    }

    /// Finishes what waits and ends the thread; later requests fail.
    pub(crate) fn close(&self) {
        locked(&self.shared.waiting).is_closed = true;
        self.shared.arrived.notify_one();
        let thread = locked(&self.shared.thread).take();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
        {
            // A panicked thread has failed its requests already.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self) {
        // Whatever ends this thread, nobody waits for it in vain.
        let _closed = CloseOnExit(self);
        let mut batch = Vec::new();
        let mut company = Company::default();
        while self.take(&mut batch, &company) {
            let result = self.sync(&batch);
            company = Company::of(batch.len() + locked(&self.waiting).requests.len());
            batch.drain(..).for_each(|request| request.finish(result));
        }
    }

    fn take(&self, batch: &mut Vec<Request>, company: &Company) -> bool {
        let mut waiting = locked(&self.waiting);
        while waiting.requests.is_empty() {
            if waiting.is_closed {
                return false;
            }
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        if company.is_recent() {
            let too_few =
                |waiting: &mut Waiting| waiting.requests.len() < company.count && !waiting.is_closed;
            let gathered = self.arrived.wait_timeout_while(waiting, GATHER_MAX, too_few);
            waiting = gathered.unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::swap(&mut waiting.requests, batch);
        true
    }

    fn sync(&self, batch: &[Request]) -> Result<(), SyncFailure> {
        if self.is_poisoned.load(Ordering::Acquire) {
            return Err(SyncFailure::Poisoned);
        }
        let mut real =
            batch.iter().map(|request| &request.durable).filter(|d| !matches!(d, Durable::Nothing));
        let Some(first) = real.next() else { return Ok(()) };
        self.syncs.fetch_add(1, Ordering::Relaxed);
        let result = match (first, real.next()) {
            (Durable::File(file), None) if self.names_ride => file.sync(),
            (Durable::Folder(folder), None) => self.disk.sync_dir(folder),
            _ => self.disk.sync_file_system(&self.root),
        };
        result.map_err(|error| self.failed(&error))
    }

    /// A full disk loses nothing that was promised. After any other error of a sync nobody knows what is on it.
    fn failed(&self, error: &io::Error) -> SyncFailure {
        let failure = SyncFailure::Disk(error.raw_os_error());
        if !matches!(StoreError::from(failure), StoreError::OutOfSpace) {
            self.is_poisoned.store(true, Ordering::Release);
        }
        failure
    }
}

/// How many waited for the last sync, during it or since.
#[derive(Default)]
struct Company {
    count: usize,
    seen_at: Option<Instant>,
}

impl Company {
    fn of(count: usize) -> Company {
        Company { count, seen_at: Some(Instant::now()) }
    }

    fn is_recent(&self) -> bool {
        self.count > 1 && self.seen_at.is_some_and(|seen_at| seen_at.elapsed() < COMPANY_LASTS)
    }
}

struct CloseOnExit<'a>(&'a Shared);

impl Drop for CloseOnExit<'_> {
    fn drop(&mut self) {
        let mut waiting = locked(&self.0.waiting);
        waiting.is_closed = true;
        let abandoned = std::mem::take(&mut waiting.requests);
        drop(waiting);
        drop(abandoned);
    }
}

/// Resolves when what was asked for is on disk. Dropping it changes nothing: the work goes on.
#[must_use = "nothing may be acknowledged before the ticket resolves"]
pub struct Ticket {
    state: Arc<TicketState>,
}

#[derive(Default)]
struct TicketState {
    progress: Mutex<Progress>,
    resolved: Condvar,
}

#[derive(Default)]
struct Progress {
    result: Option<Result<(), SyncFailure>>,
    waker: Option<Waker>,
}

impl Ticket {
    /// A ticket for something that is durable already.
    pub fn ready() -> Ticket {
        let state = Arc::new(TicketState::default());
        state.resolve(Ok(()));
        Ticket { state }
    }

    /// Blocks until it resolves.
    pub fn wait(self) -> Result<(), StoreError> {
        let mut progress = locked(&self.state.progress);
        loop {
            if let Some(result) = progress.result {
                return result.map_err(StoreError::from);
            }
            progress = self.state.resolved.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl TicketState {
    /// The first result stands.
    fn resolve(&self, result: Result<(), SyncFailure>) {
        let mut progress = locked(&self.progress);
        if progress.result.is_none() {
            progress.result = Some(result);
            let waker = progress.waker.take();
            drop(progress);
            self.resolved.notify_all();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl Future for Ticket {
    type Output = Result<(), StoreError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut progress = locked(&self.state.progress);
        match progress.result {
            Some(result) => Poll::Ready(result.map_err(StoreError::from)),
            None => {
                progress.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
