use super::digest::{Digest, Facts, Slot, write_varint};
use super::envelope;
use super::fields::{BOUNDARY_BYTES_MAX, Content, Field, Kind, MessageFields, put};
use super::kept::Keeper;
use super::structure::{DEPTH_MAX, PartKind, Tag};
use memchr::{memchr, memchr_iter, memmem};
use std::mem;

/// How much of a message is told apart; what lies beyond is kept as opaque body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanLimits {
    /// Header octets read of the message itself, and again of all its parts together.
    pub header_bytes_max: usize,
    /// Nested parts.
    pub depth_max: usize,
    /// Parts of one message.
    pub parts_max: usize,
}

impl From<&types::Limits> for ScanLimits {
    fn from(limits: &types::Limits) -> ScanLimits {
        ScanLimits {
            header_bytes_max: limits.header_bytes_max,
            depth_max: limits.mime_depth_max,
            parts_max: limits.mime_parts_max,
        }
    }
}

/// Of a line that starts like a boundary this much decides: dashes, boundary, dashes.
const BOUNDARY_LINE_BYTES_MAX: usize = BOUNDARY_BYTES_MAX + 4;

/// Reads a message in wire form once, in any chunking, and leaves its [`Digest`].
///
/// Memory is bounded by the limits, not by the message: only header fields of interest are kept.
pub struct Scanner {
    limits: ScanLimits,
    state: State,
    /// Wire offset of the next octet.
    position: u64,
    /// Line feeds before `position`.
    lines: u64,
    /// The octet before `position`; 0 where a body or an epilogue starts.
    last: u8,
    /// Octets of the line break before the line that may be a boundary. The one behind a header or another boundary line
    /// does not count.
    line_break_bytes: u64,
    /// The start of a line that the last chunk cut.
    carry: Vec<u8>,
    /// Octets of that line which were passed over because the header is too large.
    carry_skipped: u64,
    header: Header,
    parts: Vec<PartRecord>,
    /// Indexes of the parts that are not closed yet, outermost first.
    open: Vec<usize>,
    boundaries: Vec<Boundary>,
    /// Tagged strings of all parts, in order of the parts.
    strings: Vec<u8>,
    facts: Facts,
    keeper: Keeper,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    /// `line_start`: the next octet starts a line.
    Body {
        line_start: bool,
    },
    /// Behind a boundary, up to the end of its line; then a part starts or the epilogue.
    BoundaryLine {
        part_follows: bool,
    },
}

/// The header being read.
#[derive(Default)]
struct Header {
    content: Content,
    message: MessageFields,
    field: Option<Field>,
    value: Vec<u8>,
    /// Octets of this header looked at so far.
    bytes: usize,
    /// Octets of the line break before `position`; 0 at the header's start.
    line_break_bytes: u64,
}

struct PartRecord {
    kind: PartKind,
    depth: u8,
    /// Whether it is a message with an envelope: the root, or the child of a `message/rfc822` part.
    is_message: bool,
    digest: bool,
    header_start: u64,
    body_start: u64,
    body_end: u64,
    lines_before_body: u64,
    body_lines: u64,
    strings_end: usize,
}

struct Boundary {
    /// Index into `open` of the multipart it belongs to.
    open_index: usize,
    text: Vec<u8>,
}

/// A boundary line: which boundary, and whether it is the last one.
struct Found {
    index: usize,
    closes: bool,
}

impl Scanner {
    /// A scanner at the start of a message.
    pub fn new(limits: ScanLimits) -> Scanner {
        let depth_max = limits.depth_max.clamp(1, DEPTH_MAX);
        let mut scanner = Scanner {
            limits: ScanLimits { depth_max, parts_max: limits.parts_max.max(1), ..limits },
            state: State::Header,
            position: 0,
            lines: 0,
            last: 0,
            line_break_bytes: 0,
            carry: Vec::new(),
            carry_skipped: 0,
            header: Header::default(),
            parts: Vec::new(),
            open: Vec::new(),
            boundaries: Vec::new(),
            strings: Vec::new(),
            facts: Facts::default(),
            keeper: Keeper::new(),
        };
        scanner.open_part(0, true);
        scanner
    }

    /// Takes in the next octets.
    pub fn feed(&mut self, mut chunk: &[u8]) {
        self.keeper.feed(chunk);
        while !chunk.is_empty() {
            chunk = match self.state {
                State::Header => self.feed_header(chunk),
                State::Body { .. } if self.boundaries.is_empty() => {
                    self.skip_body(chunk);
                    &[]
                }
                State::Body { line_start: true } => self.feed_line_start(chunk),
                State::Body { line_start: false } => self.feed_line_rest(chunk),
                State::BoundaryLine { part_follows } => self.feed_boundary_line(chunk, part_follows),
            };
        }
    }

    /// Octets taken in so far.
    pub fn bytes(&self) -> u64 {
        self.position + self.carry.len() as u64 + self.carry_skipped
    }

    /// The message ends here.
    pub fn finish(mut self) -> Digest {
        let line = mem::take(&mut self.carry);
        match self.state {
            State::Header if !line.is_empty() => {
                let bytes = line.len() as u64 + mem::take(&mut self.carry_skipped);
                self.header_line(&line, bytes, 0);
            }
            State::Body { .. } => self.decide_line(&line),
            State::Header | State::BoundaryLine { .. } => {}
        }
        while self.state == State::Header {
            self.end_header(self.position, self.lines);
        }
        self.close_parts(0, self.position, self.lines);
        self.into_digest()
    }

    // Header

    fn feed_header<'c>(&mut self, chunk: &'c [u8]) -> &'c [u8] {
        let Some(end) = memchr(b'\n', chunk) else {
            self.carry_header(chunk);
            return &[];
        };
        let (line, rest) = chunk.split_at(end + 1);
        if self.carry.is_empty() && self.carry_skipped == 0 {
            let kept = line.len().min(self.line_room());
            let line_break_bytes = if line.ends_with(b"\r\n") { 2 } else { 1 };
            self.header_line(&line[..kept], line.len() as u64, line_break_bytes);
        } else {
            self.carry_header(line);
            let carried = mem::take(&mut self.carry);
            let bytes = carried.len() as u64 + mem::take(&mut self.carry_skipped);
            self.header_line(&carried, bytes, if self.last == b'\r' { 2 } else { 1 });
            self.carry = carried;
            self.carry.clear();
        }
        rest
    }

    /// Keeps the start of a line whose end has not come, as far as the limit allows.
    fn carry_header(&mut self, part: &[u8]) {
        // The octet before the line feed may have come with an earlier chunk.
        if let Some(&last) = part.strip_suffix(b"\n").unwrap_or(part).last() {
            self.last = last;
        }
        let kept = part.len().min(self.line_room().saturating_sub(self.carry.len()));
        self.carry.extend_from_slice(&part[..kept]);
        self.carry_skipped += (part.len() - kept) as u64;
    }

    fn header_room(&self) -> usize {
        self.limits.header_bytes_max.saturating_sub(self.header.bytes)
    }

    /// How much of a header line is kept: boundaries are found in headers of any size.
    fn line_room(&self) -> usize {
        self.header_room().max(BOUNDARY_LINE_BYTES_MAX)
    }

    /// One line of a header: `line` may be cut short and may end with its line break.
    fn header_line(&mut self, line: &[u8], bytes: u64, line_break_bytes: u64) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = if line_break_bytes == 2 { text.strip_suffix(b"\r").unwrap_or(text) } else { text };
        if bytes == line_break_bytes {
            self.position += bytes;
            self.lines += 1;
            return self.end_header(self.position, self.lines);
        }
        if let Some(found) = self.find_boundary(text) {
            return self.boundary_in_header(found, bytes, line_break_bytes);
        }
        if self.header_room() > 0 {
            self.header_text(text);
        }
        self.header.bytes = self.header.bytes.saturating_add(bytes as usize);
        self.header.line_break_bytes = line_break_bytes;
        self.position += bytes;
        self.lines += u64::from(line_break_bytes > 0);
    }

    fn header_text(&mut self, text: &[u8]) {
        if matches!(text.first(), Some(b' ' | b'\t')) {
            if self.header.field.is_some() {
                // A lone blank is what is left of an empty line; it folds nothing.
                if text.len() > 1 {
                    self.header.value.push(b'\n');
                }
                self.header.value.extend_from_slice(text);
            }
            return;
        }
        self.end_field();
        let Some(colon) = memchr(b':', text) else { return };
        self.header.field = Field::of_name(text[..colon].trim_ascii_end());
        if self.header.field.is_some() {
            self.header.value.extend_from_slice(field_value(&text[colon + 1..]));
        }
    }

    fn end_field(&mut self) {
        let header = &mut self.header;
        if let Some(field) = header.field.take() {
            replace_nul(&mut header.value);
            let is_message = self.open.last().is_some_and(|&index| self.parts[index].is_message);
            if !field.is_of_message() {
                header.content.take(field, &header.value, &mut self.strings);
            } else if is_message {
                header.message.keep(field, &header.value);
                if self.open.len() == 1 {
                    self.facts.take(field, &header.value);
                }
            }
            header.value.clear();
        }
    }

    /// The header of the innermost part ends at `body_start`; its body follows, or the header of the message inside.
    fn end_header(&mut self, body_start: u64, lines: u64) {
        self.end_field();
        let index = self.innermost();
        let content = mem::take(&mut self.header.content);
        let parent = self.open.len().checked_sub(2).map(|place| self.open[place]);
        let in_digest = parent.is_some_and(|parent| self.parts[parent].digest);
        let strings_start = index.checked_sub(1).map_or(0, |before| self.parts[before].strings_end);
        // Content fields count for MIME only: in a message without a sign of it they are forgotten.
        let is_mime = content.mime || !self.parts[index].is_message;
        if !is_mime {
            self.strings.truncate(strings_start);
        }
        let kind = match content.kind {
            _ if !content.has_type && in_digest => Kind::Message,
            kind if is_mime => kind,
            _ => Kind::Leaf,
        };
        self.finish_message_header(index);
        let record = &mut self.parts[index];
        record.body_start = body_start;
        record.lines_before_body = lines;
        record.strings_end = self.strings.len();
        record.digest = content.digest;
        if index == 0 {
            self.header.bytes = 0;
        }
        self.header.line_break_bytes = 0;
        self.start_body(index, kind, content.boundary);
    }

    fn start_body(&mut self, index: usize, kind: Kind, boundary: Option<Vec<u8>>) {
        let too_deep = self.open.len() >= self.limits.depth_max;
        self.await_body();
        match kind {
            Kind::Leaf => {}
            Kind::Unknown => self.parts[index].kind = PartKind::Opaque,
            Kind::Message | Kind::Multipart if too_deep => self.parts[index].kind = PartKind::Opaque,
            Kind::Message if self.parts.len() >= self.limits.parts_max => {
                self.parts[index].kind = PartKind::Opaque;
            }
            Kind::Message => {
                self.parts[index].kind = PartKind::Message;
                self.open_part(self.parts[index].body_start, true);
                self.state = State::Header;
            }
            Kind::Multipart => {
                self.parts[index].kind = PartKind::Multipart;
                if let Some(text) = boundary {
                    self.boundaries.push(Boundary { open_index: self.open.len() - 1, text });
                }
            }
        }
    }

    /// The envelope of the root stands in front of the digest, that of a message inside with its part.
    fn finish_message_header(&mut self, index: usize) {
        if !self.parts[index].is_message {
            return;
        }
        let mut bytes = Vec::with_capacity(512);
        envelope::write(&self.header.message, &mut bytes);
        if index == 0 {
            self.facts.set(Slot::Envelope, bytes);
        } else {
            put(Tag::Envelope, &bytes, &mut self.strings);
        }
        self.header.message = MessageFields::default();
    }

    /// A boundary where a header line was expected: the line break before it does not belong to the header.
    fn boundary_in_header(&mut self, found: Found, bytes: u64, line_break_bytes: u64) {
        let cut = self.header.line_break_bytes;
        let (end, lines) = (self.position - cut, self.lines - u64::from(cut > 0));
        let torn = self.open.len() - 1;
        while self.state == State::Header {
            self.end_header(end, lines);
        }
        self.close_parts(torn, end, lines);
        self.boundary(&found, self.position, self.lines);
        self.position += bytes;
        if line_break_bytes > 0 {
            self.lines += 1;
            self.after_boundary_line(!found.closes);
        }
    }

    // Body

    /// Nothing can end this body but the end of the message.
    fn skip_body(&mut self, chunk: &[u8]) {
        self.position += chunk.len() as u64;
        self.lines += memchr_iter(b'\n', chunk).count() as u64;
    }

    fn await_body(&mut self) {
        self.state = State::Body { line_start: true };
        self.line_break_bytes = 0;
        self.last = 0;
    }

    /// Passes over body octets, remembering the last one.
    fn pass(&mut self, octets: &[u8]) {
        if let Some(&last) = octets.last() {
            self.last = last;
            self.skip_body(octets);
        }
    }

    fn feed_line_rest<'c>(&mut self, chunk: &'c [u8]) -> &'c [u8] {
        let line_feed = match memmem::find(chunk, b"\n--") {
            Some(line_feed) => line_feed,
            // The chunk may have cut the dashes.
            None if chunk.ends_with(b"\n") => chunk.len() - 1,
            None if chunk.ends_with(b"\n-") => chunk.len() - 2,
            None => {
                self.pass(chunk);
                return &[];
            }
        };
        self.pass(&chunk[..line_feed]);
        self.line_break_bytes = if self.last == b'\r' { 2 } else { 1 };
        self.pass(b"\n");
        self.state = State::Body { line_start: true };
        &chunk[line_feed + 1..]
    }

    /// Gathers the start of a line until it is clear whether it is a boundary.
    fn feed_line_start<'c>(&mut self, chunk: &'c [u8]) -> &'c [u8] {
        if self.carry.is_empty() && chunk[0] != b'-' {
            self.state = State::Body { line_start: false };
            return chunk;
        }
        let room = BOUNDARY_LINE_BYTES_MAX - self.carry.len();
        let line_end = memchr(b'\n', &chunk[..chunk.len().min(room)]);
        let taken = line_end.unwrap_or(room.min(chunk.len()));
        self.carry.extend_from_slice(&chunk[..taken]);
        let plain = self.carry.len() >= 2 && self.carry[1] != b'-';
        let decided = plain || line_end.is_some() || self.carry.len() == BOUNDARY_LINE_BYTES_MAX;
        if decided {
            let line = mem::take(&mut self.carry);
            self.decide_line(&line);
            self.carry = line;
            self.carry.clear();
        }
        &chunk[taken..]
    }

    /// `line` starts a line and is all that is needed of it, without its line feed.
    fn decide_line(&mut self, line: &[u8]) {
        let found = self.find_boundary(line.strip_suffix(b"\r").unwrap_or(line));
        let line_break = self.line_break_bytes;
        let (end, lines) = (self.position - line_break, self.lines - u64::from(line_break > 0));
        self.pass(line);
        self.state = match found {
            Some(found) => {
                self.boundary(&found, end, lines);
                State::BoundaryLine { part_follows: !found.closes }
            }
            None => State::Body { line_start: false },
        };
    }

    fn feed_boundary_line<'c>(&mut self, chunk: &'c [u8], part_follows: bool) -> &'c [u8] {
        let Some(end) = memchr(b'\n', chunk) else {
            self.pass(chunk);
            return &[];
        };
        self.pass(&chunk[..=end]);
        self.after_boundary_line(part_follows);
        &chunk[end + 1..]
    }

    fn after_boundary_line(&mut self, part_follows: bool) {
        self.await_body();
        if !part_follows {
            return;
        }
        if self.parts.len() < self.limits.parts_max {
            self.open_part(self.position, false);
            self.state = State::Header;
        } else {
            // No more parts are told apart: the rest is the body of what is open.
            self.boundaries.clear();
        }
    }

    /// Looks for the boundary that `line` starts with: the longest one, of several the innermost.
    fn find_boundary(&self, line: &[u8]) -> Option<Found> {
        let text = line.strip_prefix(b"--").filter(|_| !self.boundaries.is_empty())?;
        let text = &text[..text.len().min(BOUNDARY_LINE_BYTES_MAX - 2)];
        let bare = text.strip_suffix(b"--").unwrap_or(text);
        let mut best: Option<usize> = None;
        for (index, boundary) in self.boundaries.iter().enumerate().rev() {
            let longer = best.is_none_or(|best| self.boundaries[best].text.len() < boundary.text.len());
            if longer && text.starts_with(&boundary.text) {
                best = Some(index);
                if boundary.text == text || boundary.text == bare {
                    break;
                }
            }
        }
        let index = best?;
        let closes = text[self.boundaries[index].text.len()..].starts_with(b"--");
        Some(Found { index, closes })
    }

    /// Closes what a boundary ends.
    fn boundary(&mut self, found: &Found, end: u64, lines: u64) {
        let open_index = self.boundaries[found.index].open_index;
        self.close_parts(open_index + 1, end, lines);
        self.boundaries.truncate(if found.closes { found.index } else { found.index + 1 });
    }

    // Parts

    fn innermost(&self) -> usize {
        *self.open.last().expect("the root is open until the end")
    }

    fn open_part(&mut self, header_start: u64, is_message: bool) {
        let record = PartRecord {
            kind: PartKind::Leaf,
            depth: self.open.len() as u8,
            is_message,
            digest: false,
            header_start,
            body_start: header_start,
            body_end: header_start,
            lines_before_body: 0,
            body_lines: 0,
            strings_end: self.strings.len(),
        };
        self.open.push(self.parts.len());
        self.parts.push(record);
    }

    /// Ends the bodies of the open parts from `open_index` on.
    fn close_parts(&mut self, open_index: usize, end: u64, lines: u64) {
        for index in self.open.drain(open_index.min(self.open.len())..) {
            let record = &mut self.parts[index];
            record.body_end = end.max(record.body_start);
            record.body_lines = lines.saturating_sub(record.lines_before_body);
        }
    }

    fn into_digest(mut self) -> Digest {
        let mut tree = Vec::with_capacity(self.strings.len() + self.parts.len() * 12);
        let (mut header_start, mut strings_start) = (0, 0);
        for part in &self.parts {
            tree.push(part.kind.code());
            tree.push(part.depth);
            write_varint(part.header_start - header_start, &mut tree);
            write_varint(part.body_start - part.header_start, &mut tree);
            write_varint(part.body_end - part.body_start, &mut tree);
            write_varint(part.body_lines, &mut tree);
            let strings = &self.strings[strings_start..part.strings_end];
            write_varint(strings.len() as u64, &mut tree);
            tree.extend_from_slice(strings);
            header_start = part.header_start;
            strings_start = part.strings_end;
        }
        self.facts.set_structure(tree);
        self.facts.kept = self.keeper.finish();
        self.facts.into_digest()
    }
}

/// The value behind the colon without the blanks in front; of a value of blanks only the first goes.
fn field_value(text: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    match text.iter().position(|byte| !blank(byte)) {
        Some(start) => &text[start..],
        None => text.get(1..).unwrap_or_default(),
    }
}

/// IMAP has no way to send NUL (RFC 9051 section 4.3.1).
fn replace_nul(value: &mut Vec<u8>) {
    if memchr(0, value).is_some() {
        *value = value.split(|byte| *byte == 0).collect::<Vec<_>>().join("\u{fffd}".as_bytes());
    }
}
