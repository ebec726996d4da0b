//! Names of message files.
//!
//! ```text
//! 1763712000.M123456P77Q3.mailbox,I=5b1fd0a29a8b7c6d,S=4523,W=4610,U=1042:2,FS
//! saved      unique       host    content            disk   wire   UID   flags
//! ```
//!
//! The first number is when the message came into its mailbox. `I=` stands only in the names of copies and of what was moved: it
//! is the content number their original had.

use crate::checksum;
use crate::disk::Disk;
use std::fmt::Write;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use types::{Flags, SystemFlag, UnixSeconds};

/// What a number at the beginning of a foreign name must be to pass for a time: between 1973 and 2106.
const TIMES: RangeInclusive<UnixSeconds> = 100_000_000..=u32::MAX as UnixSeconds;

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
    /// `I=`.
    pub(crate) original: Option<u64>,
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
        let mut parsed =
            FileName { base, disk_bytes: None, wire_bytes: None, uid: None, original: None, flags };
        for field in base.split(',').skip(1) {
            match field.split_once('=') {
                Some(("S", value)) => parsed.disk_bytes = value.parse().ok(),
                Some(("W", value)) => parsed.wire_bytes = value.parse().ok(),
                Some(("U", value)) => parsed.uid = value.parse().ok().filter(|uid| *uid > 0),
                _ => parsed.original = parsed.original.or(original(field)),
            }
        }
        parsed
    }

    /// When the message came into its mailbox, as far as the name tells.
    pub(crate) fn saved(&self) -> Option<UnixSeconds> {
        let (seconds, _) = self.base.split_once('.')?;
        seconds.parse().ok().filter(|seconds| TIMES.contains(seconds))
    }

    /// A number all copies of a message share and nothing else has.
    pub(crate) fn content(&self) -> u64 {
        self.original.unwrap_or_else(|| checksum::of(self.unique().as_bytes()))
    }

    /// The base without the fields we write ourselves.
    pub(crate) fn unique(&self) -> String {
        let mut fields = self.base.split(',');
        let mut unique = fields.next().unwrap_or_default().to_owned();
        let is_ours = |field: &str| {
            matches!(field.as_bytes(), [b'S' | b'W' | b'U', b'=', ..]) || original(field).is_some()
        };
        for field in fields.filter(|field| !is_ours(field)) {
            unique.push(',');
            unique.push_str(field);
        }
        unique
    }
}

/// `I=` and its number, exactly as we write it: others may mean something else by the letter.
fn original(field: &str) -> Option<u64> {
    let digits = field.strip_prefix("I=")?;
    let is_ours = digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    u64::from_str_radix(digits, 16).ok().filter(|_| is_ours)
}

/// The base of a message's name from its unique part, the content number of the message it is a copy of, and what we know of it.
pub(crate) fn base_name(unique: &str, original: Option<u64>, sizes: (u32, u32), uid: u32) -> String {
    let mut base = String::with_capacity(unique.len() + 60);
    base.push_str(unique);
    let (disk_bytes, wire_bytes) = sizes;
    // Writing to a String cannot fail.
    if let Some(original) = original {
        let _ = write!(base, ",I={original:016x}");
    }
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

    /// A unique part no other message of the account has, for one that comes into its mailbox now.
    pub(crate) fn unique(&self, disk: &dyn Disk) -> String {
        let saved = disk.now_ns().max(0) / 1_000_000_000;
        let count = self.counter.fetch_add(1, Ordering::Relaxed);
        let Namer { started_micros, process, host, .. } = self;
        format!("{saved}.M{started_micros:06}P{process}Q{count}.{host}")
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
    fn copies_have_the_content_of_their_original() {
        let original = FileName::parse("1763712000.M1P2Q3.host,S=1,W=1,U=1:2,S");
        let base = base_name("1763712001.M1P2Q4.host", Some(original.content()), (1, 1), 9);
        assert_eq!(FileName::parse(&base).content(), original.content());
        assert_ne!(FileName::parse("1763712001.M1P2Q4.host").content(), original.content());
        assert_eq!(
            (original.saved(), FileName::parse(&base).saved()),
            (Some(1_763_712_000), Some(1_763_712_001))
        );
        for foreign in ["1.a,I=5", "msg.1,I=5B1FD0A29A8B7C6D", "99999999999.x", "1763712000"] {
            let name = FileName::parse(foreign);
            assert_eq!((name.original, name.saved(), name.unique()), (None, None, foreign.to_owned()));
        }
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
        fn what_is_written_parses_to_the_same(bits: u64, sizes: (u32, u32), original: Option<u64>, uid in 1u32..) {
            let flags = Flags::from_bits(bits).lettered();
            let base = base_name("1.M2P3Q4.host", original, sizes, uid);
            let name = full_name(&base, Place::Cur, flags);
            let parsed = FileName::parse(&name);
            prop_assert_eq!(parsed.base, &base);
            prop_assert_eq!(parsed.disk_bytes.zip(parsed.wire_bytes), Some((sizes.0.into(), sizes.1.into())));
            prop_assert_eq!((parsed.uid, parsed.original), (Some(uid), original));
            prop_assert_eq!(parsed.unique(), "1.M2P3Q4.host");
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
