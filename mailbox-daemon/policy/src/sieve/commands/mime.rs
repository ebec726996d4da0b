//! mime (RFC 5703 section 4): which parts a test looks at, and what of a field.

use crate::sieve::check::Arguments;
use crate::sieve::message::Field;
use crate::sieve::run::{Failure, Run};
use crate::sieve::text::Text;
use proto::mime::content_field::ContentField;
use std::borrow::Cow;
use std::ops::Range;

const EXTENSION: Option<&str> = Some("mime");

/// `[":mime"] [":anychild"]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The header of the message.
    Message,
    /// That of the current part.
    Part,
    /// That of the current part and of all it contains.
    PartAndChildren,
}

impl Scope {
    /// Reads the tags.
    pub fn read(arguments: &mut Arguments<'_>) -> Scope {
        let (mime, any_child) = (arguments.flag("mime", EXTENSION), arguments.flag("anychild", EXTENSION));
        match (mime, any_child) {
            (true, true) => Scope::PartAndChildren,
            (true, false) => Scope::Part,
            (false, true) => {
                arguments.fault(arguments.place(), "`:anychild` needs `:mime`");
                Scope::Message
            }
            (false, false) => Scope::Message,
        }
    }

    /// The parts whose headers are looked at; the message itself is part 0.
    pub fn parts(self, run: &mut Run<'_>) -> Result<Range<usize>, Failure> {
        match self {
            Scope::Message => Ok(0..1),
            Scope::Part | Scope::PartAndChildren => {
                Ok(run.message.parts_tested(self == Scope::PartAndChildren, &mut run.work)?)
            }
        }
    }
}

/// `[MIMEOPTS]`: what of a field is tested.
#[derive(Debug)]
pub enum Aspect {
    /// The whole value.
    Whole,
    /// `:type`
    Type,
    /// `:subtype`
    Subtype,
    /// `:contenttype`
    ContentType,
    /// `:param` with names
    Parameters(Vec<Text>),
}

impl Aspect {
    /// Reads the tags, which need `:mime`.
    pub fn read(arguments: &mut Arguments<'_>, scope: Scope) -> Aspect {
        let word = arguments.one_of(&[
            ("type", EXTENSION, 't'),
            ("subtype", EXTENSION, 's'),
            ("contenttype", EXTENSION, 'c'),
        ]);
        let names = arguments.texts_of("param", EXTENSION);
        if word.is_some() && names.is_some() {
            arguments.fault(arguments.place(), "`:param` excludes `:type`, `:subtype` and `:contenttype`");
        }
        let aspect = match (word, names) {
            (Some('t'), _) => Aspect::Type,
            (Some('s'), _) => Aspect::Subtype,
            (Some(_), _) => Aspect::ContentType,
            (None, Some(names)) => Aspect::Parameters(names.into_iter().map(|(_, name)| name).collect()),
            (None, None) => return Aspect::Whole,
        };
        if scope == Scope::Message {
            arguments
                .fault(arguments.place(), "`:type`, `:subtype`, `:contenttype` and `:param` need `:mime`");
        }
        aspect
    }

    /// The names of parameters, their variables resolved.
    pub fn names(&self, run: &mut Run<'_>) -> Result<Vec<String>, Failure> {
        match self {
            Aspect::Parameters(names) => {
                names.iter().map(|name| Ok(run.text(name)?.to_ascii_lowercase())).collect()
            }
            _ => Ok(Vec::new()),
        }
    }

    /// What a field has to compare; nothing if it cannot be understood.
    pub fn of<'f>(&self, field: &'f Field<'_>, names: &[String]) -> Vec<Cow<'f, [u8]>> {
        let is = |name: &str| field.name().eq_ignore_ascii_case(name.as_bytes());
        let owned = |text: String| Cow::Owned(text.into_bytes());
        let content = || ContentField::parse(field.value());
        match self {
            Aspect::Whole => vec![Cow::Borrowed(field.text())],
            Aspect::Parameters(_) => {
                let parameters = content().map(|content| content.parameters).unwrap_or_default();
                let named = parameters.into_iter().filter(|(name, _)| names.contains(name));
                named.map(|(_, value)| owned(value)).collect()
            }
            _ if is("Content-Type") => {
                content().map(|content| owned(self.of_type(content))).into_iter().collect()
            }
            Aspect::Type | Aspect::ContentType if is("Content-Disposition") => {
                content().map(|content| owned(content.value)).into_iter().collect()
            }
            Aspect::Type | Aspect::Subtype | Aspect::ContentType => vec![Cow::Borrowed(b"")],
        }
    }

    fn of_type(&self, content: ContentField) -> String {
        match self {
            Aspect::Subtype => content.subtype,
            Aspect::ContentType => format!("{}/{}", content.value, content.subtype),
            _ => content.value,
        }
    }
}
