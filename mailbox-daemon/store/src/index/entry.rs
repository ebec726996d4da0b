use crate::maildir::Place;
use types::{Flags, ModSeq, Uid};

/// What is kept in memory of one message: 40 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Flags, and [`IN_NEW`].
    bits: u64,
    /// Its UID, never zero.
    pub(crate) uid: u32,
    /// Size of the file.
    pub(crate) disk_bytes: u32,
    /// Size with CRLF.
    pub(crate) wire_bytes: u32,
    /// Where its name and the back of its digest are, in units of 8 bytes; 0 for nowhere.
    pub(crate) words: u32,
    /// Where the front of its digest is, in units of 8 bytes, 0 for nowhere, and [`GOING`].
    front: u32,
    /// When it last changed.
    modseq: Six,
    /// INTERNALDATE, seconds since 1970.
    internal_date: Six,
}

/// The message lies in `new`. No flag has this bit.
const IN_NEW: u64 = 1 << 63;
/// Its file is gone, which is not yet durable.
const GOING: u32 = 1 << 31;

const _: () = assert!(size_of::<Entry>() == 40);

/// A number of 48 bits: a modification sequence never comes that far, and a date only after millions of years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Six([u16; 3]);

impl Six {
    const MAX: u64 = (1 << 48) - 1;

    fn of(value: u64) -> Six {
        Six([value as u16, (value >> 16) as u16, (value >> 32) as u16])
    }

    fn unsigned(self) -> u64 {
        let [low, middle, high] = self.0.map(u64::from);
        low | middle << 16 | high << 32
    }

    fn signed(self) -> i64 {
        (self.unsigned() << 16) as i64 >> 16
    }
}

impl Entry {
    /// Bytes of an entry in the file of rows.
    pub(crate) const BYTES: usize = 40;

    pub(crate) fn new(uid: u32, place: Place, flags: Flags, internal_date: i64, sizes: (u32, u32)) -> Entry {
        let (disk_bytes, wire_bytes) = sizes;
        let bound = (Six::MAX / 2) as i64;
        let internal_date = Six::of(internal_date.clamp(-bound, bound) as u64);
        let modseq = Six::default();
        let mut entry =
            Entry { bits: 0, uid, disk_bytes, wire_bytes, words: 0, front: 0, modseq, internal_date };
        entry.set(place, flags);
        entry
    }

    /// When it last changed.
    pub(crate) fn modseq(&self) -> u64 {
        self.modseq.unsigned()
    }

    pub(crate) fn set_modseq(&mut self, modseq: u64) {
        self.modseq = Six::of(modseq.min(Six::MAX));
    }

    /// INTERNALDATE, seconds since 1970.
    pub(crate) fn internal_date(&self) -> i64 {
        self.internal_date.signed()
    }

    pub(crate) fn flags(&self) -> Flags {
        Flags::from_bits(self.bits)
    }

    pub(crate) fn place(&self) -> Place {
        Entry::place_in(self.bits)
    }

    /// Place and flags in one word, for comparing.
    pub(crate) fn bits(&self) -> u64 {
        self.bits
    }

    /// The word a message in `place` with `flags` has.
    pub(crate) fn bits_of(place: Place, flags: Flags) -> u64 {
        match place {
            Place::Cur => flags.bits(),
            Place::New => flags.bits() | IN_NEW,
        }
    }

    /// The place such a word tells of.
    pub(crate) fn place_in(bits: u64) -> Place {
        match bits & IN_NEW {
            0 => Place::Cur,
            _ => Place::New,
        }
    }

    /// Such a word with other keywords that have no letters.
    pub(crate) fn with_letterless(bits: u64, letterless: u32) -> u64 {
        let flags = Flags::from_bits(bits).lettered().with(Flags::from_letterless(letterless));
        Entry::bits_of(Entry::place_in(bits), flags)
    }

    pub(crate) fn set(&mut self, place: Place, flags: Flags) {
        self.bits = Entry::bits_of(place, flags);
    }

    pub(crate) fn set_bits(&mut self, bits: u64) {
        self.bits = bits;
    }

    /// Where the front of its digest is, in units of 8 bytes; 0 without a digest.
    pub(crate) fn front(&self) -> u32 {
        self.front & !GOING
    }

    pub(crate) fn set_words(&mut self, words: u32, front: u32) {
        self.words = words;
        self.front = (self.front & GOING) | (front & !GOING);
    }

    pub(crate) fn is_going(&self) -> bool {
        self.front & GOING != 0
    }

    pub(crate) fn set_going(&mut self, is_going: bool) {
        self.front = self.front() | if is_going { GOING } else { 0 };
    }

    pub(crate) fn row(&self) -> crate::Row {
        crate::Row {
            uid: Uid::new(self.uid).unwrap_or(Uid::FIRST),
            flags: self.flags(),
            modseq: ModSeq(self.modseq()),
            internal_date: self.internal_date(),
            disk_bytes: u64::from(self.disk_bytes),
            wire_bytes: u64::from(self.wire_bytes),
        }
    }

    pub(crate) fn encode(&self, out: &mut [u8; Entry::BYTES]) {
        out[0..4].copy_from_slice(&self.uid.to_le_bytes());
        out[4..12].copy_from_slice(&self.bits.to_le_bytes());
        out[12..18].copy_from_slice(&self.modseq.unsigned().to_le_bytes()[..6]);
        out[18..24].copy_from_slice(&self.internal_date.unsigned().to_le_bytes()[..6]);
        out[24..28].copy_from_slice(&self.disk_bytes.to_le_bytes());
        out[28..32].copy_from_slice(&self.wire_bytes.to_le_bytes());
        out[32..36].copy_from_slice(&self.words.to_le_bytes());
        out[36..40].copy_from_slice(&self.front().to_le_bytes());
    }

    pub(crate) fn decode(bytes: &[u8; Entry::BYTES]) -> Entry {
        Entry {
            uid: u32_at(bytes, 0),
            bits: u64_at(bytes, 4),
            modseq: Six::of(u64_at(bytes, 12)),
            internal_date: Six::of(u64_at(bytes, 18)),
            disk_bytes: u32_at(bytes, 24),
            wire_bytes: u32_at(bytes, 28),
            words: u32_at(bytes, 32),
            front: u32_at(bytes, 36) & !GOING,
        }
    }
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
