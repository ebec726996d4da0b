//! Address lists (RFC 5322 section 3.4 with the obsolete forms of section 4.4).
//!
//! Mail is full of broken lists. Nothing is refused here: what cannot be read becomes an entry whose missing halves are
//! spelled `MISSING_MAILBOX`, `MISSING_DOMAIN`, `SYNTAX_ERROR` or `INVALID_ROUTE` and which is not [`Mailbox::valid`].

use super::imap_string::{write_nstring, write_readable};
use super::lexer::{Broken, Lexer, More};
use std::mem;

/// Who wrote a message is told in less; whoever wants to know that of strangers reads no longer field.
pub const AUTHORS_BYTES_MAX: usize = 16 * 1024;
/// Entries that are read of one list: two octets of it take a hundred in memory.
const ENTRIES_MAX: usize = 10_000;

/// One entry of an address list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A single mailbox.
    Mailbox(Mailbox),
    /// `name:`, what follows belongs to the group.
    GroupStart(Vec<u8>),
    /// `;`
    GroupEnd,
}

/// A mailbox of an address list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name, or the comment behind a bare address; not decoded.
    pub name: Option<Vec<u8>>,
    /// The obsolete source route.
    pub route: Option<Vec<u8>>,
    /// The local part without quotes.
    pub local: Vec<u8>,
    /// The domain.
    pub domain: Vec<u8>,
    /// Whether it was written as the RFC has it.
    pub valid: bool,
}

/// Reads the value of an address field.
pub fn parse(value: &[u8]) -> Vec<Entry> {
    let mut parser = Parser { lexer: Lexer::new(value), entries: Vec::new() };
    if parser.lexer.skip_blanks() == Ok(true) {
        parser.list();
    }
    parser.entries
}

/// The mailboxes of an address field, those within groups too.
pub fn mailboxes(value: &[u8]) -> Vec<Mailbox> {
    let mailbox = |entry| match entry {
        Entry::Mailbox(mailbox) => Some(mailbox),
        Entry::GroupStart(_) | Entry::GroupEnd => None,
    };
    parse(value).into_iter().filter_map(mailbox).collect()
}

/// Appends the address list of an ENVELOPE (RFC 9051 section 7.5.2); `NIL` when there is no entry.
pub fn write_imap(entries: &[Entry], out: &mut Vec<u8>) {
    if entries.is_empty() {
        return write_nstring(None, out);
    }
    out.push(b'(');
    for entry in entries {
        match entry {
            Entry::Mailbox(mailbox) => write_mailbox(mailbox, out),
            Entry::GroupStart(name) => {
                out.extend_from_slice(b"(NIL NIL ");
                write_nstring(Some(name), out);
                out.extend_from_slice(b" NIL)");
            }
            Entry::GroupEnd => out.extend_from_slice(b"(NIL NIL NIL NIL)"),
        }
    }
    out.push(b')');
}

fn write_mailbox(mailbox: &Mailbox, out: &mut Vec<u8>) {
    out.push(b'(');
    match &mailbox.name {
        Some(name) => write_readable(name, out),
        None => write_nstring(None, out),
    }
    for text in [mailbox.route.as_deref(), Some(&mailbox.local), Some(&mailbox.domain)] {
        out.push(b' ');
        write_nstring(text, out);
    }
    out.push(b')');
}

/// A mailbox while it is read: what was not seen is `None`.
#[derive(Default)]
struct Draft {
    name: Option<Vec<u8>>,
    route: Option<Vec<u8>>,
    local: Option<Vec<u8>>,
    domain: Option<Vec<u8>>,
    /// What was read of a local part that is none.
    words: Vec<u8>,
    broken: bool,
}

impl Draft {
    fn finish(self) -> Entry {
        let present = |part: &Option<Vec<u8>>| part.as_ref().is_some_and(|text| !text.is_empty());
        let valid = !self.broken && self.local.is_some() && present(&self.domain);
        let domain = self.domain.filter(|text| !text.is_empty());
        Entry::Mailbox(Mailbox {
            name: self.name,
            route: self.route,
            local: self.local.unwrap_or_else(|| b"MISSING_MAILBOX".to_vec()),
            domain: domain.unwrap_or_else(|| b"MISSING_DOMAIN".to_vec()),
            valid,
        })
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    entries: Vec<Entry>,
}

impl Parser<'_> {
    /// `address-list`; what stands behind an entry that no comma ends is dropped.
    fn list(&mut self) {
        while !self.is_full() && self.address() != Ok(false) && self.lexer.peek() == Some(b',') {
            self.lexer.bump();
            match self.lexer.skip_blanks() {
                Ok(true) => {}
                Ok(false) => return,
                Err(Broken) => return self.entries.push(Draft::default().finish()),
            }
        }
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= ENTRIES_MAX
    }

    /// `address = mailbox / group`
    fn address(&mut self) -> More {
        let start = self.lexer.position();
        let mut name = Vec::new();
        match self.lexer.phrase(&mut name) {
            Ok(true) if self.lexer.peek() == Some(b':') => Ok(self.group(name)),
            _ => {
                self.lexer.rewind(start);
                self.mailbox()
            }
        }
    }

    /// The rest of a group behind its name; whether input is left.
    fn group(&mut self, name: Vec<u8>) -> bool {
        self.lexer.bump();
        self.entries.push(Entry::GroupStart(name));
        let mut more = self.lexer.skip_blanks();
        if more == Ok(true) && self.lexer.peek() != Some(b';') {
            more = self.members();
        }
        if more.is_ok() {
            more = match self.lexer.peek() {
                Some(b';') => {
                    self.lexer.bump();
                    self.lexer.skip_blanks()
                }
                _ => Err(Broken),
            };
        }
        self.entries.push(Entry::GroupEnd);
        more != Ok(false)
    }

    fn members(&mut self) -> More {
        loop {
            // A broken member does not end the group.
            let _ = self.mailbox();
            if self.lexer.peek() != Some(b',') {
                return Ok(true);
            }
            if self.is_full() {
                return Err(Broken);
            }
            self.lexer.bump();
            if self.lexer.skip_blanks() != Ok(true) {
                return Err(Broken);
            }
        }
    }

    /// `mailbox = name-addr / addr-spec`
    fn mailbox(&mut self) -> More {
        let start = self.lexer.position();
        let mut draft = Draft::default();
        let mut name = Vec::new();
        let more = match self.lexer.phrase(&mut name) {
            Ok(true) if self.lexer.peek() == Some(b'<') => {
                draft.name = Some(name).filter(|name| !name.is_empty());
                Ok(self.name_addr(&mut draft))
            }
            _ => {
                self.lexer.rewind(start);
                self.addr_spec(&mut draft)
            }
        };
        draft.broken |= more.is_err();
        self.entries.push(draft.finish());
        more
    }

    /// The rest of a `name-addr` behind the name; whether input is left.
    fn name_addr(&mut self, draft: &mut Draft) -> bool {
        if self.angle_addr(draft).is_err() {
            draft.domain = Some(b"SYNTAX_ERROR".to_vec());
            draft.broken = true;
        }
        self.lexer.peek().is_some()
    }

    /// `angle-addr = "<" [obs-route] addr-spec ">"`
    fn angle_addr(&mut self, draft: &mut Draft) -> More {
        self.lexer.bump();
        self.must_go_on()?;
        if self.lexer.peek() == Some(b'@') {
            if self.route(draft) && self.lexer.peek() == Some(b':') {
                self.lexer.bump();
            } else {
                draft.route = Some(b"INVALID_ROUTE".to_vec());
            }
            self.must_go_on()?;
        }
        if self.lexer.peek() != Some(b'>') {
            self.local_part(draft).and_then(require)?;
            if self.lexer.peek() == Some(b'@') {
                self.domain(draft).and_then(require)?;
            }
        }
        if self.lexer.peek() != Some(b'>') {
            return Err(Broken);
        }
        self.lexer.bump();
        self.lexer.skip_blanks()
    }

    /// `obs-domain-list`; whether it was read to its end.
    fn route(&mut self, draft: &mut Draft) -> bool {
        let mut route = Vec::new();
        while self.lexer.peek() == Some(b'@') {
            if !route.is_empty() {
                route.push(b',');
            }
            route.push(b'@');
            if self.lexer.domain(&mut route) != Ok(true) {
                return false;
            }
            while self.lexer.skip_blanks() == Ok(true) && self.lexer.peek() == Some(b',') {
                self.lexer.bump();
            }
        }
        if self.lexer.peek().is_none() {
            return false;
        }
        draft.route = Some(route);
        true
    }

    /// `addr-spec`, perhaps with the name in a comment behind it; or words that are no address at all.
    fn addr_spec(&mut self, draft: &mut Draft) -> More {
        self.lexer.comment.clear();
        let quoted = self.lexer.peek() == Some(b'"');
        let mut more = self.local_part(draft);
        draft.broken |= more != Ok(true);
        let mut has_domain = false;
        if more != Ok(false) && self.lexer.peek() == Some(b'@') {
            has_domain = true;
            let behind = self.domain(draft);
            if behind != Ok(true) {
                more = behind;
            }
        }
        if !self.lexer.comment.is_empty() {
            draft.name = Some(self.lexer.comment.clone());
            return more;
        }
        if has_domain {
            return more;
        }
        self.words_without_address(draft, quoted);
        Err(Broken)
    }

    /// One word alone is taken for a local part; several, or a quoted one, for a display name.
    fn words_without_address(&mut self, draft: &mut Draft, quoted: bool) {
        draft.broken = true;
        let mut words = mem::take(&mut draft.words);
        words.push(b' ');
        let first = words.len();
        let _ = self.lexer.phrase(&mut words);
        if words.len() != first {
            draft.local = None;
            draft.name = Some(words);
        } else if quoted {
            draft.name = draft.local.take();
        }
    }

    fn local_part(&mut self, draft: &mut Draft) -> More {
        let mut local = Vec::new();
        let more = match self.lexer.peek() {
            Some(b'"') => self.lexer.quoted_string(&mut local),
            _ => self.lexer.loose_dot_atom(&mut local),
        };
        draft.words.clone_from(&local);
        draft.local = more.is_ok().then_some(local);
        more
    }

    fn domain(&mut self, draft: &mut Draft) -> More {
        let mut domain = Vec::new();
        let more = self.lexer.domain(&mut domain)?;
        draft.domain = Some(domain);
        Ok(more)
    }

    fn must_go_on(&mut self) -> Result<(), Broken> {
        self.lexer.skip_blanks().and_then(require)
    }
}

fn require(more: bool) -> Result<(), Broken> {
    if more { Ok(()) } else { Err(Broken) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_an_end_in_sight_is_cut() {
        for start in ["", "g:"] {
            let entries = parse(format!("{start}{}", "a,".repeat(2 * ENTRIES_MAX)).as_bytes()).len();
            assert!((ENTRIES_MAX..ENTRIES_MAX + 3).contains(&entries), "{start} {entries}");
        }
    }
}
