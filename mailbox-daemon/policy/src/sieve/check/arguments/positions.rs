use super::Arguments;
use crate::sieve::lexer::short;
use crate::sieve::script::Place;
use crate::sieve::syntax::{Argument, Value};
use crate::sieve::text::Text;

impl<'c> Arguments<'c> {
    /// How many arguments are left that are no tags.
    pub fn left(&mut self) -> usize {
        self.end_tags();
        self.is_read.iter().filter(|is_read| !**is_read).count()
    }

    /// The next argument, one string. `what` says what it is, with its article.
    pub fn text(&mut self, what: &str) -> (Place, Text) {
        let mut place = self.place();
        match self.position(what) {
            Some(Argument { value: Value::Strings { listed: false, members }, .. }) => {
                if let Some(text) = self.texts_from(members).pop() {
                    return text;
                }
            }
            Some(other) => {
                place = other.place;
                self.fault_kind::<()>(other, what, "one string");
            }
            None => {}
        }
        // What stands in for the string is not told of as if the script had it.
        self.checker.faults.close(place);
        (place, Text::Constant("".into()))
    }

    /// The next argument, one string or a list of them.
    pub fn texts(&mut self, what: &str) -> Vec<(Place, Text)> {
        let read = match self.position(what) {
            Some(Argument { value: Value::Strings { members, .. }, .. }) => Some(self.texts_from(members)),
            Some(other) => self.fault_kind(other, what, "a string or a list of strings"),
            None => None,
        };
        read.unwrap_or_default()
    }

    /// The next argument, one string without variables.
    pub fn constant(&mut self, what: &str) -> (Place, String) {
        let (place, text) = self.text(what);
        (place, self.constant_or_fault(place, text, what))
    }

    /// The next argument, strings without variables.
    pub fn constants(&mut self, what: &str) -> Vec<(Place, String)> {
        let texts = self.texts(what);
        texts.into_iter().map(|(place, text)| (place, self.constant_or_fault(place, text, what))).collect()
    }

    /// The next argument, a number.
    pub fn number(&mut self, what: &str) -> (Place, u64) {
        let read = match self.position(what) {
            Some(Argument { place, value: Value::Number(number) }) => Some((*place, *number)),
            Some(other) => self.fault_kind(other, what, "a number"),
            None => None,
        };
        read.unwrap_or_else(|| (self.place(), 0))
    }

    fn constant_or_fault(&mut self, place: Place, text: Text, what: &str) -> String {
        match text {
            Text::Constant(text) => text.into(),
            Text::Template(_) => {
                self.checker.faults.add_last(place, format!("no variables may stand in {what}"));
                String::new()
            }
        }
    }

    /// The next argument that is no tag.
    fn position(&mut self, what: &str) -> Option<&'c Argument<'c>> {
        self.end_tags();
        let at = (self.next..self.is_read.len()).find(|at| !self.is_read[*at]);
        match at {
            Some(at) => {
                self.is_read[at] = true;
                self.next = at + 1;
                Some(&self.node.arguments[at])
            }
            None => {
                if !self.is_spoiled && self.misplaced_word().is_none() {
                    self.checker
                        .faults
                        .add_last(self.place(), format!("`{}` lacks {what}", short(self.name())));
                }
                self.is_spoiled = true;
                None
            }
        }
    }

    fn fault_kind<T>(&mut self, argument: &Argument<'_>, what: &str, kind: &str) -> Option<T> {
        if !self.is_spoiled {
            self.fault(argument.place, format!("expected here: {what}, as {kind}"));
        }
        self.is_spoiled = true;
        None
    }

    /// After the last tag was asked for: those left are unknown.
    pub(super) fn end_tags(&mut self) {
        if std::mem::replace(&mut self.tags_end, true) {
            return;
        }
        let node = self.node;
        for (at, argument) in node.arguments.iter().enumerate() {
            if let (Value::Tag(name), false) = (&argument.value, self.is_read[at]) {
                self.is_read[at] = true;
                self.unknown(argument.place, format!("`{}` knows no `:{}`", short(node.name), short(name)));
            }
        }
        let first = self.is_read.iter().position(|is_read| !is_read).unwrap_or(usize::MAX);
        let late = node.arguments.iter().skip(first).find(|argument| matches!(argument.value, Value::Tag(_)));
        if let (Some(Argument { place, value: Value::Tag(name) }), false) = (late, self.is_spoiled) {
            self.fault(*place, format!("`:{}` stands before the other arguments", short(name)));
            self.is_spoiled = true;
        }
    }
}
