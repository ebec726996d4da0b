//! What scripts remember and say, kept over restarts and power cuts.

use super::support::*;
use crate::StoreError;
use crate::account::{LOG_BYTES_MAX, ROWS_MAX};
use crate::disk::Disk;
use crate::disk::crash::{CrashDisk, Survival};
use std::path::PathBuf;

const NOW: i64 = 1_700_000_000;

fn key(number: usize) -> [u8; 16] {
    std::array::from_fn(|at| if at < 8 { (number >> (8 * at)) as u8 } else { 7 })
}

fn remember(rig: &Rig, rows: &[([u8; 16], i64)]) -> Result<(), StoreError> {
    let mut memory = rig.account.script_memory(NOW)?;
    memory.make_room(rows.len())?;
    memory.remember(rows)?.wait()
}

fn remembered(rig: &Rig, now: i64) -> Vec<([u8; 16], i64)> {
    rig.account.script_memory(now).unwrap().rows().into_iter().collect()
}

fn memory_file() -> PathBuf {
    root().join("sieve/memory")
}

#[test]
fn what_scripts_remember_counts_until_its_time() {
    let rig = Rig::new();
    assert_eq!(remembered(&rig, NOW), []);
    remember(&rig, &[(key(1), NOW + 10), (key(2), NOW + 20)]).unwrap();
    remember(&rig, &[(key(1), NOW + 30)]).unwrap();
    let rig = rig.restart();
    assert_eq!(remembered(&rig, NOW), [(key(1), NOW + 30), (key(2), NOW + 20)]);
    assert_eq!(remembered(&rig, NOW + 20), [(key(1), NOW + 30)]);
    assert_eq!(remembered(&rig, NOW + 30), []);
}

#[test]
fn what_is_over_and_what_is_too_much_makes_room() {
    let rig = Rig::new();
    let bytes = || rig.disk.stat(&memory_file()).unwrap().bytes as usize;
    for batch in 0..20 {
        let rows: Vec<_> = (0..400).map(|n| (key(batch * 400 + n), NOW - 1)).collect();
        remember(&rig, &rows).unwrap();
    }
    assert!(bytes() < 3000 * 32, "{}", bytes());
    for batch in 0..30 {
        let rows: Vec<_> = (0..500).map(|n| (key(batch * 500 + n), NOW + 1)).collect();
        remember(&rig, &rows).unwrap();
    }
    let left = remembered(&rig, NOW);
    assert!((ROWS_MAX..=ROWS_MAX + 1000).contains(&left.len()), "{}", left.len());
    assert!(left.contains(&(key(14_999), NOW + 1)) && !left.contains(&(key(0), NOW + 1)));
    assert!(bytes() < 3 * ROWS_MAX * 32, "{}", bytes());
}

/// The power is cut before every operation of three notes and of a file written anew: what was acknowledged is known, and
/// nothing is that nobody noted.
#[test]
fn what_was_acknowledged_is_remembered_after_a_cut_anywhere() {
    let batches: Vec<Vec<_>> = [1, 3, 1400, 1]
        .iter()
        .scan(0, |from, count| {
            let first = std::mem::replace(from, *from + count);
            Some(
                (first..first + count)
                    .map(|n| (key(n), if n < 1404 && n > 3 { NOW - 5 } else { NOW + 5 }))
                    .collect(),
            )
        })
        .collect();
    for names_ride in [true, false] {
        for step in 1.. {
            let rig = Rig::on(CrashDisk::with_names_ride(names_ride));
            rig.disk.cut_at(rig.disk.operations() + step);
            let done = batches.iter().take_while(|batch| remember(&rig, batch).is_ok()).count();
            rig.disk.cut();
            for survival in (0..6).map(Survival::Chance).chain([Survival::Strict, Survival::Everything]) {
                let after = Rig::on(rig.disk.survive(survival));
                let left = remembered(&after, NOW);
                let is_noted = |row| batches.iter().flatten().any(|noted| noted == row);
                assert!(left.iter().all(is_noted), "cut at {step}, {survival:?}: something was invented");
                let promised = batches[..done].iter().flatten().filter(|(_, until)| *until > NOW);
                let mut missing = promised.filter(|row| !left.contains(row));
                assert_eq!(missing.next(), None, "cut at {step}, {survival:?}, names ride {names_ride}");
                remember(&after, &[(key(9999), NOW + 5)]).unwrap();
                assert!(remembered(&after, NOW).contains(&(key(9999), NOW + 5)));
            }
            if done == batches.len() {
                break;
            }
        }
    }
}

#[test]
fn a_torn_or_damaged_memory_gives_what_is_whole() {
    let rig = Rig::new();
    let rows: Vec<_> = (0..3).map(|n| (key(n), NOW + 5)).collect();
    remember(&rig, &rows).unwrap();
    let whole = rig.disk.contents(&memory_file()).unwrap();
    for cut in 0..whole.len() {
        rig.disk.put_file(&memory_file(), &whole[..cut]).unwrap();
        assert_eq!(remembered(&rig, NOW), rows[..cut / 32], "{cut}");
    }
    for bit in 0..8 * 32 {
        let mut damaged = whole.clone();
        damaged[32 + bit / 8] ^= 1 << (bit % 8);
        rig.disk.put_file(&memory_file(), &damaged).unwrap();
        assert_eq!(remembered(&rig, NOW), [rows[0], rows[2]], "{bit}");
    }
    rig.disk.put_file(&memory_file(), &[whole.clone(), vec![0; 40]].concat()).unwrap();
    remember(&rig, &[(key(3), NOW + 5)]).unwrap();
    assert_eq!(remembered(&rig, NOW).len(), 4);
}

#[test]
fn a_full_disk_shows_before_anything_is_remembered() {
    let rig = Rig::new();
    remember(&rig, &[(key(1), NOW + 5)]).unwrap();
    rig.disk.fail_from(rig.disk.operations() + 1, libc::ENOSPC);
    let mut memory = rig.account.script_memory(NOW).unwrap();
    assert!(matches!(memory.make_room(1), Err(StoreError::OutOfSpace)));
    rig.disk.heal();
    assert_eq!(remembered(&rig, NOW), [(key(1), NOW + 5)]);
}

#[test]
fn the_log_keeps_the_newer_lines() {
    let rig = Rig::new();
    assert_eq!(rig.account.script_log().unwrap(), "");
    for number in 0..3000 {
        rig.account.log_script(&[format!("line {number} {}", "ä".repeat(30))]).unwrap();
    }
    let log = rig.account.script_log().unwrap();
    assert!(log.len() <= LOG_BYTES_MAX && log.len() > LOG_BYTES_MAX / 3, "{}", log.len());
    assert!(log.starts_with("line ") && log.contains("line 2999 ") && !log.contains("line 5 "));
    rig.account.log_script(&["x".repeat(10 * LOG_BYTES_MAX)]).unwrap();
    assert!(rig.account.script_log().unwrap().len() <= LOG_BYTES_MAX);
}
