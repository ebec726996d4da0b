//! The tokens of structured fields (RFC 5322 section 3.2, RFC 2045 section 5.1), read as tolerantly as mail needs.

/// The input stopped in the middle of a token, or something else stood in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// After a token and the blanks behind it: `Ok(true)` when input is left, `Ok(false)` at its end.
pub(super) type More = Result<bool, Broken>;

/// A place in a field's value. Tokens are appended to a buffer of the caller.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    data: &'a [u8],
    at: usize,
    /// The text of the last comment passed over: old mail keeps display names there.
    pub(super) comment: Vec<u8>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(data: &'a [u8]) -> Lexer<'a> {
        Lexer { data, at: 0, comment: Vec::new() }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    pub(super) fn bump(&mut self) {
        self.at += 1;
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn rewind(&mut self, position: usize) {
        self.at = position;
    }

    /// Passes over blanks, line breaks and comments (CFWS).
    pub(super) fn skip_blanks(&mut self) -> More {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.bump(),
                b'(' => self.skip_comment()?,
                _ => return Ok(true),
            }
        }
        Ok(false)
    }

    fn skip_comment(&mut self) -> Result<(), Broken> {
        self.comment.clear();
        self.bump();
        let (mut depth, mut certain) = (1, 0);
        while let Some(byte) = self.peek() {
            self.bump();
            match byte {
                b'(' => depth += 1,
                b')' if depth == 1 => return Ok(()),
                b')' => depth -= 1,
                b'\r' if self.peek() == Some(b'\n') => continue,
                b'\n' => {
                    certain = self.comment.len();
                    continue;
                }
                b'\\' => {
                    let Some(escaped) = self.escaped() else { break };
                    certain = self.comment.len();
                    self.comment.push(escaped);
                    continue;
                }
                _ => {}
            }
            self.comment.push(byte);
        }
        // Of an unfinished comment only what stands before a fold or an escape is kept.
        self.comment.truncate(certain);
        Err(Broken)
    }

    /// The octet behind a backslash; the backslash itself before a fold.
    fn escaped(&mut self) -> Option<u8> {
        match self.peek()? {
            b'\r' | b'\n' => Some(b'\\'),
            escaped => {
                self.bump();
                Some(escaped)
            }
        }
    }

    /// `atom`.
    pub(super) fn atom(&mut self, out: &mut Vec<u8>) -> More {
        match self.take_while(is_atext, out) {
            0 => Err(Broken),
            _ => self.skip_blanks(),
        }
    }

    /// `dot-atom` and `obs-domain`: blanks may stand around the dots.
    pub(super) fn dot_atom(&mut self, out: &mut Vec<u8>) -> More {
        if self.take_while(is_atext, out) == 0 {
            return Err(Broken);
        }
        while self.skip_blanks()? {
            if self.peek() != Some(b'.') {
                return Ok(true);
            }
            out.push(b'.');
            self.bump();
            self.skip_blanks()?;
            if self.take_while(is_atext, out) == 0 {
                return Err(Broken);
            }
        }
        Ok(false)
    }

    /// A local part with dots at its ends or in a row, as some networks write them.
    pub(super) fn loose_dot_atom(&mut self, out: &mut Vec<u8>) -> More {
        let mut more = Err(Broken);
        loop {
            while self.peek() == Some(b'.') {
                out.push(b'.');
                self.bump();
                if self.peek().is_none() {
                    return Ok(false);
                }
                more = Ok(true);
            }
            if self.peek() == Some(b'@') {
                return more;
            }
            more = self.atom(out);
            if more != Ok(true) || self.peek() != Some(b'.') {
                return more;
            }
        }
    }

    /// `token` of RFC 2045; may be empty.
    pub(super) fn token(&mut self, out: &mut Vec<u8>) -> More {
        self.take_while(|byte| byte == b'.' || is_atext(byte) && !matches!(byte, b'/' | b'?' | b'='), out);
        match self.peek() {
            Some(_) => self.skip_blanks(),
            None => Ok(false),
        }
    }

    /// `quoted-string`, without its quotes; the lexer stands on the opening one.
    pub(super) fn quoted_string(&mut self, out: &mut Vec<u8>) -> More {
        self.bump();
        let mut certain = out.len();
        while let Some(byte) = self.peek() {
            self.bump();
            match byte {
                b'"' => return self.skip_blanks(),
                b'\\' => {
                    let Some(escaped) = self.escaped() else { break };
                    certain = out.len();
                    out.push(escaped);
                }
                b'\r' if self.peek() == Some(b'\n') => {}
                b'\n' => certain = out.len(),
                _ => out.push(byte),
            }
        }
        // Of an unfinished string only what stands before a fold or an escape is kept.
        out.truncate(certain);
        Err(Broken)
    }

    /// `phrase` and `obs-phrase`: words joined by single spaces; may be empty.
    pub(super) fn phrase(&mut self, out: &mut Vec<u8>) -> More {
        match self.peek() {
            None => return Ok(false),
            Some(b'.') => return Err(Broken),
            Some(_) => {}
        }
        loop {
            let more = match self.peek() {
                Some(b'"') => self.quoted_string(out)?,
                _ => {
                    self.take_while(|byte| byte == b'.' || is_atext(byte), out);
                    self.skip_blanks()?
                }
            };
            if !more {
                return Ok(false);
            }
            match self.peek() {
                Some(byte) if byte == b'"' || byte == b'.' || is_atext(byte) => out.push(b' '),
                _ => return self.skip_blanks(),
            }
        }
    }

    /// `"@" domain`; the lexer stands on the `@`.
    pub(super) fn domain(&mut self, out: &mut Vec<u8>) -> More {
        self.bump();
        match self.skip_blanks()? {
            true if self.peek() == Some(b'[') => self.domain_literal(out),
            true => self.dot_atom(out),
            false => Err(Broken),
        }
    }

    fn domain_literal(&mut self, out: &mut Vec<u8>) -> More {
        while let Some(byte) = self.peek() {
            self.bump();
            if !matches!(byte, b'\r' | b'\n') {
                out.push(byte);
            }
            match byte {
                b']' => return self.skip_blanks(),
                b'\\' => {
                    out.push(self.peek().ok_or(Broken)?);
                    self.bump();
                }
                _ => {}
            }
        }
        Err(Broken)
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool, out: &mut Vec<u8>) -> usize {
        let rest = &self.data[self.at..];
        let length = rest.iter().position(|&byte| !wanted(byte)).unwrap_or(rest.len());
        out.extend_from_slice(&rest[..length]);
        self.at += length;
        length
    }
}

/// `atext`, with every octet above 127: raw UTF-8 and Latin-1 names are common.
pub(super) fn is_atext(byte: u8) -> bool {
    byte >= 0x80 || byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}
