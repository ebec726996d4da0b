//! Knowledge as octets: all of it for the disk, or one account's to carry elsewhere.
//!
//! ```text
//! magic, version                        8 octets
//! key, messages learnt                  8 + 4
//! number of owners                      4
//! per owner: learner, spam, ham         8 + 4 + 4
//! number of places                      4
//! per place: feature, spam, ham, owner, age   4 + 2 + 2 + 1 + 1
//! checksum of everything before         8
//! ```
//! Numbers are little-endian.

use super::hash::{START, continued, stirred};
use super::knowledge::{Knowledge, Learner, OWNERS_MAX, Owner, Seen};
use super::table::{Counts, Place, Table};

const MAGIC: &[u8; 8] = b"spamlrn1";
const CHECKSUM_BYTES: usize = 8;

impl Knowledge {
    /// As [`Knowledge::encode`] wrote it; `None` for damaged bytes. With less room than it had, what is missed least is left out.
    pub fn decode(bytes: &[u8], bytes_max: usize) -> Option<Knowledge> {
        let (content, sum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_BYTES)?)?;
        if sum != checksum(content) {
            return None;
        }
        let mut reader = Reader(content.strip_prefix(MAGIC)?);
        let (key, messages) = (reader.u64()?, reader.u32()?);
        let owner_count = reader.u32()? as usize;
        if !(1..=OWNERS_MAX).contains(&owner_count) {
            return None;
        }
        let mut owners = Vec::with_capacity(owner_count);
        for _ in 0..owner_count {
            owners.push(Owner {
                learner: Learner(reader.u64()?),
                seen: Seen { spam: reader.u32()?, ham: reader.u32()? },
            });
        }
        if owners[0].learner != Learner::HOUSEHOLD {
            return None;
        }
        let mut table = Table::new(bytes_max, key, messages);
        for _ in 0..reader.u32()? {
            let place = reader.place()?;
            owners.get(usize::from(place.owner))?;
            table.restore(place);
        }
        reader.0.is_empty().then_some(Knowledge { table, owners })
    }

    /// All of it, with a checksum; at most `bytes_max` and a little.
    pub fn encode(&self) -> Vec<u8> {
        self.written(&self.owners, self.table.places())
    }

    /// What one learner knows, to be taken in elsewhere: as if it were a household's.
    pub fn export(&self, learner: Learner) -> Vec<u8> {
        let owner = self.owners.iter().position(|owner| owner.learner == learner);
        let seen = self.seen(learner);
        let places = self.table.places().filter(|place| Some(usize::from(place.owner)) == owner);
        let places = places.map(|place| Place { owner: 0, ..place });
        self.written(&[Owner { learner: Learner::HOUSEHOLD, seen }], places)
    }

    /// Adds what [`Knowledge::export`] wrote to what a learner knows, so that what is imported twice counts twice; changes nothing and says
    /// `false` where the bytes are not whole.
    pub fn import(&mut self, learner: Learner, bytes: &[u8]) -> bool {
        let Some(Knowledge { table, owners }) = Knowledge::decode(bytes, bytes.len() * 2) else {
            return false;
        };
        let ([Owner { seen, .. }], Some(owner)) = (&owners[..], self.owner(learner)) else { return false };
        for Place { feature, counts, .. } in table.places() {
            self.table.change(feature, owner as u8, |known| {
                *known = Counts {
                    spam: known.spam.saturating_add(counts.spam),
                    ham: known.ham.saturating_add(counts.ham),
                };
            });
        }
        let known = &mut self.owners[owner].seen;
        known.spam = known.spam.saturating_add(seen.spam);
        known.ham = known.ham.saturating_add(seen.ham);
        true
    }

    fn written(&self, owners: &[Owner], places: impl Iterator<Item = Place>) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&self.table.key().to_le_bytes());
        out.extend_from_slice(&self.table.messages().to_le_bytes());
        out.extend_from_slice(&(owners.len() as u32).to_le_bytes());
        for owner in owners {
            out.extend_from_slice(&owner.learner.0.to_le_bytes());
            out.extend_from_slice(&owner.seen.spam.to_le_bytes());
            out.extend_from_slice(&owner.seen.ham.to_le_bytes());
        }
        let count_at = out.len();
        out.extend_from_slice(&[0; 4]);
        let mut count = 0u32;
        for place in places {
            count += 1;
            out.extend_from_slice(&place.feature.to_le_bytes());
            out.extend_from_slice(&place.counts.spam.to_le_bytes());
            out.extend_from_slice(&place.counts.ham.to_le_bytes());
            out.extend_from_slice(&[place.owner, place.age]);
        }
        out[count_at..count_at + 4].copy_from_slice(&count.to_le_bytes());
        out.extend_from_slice(&checksum(&out));
        out
    }
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM_BYTES] {
    stirred(continued(START, content)).to_le_bytes()
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn place(&mut self) -> Option<Place> {
        let feature = self.u32()?;
        let counts = Counts { spam: self.u16()?, ham: self.u16()? };
        let [owner, age] = self.take()?;
        Some(Place { feature, owner, age, counts })
    }
}
