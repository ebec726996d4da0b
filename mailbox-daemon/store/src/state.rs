//! What a folder must not forget though its index may be lost: the generation of its UIDs and how far numbers are reserved.
//!
//! One file of two lines of 512 bytes, written in turn. A line is one disk sector, so a power cut leaves the other line whole,
//! and the whole line with the larger turn counts:
//!
//! ```text
//! mailbox-state 1 turn=7 uidvalidity=1763712000 uid-reserved=2001 modseq-reserved=20000 mailbox=1763712000 place=77 sum=8c1f…
//! ```
//!
//! (padded with spaces). A line without `mailbox` is of a mailbox whose number is its first generation; one without `place`
//! belongs nowhere yet.

use crate::disk::{Disk, read_small};
use std::io;
use std::path::Path;

const LINE_BYTES: usize = 512;
const LABEL: &str = "mailbox-state 1";

/// Numbers that are promised never to be given again, whatever happens to the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// The generation of UIDs.
    pub(crate) uid_validity: u32,
    /// UIDs below this may have been given.
    pub(crate) uid_reserved: u32,
    /// Modification sequences up to this may have been given.
    pub(crate) modseq_reserved: u64,
    /// Tells the mailbox from all others of the account, whatever it is called and whatever becomes of its UIDs.
    pub(crate) mailbox: u32,
    /// Tells the folder it was written for from all others of the account, or none: a copy is known by it.
    pub(crate) place_sum: u64,
}

impl State {
    /// That of a mailbox that begins with a generation.
    pub(crate) fn new(uid_validity: u32, uid_reserved: u32, place_sum: u64) -> State {
        State { uid_validity, uid_reserved, modseq_reserved: 1, mailbox: uid_validity, place_sum }
    }
}

/// What the state file of a folder says. The file is open only while it is written, so that many mailboxes can be.
pub(crate) struct StateFile {
    turn: u64,
    state: State,
}

impl StateFile {
    /// The name in the folder.
    pub(crate) const NAME: &'static str = "mailbox-state";

    /// Writes a first state, not synced.
    pub(crate) fn create(disk: &dyn Disk, path: &Path, state: State) -> io::Result<StateFile> {
        let mut state_file = StateFile { turn: 0, state };
        disk.open_update(path, true)?.set_bytes(0)?;
        state_file.write(disk, path, state)?;
        state_file.write(disk, path, state)?;
        Ok(state_file)
    }

    /// Reads the state; `None` when there is none that could be believed. When one of the lines is damaged, the other may be
    /// the older one by a turn: the reserved numbers are then put beyond anything a turn could have added.
    pub(crate) fn open(
        disk: &dyn Disk,
        path: &Path,
        turn_uids: u32,
        turn_modseqs: u64,
    ) -> io::Result<Option<StateFile>> {
        let bytes = match read_small(disk, path, 2 * LINE_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let mut lines = bytes.chunks(LINE_BYTES).filter_map(parse_line);
        let Some((turn, mut state)) = lines.next() else { return Ok(None) };
        match lines.next() {
            Some((other_turn, other)) if other_turn > turn => {
                return Ok(Some(StateFile { turn: other_turn, state: other }));
            }
            Some(_) => {}
            None => {
                state.uid_reserved = state.uid_reserved.saturating_add(turn_uids);
                state.modseq_reserved = state.modseq_reserved.saturating_add(turn_modseqs);
            }
        }
        Ok(Some(StateFile { turn, state }))
    }

    /// What was last read or written.
    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Counts the writes.
    pub(crate) fn turn(&self) -> u64 {
        self.turn
    }

    /// Writes a new state over the older line, not synced.
    pub(crate) fn write(&mut self, disk: &dyn Disk, path: &Path, state: State) -> io::Result<()> {
        let turn = self.turn + 1;
        let file = disk.open_update(path, true)?;
        file.write_at(&line(turn, state), (turn % 2) * LINE_BYTES as u64)?;
        self.turn = turn;
        self.state = state;
        Ok(())
    }
}

fn line(turn: u64, state: State) -> Vec<u8> {
    let State { uid_validity, uid_reserved, modseq_reserved, mailbox, place_sum } = state;
    let mut line = format!(
        "{LABEL} turn={turn} uidvalidity={uid_validity} uid-reserved={uid_reserved} modseq-reserved={modseq_reserved} \
         mailbox={mailbox} place={place_sum}"
    )
    .into_bytes();
    let sum = crate::checksum::of(&line);
    line.extend_from_slice(format!(" sum={sum:016x}").as_bytes());
    line.resize(LINE_BYTES - 1, b' ');
    line.push(b'\n');
    line
}

fn parse_line(line: &[u8]) -> Option<(u64, State)> {
    let (content, sum) = std::str::from_utf8(line).ok()?.split_once(" sum=")?;
    let sum = u64::from_str_radix(sum.trim_end(), 16).ok()?;
    if crate::checksum::of(content.as_bytes()) != sum {
        return None;
    }
    let mut fields = content.strip_prefix(LABEL)?.split_ascii_whitespace();
    let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok();
    let turn = field("turn")?;
    let uid_validity = u32::try_from(field("uidvalidity")?).ok().filter(|value| *value > 0)?;
    let uid_reserved = u32::try_from(field("uid-reserved")?).ok().filter(|value| *value > 0)?;
    let modseq_reserved = field("modseq-reserved")?;
    let mailbox = field("mailbox").and_then(|number| u32::try_from(number).ok()).unwrap_or(uid_validity);
    let place_sum = field("place").unwrap_or(0);
    Some((turn, State { uid_validity, uid_reserved, modseq_reserved, mailbox, place_sum }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::crash::{CrashDisk, Survival};

    const PATH: &str = "/mailbox-state";

    fn state(uid_reserved: u32) -> State {
        State { uid_validity: 7, uid_reserved, modseq_reserved: 5, mailbox: 6, place_sum: 8 }
    }

    fn open(disk: &CrashDisk) -> Option<State> {
        StateFile::open(disk, Path::new(PATH), 1000, 10_000).unwrap().map(|file| file.state())
    }

    #[test]
    fn the_last_write_counts() {
        let disk = CrashDisk::new();
        assert_eq!(open(&disk), None);
        let mut file = StateFile::create(&disk, Path::new(PATH), state(1)).unwrap();
        for uid_reserved in 2..6 {
            file.write(&disk, Path::new(PATH), state(uid_reserved)).unwrap();
            assert_eq!(open(&disk), Some(state(uid_reserved)));
        }
    }

    #[test]
    fn a_cut_while_writing_leaves_the_state_before_or_after() {
        let disk = CrashDisk::new();
        let mut file = StateFile::create(&disk, Path::new(PATH), state(1)).unwrap();
        disk.sync_file_system(Path::new("/")).unwrap();
        file.write(&disk, Path::new(PATH), state(1001)).unwrap();
        for seed in 0..50 {
            let left = open(&disk.survive(Survival::Chance(seed))).unwrap();
            assert!(left.uid_reserved == 1 || left.uid_reserved == 1001, "{left:?}");
        }
        disk.open_update(Path::new(PATH), false).unwrap().sync_data().unwrap();
        assert_eq!(open(&disk.survive(Survival::Strict)), Some(state(1001)));
    }

    #[test]
    fn a_damaged_line_costs_numbers_and_never_gives_one_twice() {
        let disk = CrashDisk::new();
        let mut file = StateFile::create(&disk, Path::new(PATH), state(1)).unwrap();
        file.write(&disk, Path::new(PATH), state(1001)).unwrap();
        for line in [0, LINE_BYTES] {
            let mut bytes = disk.contents(Path::new(PATH)).unwrap();
            bytes[line + 40] ^= 1;
            let other = CrashDisk::new();
            other.put_file(Path::new(PATH), &bytes).unwrap();
            assert!(open(&other).unwrap().uid_reserved >= 1001);
        }
        disk.put_file(Path::new(PATH), b"").unwrap();
        assert_eq!(open(&disk), None);
    }
}
