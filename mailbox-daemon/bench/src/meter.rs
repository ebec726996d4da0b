//! Time, CPU, memory and device writes around a piece of work.

use std::fs;
use std::os::linux::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::stat::{major, minor};

use crate::process::Tree;

/// Bytes of a sector in the kernel's block statistics, whatever the device's own sector is.
const SECTOR_BYTES: u64 = 512;

/// What a piece of work took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Wall time.
    pub wall: Duration,
    /// CPU time of all processes of the server.
    pub cpu: Duration,
}

/// Does the work and says what it cost the server.
pub fn cost<T>(tree: &Tree, work: impl FnOnce() -> T) -> (T, Cost) {
    let cpu_before = tree.cpu();
    let start = Instant::now();
    let result = work();
    let wall = start.elapsed();
    (result, Cost { wall, cpu: tree.cpu().saturating_sub(cpu_before) })
}

/// Does the work while another thread looks at the server's memory; also returns the largest PSS seen, in KiB.
pub fn peak_pss_kib<T>(tree: &Tree, every: Duration, work: impl FnOnce() -> T) -> (T, u64) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            let mut peak_kib = tree.memory().pss_kib;
            while !done.load(Ordering::Relaxed) {
                peak_kib = peak_kib.max(tree.memory().pss_kib);
                thread::sleep(every);
            }
            peak_kib
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        (result, sampler.join().unwrap_or(0))
    })
}

/// The disk under a folder; the counts include what everybody else writes to it.
#[derive(Debug)]
pub struct Device {
    stat: PathBuf,
}

impl Device {
    /// The block device that holds this folder; `None` where it is not a block device.
    pub fn of(folder: &Path) -> Option<Device> {
        let device = fs::metadata(folder).ok()?.st_dev();
        let stat = PathBuf::from(format!("/sys/dev/block/{}:{}/stat", major(device), minor(device)));
        stat.exists().then_some(Device { stat })
    }

    /// Bytes written to the device since the system's start.
    pub fn bytes_written(&self) -> u64 {
        let stat = fs::read_to_string(&self.stat).unwrap_or_default();
        let sectors = stat.split_whitespace().nth(6).and_then(|field| field.parse::<u64>().ok());
        sectors.unwrap_or(0) * SECTOR_BYTES
    }
}

/// Of these durations the one below which `percent` of them lie.
pub fn percentile(durations: &[Duration], percent: usize) -> Duration {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

/// The middle one.
pub fn median(durations: impl IntoIterator<Item = Duration>) -> Duration {
    percentile(&durations.into_iter().collect::<Vec<_>>(), 50)
}

/// As a number of milliseconds.
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_hundred() {
        let durations: Vec<Duration> = (0..100).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&durations, 50), Duration::from_millis(50));
        assert_eq!(percentile(&durations, 99), Duration::from_millis(99));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
        assert_eq!(median(durations[..3].iter().copied()), Duration::from_millis(98));
    }
}
