//! Commands out of bytes (RFC 5804 section 4). A little more is taken than the grammar allows: spaces in a row and at the end,
//! and quoted strings as long as a line.

use super::command::{Command, Response};
use data_encoding::BASE64;
use std::borrow::Cow;

/// Why something is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of fault.
    pub kind: FaultKind,
    /// What to tell the client.
    pub text: &'static str,
}

/// Kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It breaks the grammar.
    Syntax,
    /// It is longer than what is taken.
    TooLarge,
}

impl Fault {
    pub(super) fn syntax(text: &'static str) -> Fault {
        Fault { kind: FaultKind::Syntax, text }
    }

    pub(super) fn too_large(text: &'static str) -> Fault {
        Fault { kind: FaultKind::TooLarge, text }
    }
}

/// A command with its literals and its last line end.
pub fn command(frame: &[u8]) -> Result<Command, Fault> {
    let mut cursor = Cursor { rest: frame };
    let name = cursor.atom()?.to_ascii_uppercase();
    let command = arguments(name.as_slice(), &mut cursor)?;
    cursor.end()?;
    Ok(command)
}

fn arguments(name: &[u8], cursor: &mut Cursor<'_>) -> Result<Command, Fault> {
    Ok(match name {
        b"AUTHENTICATE" => {
            let mechanism = cursor.text()?;
            let initial = cursor.optional_string()?.map(|response| decode(&response)).transpose()?;
            Command::Authenticate { mechanism, initial }
        }
        b"CAPABILITY" => Command::Capability,
        b"CHECKSCRIPT" => Command::CheckScript(cursor.string()?.into_owned()),
        b"DELETESCRIPT" => Command::DeleteScript(cursor.text()?),
        b"GETSCRIPT" => Command::GetScript(cursor.text()?),
        b"HAVESPACE" => Command::HaveSpace { name: cursor.text()?, bytes: cursor.number()? },
        b"LISTSCRIPTS" => Command::ListScripts,
        b"LOGOUT" => Command::Logout,
        b"NOOP" => Command::Noop(cursor.optional_string()?.map(Cow::into_owned)),
        b"PUTSCRIPT" => Command::PutScript { name: cursor.text()?, script: cursor.string()?.into_owned() },
        b"RENAMESCRIPT" => Command::RenameScript { from: cursor.text()?, to: cursor.text()? },
        b"SETACTIVE" => Command::SetActive(Some(cursor.text()?).filter(|name| !name.is_empty())),
        b"STARTTLS" => Command::StartTls,
        b"UNAUTHENTICATE" => Command::Unauthenticate,
        _ => return Err(Fault::syntax("there is no such command")),
    })
}

/// An answer to a challenge, with its last line end.
pub fn response(frame: &[u8]) -> Result<Response, Fault> {
    let mut cursor = Cursor { rest: frame };
    let response = cursor.bare_string()?;
    cursor.end()?;
    match &*response {
        b"*" => Ok(Response::Cancel),
        response => Ok(Response::Data(decode(response)?)),
    }
}

fn decode(response: &[u8]) -> Result<Vec<u8>, Fault> {
    BASE64.decode(response).map_err(|_| Fault::syntax("the response is not base64"))
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn atom(&mut self) -> Result<&'a [u8], Fault> {
        let is_in_atom = |byte: &u8| byte.is_ascii_graphic() && !b"(){\"\\".contains(byte);
        let length = self.rest.iter().position(|byte| !is_in_atom(byte)).unwrap_or(self.rest.len());
        let (atom, rest) = self.rest.split_at(length);
        self.rest = rest;
        match atom.is_empty() {
            false => Ok(atom),
            true => Err(Fault::syntax("a command begins with its name")),
        }
    }

    /// Passes over spaces; whether there were any.
    fn space(&mut self) -> bool {
        let length = self.rest.iter().position(|byte| *byte != b' ').unwrap_or(self.rest.len());
        self.rest = &self.rest[length..];
        length > 0
    }

    fn is_at_end(&self) -> bool {
        matches!(self.rest, b"\r\n" | b"\n")
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.space();
        match self.is_at_end() {
            true => Ok(()),
            false => Err(Fault::syntax("there is more than the command takes")),
        }
    }

    fn text(&mut self) -> Result<String, Fault> {
        let string = self.string()?.into_owned();
        String::from_utf8(string).map_err(|_| Fault::syntax("that is not UTF-8"))
    }

    fn optional_string(&mut self) -> Result<Option<Cow<'a, [u8]>>, Fault> {
        match self.space() && !self.is_at_end() {
            true => self.bare_string().map(Some),
            false => Ok(None),
        }
    }

    fn string(&mut self) -> Result<Cow<'a, [u8]>, Fault> {
        match self.space() {
            true => self.bare_string(),
            false => Err(Fault::syntax("the command takes more arguments")),
        }
    }

    fn bare_string(&mut self) -> Result<Cow<'a, [u8]>, Fault> {
        match self.rest.split_first() {
            Some((b'"', rest)) => self.quoted(rest),
            Some((b'{', rest)) => self.literal(rest),
            _ => Err(Fault::syntax("a string stands in quotes or is a literal")),
        }
    }

    fn quoted(&mut self, inside: &'a [u8]) -> Result<Cow<'a, [u8]>, Fault> {
        let mut string = Vec::new();
        let mut bytes = inside.iter().enumerate();
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.rest = &inside[at + 1..];
                    return Ok(Cow::Owned(string));
                }
                b'\\' => match bytes.next() {
                    Some((_, escaped @ (b'"' | b'\\'))) => string.push(*escaped),
                    _ => return Err(Fault::syntax("a backslash stands before a quote or a backslash only")),
                },
                b'\r' | b'\n' => break,
                byte => string.push(*byte),
            }
        }
        Err(Fault::syntax("the quotes are not closed"))
    }

    /// `{`, a number and `+}` stand at the end of their line, or the frame would have ended there.
    fn literal(&mut self, announcement: &'a [u8]) -> Result<Cow<'a, [u8]>, Fault> {
        let wrong = || Fault::syntax("a literal is announced at the end of a line: {5+}");
        let close = memchr::memchr(b'}', announcement).ok_or_else(wrong)?;
        let bytes = announcement[..close].strip_suffix(b"+").and_then(number).ok_or_else(wrong)?;
        let rest = &announcement[close + 1..];
        let rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).ok_or_else(wrong)?;
        let (literal, rest) = rest.split_at_checked(bytes as usize).ok_or_else(wrong)?;
        self.rest = rest;
        Ok(Cow::Borrowed(literal))
    }

    fn number(&mut self) -> Result<u32, Fault> {
        let is_space = self.space();
        let length = self.rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        match number(digits).filter(|_| is_space) {
            Some(number) => Ok(number),
            None => Err(Fault::syntax("a number of 32 bits is missing")),
        }
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok()?;
    (!digits.starts_with('+')).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Command, &'static str> {
        command(text.as_bytes()).map_err(|fault| fault.text)
    }

    #[test]
    fn commands_are_understood_in_any_case() {
        for (text, expected) in [
            ("Capability\r\n", Command::Capability),
            ("listscripts \r\n", Command::ListScripts),
            ("NOOP\n", Command::Noop(None)),
            ("NOOP {16+}\r\nSTARTTLS-SYNC-42\r\n", Command::Noop(Some(b"STARTTLS-SYNC-42".to_vec()))),
            (
                "HAVESPACE \"my script\" 999999\r\n",
                Command::HaveSpace { name: "my script".into(), bytes: 999_999 },
            ),
            ("Setactive \"\"\r\n", Command::SetActive(None)),
            ("Setactive  \"ä\\\"\\\\\"\r\n", Command::SetActive(Some("ä\"\\".into()))),
            ("RENAMESCRIPT \"a\" {1+}\r\nb\r\n", Command::RenameScript { from: "a".into(), to: "b".into() }),
            (
                "AUTHENTICATE \"PLAIN\" \"AGE=\"\r\n",
                Command::Authenticate { mechanism: "PLAIN".into(), initial: Some(vec![0, b'a']) },
            ),
            (
                "AUTHENTICATE \"PLAIN\" \"\"\r\n",
                Command::Authenticate { mechanism: "PLAIN".into(), initial: Some(Vec::new()) },
            ),
        ] {
            assert_eq!(parsed(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn faults_are_told() {
        for (text, expected) in [
            ("\r\n", "a command begins with its name"),
            ("HELP\r\n", "there is no such command"),
            ("LOGOUT now\r\n", "there is more than the command takes"),
            ("GETSCRIPT\r\n", "the command takes more arguments"),
            ("GETSCRIPT main\r\n", "a string stands in quotes or is a literal"),
            ("GETSCRIPT \"main\r\n", "the quotes are not closed"),
            ("GETSCRIPT \"ma\\in\"\r\n", "a backslash stands before a quote or a backslash only"),
            ("GETSCRIPT \"a\"\"b\"\r\n", "there is more than the command takes"),
            ("GETSCRIPT {4}\r\nmain\r\n", "a literal is announced at the end of a line: {5+}"),
            ("HAVESPACE \"a\" 4294967296\r\n", "a number of 32 bits is missing"),
            ("HAVESPACE \"a\" -1\r\n", "a number of 32 bits is missing"),
            ("AUTHENTICATE \"PLAIN\" \"A\"\r\n", "the response is not base64"),
        ] {
            assert_eq!(parsed(text), Err(expected), "{text}");
        }
        assert_eq!(command(b"GETSCRIPT \"\xff\"\r\n").unwrap_err().text, "that is not UTF-8");
    }

    #[test]
    fn responses_may_break_off() {
        assert_eq!(response(b"\"*\"\r\n"), Ok(Response::Cancel));
        assert_eq!(response(b"{4+}\r\nAGE=\r\n"), Ok(Response::Data(vec![0, b'a'])));
        assert_eq!(response(b"\"\"\r\n"), Ok(Response::Data(Vec::new())));
        assert!(response(b"AGE=\r\n").is_err());
    }
}
