use super::known::sent;
use proto::imap::sort::{SortCriterion, SortKey};
use proto::mime::base_subject::base_subject;
use proto::mime::collation::collation_form;
use proto::mime::envelope_view::{EnvelopeField, first_address};
use proto::mime::{DigestFront, encoded_word, fold};
use store::Row;

/// Bytes of keys kept whole; beyond, texts are cut to [`CUT_BYTES`], and beyond [`KEYS_BYTES_MAX`] they do not count any more.
const WHOLE_BYTES_MAX: usize = 16 << 20;
const CUT_BYTES: usize = 64;
const KEYS_BYTES_MAX: usize = 1 << 30;

/// Messages and their keys. A key is all criteria of a message one behind the other, as bytes that sort as the message should:
/// numbers with the most significant byte first, texts in the form of the collation with NUL at the end, both with all bits
/// turned round where the order is reversed.
pub(super) struct SortTable {
    criteria: Vec<SortCriterion>,
    /// Ascending.
    uids: Vec<u32>,
    /// Where the key of each message ends; the next one begins there.
    key_ends: Vec<u32>,
    keys: Vec<u8>,
    scratch: [Vec<u8>; 2],
}

/// Messages in order.
pub(super) struct Sorted {
    /// Their UIDs, ascending.
    pub(super) uids: Vec<u32>,
    /// Their places in `uids`, in the order asked for.
    pub(super) places: Vec<u32>,
}

impl Sorted {
    /// The numbers, given in the order of the mailbox, in the order asked for.
    pub(super) fn arrange(&self, numbers: &[u32]) -> Vec<u32> {
        self.places.iter().filter_map(|place| numbers.get(*place as usize)).copied().collect()
    }
}

/// A message while it is sorted.
struct Entry {
    /// The bytes of the key that are being compared.
    bytes: u64,
    place: u32,
}

/// Bytes of keys compared at a time.
const STEP_BYTES: usize = 8;

impl SortTable {
    pub(super) fn new(criteria: &[SortCriterion]) -> SortTable {
        let mut first: Vec<SortCriterion> = Vec::with_capacity(criteria.len());
        for criterion in criteria {
            // What was equal the first time is equal the second time.
            if !first.iter().any(|known| known.key == criterion.key) {
                first.push(*criterion);
            }
        }
        SortTable {
            criteria: first,
            uids: Vec::new(),
            key_ends: Vec::new(),
            keys: Vec::new(),
            scratch: Default::default(),
        }
    }

    /// Takes a message in with what the criteria need: the front of its digest, its ENVELOPE.
    pub(super) fn add(&mut self, row: &Row, front: Option<&DigestFront<'_>>, envelope: &[u8]) {
        for at in 0..self.criteria.len() {
            let SortCriterion { key, reverse } = self.criteria[at];
            let start = self.keys.len();
            self.put(key, row, front, envelope);
            if reverse {
                self.keys[start..].iter_mut().for_each(|byte| *byte = !*byte);
            }
        }
        self.key_ends.push(self.keys.len() as u32);
        self.uids.push(row.uid.get());
    }

    /// The order; where nothing else decides, that in the mailbox does. What is equal so far is sorted again by the bytes that
    /// follow, so that all comparisons are of numbers and each byte is looked at once.
    pub(super) fn into_sorted(self) -> Sorted {
        let mut entries: Vec<Entry> = (0..self.uids.len() as u32)
            .map(|place| Entry { bytes: self.key_bytes(place, 0), place })
            .collect();
        let mut unsorted = vec![(0..entries.len(), 0)];
        while let Some((range, key_offset)) = unsorted.pop() {
            let entries = &mut entries[range.clone()];
            entries.sort_unstable_by_key(|entry| (entry.bytes, entry.place));
            let next_offset = key_offset + STEP_BYTES;
            let mut start = range.start;
            for equal in entries.chunk_by_mut(|a, b| a.bytes == b.bytes) {
                let end = start + equal.len();
                // No key is the beginning of another one, so equal ones end together.
                if equal.len() > 1 && self.key(equal[0].place).len() > next_offset {
                    for entry in equal {
                        entry.bytes = self.key_bytes(entry.place, next_offset);
                    }
                    unsorted.push((start..end, next_offset));
                }
                start = end;
            }
        }
        Sorted { places: entries.iter().map(|entry| entry.place).collect(), uids: self.uids }
    }

    fn key(&self, place: u32) -> &[u8] {
        let start = (place as usize).checked_sub(1).map_or(0, |before| self.key_ends[before]);
        &self.keys[start as usize..self.key_ends[place as usize] as usize]
    }

    /// Bytes of a key as a number that sorts as they do.
    fn key_bytes(&self, place: u32, offset: usize) -> u64 {
        let rest = self.key(place).get(offset..).unwrap_or_default();
        let mut bytes = [0; STEP_BYTES];
        match rest.first_chunk() {
            Some(whole) => bytes = *whole,
            None => bytes[..rest.len()].copy_from_slice(rest),
        }
        u64::from_be_bytes(bytes)
    }

    fn put(&mut self, key: SortKey, row: &Row, front: Option<&DigestFront<'_>>, envelope: &[u8]) {
        match key {
            SortKey::Arrival => self.put_number(row.internal_date),
            SortKey::Cc => self.put_mailbox(front, EnvelopeField::Cc),
            SortKey::Date => self.put_number(front.map_or(row.internal_date, |front| sent(row, front))),
            SortKey::DisplayFrom => self.put_display(envelope, EnvelopeField::From),
            SortKey::DisplayTo => self.put_display(envelope, EnvelopeField::To),
            SortKey::From => self.put_mailbox(front, EnvelopeField::From),
            SortKey::Relevancy => {}
            SortKey::Size => self.put_number(row.wire_bytes as i64),
            SortKey::Subject => self.put_subject(front.and_then(DigestFront::subject).unwrap_or_default()),
            SortKey::To => self.put_mailbox(front, EnvelopeField::To),
        }
    }

    fn put_number(&mut self, number: i64) {
        // With the sign turned round negative numbers come first.
        self.keys.extend_from_slice(&(number ^ i64::MIN).to_be_bytes());
    }

    fn put_subject(&mut self, subject: &[u8]) {
        let [base, _] = &mut self.scratch;
        base.clear();
        // Of several fields, which no message should have, the first counts.
        base_subject(subject.split(|byte| *byte == b'\n').next().unwrap_or_default(), base);
        put_text(&mut self.keys, base);
    }

    /// `addr-mailbox` of the first address (RFC 5256 section 3).
    fn put_mailbox(&mut self, front: Option<&DigestFront<'_>>, field: EnvelopeField) {
        put_text(&mut self.keys, front.map(|front| front.first_mailbox(field)).unwrap_or_default());
    }

    /// The display name of the first address, or else the address itself (RFC 5957 section 3).
    fn put_display(&mut self, envelope: &[u8], field: EnvelopeField) {
        let [folded, shown] = &mut self.scratch;
        folded.clear();
        shown.clear();
        if let Some(address) = first_address(envelope, field) {
            encoded_word::decode(&address.name, shown);
            if shown.is_empty() {
                shown.extend_from_slice(&address.mailbox);
                if !address.host.is_empty() {
                    shown.push(b'@');
                    shown.extend_from_slice(&address.host);
                }
            }
            fold::fold(shown, folded);
        }
        put_text(&mut self.keys, folded);
    }
}

fn put_text(keys: &mut Vec<u8>, folded: &[u8]) {
    let start = keys.len();
    let bytes_max = match start {
        0..WHOLE_BYTES_MAX => usize::MAX,
        WHOLE_BYTES_MAX..KEYS_BYTES_MAX => CUT_BYTES,
        _ => 0,
    };
    collation_form(folded, keys);
    keys.truncate(start.saturating_add(bytes_max));
    keys.push(0);
}
