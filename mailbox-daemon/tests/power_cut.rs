//! The promise on a real file system: an ext4 image is photographed under load, again and again, and every photograph is a
//! disk whose power was cut at that instant. The daemon is started on it, and everything acknowledged before the shutter
//! opened must be there.
//!
//! The image lies on a loop-mounted XFS, whose reflinks copy a file in one instant. Needs root and minutes: `make crash`.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod load;
mod support;

use load::{Fate, Log, Look, check_deliveries, check_queue, check_sorted};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use support::demo::{Demo, DemoOptions};
use tempfile::TempDir;

const CUTS: u32 = 40;

#[test]
#[ignore = "needs root, loop devices and minutes: make crash"]
fn what_was_acknowledged_outlives_a_power_cut() {
    assert!(nix::unistd::geteuid().is_root(), "mounting needs root: sudo make crash");
    let bench = Bench::new();
    let options = DemoOptions::set(&["outbound.route.away.test=127.0.0.1:1"]);
    let demo = Demo::start_on(&bench.live.path.join("box"), options.clone());
    let log = Log::default();
    let shots: Vec<Shot> = std::thread::scope(|scope| {
        load::pour(scope, &demo, &log, 1000);
        let shots = (1..=CUTS).map(|number| {
            std::thread::sleep(Duration::from_millis(u64::from(number * 7919 % 400)));
            bench.shoot(number, &log)
        });
        let shots = shots.collect();
        log.stop();
        shots
    });
    // UIDs as they were given out; a photograph may know fewer, never others.
    let given = ["ana@home.test", "ben@home.test"].map(|account| (account, Look::at(&demo, account)));
    drop(demo);
    for shot in &shots {
        bench.check(shot, &given, options.clone());
    }
    println!("{CUTS} cuts, {} deliveries acknowledged", log.acknowledged());
    assert!(shots.last().unwrap().deliveries.len() > CUTS as usize, "the load never got going");
}

/// One photograph and what had been acknowledged when the shutter opened.
struct Shot {
    number: u32,
    image: PathBuf,
    deliveries: BTreeMap<String, Fate>,
    queued: BTreeMap<String, Fate>,
    /// Sorted mail that nobody touched while the shutter was open.
    sorted: BTreeMap<String, load::Whereabouts>,
}

/// The file systems inside one another.
struct Bench {
    // Dropped in this order: what lies inside first.
    live: Mount,
    outer: Mount,
    folder: TempDir,
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::Builder::new().prefix("power-cut-").tempdir_in("/var/tmp").unwrap();
        let outer_image = folder.path().join("xfs.img");
        sparse(&outer_image, 4 << 30);
        run("mkfs.xfs", ["-q", "-m", "reflink=1", outer_image.to_str().unwrap()]);
        let outer = Mount::new(&outer_image, folder.path().join("outer"));
        let image = outer.path.join("ext4.img");
        sparse(&image, 1 << 30);
        run("mkfs.ext4", ["-q", "-F", image.to_str().unwrap()]);
        let live = Mount::new(&image, folder.path().join("live"));
        Bench { live, outer, folder }
    }

    fn shoot(&self, number: u32, log: &Log) -> Shot {
        let deliveries = log.deliveries.lock().unwrap().clone();
        let queued = log.queued.lock().unwrap().clone();
        let before = log.sorted.lock().unwrap().clone();
        let image = self.outer.path.join(format!("cut-{number}.img"));
        let from = self.outer.path.join("ext4.img");
        run("cp", [OsStr::new("--reflink=always"), from.as_os_str(), image.as_os_str()]);
        let after = log.sorted.lock().unwrap();
        let sorted = before.into_iter().filter(|(name, place)| after.get(name) == Some(place)).collect();
        Shot { number, image, deliveries, queued, sorted }
    }

    fn check(&self, shot: &Shot, given: &[(&str, Look)], options: DemoOptions) {
        let when = format!("cut {}", shot.number);
        let mount = Mount::new(&shot.image, self.folder.path().join("cut"));
        let demo = Demo::start_on(&mount.path.join("box"), options);
        let looks = given.iter().map(|(account, given)| {
            let look = Look::at(&demo, account);
            for (place, subject) in &look.messages {
                let meant = given.messages.get(place).unwrap_or(subject);
                assert_eq!(meant, subject, "{when}: {account}: {place:?} means another message");
            }
            for (folder, (validity, _)) in &look.numbers {
                assert_eq!(*validity, given.numbers[folder].0, "{when}: UIDVALIDITY of {folder} changed");
            }
            look.found()
        });
        let found: Vec<_> = looks.collect();
        check_deliveries(&found[0]["INBOX"], &shot.deliveries, &when);
        for (name, whereabouts) in &shot.sorted {
            check_sorted(&found[1], name, whereabouts, &when);
        }
        check_queue(&demo, &shot.queued, &when);
        let torn = torn_files(&mount.path.join("box"));
        assert!(torn.is_empty(), "{when}: torn files are still in use: {torn:#?}");
        drop(demo);
        drop(mount);
        fs::remove_file(&shot.image).unwrap();
    }
}

/// Message and spool files that are not whole. On ext4 a file cut off before its sync may have its full length and hold
/// zeros: its blocks are there, their content never came. No message holds a NUL.
fn torn_files(folder: &Path) -> Vec<PathBuf> {
    let mut torn = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "quarantine" && name != "index" {
            torn.extend(torn_files(&path));
        } else if let Some((_, size)) = name.split_once(",S=") {
            let bytes = fs::read(&path).unwrap();
            let size: usize =
                size.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap();
            if bytes.len() < size || bytes.contains(&0) {
                torn.push(path);
            }
        }
    }
    torn
}

/// A loop mount, undone when dropped.
struct Mount {
    path: PathBuf,
}

impl Mount {
    fn new(image: &Path, path: PathBuf) -> Mount {
        fs::create_dir_all(&path).unwrap();
        run("mount", [OsStr::new("-o"), OsStr::new("loop"), image.as_os_str(), path.as_os_str()]);
        Mount { path }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let status = Command::new("umount").arg(&self.path).status();
        if !status.is_ok_and(|status| status.success()) {
            eprintln!("{} is still mounted", self.path.display());
        }
    }
}

fn sparse(path: &Path, bytes: u64) {
    fs::File::create(path).and_then(|file| file.set_len(bytes)).unwrap();
}

fn run<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) {
    let output =
        Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}
