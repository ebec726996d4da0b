//! Keywords that have no letter in Maildir names, in the file `mailbox-keywords` of a folder: what they are called, and which
//! messages have them. A line is a fact, and the last one about a message counts:
//!
//! ```text
//! name 26 Holidays 5b1fd0a2
//! uid 1042 00000005 9a8b7c6d       (lowest bit: slot 26)
//! ```
//!
//! Each line ends in its sum; one that a power cut tore is passed over. Lines are appended without a sync of their own: a change
//! of these keywords promises as much as a rename that changes a letter, and what is acknowledged after a sync is on disk with it.

use super::Keywords;
use crate::checksum;
use crate::disk::{Disk, read_small, replace_small};
use std::collections::HashMap;
use std::fmt::Write;
use std::io;
use std::path::Path;
use types::{Flags, Keyword};

/// No sane file is longer: a million messages with several changes each.
const BYTES_MAX: usize = 128 * 1024 * 1024;
/// Lines that are always borne.
const LINES_MIN: u64 = 1024;

/// The file as far as one who appends to it must know it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Record {
    bytes: u64,
    lines: u64,
    /// The last line was torn.
    is_torn: bool,
}

/// What the file says.
#[derive(Default)]
pub(crate) struct Recorded {
    /// Keywords beyond the letters with their slots.
    pub(crate) names: Vec<(usize, Keyword)>,
    /// By UID: which of them a message has; see [`Flags::letterless`].
    pub(crate) words: HashMap<u32, u32>,
    /// Lines that make no sense.
    pub(crate) damaged_lines: u32,
}

/// Lines to be written together.
#[derive(Default)]
pub(crate) struct Lines {
    text: String,
    count: u64,
}

impl Record {
    /// The name in the folder.
    pub(crate) const FILE_NAME: &'static str = "mailbox-keywords";

    /// Reads the file; most folders have none.
    pub(crate) fn read(disk: &dyn Disk, folder: &Path) -> io::Result<(Record, Recorded)> {
        let contents = match read_small(disk, &folder.join(Self::FILE_NAME), BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Default::default()),
            contents => contents?,
        };
        let mut recorded = Recorded::default();
        let mut record = Record { bytes: contents.len() as u64, ..Record::default() };
        for line in contents.split_inclusive(|byte| *byte == b'\n') {
            record.lines += 1;
            record.is_torn = !line.ends_with(b"\n");
            if std::str::from_utf8(line).ok().and_then(|line| recorded.note(line)).is_none() {
                recorded.damaged_lines += 1;
            }
        }
        Ok((record, recorded))
    }

    /// Adds lines, not synced.
    pub(crate) fn append(&mut self, disk: &dyn Disk, folder: &Path, lines: &Lines) -> io::Result<()> {
        if lines.count == 0 {
            return Ok(());
        }
        let file = disk.open_update(&folder.join(Self::FILE_NAME), true)?;
        let text = match self.is_torn {
            true => format!("\n{}", lines.text),
            false => lines.text.clone(),
        };
        // Half of a failed write is a torn line for whoever comes next.
        let was_torn = std::mem::replace(&mut self.is_torn, true);
        file.write_at(text.as_bytes(), self.bytes)?;
        self.is_torn = false;
        self.bytes += text.len() as u64;
        self.lines += lines.count + u64::from(was_torn);
        Ok(())
    }

    /// Whether most lines tell nothing any more.
    pub(crate) fn is_wasteful(&self, living: usize) -> bool {
        self.lines > 2 * (living + Flags::KEYWORDS_MAX) as u64 + LINES_MIN
    }

    /// Writes the file anew with nothing but `lines`; a power cut leaves the one or the other.
    pub(crate) fn replace(&mut self, disk: &dyn Disk, folder: &Path, lines: &Lines) -> io::Result<()> {
        replace_small(disk, &folder.join(Self::FILE_NAME), lines.text.as_bytes())?;
        *self = Record { bytes: lines.text.len() as u64, lines: lines.count, is_torn: false };
        Ok(())
    }
}

impl Recorded {
    fn note(&mut self, line: &str) -> Option<()> {
        let (fact, sum) = line.strip_suffix('\n')?.rsplit_once(' ')?;
        if u32::from_str_radix(sum, 16).ok()? != checksum::of(fact.as_bytes()) as u32 {
            return None;
        }
        let mut words = fact.split(' ');
        match (words.next()?, words.next()?, words.next()?) {
            ("name", slot, name) => {
                let slot =
                    slot.parse().ok().filter(|slot| (Flags::LETTERS..Flags::KEYWORDS_MAX).contains(slot))?;
                self.names.push((slot, Keyword::parse(name).ok()?));
            }
            ("uid", uid, word) => {
                self.words.insert(uid.parse().ok()?, u32::from_str_radix(word, 16).ok()?);
            }
            _ => return None,
        }
        Some(())
    }

    /// The highest UID that is told of.
    pub(crate) fn highest_uid(&self) -> u32 {
        self.words.keys().copied().max().unwrap_or(0)
    }
}

impl Lines {
    /// What keywords without letters are called.
    pub(crate) fn name(&mut self, slot: usize, keyword: &Keyword) {
        self.push(format_args!("name {slot} {keyword}"));
    }

    /// Names of all keywords without letters.
    pub(crate) fn names(&mut self, keywords: &Keywords) {
        for (slot, keyword) in keywords.iter().filter(|(slot, _)| *slot >= Flags::LETTERS) {
            self.name(slot, keyword);
        }
    }

    /// Which of them a message has.
    pub(crate) fn message(&mut self, uid: u32, letterless: u32) {
        self.push(format_args!("uid {uid} {letterless:08x}"));
    }

    fn push(&mut self, fact: std::fmt::Arguments<'_>) {
        let start = self.text.len();
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(fact);
        let sum = checksum::of(&self.text.as_bytes()[start..]) as u32;
        let _ = writeln!(self.text, " {sum:08x}");
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::crash::CrashDisk;

    const PATH: &str = "/mailbox-keywords";

    fn lines(build: impl FnOnce(&mut Lines)) -> Lines {
        let mut lines = Lines::default();
        build(&mut lines);
        lines
    }

    fn read(disk: &CrashDisk) -> (Record, Recorded) {
        Record::read(disk, Path::new("/")).unwrap()
    }

    #[test]
    fn the_last_line_about_a_message_counts() {
        let disk = CrashDisk::new();
        let (mut record, _) = read(&disk);
        let far = Keyword::parse("Far").unwrap();
        let first = lines(|lines| {
            lines.name(26, &far);
            lines.message(7, 1);
            lines.message(8, 1 << 31);
        });
        record.append(&disk, Path::new("/"), &first).unwrap();
        record.append(&disk, Path::new("/"), &lines(|lines| lines.message(7, 0))).unwrap();
        let (_, recorded) = read(&disk);
        assert_eq!(recorded.names, [(26, far)]);
        assert_eq!((recorded.words[&7], recorded.words[&8], recorded.highest_uid()), (0, 1 << 31, 8));
        record.replace(&disk, Path::new("/"), &lines(|lines| lines.message(8, 2))).unwrap();
        assert_eq!(read(&disk).1.words, HashMap::from([(8, 2)]));
    }

    #[test]
    fn a_torn_line_costs_itself_alone() {
        let disk = CrashDisk::new();
        let whole = lines(|lines| (1..4).for_each(|uid| lines.message(uid, uid))).text;
        for cut in 0..whole.len() {
            disk.put_file(Path::new(PATH), &whole.as_bytes()[..cut]).unwrap();
            let (mut record, before) = read(&disk);
            record.append(&disk, Path::new("/"), &lines(|lines| lines.message(9, 9))).unwrap();
            let (_, after) = read(&disk);
            // A line that lacked nothing but its end has it now.
            assert!(after.words.len() > before.words.len(), "cut at {cut}");
            assert_eq!(after.words[&9], 9);
            assert!(after.words.iter().all(|(uid, word)| uid == word));
        }
    }

    #[test]
    fn garbage_names_nothing() {
        let disk = CrashDisk::new();
        let mut bytes = lines(|lines| lines.message(1, 1)).text.into_bytes();
        bytes[5] ^= 1;
        bytes.extend_from_slice(b"\0\0\0\xff\nname 3 low 00000000\n\n");
        disk.put_file(Path::new(PATH), &bytes).unwrap();
        let (_, recorded) = read(&disk);
        assert!(recorded.names.is_empty() && recorded.words.is_empty());
        assert_eq!(recorded.damaged_lines, 4);
    }
}
