//! Octets of a message on their way out: a range of its file, as it stands or through a filter.

use proto::imap::command::Partial;
use proto::mime::decode::TransferDecoder;
use proto::mime::header::FieldFilter;
use std::ops::Range;
use store::{MessageFile, StoreError};

/// Read at once.
pub(super) const READ_BYTES: usize = 32 * 1024;

/// An open message and the piece of it read last.
pub(super) struct Reader {
    file: MessageFile,
    start: u64,
    window: Vec<u8>,
}

impl Reader {
    /// `window` holds the first octets of the message, or none.
    pub(super) fn new(file: MessageFile, window: Vec<u8>) -> Reader {
        Reader { file, start: 0, window }
    }

    pub(super) fn into_window(self) -> Vec<u8> {
        self.window
    }

    pub(super) fn bytes(&self) -> u64 {
        self.file.bytes()
    }

    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StoreError> {
        self.file.read_at(buffer, offset)
    }

    /// Octets at the beginning of `range`, at least one unless the file ends there.
    fn at(&mut self, range: &Range<u64>) -> Result<&[u8], StoreError> {
        let end = self.start + self.window.len() as u64;
        if !(self.start..end).contains(&range.start) {
            let wanted = self.file.bytes().saturating_sub(range.start).min(READ_BYTES as u64) as usize;
            self.window.resize(wanted, 0);
            self.start = range.start;
            let count = self.file.read_at(&mut self.window, range.start)?;
            self.window.truncate(count);
        }
        let from = (range.start - self.start) as usize;
        let to = self.window.len().min(from + usize::try_from(range.end - range.start).unwrap_or(usize::MAX));
        Ok(&self.window[from.min(to)..to])
    }
}

/// What is done with octets on their way.
#[derive(Clone, Default)]
pub(super) enum Filter {
    /// Nothing.
    #[default]
    Plain,
    /// Header fields are picked.
    Fields(FieldFilter),
    /// The transfer encoding is undone.
    Decoded(TransferDecoder),
}

impl Filter {
    fn feed(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        match self {
            Filter::Plain => out.extend_from_slice(octets),
            Filter::Fields(fields) => fields.feed(octets, out),
            Filter::Decoded(decoder) => decoder.feed(octets, out),
        }
    }

    fn finish(self, out: &mut Vec<u8>) {
        match self {
            Filter::Plain => {}
            Filter::Fields(fields) => fields.finish(out),
            Filter::Decoded(mut decoder) => decoder.finish(out),
        }
    }
}

/// How many octets a filter leaves, and whether NUL is among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Measure {
    pub(super) bytes: u64,
    pub(super) has_nul: bool,
}

/// Counts what a filter leaves of a range.
pub(super) fn measure(
    reader: &mut Reader,
    mut range: Range<u64>,
    mut filter: Filter,
    scratch: &mut Vec<u8>,
) -> Result<Measure, StoreError> {
    let mut measure = Measure::default();
    let mut count = |filtered: &mut Vec<u8>| {
        measure.bytes += filtered.len() as u64;
        measure.has_nul |= memchr::memchr(0, filtered).is_some();
        filtered.clear();
    };
    scratch.clear();
    while range.start < range.end {
        let octets = reader.at(&range)?;
        if octets.is_empty() {
            break;
        }
        range.start += octets.len() as u64;
        filter.feed(octets, scratch);
        count(scratch);
    }
    filter.finish(scratch);
    count(scratch);
    Ok(measure)
}

/// The rest of a literal that is being written.
pub(super) struct Source {
    range: Range<u64>,
    /// `None` once it has given its last octets.
    filter: Option<Filter>,
    /// Filtered octets to be passed over.
    skip: u64,
    /// Octets still owed to the client.
    owed: u64,
    /// NUL may not stand in a plain literal; in `literal8` it may.
    keep_nul: bool,
}

impl Source {
    /// A slice of what a filter leaves of a range; `whole` is what it leaves of all of it.
    pub(super) fn new(range: Range<u64>, filter: Filter, whole: Measure, partial: Option<Partial>) -> Source {
        let (total, keep_nul) = (whole.bytes, whole.has_nul);
        let (skip, owed) = match partial {
            None => (0, total),
            Some(Partial { first, count }) => {
                let skip = u64::from(first).min(total);
                (skip, (total - skip).min(u64::from(count)))
            }
        };
        match filter {
            // A plain range need not be read up to where the slice begins.
            Filter::Plain => {
                let start = range.start + skip;
                Source { range: start..start + owed, filter: Some(filter), skip: 0, owed, keep_nul }
            }
            filter => Source { range, filter: Some(filter), skip, owed, keep_nul },
        }
    }

    /// Octets the literal has.
    pub(super) fn bytes(&self) -> u64 {
        self.owed
    }

    /// Whether it is a `literal8`.
    pub(super) fn has_nul(&self) -> bool {
        self.keep_nul
    }

    /// Writes on until `out` holds `full` octets; whether all is written. A file that ends too early is an error.
    pub(super) fn fill(
        &mut self,
        reader: &mut Reader,
        out: &mut Vec<u8>,
        full: usize,
    ) -> Result<bool, StoreError> {
        while self.owed > 0 {
            if out.len() >= full {
                return Ok(false);
            }
            let begin = out.len();
            match self.range.start < self.range.end {
                true => {
                    let octets = reader.at(&self.range)?;
                    if octets.is_empty() {
                        return Err(StoreError::Io(std::io::ErrorKind::UnexpectedEof.into()));
                    }
                    self.range.start += octets.len() as u64;
                    if let Some(filter) = &mut self.filter {
                        filter.feed(octets, out);
                    }
                }
                false => match self.filter.take() {
                    Some(filter) => filter.finish(out),
                    None => return Err(StoreError::Io(std::io::ErrorKind::UnexpectedEof.into())),
                },
            }
            self.settle(out, begin);
        }
        Ok(true)
    }

    /// Keeps of the octets written since `begin` what the slice wants.
    fn settle(&mut self, out: &mut Vec<u8>, begin: usize) {
        let skipped = (out.len() - begin).min(usize::try_from(self.skip).unwrap_or(usize::MAX));
        out.drain(begin..begin + skipped);
        self.skip -= skipped as u64;
        let kept = (out.len() - begin).min(usize::try_from(self.owed).unwrap_or(usize::MAX));
        out.truncate(begin + kept);
        self.owed -= kept as u64;
        if !self.keep_nul {
            replace_nul(&mut out[begin..]);
        }
    }
}

/// What a message holds of NUL is shown as 0x80: RFC 9051 section 4.3 has no room for it in a plain literal.
fn replace_nul(octets: &mut [u8]) {
    let mut begin = 0;
    while let Some(at) = memchr::memchr(0, &octets[begin..]) {
        octets[begin + at] = 0x80;
        begin += at + 1;
    }
}
