use super::*;
use crate::disk::crash::{CrashDisk, Survival};

const DIR: &str = "/box/spam";

fn disk() -> CrashDisk {
    let disk = CrashDisk::new();
    disk.shared().create_dir_all(Path::new("/box")).unwrap();
    disk.shared().sync_dir(Path::new("/")).unwrap();
    disk
}

fn open(disk: &CrashDisk) -> (Lessons, Kept) {
    Lessons::open(disk.shared(), Path::new(DIR))
}

fn gathered(lessons: &[&[u8]]) -> Gathered {
    let mut gathered = Gathered::default();
    for lesson in lessons {
        gathered.push(lesson);
    }
    gathered
}

/// Everything that is left, as one list: the checkpoint here is the lessons it contains, one byte each.
fn left(disk: &CrashDisk) -> Vec<u8> {
    let (_, kept) = open(disk);
    let behind = kept.lessons().map(|lesson| lesson[0]);
    kept.checkpoint.clone().unwrap_or_default().into_iter().chain(behind).collect()
}

#[test]
fn lessons_and_checkpoints_come_back() {
    let disk = disk();
    let (mut lessons, kept) = open(&disk);
    assert!(kept.checkpoint.is_none() && kept.lessons().next().is_none() && kept.set_aside.is_empty());
    lessons.append(&Gathered::default()).unwrap();
    assert!(disk.shared().stat(Path::new(DIR)).is_err(), "nothing learnt writes nothing");
    lessons.append(&gathered(&[b"one", b""])).unwrap();
    lessons.append(&gathered(&[b"two"])).unwrap();
    let (mut lessons, kept) = open(&disk.survive(Survival::Strict));
    assert_eq!(kept.lessons().collect::<Vec<_>>(), [&b"one"[..], b"", b"two"]);
    lessons.checkpoint(b"all").unwrap();
    assert!(lessons.journal_bytes() < 100);
    lessons.append(&gathered(&[b"three"])).unwrap();
}

#[test]
fn lessons_that_could_not_be_written_wait() {
    let disk = disk();
    let (mut lessons, _) = open(&disk);
    lessons.append(&gathered(&[b"a"])).unwrap();
    let first = gathered(&[b"b"]);
    for failing in 0..3 {
        disk.fail_from(disk.operations() + failing, libc::ENOSPC);
        assert!(lessons.append(&first).is_err());
        disk.heal();
    }
    let mut later = gathered(&[b"c"]);
    later.put_back(first);
    lessons.append(&later).unwrap();
    assert_eq!(left(&disk), b"abc");
}

#[test]
fn what_is_damaged_is_set_aside_and_the_rest_counts() {
    let whole = || {
        let disk = disk();
        let (mut lessons, _) = open(&disk);
        lessons.checkpoint(b"ab").unwrap();
        lessons.append(&gathered(&[b"c", b"d"])).unwrap();
        disk
    };
    let path = |name: &str| Path::new(DIR).join(name);
    let changed = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let disk = whole();
        let mut bytes = disk.contents(&path(name)).unwrap();
        change(&mut bytes);
        disk.put_file(&path(name), &bytes).unwrap();
        disk
    };
    let bytes = whole().contents(&path(KNOWLEDGE)).unwrap().len();
    for at in 0..bytes {
        let disk = changed(KNOWLEDGE, &|bytes| bytes[at] ^= 0x40);
        assert_eq!(left(&disk), b"cd", "byte {at} of the checkpoint");
        assert!(disk.contents(&path("knowledge.damaged")).is_ok());
        // From here on it goes on as ever.
        let (mut lessons, kept) = open(&disk);
        assert!(kept.set_aside.is_empty());
        lessons.append(&gathered(&[b"e"])).unwrap();
        assert_eq!(left(&disk), b"cde");
        lessons.checkpoint(b"cde").unwrap();
        assert_eq!(left(&disk), b"cde");
    }
    for (at, expected) in
        [(0, &b"ab"[..]), (10, b"ab"), (20, b"ab"), (HEAD_BYTES, b"ab"), (HEAD_BYTES + 13, b"abc")]
    {
        let disk = changed(LESSONS, &|bytes| bytes[at] ^= 0x40);
        assert_eq!(left(&disk), expected, "byte {at} of the journal");
        let (mut lessons, _) = open(&disk);
        lessons.append(&gathered(&[b"e"])).unwrap();
        assert_eq!(left(&disk), [expected, b"e"].concat());
    }
    for name in [KNOWLEDGE, LESSONS] {
        assert!(left(&changed(name, &|bytes| bytes.clear())).len() <= 4);
        let disk = disk();
        disk.shared().create_dir_all(&path(name)).unwrap();
        assert_eq!(left(&disk), b"", "a folder in its place");
    }
}

/// Teaches one byte after another, with a checkpoint now and then; says what was acknowledged when the disk failed.
fn teach(disk: &CrashDisk) -> usize {
    let (mut lessons, kept) = open(disk);
    let mut all: Vec<u8> = kept.checkpoint.iter().flatten().copied().collect();
    all.extend(kept.lessons().map(|lesson| lesson[0]));
    let mut acknowledged = all.len();
    for lesson in all.len() as u8..12 {
        all.push(lesson);
        let written = match lesson % 5 {
            4 => lessons.checkpoint(&all),
            _ => lessons.append(&gathered(&[&[lesson; 700]])),
        };
        if written.is_err() {
            return acknowledged;
        }
        acknowledged = all.len();
    }
    acknowledged
}

/// The power is cut at every single operation, and what was not synced is lost, kept, or kept in part.
#[test]
fn a_power_cut_takes_back_only_what_was_not_written() {
    for names_ride in [true, false] {
        let fresh = || {
            let disk = CrashDisk::with_names_ride(names_ride);
            disk.shared().create_dir_all(Path::new("/box")).unwrap();
            disk.shared().sync_dir(Path::new("/")).unwrap();
            disk
        };
        let whole = fresh();
        assert_eq!(teach(&whole), 12);
        for cut in 1..=whole.operations() {
            let disk = fresh();
            disk.cut_at(cut);
            let acknowledged = teach(&disk);
            for survival in (0..12).map(Survival::Chance).chain([Survival::Strict, Survival::Everything]) {
                let after = disk.survive(survival);
                let found = left(&after);
                let expected: Vec<u8> = (0..found.len() as u8).collect();
                assert_eq!(found, expected, "cut {cut}, {survival:?}: nothing twice, nothing out of turn");
                assert!(found.len() >= acknowledged, "cut {cut}, {survival:?}: {found:?} of {acknowledged}");
                assert_eq!(teach(&after), 12, "it goes on from there");
                assert_eq!(left(&after.survive(Survival::Strict)).len(), 12);
            }
        }
    }
}
