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
    entries: Vec<Entry>,
    keys: Vec<u8>,
    scratch: [Vec<u8>; 2],
}

struct Entry {
    /// The first bytes of the key: most comparisons look no further.
    prefix: u64,
    key_start: u32,
    key_end: u32,
    uid: u32,
}

impl SortTable {
    pub(super) fn new(criteria: &[SortCriterion]) -> SortTable {
        let mut first: Vec<SortCriterion> = Vec::with_capacity(criteria.len());
        for criterion in criteria {
            // What was equal the first time is equal the second time.
            if !first.iter().any(|known| known.key == criterion.key) {
                first.push(*criterion);
            }
        }
        SortTable { criteria: first, entries: Vec::new(), keys: Vec::new(), scratch: Default::default() }
    }

    /// Takes a message in with what the criteria need: the front of its digest, its ENVELOPE.
    pub(super) fn add(&mut self, row: &Row, front: Option<&DigestFront<'_>>, envelope: &[u8]) {
        let key_start = self.keys.len();
        for at in 0..self.criteria.len() {
            let SortCriterion { key, reverse } = self.criteria[at];
            let start = self.keys.len();
            self.put(key, row, front, envelope);
            if reverse {
                self.keys[start..].iter_mut().for_each(|byte| *byte = !*byte);
            }
        }
        let key = &self.keys[key_start..];
        let mut prefix = [0; 8];
        let prefix_bytes = key.len().min(8);
        prefix[..prefix_bytes].copy_from_slice(&key[..prefix_bytes]);
        self.entries.push(Entry {
            prefix: u64::from_be_bytes(prefix),
            key_start: key_start as u32,
            key_end: self.keys.len() as u32,
            uid: row.uid.get(),
        });
    }

    /// The UIDs in order; where nothing else decides, the order in the mailbox does.
    pub(super) fn into_sorted(mut self) -> Vec<u32> {
        let key = |entry: &Entry| &self.keys[entry.key_start as usize..entry.key_end as usize];
        self.entries.sort_unstable_by(|a, b| {
            a.prefix.cmp(&b.prefix).then_with(|| key(a).cmp(key(b))).then(a.uid.cmp(&b.uid))
        });
        self.entries.iter().map(|entry| entry.uid).collect()
    }

    fn put(&mut self, key: SortKey, row: &Row, front: Option<&DigestFront<'_>>, envelope: &[u8]) {
        match key {
            SortKey::Arrival => self.put_number(row.internal_date),
            SortKey::Cc => self.put_mailbox(envelope, EnvelopeField::Cc),
            SortKey::Date => self.put_number(front.map_or(row.internal_date, |front| sent(row, front))),
            SortKey::DisplayFrom => self.put_display(envelope, EnvelopeField::From),
            SortKey::DisplayTo => self.put_display(envelope, EnvelopeField::To),
            SortKey::From => self.put_mailbox(envelope, EnvelopeField::From),
            SortKey::Relevancy => {}
            SortKey::Size => self.put_number(row.wire_bytes as i64),
            SortKey::Subject => self.put_subject(front.and_then(DigestFront::subject).unwrap_or_default()),
            SortKey::To => self.put_mailbox(envelope, EnvelopeField::To),
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
    fn put_mailbox(&mut self, envelope: &[u8], field: EnvelopeField) {
        let [folded, _] = &mut self.scratch;
        folded.clear();
        if let Some(address) = first_address(envelope, field) {
            fold::fold(&address.mailbox, folded);
        }
        put_text(&mut self.keys, folded);
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
