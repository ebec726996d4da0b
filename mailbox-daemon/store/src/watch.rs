//! inotify: the kernel tells what other programs do to the folders somebody looks at. One descriptor and one thread for all.

use crate::locked;
use crate::mailbox::Mailbox;
use crate::maildir::Place;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

/// Lets the kernel tell about other programs' changes to a mailbox, as long as it lives. Where the kernel cannot, changes are
/// seen when somebody looks ([`Mailbox::rescan`]).
pub struct WatchGuard {
    mailbox: Arc<Mailbox>,
    is_active: bool,
}

impl WatchGuard {
    pub(crate) fn new(mailbox: &Arc<Mailbox>) -> WatchGuard {
        let is_active = mailbox.core().watcher().is_some_and(|watcher| watcher.add(mailbox));
        WatchGuard { mailbox: Arc::clone(mailbox), is_active }
    }

    /// Whether the kernel watches.
    pub fn is_active(&self) -> bool {
        self.is_active
    }
}

impl Drop for WatchGuard {
    fn drop(&mut self) {
        if self.is_active
            && let Some(watcher) = self.mailbox.core().watcher()
        {
            watcher.remove(&self.mailbox);
        }
    }
}

/// The one descriptor and its thread.
pub(crate) struct Watcher {
    shared: Arc<Shared>,
}

struct Shared {
    inotify: Inotify,
    watched: Mutex<Watched>,
    /// Removing this watch wakes the thread.
    waker: WatchDescriptor,
    is_stopped: AtomicBool,
}

#[derive(Default)]
struct Watched {
    directories: HashMap<WatchDescriptor, (Place, Weak<Mailbox>)>,
    /// Guards by mailbox, with the watches of `cur` and `new`.
    mailboxes: HashMap<usize, (usize, [WatchDescriptor; 2])>,
}

impl Watcher {
    /// Starts watching for whatever is added later; `None` when the kernel has no instance left for us.
    pub(crate) fn start(state_dir: &Path) -> Option<Watcher> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC).ok()?;
        let waker = inotify.add_watch(state_dir, AddWatchFlags::IN_DELETE_SELF).ok()?;
        let shared = Arc::new(Shared {
            inotify,
            watched: Mutex::default(),
            waker,
            is_stopped: AtomicBool::new(false),
        });
        let worker = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("watcher".to_owned()).stack_size(256 * 1024);
        thread.spawn(move || worker.run()).ok()?;
        Some(Watcher { shared })
    }

    /// Ends the thread.
    pub(crate) fn stop(&self) {
        if !self.shared.is_stopped.swap(true, Ordering::AcqRel) {
            let _ = self.shared.inotify.rm_watch(self.shared.waker);
        }
    }

    fn add(&self, mailbox: &Arc<Mailbox>) -> bool {
        let mut watched = locked(&self.shared.watched);
        let key = key_of(mailbox);
        if let Some((guards, _)) = watched.mailboxes.get_mut(&key) {
            *guards += 1;
            return true;
        }
        let folder = Arc::clone(&locked(&mailbox.shared).folder);
        let events = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_ONLYDIR;
        let add = |place: Place| self.shared.inotify.add_watch(&folder.join(place.directory()), events).ok();
        let Some(cur) = add(Place::Cur) else { return false };
        let Some(new) = add(Place::New) else {
            let _ = self.shared.inotify.rm_watch(cur);
            return false;
        };
        watched.directories.insert(cur, (Place::Cur, Arc::downgrade(mailbox)));
        watched.directories.insert(new, (Place::New, Arc::downgrade(mailbox)));
        watched.mailboxes.insert(key, (1, [cur, new]));
        drop(watched);
        // What happened before the watch began is looked for once.
        let _ = mailbox.rescan();
        true
    }

    fn remove(&self, mailbox: &Arc<Mailbox>) {
        let mut watched = locked(&self.shared.watched);
        let key = key_of(mailbox);
        let Some((guards, watches)) = watched.mailboxes.get_mut(&key) else { return };
        *guards -= 1;
        if *guards > 0 {
            return;
        }
        let watches = *watches;
        watched.mailboxes.remove(&key);
        for watch in watches {
            watched.directories.remove(&watch);
            // A deleted folder took its watch with it.
            let _ = self.shared.inotify.rm_watch(watch);
        }
    }
}

impl Shared {
    fn run(&self) {
        while let Ok(events) = self.inotify.read_events() {
            if self.is_stopped.load(Ordering::Acquire) {
                return;
            }
            for mailbox in self.changed(&events) {
                // What fails now is seen by the next look.
                let _ = mailbox.rescan();
            }
        }
    }

    /// Mailboxes that another program changed.
    fn changed(&self, events: &[InotifyEvent]) -> Vec<Arc<Mailbox>> {
        let mut changed: Vec<Arc<Mailbox>> = Vec::new();
        for event in events {
            if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                return self.everybody();
            }
            let found = locked(&self.watched).directories.get(&event.wd).cloned();
            let Some((place, mailbox)) = found.and_then(|(place, mailbox)| Some((place, mailbox.upgrade()?)))
            else {
                continue;
            };
            let Some(name) = event.name.as_ref().and_then(|name| name.to_str()) else { continue };
            let is_there = event.mask.intersects(AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO);
            if !changed.iter().any(|other| Arc::ptr_eq(other, &mailbox))
                && mailbox.is_foreign(place, name, is_there)
            {
                changed.push(mailbox);
            }
        }
        changed
    }

    fn everybody(&self) -> Vec<Arc<Mailbox>> {
        let watched = locked(&self.watched);
        let mailboxes = watched.directories.values().filter(|(place, _)| *place == Place::New);
        mailboxes.filter_map(|(_, mailbox)| mailbox.upgrade()).collect()
    }
}

fn key_of(mailbox: &Arc<Mailbox>) -> usize {
    Arc::as_ptr(mailbox) as usize
}
