//! The words of a script (RFC 5228 section 8.1), each with its place.

use super::faults::Faults;
use super::script::Place;
use std::borrow::Cow;

/// A word or sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token<'s> {
    /// A name.
    Identifier(&'s str),
    /// A name behind a colon, which is left out.
    Tag(&'s str),
    /// A number, its `K`, `M` or `G` multiplied in.
    Number(u64),
    /// A quoted or multi-line string; lines end with CRLF, escapes and dots are undone.
    Text(Cow<'s, str>),
    /// One of `[ ] ( ) { } , ;`
    Sign(char),
    /// Nothing is left.
    End,
}

/// Reads the words of a script one after the other. What is no word is told and passed over.
#[derive(Debug)]
pub struct Lexer<'s> {
    source: &'s str,
    at: usize,
    /// Where `place` was taken.
    placed_at: usize,
    place: Place,
    /// Whether the script ended within a string or comment.
    pub is_torn: bool,
}

impl<'s> Lexer<'s> {
    /// Starts at the beginning.
    pub fn new(source: &'s str) -> Lexer<'s> {
        Lexer { source, at: 0, placed_at: 0, place: Place { line: 1, column: 1 }, is_torn: false }
    }

    /// The next word and its place.
    pub fn next(&mut self, faults: &mut Faults) -> (Token<'s>, Place) {
        loop {
            self.skip_blanks(faults);
            let place = self.place();
            if let Some(token) = self.token(place, faults) {
                return (token, place);
            }
        }
    }

    /// Reads no further.
    pub fn tear(&mut self) {
        self.at = self.source.len();
        self.is_torn = true;
    }

    /// Where reading has come to.
    pub fn place(&mut self) -> Place {
        for letter in self.source[self.placed_at..self.at].chars() {
            match letter {
                '\n' => self.place = Place { line: self.place.line + 1, column: 1 },
                _ => self.place.column += 1,
            }
        }
        self.placed_at = self.at;
        self.place
    }

    fn token(&mut self, place: Place, faults: &mut Faults) -> Option<Token<'s>> {
        let Some(letter) = self.rest().chars().next() else { return Some(Token::End) };
        match letter {
            '"' => Some(Token::Text(self.quoted(place, faults))),
            '[' | ']' | '(' | ')' | '{' | '}' | ',' | ';' => {
                self.at += 1;
                Some(Token::Sign(letter))
            }
            ':' => {
                self.at += 1;
                self.tag(place, faults)
            }
            '0'..='9' => Some(Token::Number(self.number(place, faults))),
            'a'..='z' | 'A'..='Z' | '_' => Some(self.name(place, faults)),
            _ => {
                self.at += letter.len_utf8();
                let what = match letter {
                    '\r' => "a carriage return without line feed".to_owned(),
                    '\0' => "a NUL octet".to_owned(),
                    char::REPLACEMENT_CHARACTER => return None,
                    letter if letter.is_control() => format!("a control character, {:#04x}", letter as u32),
                    letter => {
                        self.skip_meaningless();
                        format!("`{letter}` means nothing here")
                    }
                };
                faults.add(place, what);
                None
            }
        }
    }

    /// What stands behind a sign without meaning and has none either, so that it is told once.
    fn skip_meaningless(&mut self) {
        let means = |letter: char| {
            letter.is_ascii_alphanumeric() || letter.is_control() || "_ \"[](){},;:#/".contains(letter)
        };
        let rest = self.rest();
        self.at += rest.find(means).unwrap_or(rest.len());
    }

    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    /// White space and comments.
    fn skip_blanks(&mut self, faults: &mut Faults) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\n']).len();
            match rest.as_bytes()[blank..] {
                [b'#', ..] => self.at += blank + rest[blank..].find('\n').unwrap_or(rest.len() - blank),
                [b'/', b'*', ..] => {
                    self.at += blank;
                    self.skip_comment(faults);
                }
                [b'\r', b'\n', ..] => self.at += blank + 2,
                _ => {
                    self.at += blank;
                    return;
                }
            }
        }
    }

    fn skip_comment(&mut self, faults: &mut Faults) {
        let place = self.place();
        match self.rest()[2..].find("*/") {
            Some(length) => self.at += 2 + length + 2,
            None => {
                self.tear();
                faults.add_last(place, "this comment has no end: `*/` is missing");
            }
        }
    }

    fn word(&mut self) -> &'s str {
        let rest = self.rest();
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let length = rest.bytes().position(|byte| !is_word(byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn tag(&mut self, place: Place, faults: &mut Faults) -> Option<Token<'s>> {
        let word = self.word();
        let is_name = word.starts_with(|first: char| !first.is_ascii_digit());
        if !is_name {
            faults.add(place, "a tag is a colon and a name");
        }
        is_name.then_some(Token::Tag(word))
    }

    fn name(&mut self, place: Place, faults: &mut Faults) -> Token<'s> {
        let word = self.word();
        match word.eq_ignore_ascii_case("text") && self.rest().starts_with(':') {
            true => {
                self.at += 1;
                Token::Text(Cow::Owned(self.multi_line(place, faults)))
            }
            false => Token::Identifier(word),
        }
    }

    /// `1*DIGIT [QUANTIFIER]`
    fn number(&mut self, place: Place, faults: &mut Faults) -> u64 {
        let word = self.word();
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        let shift = match &word.as_bytes()[digits..] {
            b"" => 0,
            b"k" | b"K" => 10,
            b"m" | b"M" => 20,
            b"g" | b"G" => 30,
            _ => {
                faults.add(place, format!("`{}` is neither a number nor a name", short(word)));
                return 0;
            }
        };
        let number = word[..digits].parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
        number.unwrap_or_else(|| {
            faults.add(place, format!("the number {} is too large", short(word)));
            0
        })
    }

    /// `quoted-string`
    fn quoted(&mut self, place: Place, faults: &mut Faults) -> Cow<'s, str> {
        let inner = &self.rest()[1..];
        let plain = inner.find(['"', '\\', '\r', '\n', '\0']).unwrap_or(inner.len());
        if inner[plain..].starts_with('"') {
            self.at += plain + 2;
            return Cow::Borrowed(&inner[..plain]);
        }
        let mut text = inner[..plain].to_owned();
        self.at += 1 + plain;
        loop {
            let rest = self.rest();
            let plain = rest.find(['"', '\\', '\r', '\n', '\0']).unwrap_or(rest.len());
            text.push_str(&rest[..plain]);
            self.at += plain;
            match rest.as_bytes()[plain..] {
                [b'"', ..] => {
                    self.at += 1;
                    return Cow::Owned(text);
                }
                [b'\\', ..] if rest.len() > plain + 1 => {
                    self.at += 1;
                    self.escaped(&mut text, faults);
                }
                [b'\\'] | [] => {
                    self.tear();
                    faults.add_last(place, "this string has no end: `\"` is missing");
                    return Cow::Owned(text);
                }
                _ => self.line_end(&mut text, faults),
            }
        }
    }

    fn escaped(&mut self, text: &mut String, faults: &mut Faults) {
        match self.rest().chars().next() {
            Some('\r' | '\n' | '\0') => self.line_end(text, faults),
            Some(letter) => {
                text.push(letter);
                self.at += letter.len_utf8();
            }
            None => {}
        }
    }

    /// A line's end within a string, or an octet that may not stand there.
    fn line_end(&mut self, text: &mut String, faults: &mut Faults) {
        let length = match self.rest().as_bytes() {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            other => {
                let octet =
                    if other.first() == Some(&0) { "NUL octet" } else { "carriage return without line feed" };
                let place = self.place();
                faults.add(place, format!("a {octet} within a string"));
                self.at += 1;
                return;
            }
        };
        text.push_str("\r\n");
        self.at += length;
    }

    /// `multi-line`, behind its `text:`
    fn multi_line(&mut self, place: Place, faults: &mut Faults) -> String {
        let first = self.line();
        let blank = first.trim_matches([' ', '\t', '\r']);
        if !blank.is_empty() && !blank.starts_with('#') {
            faults.add(place, "`text:` stands at the end of its line, the text begins on the next");
        }
        let mut text = String::new();
        while !self.rest().is_empty() {
            let here = self.at;
            let line = self.line();
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line == "." {
                return text;
            }
            if let Some(bad) = line.find(['\r', '\0']) {
                let after = std::mem::replace(&mut self.at, here + bad);
                self.line_end(&mut String::new(), faults);
                self.at = after;
            }
            text.push_str(if line.starts_with("..") { &line[1..] } else { line });
            text.push_str("\r\n");
        }
        self.is_torn = true;
        faults.add_last(place, "this text has no end: a line with a single dot is missing");
        text
    }

    /// The rest of the line; reading goes on behind its line feed.
    fn line(&mut self) -> &'s str {
        let rest = self.rest();
        let length = rest.find('\n').unwrap_or(rest.len());
        self.at = (self.at + length + 1).min(self.source.len());
        &rest[..length]
    }
}

/// A script's own word as a message may repeat it.
pub fn short(word: &str) -> String {
    clean(word, 60)
}

/// A text without controls, cut to a number of letters.
pub fn clean(text: &str, letters_max: usize) -> String {
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    let cut: String = text.chars().take(letters_max).map(plain).collect();
    match text.chars().nth(letters_max) {
        Some(_) => cut + "…",
        None => cut,
    }
}

/// A script as text. Octets that are no UTF-8 are told and replaced.
pub fn decode<'s>(source: &'s [u8], faults: &mut Faults) -> Cow<'s, str> {
    let source = source.strip_prefix("\u{feff}".as_bytes()).unwrap_or(source);
    let mut place = Place { line: 1, column: 1 };
    for chunk in source.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\n' => place = Place { line: place.line + 1, column: 1 },
                _ => place.column += 1,
            }
        }
        if !chunk.invalid().is_empty() {
            faults.add(place, "this is not UTF-8");
            place.column += 1;
        }
    }
    String::from_utf8_lossy(source)
}
