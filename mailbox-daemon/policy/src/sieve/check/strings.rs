use super::Checker;
use crate::sieve::lexer::short;
use crate::sieve::run::MATCHED_MAX;
use crate::sieve::script::Place;
use crate::sieve::text::{
    Name, OutOfRange, Piece, Stretch, Text, VARIABLE_NAME_BYTES_MAX, Variable, decode_characters,
    is_identifier, stretches,
};
use std::borrow::Cow;

impl Checker {
    /// A string as the script means it: characters decoded, variables found.
    pub fn text(&mut self, text: &str, place: Place) -> Text {
        let mut text = Cow::Borrowed(text);
        if text.contains("${") && self.has("encoded-character") {
            text = decode_characters(text).unwrap_or_else(|OutOfRange(number)| {
                self.faults
                    .add_last(place, format!("there is no character with the number {}", short(&number)));
                Cow::Borrowed("")
            });
        }
        match text.contains("${") && self.has("variables") {
            true => self.template(&text, place),
            false => Text::Constant(text.into()),
        }
    }

    fn template(&mut self, text: &str, place: Place) -> Text {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        for stretch in stretches(text) {
            let piece = match stretch {
                Stretch::Plain(plain) => Err(plain),
                Stretch::Reference(name, whole) => self.reference(name, place).ok_or(whole),
            };
            match piece {
                Err(plain) => literal.push_str(plain),
                Ok(piece) => {
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(piece);
                }
            }
        }
        if pieces.is_empty() {
            return Text::Constant(literal.into());
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        self.uses("variables");
        Text::Template(pieces)
    }

    /// What `${name}` refers to; `None` if it stands for itself.
    fn reference(&mut self, name: &str, place: Place) -> Option<Piece> {
        match Name::parse(name)? {
            Name::Number(Some(index)) if index <= MATCHED_MAX => Some(Piece::Matched(index)),
            Name::Number(_) => {
                self.faults.add_last(place, format!("match variables end with ${{{MATCHED_MAX}}}"));
                None
            }
            Name::Plain(name) => Some(Piece::Variable(self.variable(name))),
            Name::Spaced { namespace, rest } => self.spaced(namespace, rest, place).map(Piece::Variable),
        }
    }

    /// A variable that `set` names; `None` if it cannot be set, which is told.
    pub fn settable(&mut self, name: &str, place: Place) -> Option<Variable> {
        if name.len() > VARIABLE_NAME_BYTES_MAX {
            let what = format!("names of variables have at most {VARIABLE_NAME_BYTES_MAX} letters");
            self.faults.add_last(place, what);
            return None;
        }
        match Name::parse(name) {
            Some(Name::Plain(name)) => Some(self.variable(name)),
            Some(Name::Spaced { namespace, rest }) => self.spaced(namespace, rest, place),
            Some(Name::Number(_)) => {
                self.faults.add_last(place, "match variables cannot be set");
                None
            }
            None => {
                self.faults.add(
                    place,
                    "the name of a variable has letters, digits and `_`, and begins with no digit",
                );
                None
            }
        }
    }

    fn variable(&self, name: &str) -> Variable {
        let name: Box<str> = name.to_ascii_lowercase().into();
        let is_global = self.variables_global.contains(&name);
        Variable { name, is_global }
    }

    /// A variable of a namespace; only `global` is there (RFC 6609 section 3.4.2).
    fn spaced(&mut self, namespace: &str, rest: &str, place: Place) -> Option<Variable> {
        let what = match namespace.eq_ignore_ascii_case("global") {
            false => format!("variables have no namespace `{}`", short(namespace)),
            true if !self.uses("include") => "the namespace `global` needs `require \"include\";`".to_owned(),
            true if !is_identifier(rest) => "the namespace `global` has only plain names in it".to_owned(),
            true => return Some(Variable { name: rest.to_ascii_lowercase().into(), is_global: true }),
        };
        self.faults.add_last(place, what);
        None
    }
}
