//! The fields of a header as raw bytes: iterated, unfolded, filtered.

use memchr::memchr;
use std::borrow::Cow;
use std::sync::Arc;

/// One field of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name without the blanks that may stand before the colon.
    pub name: &'a [u8],
    /// What stands behind the colon, still folded, without the last line break.
    pub value: &'a [u8],
    /// The whole field with its line breaks.
    pub raw: &'a [u8],
}

impl Field<'_> {
    /// Whether this is the field called `name`.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// The fields of `header`, up to the empty line if there is one. Lines without a colon are fields without a value.
pub fn fields(header: &[u8]) -> Fields<'_> {
    Fields { rest: header }
}

/// Iterator of [`fields`].
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        if matches!(self.rest, [] | [b'\n', ..] | [b'\r', b'\n', ..]) {
            return None;
        }
        let (raw, rest) = self.rest.split_at(field_bytes(self.rest));
        self.rest = rest;
        let line = raw.strip_suffix(b"\n").unwrap_or(raw);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = memchr(b':', line);
        let name = line[..colon.unwrap_or(line.len())].trim_ascii_end();
        Some(Field { name, value: colon.map_or(&[], |colon| &line[colon + 1..]), raw })
    }
}

/// The value of the first field called `name`, unfolded and trimmed.
pub fn value<'a>(header: &'a [u8], name: &str) -> Option<Cow<'a, [u8]>> {
    fields(header).find(|field| field.is(name)).map(|field| match unfold(field.value) {
        Cow::Borrowed(value) => Cow::Borrowed(value.trim_ascii()),
        Cow::Owned(value) => Cow::Owned(value.trim_ascii().to_vec()),
    })
}

/// Removes the line breaks of a folded value (RFC 5322 section 2.2.3).
pub fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    match memchr::memchr2(b'\r', b'\n', value) {
        Some(_) => value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect(),
        None => Cow::Borrowed(value),
    }
}

/// Octets of the field in front of `header`, continuation lines included.
fn field_bytes(header: &[u8]) -> usize {
    let mut end = 0;
    while let Some(line_feed) = memchr(b'\n', &header[end..]) {
        end += line_feed + 1;
        if !matches!(header.get(end), Some(b' ' | b'\t')) {
            return end;
        }
    }
    header.len()
}

/// Which fields `HEADER.FIELDS` and `HEADER.FIELDS.NOT` let through (RFC 9051 section 6.4.5), as a stream.
#[derive(Clone, Debug)]
pub struct FieldFilter {
    names: Arc<[Vec<u8>]>,
    /// Let through what is named, or what is not.
    named: bool,
    /// The start of a field whose name is not complete.
    line: Vec<u8>,
    state: FilterState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FilterState {
    /// At the start of a line, behind a field that was let through or not.
    LineStart { passed: bool },
    /// Within a line.
    Line { pass: bool },
    /// Behind the empty line.
    Done,
}

/// No field name is longer.
const NAME_BYTES_MAX: usize = 1000;

impl FieldFilter {
    /// A filter that lets through the fields called `names`, or all others.
    pub fn new(names: impl Into<Arc<[Vec<u8>]>>, negated: bool) -> FieldFilter {
        FieldFilter {
            names: names.into(),
            named: !negated,
            line: Vec::new(),
            state: FilterState::LineStart { passed: false },
        }
    }

    /// Appends what of `chunk` passes.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let mut rest = chunk;
        while !rest.is_empty() {
            rest = match self.state {
                FilterState::LineStart { passed } => self.feed_name(rest, passed, out),
                FilterState::Line { pass } => self.feed_line(rest, pass, out),
                FilterState::Done => return,
            };
        }
    }

    /// Whether the empty line has come: nothing passes any more.
    pub fn is_done(&self) -> bool {
        self.state == FilterState::Done
    }

    /// Appends the empty line that ends the filtered header.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        if !self.line.is_empty() && self.wants(&self.line) {
            out.append(&mut self.line);
        }
        if self.named && self.state == (FilterState::Line { pass: true }) {
            out.extend_from_slice(b"\r\n");
        }
        // A header that ends without an empty line has none (RFC 9051 section 6.4.5); where fields are picked, readers expect one.
        if self.named || self.state == FilterState::Done {
            out.extend_from_slice(b"\r\n");
        }
    }

    fn feed_name<'c>(&mut self, chunk: &'c [u8], passed: bool, out: &mut Vec<u8>) -> &'c [u8] {
        if self.line.is_empty() && matches!(chunk[0], b' ' | b'\t') {
            self.state = FilterState::Line { pass: passed };
            return chunk;
        }
        let end = chunk.iter().position(|byte| matches!(byte, b':' | b'\n')).unwrap_or(chunk.len());
        let line_ends = chunk.get(end) == Some(&b'\n');
        self.line.extend_from_slice(&chunk[..end]);
        if line_ends && matches!(self.line.as_slice(), [] | [b'\r']) {
            self.line.clear();
            self.state = FilterState::Done;
        } else if end < chunk.len() || self.line.len() > NAME_BYTES_MAX {
            let pass = self.wants(&self.line);
            if pass {
                out.extend_from_slice(&self.line);
            }
            self.line.clear();
            self.state = FilterState::Line { pass };
        }
        &chunk[end..]
    }

    fn feed_line<'c>(&mut self, chunk: &'c [u8], pass: bool, out: &mut Vec<u8>) -> &'c [u8] {
        let end = memchr(b'\n', chunk).map_or(chunk.len(), |line_feed| line_feed + 1);
        if pass {
            out.extend_from_slice(&chunk[..end]);
        }
        if chunk[..end].ends_with(b"\n") {
            self.state = FilterState::LineStart { passed: pass };
        }
        &chunk[end..]
    }

    fn wants(&self, name: &[u8]) -> bool {
        let name = name.trim_ascii_end();
        self.names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)) == self.named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] = b"From: a\r\nSubject : b\r\n c\r\nnonsense\r\nTo:\r\n\td\r\n\r\nbody: x\r\n";

    #[test]
    fn fields_end_at_the_empty_line() {
        let names: Vec<_> =
            fields(HEADER).map(|field| String::from_utf8_lossy(field.name).into_owned()).collect();
        assert_eq!(names, ["From", "Subject", "nonsense", "To"]);
        assert_eq!(value(HEADER, "subject").as_deref(), Some(b"b c".as_slice()));
        assert_eq!(value(HEADER, "to").as_deref(), Some(b"d".as_slice()));
        assert_eq!(value(HEADER, "body"), None);
    }

    #[test]
    fn the_filter_streams() {
        for negated in [false, true] {
            let wanted: &[u8] = match negated {
                false => b"Subject : b\r\n c\r\nTo:\r\n\td\r\n\r\n",
                true => b"From: a\r\nnonsense\r\n\r\n",
            };
            for size in 1..HEADER.len() {
                let mut filter = FieldFilter::new(vec![b"TO".to_vec(), b"subject".to_vec()], negated);
                let mut out = Vec::new();
                HEADER.chunks(size).for_each(|chunk| filter.feed(chunk, &mut out));
                filter.finish(&mut out);
                assert_eq!(out, wanted, "chunks of {size}");
            }
        }
    }
}
