use super::FieldAddress;
use proto::mime::{encoded_word, header};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::cmp::Ordering;
use std::ops::Range;

/// The fields of a header, found by name without looking at all of them.
#[derive(Clone, Debug, Default)]
pub struct Header<'a> {
    pub(super) fields: Vec<Field<'a>>,
    /// Places of the fields that have a name, by that name in lower case and then in their order.
    by_name: Vec<u32>,
}

/// One field; what it says is decoded when somebody asks.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    /// All of it with its line breaks.
    pub(super) raw: Cow<'a, [u8]>,
    name_bytes: u32,
    /// Where the value begins; `None` in a line that is no field.
    value_start: Option<u32>,
    decoded: OnceCell<Box<[u8]>>,
    /// The addresses in it, once somebody asked.
    pub(super) addresses: OnceCell<Box<[FieldAddress]>>,
}

/// Which of several fields counts (RFC 5260 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    /// From 1.
    pub number: u64,
    /// Counted from the end.
    pub from_end: bool,
}

impl Index {
    /// Its place among so many, from 0; none if there are fewer.
    pub fn place_among(self, count: usize) -> Range<usize> {
        let before = self.number.checked_sub(1).and_then(|before| usize::try_from(before).ok());
        match before.filter(|before| *before < count) {
            Some(before) if self.from_end => count - 1 - before..count - before,
            Some(before) => before..before + 1,
            None => 0..0,
        }
    }
}

impl<'a> Header<'a> {
    /// Reads a header without its empty line.
    pub fn new(header: &'a [u8]) -> Header<'a> {
        let fields = header::fields(header);
        Header::of(fields.map(|field| Field::new(Cow::Borrowed(field.raw), field.name.len())).collect())
    }

    pub(super) fn of(fields: Vec<Field<'a>>) -> Header<'a> {
        let mut header = Header { fields, by_name: Vec::new() };
        header.sort();
        header
    }

    /// The fields called `name`, in their order; none for what cannot be a name (RFC 5228 section 2.4.2.2).
    pub fn named(&self, name: &str) -> impl DoubleEndedIterator<Item = &Field<'a>> + ExactSizeIterator {
        self.places(name).iter().map(|place| &self.fields[*place as usize])
    }

    /// The fields of several names, name by name; with an index one of them at most (RFC 5260 section 6).
    pub fn select<N: AsRef<str>>(&self, names: &[N], index: Option<Index>) -> Vec<&Field<'a>> {
        let fields: Vec<_> = names.iter().flat_map(|name| self.named(name.as_ref())).collect();
        match index {
            Some(index) => fields[index.place_among(fields.len())].to_vec(),
            None => fields,
        }
    }

    /// Whether a field is called `name`.
    pub fn has(&self, name: &str) -> bool {
        !self.places(name).is_empty()
    }

    /// Octets of the whole header, its empty line left out.
    pub fn bytes(&self) -> usize {
        self.fields.iter().map(|field| field.raw.len()).sum()
    }

    /// The whole header, its empty line left out.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes());
        self.fields.iter().for_each(|field| bytes.extend_from_slice(&field.raw));
        bytes
    }

    pub(super) fn places(&self, name: &str) -> &[u32] {
        let compared = |place: &u32| compare_names(self.fields[*place as usize].name(), name.as_bytes());
        let start = self.by_name.partition_point(|place| compared(place).is_lt());
        let count = self.by_name[start..].partition_point(|place| compared(place).is_eq());
        &self.by_name[start..start + count]
    }

    pub(super) fn sort(&mut self) {
        let named = (0..self.fields.len()).filter(|place| self.fields[*place].value_start.is_some());
        let mut by_name: Vec<u32> = named.map(|place| place as u32).collect();
        by_name
            .sort_by(|a, b| compare_names(self.fields[*a as usize].name(), self.fields[*b as usize].name()));
        self.by_name = by_name;
    }
}

impl<'a> Field<'a> {
    /// `raw` is what [`header::fields`] takes for one field, whose name has `name_bytes`.
    pub(super) fn new(raw: Cow<'a, [u8]>, name_bytes: usize) -> Field<'a> {
        let behind = &raw[name_bytes..];
        let colon = behind.iter().position(|byte| !byte.is_ascii_whitespace());
        let colon = colon.filter(|colon| behind[*colon] == b':' && is_name(&raw[..name_bytes]));
        let value_start = colon.map(|colon| (name_bytes + colon + 1) as u32);
        let name_bytes = name_bytes as u32;
        Field { raw, name_bytes, value_start, decoded: OnceCell::new(), addresses: OnceCell::new() }
    }

    /// The name as it is spelled.
    pub fn name(&self) -> &[u8] {
        &self.raw[..self.name_bytes as usize]
    }

    /// What stands behind the colon, still folded and encoded, without the last line break.
    pub fn value(&self) -> &[u8] {
        let value = &self.raw[self.value_start.map_or(self.raw.len(), |start| start as usize)..];
        let value = value.strip_suffix(b"\n").unwrap_or(value);
        value.strip_suffix(b"\r").unwrap_or(value)
    }

    /// The value as tests see it: unfolded, encoded words decoded to UTF-8, without blanks around it (RFC 5228 sections 2.4.2.2 and 5.7).
    pub fn text(&self) -> &[u8] {
        let value = self.value().trim_ascii();
        let is_foreign = |byte: &u8| !byte.is_ascii() || matches!(byte, b'\r' | b'\n');
        if !value.iter().any(is_foreign) && !value.windows(2).any(|pair| pair == b"=?") {
            return value;
        }
        self.decoded.get_or_init(|| {
            let mut text = Vec::with_capacity(value.len());
            encoded_word::decode(value, &mut text);
            text.trim_ascii().into()
        })
    }
}

/// Whether a field can be called so (RFC 5322 section 3.6.8).
pub fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic() && *byte != b':')
}

fn compare_names(a: &[u8], b: &[u8]) -> Ordering {
    a.iter().map(u8::to_ascii_lowercase).cmp(b.iter().map(u8::to_ascii_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADER: &[u8] = b"Received: a\r\nSubject : =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\t an alle \r\nreceived:\r\n b\r\nnonsense\r\n\
        From ana Mon 12:34\r\nX-Empty:\r\nX-Latin: \xfcber\r\nRECEIVED: c\r\nX-Blank: =?utf-8?q?_a_?=\r\nX-Torn: end";

    fn texts(header: &Header<'_>, names: &[&str], index: Option<Index>) -> Vec<String> {
        let text = |field: &Field<'_>| String::from_utf8(field.text().to_vec()).unwrap();
        header.select(names, index).into_iter().map(text).collect()
    }

    #[test]
    fn fields_are_found_by_name() {
        let header = Header::new(HEADER);
        for (names, expected) in [
            (&["received"][..], &["a", "b", "c"][..]),
            (&["SUBJECT"], &["Grüße\t an alle"]),
            (&["x-empty", "received"], &["", "a", "b", "c"]),
            (&["nonsense", "From ana Mon 12", "From:", ":", "", "Body"], &[]),
            (&["x-latin", "x-blank", "x-torn"], &["über", "a", "end"]),
        ] {
            assert_eq!(texts(&header, names, None), expected, "{names:?}");
        }
        assert!(header.has("X-EMPTY") && !header.has("x-none"));
        assert_eq!(header.to_bytes(), HEADER);
    }

    #[test]
    fn an_index_counts_fields_of_all_names_together() {
        let header = Header::new(HEADER);
        for (number, from_end, expected) in [
            (0, false, &[][..]),
            (1, false, &[""][..]),
            (2, false, &["a"]),
            (4, false, &["c"]),
            (5, false, &[]),
            (1, true, &["c"]),
            (4, true, &[""]),
            (u64::MAX, true, &[]),
        ] {
            let index = Some(Index { number, from_end });
            assert_eq!(texts(&header, &["x-empty", "received"], index), expected, "{index:?}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_a_header(octets in proptest::collection::vec(prop_oneof![any::<u8>(), proptest::sample::select(b"aA: \t\r\n=?".to_vec())], 0..200)) {
            let indexed = Header::new(&octets);
            for field in header::fields(&octets).filter(|field| is_name(field.name)) {
                let name = str::from_utf8(field.name).unwrap();
                let expected: Vec<&[u8]> =
                    header::fields(&octets).filter(|other| other.is(name) && other.raw.contains(&b':')).map(|other| other.value).collect();
                let found: Vec<&[u8]> = indexed.named(name).map(Field::value).collect();
                prop_assert_eq!(&found, &expected);
                prop_assert!(indexed.named(name).all(|field| field.text().len() <= 3 * octets.len()));
                let is_plain = |value: &&&[u8]| value.is_ascii() && !value.windows(2).any(|pair| pair == b"=?");
                if let Some(first) = expected.first().filter(is_plain) {
                    let text = indexed.named(name).next().map(|field| field.text().to_vec());
                    prop_assert_eq!(text, Some(header::unfold(first).trim_ascii().to_vec()));
                }
            }
        }
    }
}
