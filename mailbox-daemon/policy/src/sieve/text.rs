//! Strings of a script: constant, or with variables in them (RFC 5229 section 3).

use std::borrow::Cow;

/// A string of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// It is always the same.
    Constant(Box<str>),
    /// It depends on variables.
    Template(Vec<Piece>),
}

/// A part of a string with variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Always the same.
    Literal(String),
    /// `${name}`
    Variable(Variable),
    /// `${0}` and so on: what a wildcard or group stood for.
    Matched(usize),
}

/// A variable that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name in lower case.
    pub name: Box<str>,
    /// Whether scripts that include each other share it (RFC 6609 section 3.4).
    pub is_global: bool,
}

impl Text {
    /// The string if it is a constant one.
    pub fn constant(&self) -> Option<&str> {
        match self {
            Text::Constant(text) => Some(text),
            Text::Template(_) => None,
        }
    }
}

impl Text {
    /// The string as the script has it, its variables by name.
    pub fn source(&self) -> Cow<'_, str> {
        let pieces = match self {
            Text::Constant(text) => return Cow::Borrowed(text),
            Text::Template(pieces) => pieces,
        };
        let written = pieces.iter().map(|piece| match piece {
            Piece::Literal(part) => Cow::Borrowed(part.as_str()),
            Piece::Variable(Variable { name, is_global: false }) => Cow::Owned(format!("${{{name}}}")),
            Piece::Variable(Variable { name, is_global: true }) => Cow::Owned(format!("${{global.{name}}}")),
            Piece::Matched(index) => Cow::Owned(format!("${{{index}}}")),
        });
        Cow::Owned(written.collect())
    }
}

/// What stands between `${` and `}` if it names a variable.
#[derive(Debug, PartialEq, Eq)]
pub enum Name<'s> {
    /// `name`
    Plain(&'s str),
    /// `1*DIGIT`; `None` where it is beyond all numbers.
    Number(Option<usize>),
    /// `namespace.name`
    Spaced {
        /// What stands before the first dot.
        namespace: &'s str,
        /// What stands behind it.
        rest: &'s str,
    },
}

/// Longest name of a variable, in octets; RFC 5229 section 6 asks for 32.
pub const VARIABLE_NAME_BYTES_MAX: usize = 64;

impl<'s> Name<'s> {
    /// Reads `[namespace] variable-name`.
    pub fn parse(name: &'s str) -> Option<Name<'s>> {
        let mut parts = name.split('.');
        let first = parts.next()?;
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        match name.split_once('.') {
            None if is_number(first) => Some(Name::Number(first.parse().ok())),
            None => is_identifier(first).then_some(Name::Plain(first)),
            Some((namespace, rest)) => {
                let is_name =
                    is_identifier(first) && parts.all(|part| is_number(part) || is_identifier(part));
                is_name.then_some(Name::Spaced { namespace, rest })
            }
        }
    }
}

/// `identifier` of RFC 5228 section 8.1
pub fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A stretch of a string: what stands for itself, or what stands between `${` and the next `}` and may mean something.
#[derive(Debug, PartialEq, Eq)]
pub enum Stretch<'s> {
    /// Stands for itself.
    Plain(&'s str),
    /// The inside of `${...}`, and the whole.
    Reference(&'s str, &'s str),
}

/// Cuts a string at its references. Only the last `${` before a `}` counts: `${a${b}` refers to `b`.
pub fn stretches(text: &str) -> impl Iterator<Item = Stretch<'_>> {
    let mut rest = text;
    let mut reference = None;
    std::iter::from_fn(move || {
        if let Some(found) = reference.take() {
            return Some(found);
        }
        if rest.is_empty() {
            return None;
        }
        let mut plain = rest;
        let mut from = 0;
        while let Some(close) = rest[from..].find('}').map(|close| from + close) {
            if let Some(open) = rest[from..close].rfind("${").map(|open| from + open) {
                reference = Some(Stretch::Reference(&rest[open + 2..close], &rest[open..=close]));
                plain = &rest[..open];
                rest = &rest[close + 1..];
                break;
            }
            from = close + 1;
        }
        if reference.is_none() {
            rest = "";
        }
        match plain.is_empty() {
            true => reference.take(),
            false => Some(Stretch::Plain(plain)),
        }
    })
}

/// Decodes `${hex:...}` and `${unicode:...}` (RFC 5228 section 2.4.2.4). What is not written so stays as it is.
pub fn decode_characters(text: Cow<'_, str>) -> Result<Cow<'_, str>, OutOfRange> {
    if !text.contains("${") {
        return Ok(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    for stretch in stretches(&text) {
        match stretch {
            Stretch::Plain(plain) => decoded.extend_from_slice(plain.as_bytes()),
            Stretch::Reference(inside, whole) => {
                if !decode_reference(inside, &mut decoded)? {
                    decoded.extend_from_slice(whole.as_bytes());
                }
            }
        }
    }
    Ok(Cow::Owned(String::from_utf8_lossy(&decoded).into_owned()))
}

/// A number that is no Unicode character.
#[derive(Debug, PartialEq, Eq)]
pub struct OutOfRange(pub String);

fn decode_reference(inside: &str, decoded: &mut Vec<u8>) -> Result<bool, OutOfRange> {
    let Some((kind, digits)) = inside.split_once(':') else { return Ok(false) };
    let is_blank = |letter: char| matches!(letter, ' ' | '\t' | '\r' | '\n');
    let numbers = || digits.split(is_blank).filter(|number| !number.is_empty());
    let is_hex = numbers().all(|number| number.bytes().all(|digit| digit.is_ascii_hexdigit()));
    if !is_hex || numbers().next().is_none() {
        return Ok(false);
    }
    if kind.eq_ignore_ascii_case("hex") && numbers().all(|number| number.len() <= 2) {
        decoded.extend(numbers().filter_map(|number| u8::from_str_radix(number, 16).ok()));
        return Ok(true);
    }
    if !kind.eq_ignore_ascii_case("unicode") {
        return Ok(false);
    }
    for number in numbers() {
        let letter = u32::from_str_radix(number.trim_start_matches('0'), 16)
            .ok()
            .or(number.bytes().all(|digit| digit == b'0').then_some(0));
        let letter = letter.and_then(char::from_u32).ok_or_else(|| OutOfRange(number.to_owned()))?;
        decoded.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_decoded() {
        for (text, decoded) in [
            ("$${hex:40}", "$@"),
            ("${hex: 40 }", "@"),
            ("${HEX: 40}", "@"),
            ("${hex:40", "${hex:40"),
            ("${hex:400}", "${hex:400}"),
            ("${hex:4${hex:30}}", "${hex:40}"),
            ("${unicode:40}", "@"),
            ("${ unicode:40}", "${ unicode:40}"),
            ("${UnICoDE:0000040}", "@"),
            ("${Unicode:Cool}", "${Unicode:Cool}"),
            ("${hex:}${unicode: }", "${hex:}${unicode: }"),
            ("${hex:24 7b\r\n4e}ame}", "${Name}"),
            ("a}b${c}${unicode:e9 20AC}", "a}b${c}é€"),
            ("${hex:c3 a9}${unicode:0}", "é\0"),
        ] {
            assert_eq!(decode_characters(text.into()).as_deref(), Ok(decoded), "{text}");
        }
        for bad in ["200000", "DF01", "FFFFFFFFFFFF"] {
            let text = format!("${{unicode:{bad}}}");
            assert_eq!(decode_characters(text.into()), Err(OutOfRange(bad.to_owned())));
        }
    }

    #[test]
    fn names_of_variables() {
        for (name, parsed) in [
            ("a_1", Some(Name::Plain("a_1"))),
            ("007", Some(Name::Number(Some(7)))),
            ("99999999999999999999999", Some(Name::Number(None))),
            ("global.x", Some(Name::Spaced { namespace: "global", rest: "x" })),
            ("env.1.b", Some(Name::Spaced { namespace: "env", rest: "1.b" })),
            ("", None),
            ("1a", None),
            ("a.", None),
            (".a", None),
            ("1.a", None),
            ("a-b", None),
            ("é", None),
        ] {
            assert_eq!(Name::parse(name), parsed, "{name}");
        }
    }
}
