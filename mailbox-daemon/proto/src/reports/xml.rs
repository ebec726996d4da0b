//! As much of XML 1.0 as reports need, read in any chunking with a few kilobytes of memory whatever comes.
//!
//! Elements, text, the five predefined entities, character references, CDATA, comments and processing instructions are
//! understood, attributes passed over. A document type declaration is refused: with it go entities of the document's own, and
//! everything that can be blown up with them.

use thiserror::Error;

/// Elements inside one another; a DMARC report has five.
const DEPTH_MAX: usize = 16;
/// Octets of an element's name, and of the text in one element that are kept.
const NAME_BYTES_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 1024;

/// Why a text is not read as XML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum XmlError {
    /// It breaks the grammar.
    #[error("it is no well-formed XML")]
    Malformed,
    /// It declares a document type.
    #[error("it has a document type declaration")]
    DocumentType,
    /// Elements too deep or names too long.
    #[error("its elements are nested too deeply")]
    TooDeep,
}

/// What is found, told with the way from the root: `feedback/record/row`, namespace prefixes removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// An element begins.
    Start(&'a str),
    /// An element ends; the text that stood in it behind its last child, trimmed.
    End(&'a str, &'a str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    /// Behind `<`.
    Markup,
    /// In the name of a start or an end tag.
    Name {
        is_end: bool,
    },
    /// Behind the name.
    Tag {
        is_end: bool,
        quote: Option<u8>,
        slash: bool,
    },
    /// Behind `<!`: what it begins is not known yet.
    Declaration,
    /// In a comment or CDATA: how much of `-->` or `]]>` is there.
    Comment(u8),
    CharacterData(u8),
    /// In `<? ... ?>`.
    Instruction {
        question: bool,
    },
}

/// A document being read.
#[derive(Debug)]
pub struct Xml {
    state: State,
    /// The way to the innermost open element, and where each step on it begins.
    path: String,
    steps: Vec<usize>,
    name: Vec<u8>,
    text: Vec<u8>,
    is_over: bool,
}

impl Default for Xml {
    fn default() -> Xml {
        Xml {
            state: State::Text,
            path: String::new(),
            steps: Vec::new(),
            name: Vec::new(),
            text: Vec::new(),
            is_over: false,
        }
    }
}

impl Xml {
    /// Reads on and tells what is found.
    pub fn feed(&mut self, bytes: &[u8], found: &mut dyn FnMut(Event<'_>)) -> Result<(), XmlError> {
        bytes.iter().try_for_each(|byte| self.step(*byte, found))
    }

    /// Whether a root element was there and is closed.
    pub fn is_complete(&self) -> bool {
        self.is_over && self.state == State::Text
    }

    fn step(&mut self, byte: u8, found: &mut dyn FnMut(Event<'_>)) -> Result<(), XmlError> {
        self.state = match self.state {
            State::Text => self.in_text(byte),
            State::Markup => self.in_markup(byte)?,
            State::Name { is_end } => self.in_name(byte, is_end, found)?,
            State::Tag { is_end, quote, slash } => self.in_tag(byte, is_end, quote, slash, found)?,
            State::Declaration => self.in_declaration(byte)?,
            State::Comment(seen) => match (byte, seen) {
                (b'-', seen) => State::Comment((seen + 1).min(2)),
                (b'>', 2) => State::Text,
                _ => State::Comment(0),
            },
            State::CharacterData(seen) => self.in_character_data(byte, seen),
            State::Instruction { question: true } if byte == b'>' => State::Text,
            State::Instruction { .. } => State::Instruction { question: byte == b'?' },
        };
        Ok(())
    }

    fn in_text(&mut self, byte: u8) -> State {
        if byte == b'<' {
            return State::Markup;
        }
        self.keep(byte);
        State::Text
    }

    fn keep(&mut self, byte: u8) {
        if !self.steps.is_empty() && self.text.len() < TEXT_BYTES_MAX {
            self.text.push(byte);
        }
    }

    fn in_markup(&mut self, byte: u8) -> Result<State, XmlError> {
        self.name.clear();
        match byte {
            b'/' => Ok(State::Name { is_end: true }),
            b'!' => Ok(State::Declaration),
            b'?' => Ok(State::Instruction { question: false }),
            _ if is_name(byte) => {
                self.name.push(byte);
                Ok(State::Name { is_end: false })
            }
            _ => Err(XmlError::Malformed),
        }
    }

    fn in_name(
        &mut self,
        byte: u8,
        is_end: bool,
        found: &mut dyn FnMut(Event<'_>),
    ) -> Result<State, XmlError> {
        if !is_name(byte) {
            return self.in_tag(byte, is_end, None, false, found);
        }
        if self.name.len() == NAME_BYTES_MAX {
            return Err(XmlError::TooDeep);
        }
        self.name.push(byte);
        Ok(State::Name { is_end })
    }

    fn in_tag(
        &mut self,
        byte: u8,
        is_end: bool,
        quote: Option<u8>,
        slash: bool,
        found: &mut dyn FnMut(Event<'_>),
    ) -> Result<State, XmlError> {
        let (quote, slash) = match (byte, quote) {
            (byte, Some(open)) => ((byte != open).then_some(open), false),
            (b'"' | b'\'', None) => (Some(byte), false),
            (b'/', None) => (None, true),
            (b'>', None) => {
                if !is_end {
                    self.open(found)?;
                }
                if is_end || slash {
                    self.close(found)?;
                }
                return Ok(State::Text);
            }
            (b'<', None) => return Err(XmlError::Malformed),
            _ => (None, false),
        };
        Ok(State::Tag { is_end, quote, slash })
    }

    /// `<!--`, `<![CDATA[` or what is refused.
    fn in_declaration(&mut self, byte: u8) -> Result<State, XmlError> {
        self.name.push(byte);
        match self.name.as_slice() {
            b"--" => Ok(State::Comment(0)),
            b"[CDATA[" => Ok(State::CharacterData(0)),
            begun if b"--".starts_with(begun) || b"[CDATA[".starts_with(begun) => Ok(State::Declaration),
            _ => Err(XmlError::DocumentType),
        }
    }

    fn in_character_data(&mut self, byte: u8, seen: u8) -> State {
        match (byte, seen) {
            (b'>', 2) => {
                self.text.truncate(self.text.len().saturating_sub(2));
                State::Text
            }
            _ => {
                self.keep(byte);
                State::CharacterData(if byte == b']' { (seen + 1).min(2) } else { 0 })
            }
        }
    }

    fn open(&mut self, found: &mut dyn FnMut(Event<'_>)) -> Result<(), XmlError> {
        if self.is_over {
            return Err(XmlError::Malformed);
        }
        if self.steps.len() == DEPTH_MAX {
            return Err(XmlError::TooDeep);
        }
        self.steps.push(self.path.len());
        if !self.path.is_empty() {
            self.path.push('/');
        }
        self.path.push_str(&local_name(&self.name)?);
        self.text.clear();
        found(Event::Start(&self.path));
        Ok(())
    }

    fn close(&mut self, found: &mut dyn FnMut(Event<'_>)) -> Result<(), XmlError> {
        let begin = self.steps.pop().ok_or(XmlError::Malformed)?;
        let name = local_name(&self.name)?;
        if self.path[begin..].trim_start_matches('/') != name {
            return Err(XmlError::Malformed);
        }
        found(Event::End(&self.path, unescaped(&self.text).trim()));
        self.path.truncate(begin);
        self.text.clear();
        self.is_over = self.steps.is_empty();
        Ok(())
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':') || byte >= 0x80
}

/// A name without its namespace prefix.
fn local_name(name: &[u8]) -> Result<String, XmlError> {
    let text = std::str::from_utf8(name).map_err(|_| XmlError::Malformed)?;
    let local = text.rsplit(':').next().unwrap_or_default();
    if local.is_empty() { Err(XmlError::Malformed) } else { Ok(local.to_owned()) }
}

/// Text with its references resolved. A reference nobody knows stays as it is written.
fn unescaped(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let reference = rest.find(';').and_then(|end| Some((referred(&rest[1..end])?, end)));
        let (character, end) = reference.unwrap_or(('&', 0));
        out.push(character);
        rest = &rest[end + 1..];
    }
    out + rest
}

fn referred(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, chunk: usize) -> Result<Vec<String>, XmlError> {
        let (mut xml, mut seen) = (Xml::default(), Vec::new());
        for bytes in text.as_bytes().chunks(chunk) {
            xml.feed(bytes, &mut |event| match event {
                Event::Start(_) => {}
                Event::End(path, text) => seen.push(format!("{path}={text}")),
            })?;
        }
        if xml.is_complete() { Ok(seen) } else { Err(XmlError::Malformed) }
    }

    #[test]
    fn elements_and_their_text() {
        let text = "<?xml version='1.0'?>\n<!-- a > b -- c --><x:feedback xmlns:x=\"u/>\">\n <a b='1>2' >1 &lt; &#50; \
                    &x; &amp</a><empty/><c><![CDATA[<]]>]]]]></c></x:feedback>\n";
        let expected = ["feedback/a=1 < 2 &x; &amp", "feedback/empty=", "feedback/c=<]]]]>", "feedback="];
        for chunk in [1, 2, 3, 7, 1000] {
            // What stands behind `]]>` outside CDATA is text.
            assert_eq!(read(text, chunk).unwrap(), expected, "in chunks of {chunk}");
        }
    }

    #[test]
    fn what_is_refused() {
        let deep = "<a>".repeat(17);
        for (text, error) in [
            ("<!DOCTYPE lolz [<!ENTITY lol \"lol\">]><a>&lol;</a>", XmlError::DocumentType),
            ("<a><!ENTITY x 'y'></a>", XmlError::DocumentType),
            ("<a></b>", XmlError::Malformed),
            ("<a>", XmlError::Malformed),
            ("</a>", XmlError::Malformed),
            ("<a/><b/>", XmlError::Malformed),
            ("< a/>", XmlError::Malformed),
            ("text", XmlError::Malformed),
            (deep.as_str(), XmlError::TooDeep),
            (&format!("<{}>", "n".repeat(65)), XmlError::TooDeep),
        ] {
            assert_eq!(read(text, 5), Err(error), "{text}");
        }
    }

    #[test]
    fn long_text_is_cut() {
        let text = format!("<a>{}</a>", "x".repeat(1_000_000));
        assert_eq!(read(&text, 4096).unwrap(), [format!("a={}", "x".repeat(TEXT_BYTES_MAX))]);
    }
}
