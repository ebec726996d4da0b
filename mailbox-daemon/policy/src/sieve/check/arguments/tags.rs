use super::Arguments;
use crate::sieve::script::Place;
use crate::sieve::syntax::{Argument, Value};
use crate::sieve::text::Text;
use std::borrow::Cow;

impl Arguments<'_> {
    /// Whether a tag is given. `extension` is what it needs.
    pub fn flag(&mut self, tag: &str, extension: Option<&'static str>) -> bool {
        self.tag(tag, extension).is_some()
    }

    /// Whether a tag is given, before anybody has read it.
    pub fn has_tag(&self, tag: &str) -> bool {
        let is_tag = |argument: &Argument<'_>| matches!(argument.value, Value::Tag(name) if name.eq_ignore_ascii_case(tag));
        self.node.arguments.iter().any(is_tag)
    }

    /// A tag with a string behind it, and the string's place.
    pub fn text_of(&mut self, tag: &str, extension: Option<&'static str>) -> Option<(Place, Text)> {
        let at = self.tag(tag, extension)?;
        self.strings_behind(at, tag, false)?.pop()
    }

    /// A tag with a string without variables behind it, and the string's place.
    pub fn constant_of(&mut self, tag: &str, extension: Option<&'static str>) -> Option<(Place, String)> {
        let (place, text) = self.text_of(tag, extension)?;
        match text.constant() {
            Some(text) => Some((place, text.to_owned())),
            None => {
                self.fault(place, format!("no variables may stand in the string behind `:{tag}`"));
                None
            }
        }
    }

    /// A tag with a list of strings behind it, each with its place.
    pub fn texts_of(&mut self, tag: &str, extension: Option<&'static str>) -> Option<Vec<(Place, Text)>> {
        let at = self.tag(tag, extension)?;
        self.strings_behind(at, tag, true)
    }

    /// A tag with a number behind it, and the number's place.
    pub fn number_of(&mut self, tag: &str, extension: Option<&'static str>) -> Option<(Place, u64)> {
        let at = self.tag(tag, extension)?;
        match self.node.arguments.get(at + 1) {
            Some(Argument { place, value: Value::Number(number) }) => {
                self.is_read[at + 1] = true;
                Some((*place, *number))
            }
            _ => self.fault_behind(at, tag, "a number"),
        }
    }

    /// At most one of several tags. Each comes with what it needs and what it means.
    pub fn one_of<T: Clone>(&mut self, tags: &[(&str, Option<&'static str>, T)]) -> Option<T> {
        let mut found: Option<(&str, T)> = None;
        for (tag, extension, meaning) in tags {
            let Some(at) = self.tag(tag, *extension) else { continue };
            match &found {
                None => found = Some((tag, meaning.clone())),
                Some((other, _)) => {
                    let what = format!("`:{other}` and `:{tag}` exclude each other");
                    self.fault(self.node.arguments[at].place, what);
                }
            }
        }
        found.map(|(_, meaning)| meaning)
    }

    /// The place of a tag among the arguments; it counts as read.
    fn tag(&mut self, tag: &str, extension: Option<&'static str>) -> Option<usize> {
        let is_tag = |argument: &Argument<'_>| matches!(argument.value, Value::Tag(name) if name.eq_ignore_ascii_case(tag));
        let mut given = (0..self.node.arguments.len())
            .filter(|at| is_tag(&self.node.arguments[*at]))
            .collect::<Vec<_>>()
            .into_iter();
        let first = given.next()?;
        self.is_read[first] = true;
        for again in given {
            self.is_read[again] = true;
            self.is_spoiled = true;
            self.fault(self.node.arguments[again].place, format!("`:{tag}` is given twice"));
        }
        if let Some(extension) = extension {
            self.needs(extension, self.node.arguments[first].place, &format!("`:{tag}`"));
        }
        Some(first)
    }

    fn strings_behind(&mut self, at: usize, tag: &str, may_be_list: bool) -> Option<Vec<(Place, Text)>> {
        let node = self.node;
        let kind = if may_be_list { "a string or a list of strings" } else { "a string" };
        match node.arguments.get(at + 1) {
            Some(Argument { value: Value::Strings { listed, members }, .. }) if may_be_list || !listed => {
                self.is_read[at + 1] = true;
                Some(self.texts_from(members))
            }
            _ => self.fault_behind(at, tag, kind),
        }
    }

    fn fault_behind<T>(&mut self, at: usize, tag: &str, kind: &str) -> Option<T> {
        self.is_spoiled = true;
        self.fault(self.node.arguments[at].place, format!("`:{tag}` is followed by {kind}"));
        // What stands there instead is not taken for one of the other arguments.
        if self.node.arguments.get(at + 1).is_some_and(|next| !matches!(next.value, Value::Tag(_))) {
            self.is_read[at + 1] = true;
        }
        None
    }

    pub(super) fn texts_from(&mut self, members: &[(Place, Cow<'_, str>)]) -> Vec<(Place, Text)> {
        members.iter().map(|(place, text)| (*place, self.checker.text(text, *place))).collect()
    }
}
