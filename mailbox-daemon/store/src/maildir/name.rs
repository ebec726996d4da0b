//! Names of message files.
//!
//! ```text
//! 1763712000.M123456P77Q3.mailbox,S=4523,W=4610,U=1042:2,FS
//! time       unique       host    disk   wire   UID   flags
//! ```

use crate::disk::Disk;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use types::{Flags, SystemFlag, UnixSeconds};

/// Which of a folder's two directories a message lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// `cur`, with flags in the name.
    Cur,
    /// `new`, without.
    New,
}

impl Place {
    /// Where a file found here belongs: Dovecot gives flags to files it leaves in `new`, other programs expect them in `cur`.
    pub(crate) fn home(self, flags: Flags) -> Place {
        if flags.is_empty() { self } else { Place::Cur }
    }

    pub(crate) fn directory(self) -> &'static str {
        match self {
            Place::Cur => "cur",
            Place::New => "new",
        }
    }
}

/// A message file's name, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileName<'a> {
    /// Everything before the flags.
    pub(crate) base: &'a str,
    /// `S=`.
    pub(crate) disk_bytes: Option<u64>,
    /// `W=`.
    pub(crate) wire_bytes: Option<u64>,
    /// `U=`, not zero.
    pub(crate) uid: Option<u32>,
    /// The letters we know after `:2,`.
    pub(crate) flags: Flags,
}

impl<'a> FileName<'a> {
    /// Takes any name apart; every name is one, though it may tell nothing.
    pub(crate) fn parse(name: &'a str) -> FileName<'a> {
        let (base, flags) = match name.split_once(':') {
            Some((base, info)) => (base, info.strip_prefix("2,").map_or(Flags::NONE, parse_letters)),
            None => (name, Flags::NONE),
        };
        let mut parsed = FileName { base, disk_bytes: None, wire_bytes: None, uid: None, flags };
        for field in base.split(',').skip(1) {
            match field.split_once('=') {
                Some(("S", value)) => parsed.disk_bytes = value.parse().ok(),
                Some(("W", value)) => parsed.wire_bytes = value.parse().ok(),
                Some(("U", value)) => parsed.uid = value.parse().ok().filter(|uid| *uid > 0),
                _ => {}
            }
        }
        parsed
    }

    /// The base without the fields we write ourselves.
    pub(crate) fn unique(&self) -> String {
        let mut fields = self.base.split(',');
        let mut unique = fields.next().unwrap_or_default().to_owned();
        for field in fields.filter(|field| !matches!(field.as_bytes(), [b'S' | b'W' | b'U', b'=', ..])) {
            unique.push(',');
            unique.push_str(field);
        }
        unique
    }
}

/// The base of a message's name from its unique part and what we know of it.
pub(crate) fn base_name(unique: &str, disk_bytes: u64, wire_bytes: u64, uid: u32) -> String {
    let mut base = String::with_capacity(unique.len() + 40);
    base.push_str(unique);
    // Writing to a String cannot fail.
    let _ = write!(base, ",S={disk_bytes},W={wire_bytes},U={uid}");
    base
}

/// The whole name in its directory.
pub(crate) fn full_name(base: &str, place: Place, flags: Flags) -> String {
    let mut name = String::with_capacity(base.len() + 16);
    name.push_str(base);
    if place == Place::Cur {
        name.push_str(":2,");
        push_letters(&mut name, flags);
    }
    name
}

/// Whether what follows the base of a name is what [`full_name`] would write.
pub(crate) fn is_canonical(suffix: &str, place: Place, flags: Flags) -> bool {
    match (place, suffix.strip_prefix(":2,")) {
        (Place::New, _) => suffix.is_empty(),
        (Place::Cur, None) => false,
        (Place::Cur, Some(letters)) => {
            let letters = letters.as_bytes();
            letters.is_sorted_by(|a, b| a < b)
                && letters.len() == flags.lettered().bits().count_ones() as usize
        }
    }
}

fn push_letters(name: &mut String, flags: Flags) {
    name.extend(SystemFlag::ALL.iter().filter(|flag| flags.has(**flag)).map(|flag| flag.maildir_letter()));
    name.extend(flags.lettered().keyword_slots().map(|slot| char::from(b'a' + slot as u8)));
}

fn parse_letters(letters: &str) -> Flags {
    letters.bytes().fold(Flags::NONE, |flags, letter| {
        let flag = match letter {
            b'a'..=b'z' => Flags::keyword(usize::from(letter - b'a')),
            _ => SystemFlag::ALL
                .iter()
                .find(|flag| flag.maildir_letter() == char::from(letter))
                .map(|flag| Flags::system(*flag)),
        };
        flags.with(flag.unwrap_or(Flags::NONE))
    })
}

/// Makes the unique parts of names.
pub(crate) struct Namer {
    /// What makes names of this run unlike those of another with the same process number.
    started_micros: u32,
    process: u32,
    counter: AtomicU64,
    host: String,
}

impl Namer {
    /// A namer for one run of the daemon.
    pub(crate) fn new(disk: &dyn Disk, host: &str) -> Namer {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let host: String = host.chars().filter(|c| allowed(*c)).take(64).collect();
        Namer {
            started_micros: (disk.now_ns() / 1000).rem_euclid(1_000_000) as u32,
            process: std::process::id(),
            counter: AtomicU64::new(0),
            host: if host.is_empty() { "localhost".to_owned() } else { host },
        }
    }

    /// A unique part no other message of the account has.
    pub(crate) fn unique(&self, internal_date: UnixSeconds) -> String {
        let count = self.counter.fetch_add(1, Ordering::Relaxed);
        let Namer { started_micros, process, host, .. } = self;
        format!("{}.M{started_micros:06}P{process}Q{count}.{host}", internal_date.max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_name_tells_everything() {
        let name = FileName::parse("1763712000.M123456P77Q3.mailbox,S=4523,W=4610,U=1042:2,FSac");
        assert_eq!((name.disk_bytes, name.wire_bytes, name.uid), (Some(4523), Some(4610), Some(1042)));
        assert!(name.flags.has(SystemFlag::Flagged) && name.flags.has(SystemFlag::Seen));
        assert_eq!(name.flags.keyword_slots().collect::<Vec<_>>(), [0, 2]);
        assert_eq!(name.unique(), "1763712000.M123456P77Q3.mailbox");
    }

    #[test]
    fn foreign_names_tell_what_they_can() {
        let name = FileName::parse("1000.abc.host,X=1,S=nonsense,U=0:1,S");
        assert_eq!((name.disk_bytes, name.wire_bytes, name.uid, name.flags), (None, None, None, Flags::NONE));
        assert_eq!(name.unique(), "1000.abc.host,X=1");
        assert_eq!(FileName::parse("").base, "");
    }

    #[test]
    fn one_spelling_is_canonical() {
        let seen = Flags::system(SystemFlag::Seen);
        for (suffix, place, flags, expected) in [
            (":2,", Place::Cur, Flags::NONE, true),
            (":2,S", Place::Cur, seen, true),
            (":2,SS", Place::Cur, seen, false),
            (":2,SX", Place::Cur, seen, false),
            ("", Place::Cur, Flags::NONE, false),
            ("", Place::New, Flags::NONE, true),
            (":2,", Place::New, Flags::NONE, false),
        ] {
            assert_eq!(is_canonical(suffix, place, flags), expected, "{suffix} {place:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_parses_to_the_same(bits: u64, disk: u64, wire: u64, uid in 1u32..) {
            let flags = Flags::from_bits(bits).lettered();
            let base = base_name("1.M2P3Q4.host", disk, wire, uid);
            let name = full_name(&base, Place::Cur, flags);
            let parsed = FileName::parse(&name);
            prop_assert_eq!(parsed.base, &base);
            prop_assert_eq!((parsed.disk_bytes, parsed.wire_bytes, parsed.uid), (Some(disk), Some(wire), Some(uid)));
            prop_assert_eq!(parsed.flags, flags);
            prop_assert!(is_canonical(&name[base.len()..], Place::Cur, flags));
            prop_assert_eq!(FileName::parse(&full_name(&base, Place::New, flags)).flags, Flags::NONE);
        }

        #[test]
        fn no_name_breaks_the_parser(name in "\\PC{0,60}") {
            let parsed = FileName::parse(&name);
            prop_assert!(parsed.unique().len() <= name.len());
        }
    }
}
