//! How tight memory and disk are, looked at when a stranger wants to bring mail: a box that sleeps measures nothing.

mod control_group;

use crate::host::Host;
use control_group::ControlGroup;
use nix::sys::statvfs::statvfs;
use policy::pressure::{DiskFacts, MemoryFacts, Shortage, disk_reserve_bytes, shortage};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Strangers who come within this time hear the same answer.
const FRESH: Duration = Duration::from_millis(250);
/// Stalls are counted since the last look, unless that was longer ago.
const STALL_WINDOW_MAX: Duration = Duration::from_secs(2);

/// What was seen at the last look.
#[derive(Default)]
pub struct Pressure {
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    looked_at: Option<Instant>,
    shortage: Option<Shortage>,
    /// Microseconds all work had waited for memory by then.
    stalled_us: u64,
}

impl Pressure {
    /// What is short now. A change is told to the owner.
    pub(crate) fn shortage(&self, host: &Host) -> Option<Shortage> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let since = last.looked_at.map(|looked_at| looked_at.elapsed());
        if since.is_some_and(|since| since < FRESH) {
            return last.shortage;
        }
        let group = ControlGroup::narrowest();
        let memory = group.as_ref().map(|group| MemoryFacts {
            used_bytes: group.used_bytes,
            limit_bytes: group.limit_bytes,
            stalled_percent: stalled_percent(since, group.stalled_us.saturating_sub(last.stalled_us)),
        });
        // Mail may live on a disk of its own.
        let places = [host.state_dir().to_owned(), host.state_dir().join("mail")];
        let disk = places.iter().filter_map(|place| disk_facts(place)).min_by_key(|facts| facts.free_bytes);
        let found = shortage(memory, disk, last.shortage, &host.settings.load().limits);
        tell(host, found, disk);
        *last = Last {
            looked_at: Some(Instant::now()),
            shortage: found,
            stalled_us: group.map_or(0, |group| group.stalled_us),
        };
        found
    }
}

fn stalled_percent(since: Option<Duration>, stalled_us: u64) -> u64 {
    match since {
        Some(since) if since <= STALL_WINDOW_MAX => {
            stalled_us.saturating_mul(100) / (since.as_micros() as u64).max(1)
        }
        _ => 0,
    }
}

fn disk_facts(place: &Path) -> Option<DiskFacts> {
    let found = statvfs(place).ok()?;
    let blocks = |count| found.fragment_size().saturating_mul(count);
    Some(DiskFacts { free_bytes: blocks(found.blocks_available()), total_bytes: blocks(found.blocks()) })
}

const MEMORY_ISSUE: &str = "memory";
const DISK_ISSUE: &str = "disk";

fn tell(host: &Host, found: Option<Shortage>, disk: Option<DiskFacts>) {
    match found {
        Some(Shortage::Memory) => {
            let text =
                "Memory is short: mail from outside is asked to come again in a while. Nothing is lost.";
            host.issues.raise(MEMORY_ISSUE, text, host.now());
        }
        _ => host.issues.clear(MEMORY_ISSUE),
    }
    match (found, disk) {
        (Some(Shortage::Disk), Some(disk)) => {
            let reserve = disk_reserve_bytes(disk.total_bytes, &host.settings.load().limits);
            let text = format!(
                "The disk is nearly full ({} MB left). Mail from outside waits at its senders until {} MB are free: \
                 delete mail, or empty Trash and Junk. You can still read and send.",
                disk.free_bytes / 1_000_000,
                reserve.div_ceil(1_000_000)
            );
            host.issues.raise(DISK_ISSUE, &text, host.now());
        }
        (None, _) => host.issues.clear(DISK_ISSUE),
        _ => {}
    }
}
