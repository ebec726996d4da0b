use super::{Dialect, Fault};
use crate::imap::command::{Literal, MailboxArgument, MessageSet, NameFault};
use crate::imap::utf7;
use encoding_rs::Encoding;
use std::borrow::Cow;
use types::{Flags, Keyword, MailboxName, ModSeq, SequenceSet, SystemFlag};

/// Reads the tokens of one command from left to right.
pub(super) struct Cursor<'a> {
    frame: &'a [u8],
    at: usize,
    pub(super) dialect: &'a Dialect<'a>,
    pub(super) search_keys: usize,
    /// Whether FUZZY was among the search keys.
    pub(super) fuzzy: bool,
    /// What search texts are written in; `None` is UTF-8.
    pub(super) charset: Option<&'static Encoding>,
}

type Parsed<T> = Result<T, Fault>;

impl<'a> Cursor<'a> {
    pub(super) fn new(frame: &'a [u8], dialect: &'a Dialect<'a>) -> Cursor<'a> {
        Cursor { frame, at: 0, dialect, search_keys: 0, fuzzy: false, charset: None }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        &self.frame[self.at..]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.frame.get(self.at).copied()
    }

    pub(super) fn at_end(&self) -> bool {
        matches!(self.rest(), b"" | b"\n" | b"\r\n")
    }

    /// Nothing may follow.
    pub(super) fn end(&self) -> Parsed<()> {
        match self.at_end() {
            true => Ok(()),
            false => Err(Fault::syntax("the line should end here")),
        }
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, byte: u8, expected: &'static str) -> Parsed<()> {
        match self.eat(byte) {
            true => Ok(()),
            false => Err(Fault::syntax(expected)),
        }
    }

    pub(super) fn space(&mut self) -> Parsed<()> {
        self.expect(b' ', "a space is missing")
    }

    pub(super) fn take_while(&mut self, holds: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|byte| !holds(*byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// A word of the protocol: letters, digits, dots, hyphens, equal signs. It may be empty.
    pub(super) fn word(&mut self) -> &'a [u8] {
        self.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'='))
    }

    /// Takes `word` when it comes next, in any case, as a whole word.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let before = self.at;
        let found = self.word().eq_ignore_ascii_case(word.as_bytes());
        if !found {
            self.at = before;
        }
        found
    }

    pub(super) fn number(&mut self) -> Parsed<u32> {
        u32::try_from(self.number64()?).map_err(|_| Fault::syntax("a number is larger than 4294967295"))
    }

    /// `number64`: at most 63 bits (RFC 9051 section 9).
    pub(super) fn number64(&mut self) -> Parsed<u64> {
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            return Err(Fault::syntax("a number is missing"));
        }
        digits
            .iter()
            .try_fold(0_u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
            .filter(|value| i64::try_from(*value).is_ok())
            .ok_or_else(|| Fault::syntax("a number is too large"))
    }

    pub(super) fn nonzero(&mut self) -> Parsed<u32> {
        match self.number()? {
            0 => Err(Fault::syntax("numbers here begin with 1")),
            number => Ok(number),
        }
    }

    /// `mod-sequence-valzer`.
    pub(super) fn modseq(&mut self) -> Parsed<ModSeq> {
        self.number64().map(ModSeq)
    }

    /// `mod-sequence-value`.
    pub(super) fn nonzero_modseq(&mut self) -> Parsed<ModSeq> {
        match self.modseq()? {
            ModSeq(0) => Err(Fault::syntax("modification sequences here begin with 1")),
            modseq => Ok(modseq),
        }
    }

    pub(super) fn atom(&mut self, expected: &'static str) -> Parsed<&'a str> {
        let atom = self.take_while(is_atom_byte);
        match std::str::from_utf8(atom) {
            Ok(atom) if !atom.is_empty() => Ok(atom),
            _ => Err(Fault::syntax(expected)),
        }
    }

    /// `string`: quoted or literal.
    pub(super) fn string(&mut self, expected: &'static str) -> Parsed<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal().map(Cow::Borrowed),
            _ => Err(Fault::syntax(expected)),
        }
    }

    /// `astring`.
    pub(super) fn astring(&mut self, expected: &'static str) -> Parsed<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(expected),
            _ => match self.take_while(|byte| is_atom_byte(byte) || byte == b']') {
                b"" => Err(Fault::syntax(expected)),
                atom => Ok(Cow::Borrowed(atom)),
            },
        }
    }

    /// An `astring` that must be UTF-8.
    pub(super) fn text(&mut self, expected: &'static str) -> Parsed<String> {
        utf8(self.astring(expected)?)
    }

    /// `nstring`, as UTF-8.
    pub(super) fn nstring(&mut self, expected: &'static str) -> Parsed<Option<String>> {
        match self.eat_word("NIL") {
            true => Ok(None),
            false => utf8(self.string(expected)?).map(Some),
        }
    }

    /// `nstring` or `literal8`: any octets.
    pub(super) fn binary_nstring(&mut self) -> Parsed<Option<Vec<u8>>> {
        if self.rest().starts_with(b"~{") {
            let literal = self.literal_header()?;
            let content = self.rest().get(..literal.bytes as usize).ok_or_else(Fault::literal_to_come)?;
            self.at += content.len();
            return Ok(Some(content.to_vec()));
        }
        match self.eat_word("NIL") {
            true => Ok(None),
            false => self.string("a value is a string or NIL").map(|text| Some(text.into_owned())),
        }
    }

    /// Octets above 127 in quotes are UTF-8 or wrong (RFC 9051 section 4.3, RFC 6855 section 3).
    fn quoted(&mut self) -> Parsed<Cow<'a, [u8]>> {
        let text = self.quoted_octets()?;
        match std::str::from_utf8(&text) {
            Ok(_) => Ok(text),
            Err(_) => Err(Fault::syntax("a text in quotes is not valid UTF-8")),
        }
    }

    fn quoted_octets(&mut self) -> Parsed<Cow<'a, [u8]>> {
        self.at += 1;
        let plain = self.take_while(is_quoted_byte);
        if self.eat(b'"') {
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_vec();
        loop {
            match self.peek() {
                Some(b'"') => break self.at += 1,
                Some(b'\\') => {
                    self.at += 1;
                    let escaped = self.peek().filter(|byte| matches!(byte, b'"' | b'\\'));
                    text.push(
                        escaped.ok_or_else(|| {
                            Fault::syntax("a backslash in quotes stands before \" or \\ only")
                        })?,
                    );
                    self.at += 1;
                }
                _ => return Err(Fault::syntax("a quoted string does not end on its line")),
            }
            text.extend_from_slice(self.take_while(is_quoted_byte));
        }
        Ok(Cow::Owned(text))
    }

    fn literal(&mut self) -> Parsed<&'a [u8]> {
        let literal = self.literal_header()?;
        let length = literal.bytes as usize;
        let content = self.rest().get(..length).ok_or_else(Fault::literal_to_come)?;
        if memchr::memchr(0, content).is_some() {
            return Err(Fault::syntax("a literal holds a NUL byte"));
        }
        self.at += length;
        Ok(content)
    }

    /// `{5}`, `{5+}`, `~{5}` and their line end.
    pub(super) fn literal_header(&mut self) -> Parsed<Literal> {
        let binary = self.eat(b'~');
        self.expect(b'{', "a literal is missing")?;
        let bytes = self.number64()?;
        let synchronising = !self.eat(b'+');
        self.expect(b'}', "the length of a literal ends with }")?;
        self.eat(b'\r');
        self.expect(b'\n', "a literal's length ends its line")?;
        Ok(Literal { bytes, synchronising, binary })
    }

    pub(super) fn mailbox(&mut self) -> Parsed<MailboxArgument> {
        let name = self.astring("a mailbox name is missing")?;
        Ok(self.mailbox_text(&name).and_then(|text| Ok(MailboxName::parse(&text)?)))
    }

    /// A name or pattern in the session's spelling, as UTF-8.
    pub(super) fn mailbox_text(&self, name: &[u8]) -> Result<String, NameFault> {
        match self.dialect.utf8_names {
            true => std::str::from_utf8(name).map(str::to_owned).map_err(|_| NameFault::NotUtf8),
            false => Ok(utf7::decode(name)?),
        }
    }

    /// `sequence-set` or `$`.
    pub(super) fn message_set(&mut self) -> Parsed<MessageSet> {
        if self.eat(b'$') {
            return Ok(MessageSet::Saved);
        }
        let ranges = self.ranges(Self::sequence_number)?;
        Ok(MessageSet::Numbers(SequenceSet::from_ranges(ranges)))
    }

    fn ranges(&mut self, number: impl Fn(&mut Self) -> Parsed<u32>) -> Parsed<Vec<(u32, u32)>> {
        let mut ranges = Vec::new();
        loop {
            let first = number(self)?;
            let last = if self.eat(b':') { number(self)? } else { first };
            ranges.push((first, last));
            if ranges.len() > self.dialect.limits.sequence_ranges_max {
                return Err(Fault::limit("the set has too many ranges"));
            }
            if !self.eat(b',') {
                return Ok(ranges);
            }
        }
    }

    /// `sequence-set` without `*`.
    pub(super) fn number_set(&mut self) -> Parsed<SequenceSet> {
        Ok(SequenceSet::from_ranges(self.ranges(Self::plain_number)?))
    }

    /// `sequence-set` without `*` whose numbers ascend.
    pub(super) fn ascending_set(&mut self) -> Parsed<SequenceSet> {
        let ranges = self.ranges(Self::plain_number)?;
        let ascends = ranges.iter().all(|(first, last)| first <= last)
            && ranges.windows(2).all(|pair| pair[0].1 < pair[1].0);
        match ascends {
            true => Ok(SequenceSet::from_ranges(ranges)),
            false => Err(Fault::syntax("the numbers of this set should ascend")),
        }
    }

    /// A number that is never taken for `*`: nothing has the largest one.
    fn plain_number(&mut self) -> Parsed<u32> {
        self.nonzero().map(|number| number.min(u32::MAX - 1))
    }

    fn sequence_number(&mut self) -> Parsed<u32> {
        match self.peek() {
            Some(b'*') => {
                self.at += 1;
                Ok(u32::MAX)
            }
            Some(b'0'..=b'9') => self.nonzero(),
            _ => Err(Fault::syntax("a set of message numbers is missing")),
        }
    }

    /// A parenthesised list: `item` is called until `)`.
    pub(super) fn list(
        &mut self,
        expected: &'static str,
        mut item: impl FnMut(&mut Self) -> Parsed<()>,
    ) -> Parsed<()> {
        self.expect(b'(', expected)?;
        if self.eat(b')') {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.eat(b')') {
                return Ok(());
            }
            self.expect(b' ', "a list goes on with a space or ends with )")?;
        }
    }

    /// A parenthesised list with something in it.
    pub(super) fn nonempty_list(
        &mut self,
        expected: &'static str,
        item: impl FnMut(&mut Self) -> Parsed<()>,
    ) -> Parsed<()> {
        match self.rest() {
            [b'(', b')', ..] => Err(Fault::syntax("there is nothing between the parentheses")),
            _ => self.list(expected, item),
        }
    }

    /// One flag into the two places flags are kept. `\Recent` is nobody's to set (RFC 9051 section 9, `flag`).
    pub(super) fn flag(&mut self, flags: &mut Flags, keywords: &mut Vec<Keyword>) -> Parsed<()> {
        if !self.eat(b'\\') {
            let atom = self.atom("a flag is missing")?;
            let keyword = Keyword::parse(atom).map_err(|_| Fault::syntax("that keyword is too long"))?;
            if !keywords.contains(&keyword) {
                keywords.push(keyword);
            }
            return match keywords.len() <= Flags::KEYWORDS_MAX {
                true => Ok(()),
                false => Err(Fault::limit("a mailbox has room for 58 keywords")),
            };
        }
        let name = self.atom("a flag is missing after \\")?;
        let system =
            SystemFlag::ALL.into_iter().find(|flag| flag.imap_name()[1..].eq_ignore_ascii_case(name));
        match system {
            Some(flag) => *flags = flags.with(Flags::system(flag)),
            None => return Err(Fault::syntax("there is no such system flag")),
        }
        Ok(())
    }
}

pub(super) fn utf8(bytes: Cow<'_, [u8]>) -> Parsed<String> {
    String::from_utf8(bytes.into_owned()).map_err(|_| Fault::syntax("a text is not valid UTF-8"))
}

fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
}

fn is_quoted_byte(byte: u8) -> bool {
    !matches!(byte, b'"' | b'\\' | b'\r' | b'\n' | 0)
}
