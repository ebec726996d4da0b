use super::Checker;
use crate::sieve::commands::{self, False};
use crate::sieve::lexer::short;
use crate::sieve::program::{Block, Condition, Gate};
use crate::sieve::script::Place;
use crate::sieve::syntax::{Argument, Node, Value};
use crate::sieve::text::Text;

/// The arguments of one command or test, read in any order of tags and then in the order of positions. What nobody reads is a fault: so is what is
/// missing, given twice or of the wrong kind. All readers give something fit to go on with, so that all faults are found.
#[derive(Debug)]
pub struct Arguments<'c> {
    /// The script they are of.
    pub checker: &'c mut Checker,
    node: &'c Node<'c>,
    /// For an `if`: the `elsif` and `else` behind it.
    pub(in crate::sieve) chain: &'c [Node<'c>],
    is_read: Vec<bool>,
    /// Where positional reading has come to.
    next: usize,
    /// Whether tags are read to their end.
    tags_end: bool,
    /// Something was not understood, so what is missing or left over may belong to it.
    is_spoiled: bool,
    tests_read: bool,
    block_read: bool,
    gate: Gate,
}

impl<'c> Arguments<'c> {
    pub(super) fn new(checker: &'c mut Checker, node: &'c Node<'c>, chain: &'c [Node<'c>]) -> Arguments<'c> {
        Arguments {
            checker,
            node,
            chain,
            is_read: vec![false; node.arguments.len()],
            next: 0,
            tags_end: false,
            is_spoiled: false,
            tests_read: false,
            block_read: false,
            gate: Gate::default(),
        }
    }

    /// Where the command begins.
    pub fn place(&self) -> Place {
        self.node.place
    }

    /// Its name as it is spelled.
    pub fn name(&self) -> &'c str {
        self.node.name
    }

    /// Tells a fault.
    pub fn fault(&mut self, place: Place, what: impl Into<String>) {
        self.checker.faults.add(place, what);
    }

    /// Tells something odd.
    pub fn warn(&mut self, place: Place, what: impl Into<String>) {
        self.checker.warnings.add(place, what);
    }

    /// Something that is used needs an extension. With `ihave` it may be found later, otherwise it is a fault not to have it.
    pub fn needs(&mut self, extension: &'static str, place: Place, what: &str) {
        if self.checker.uses(extension) {
            return;
        }
        match self.checker.uses("ihave") && self.checker.findable(extension).is_some() {
            true => self.gate.extensions.push(extension),
            false => self.fault(place, format!("{what} needs `require \"{extension}\";`")),
        }
    }

    /// Something that can never be run; a fault unless `ihave` may lead around it.
    fn unknown(&mut self, place: Place, what: String) {
        self.is_spoiled = true;
        match self.checker.uses("ihave") {
            true => self.gate.shut = Some(what),
            false => self.fault(place, what),
        }
    }

    // --- tags

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
                self.fault(place, format!("the string behind `:{tag}` has no variables in it"));
                None
            }
        }
    }

    /// A tag with a list of strings behind it, each with its place.
    pub fn texts_of(&mut self, tag: &str, extension: Option<&'static str>) -> Option<Vec<(Place, Text)>> {
        let at = self.tag(tag, extension)?;
        self.strings_behind(at, tag, true)
    }

    #[allow(dead_code, reason = "asked for by extensions to come")]
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
        None
    }

    fn texts_from(&mut self, members: &[(Place, std::borrow::Cow<'_, str>)]) -> Vec<(Place, Text)> {
        members.iter().map(|(place, text)| (*place, self.checker.text(text, *place))).collect()
    }

    // --- positions

    /// How many arguments are left that are no tags.
    pub fn left(&mut self) -> usize {
        self.end_tags();
        self.is_read.iter().filter(|is_read| !**is_read).count()
    }

    /// The next argument, one string. `what` says what it is, with its article.
    pub fn text(&mut self, what: &str) -> (Place, Text) {
        let read = match self.position(what) {
            Some(Argument { value: Value::Strings { listed: false, members }, .. }) => {
                self.texts_from(members).pop()
            }
            Some(other) => self.fault_kind(other, what, "one string"),
            None => None,
        };
        read.unwrap_or_else(|| (self.place(), Text::Constant("".into())))
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
                self.fault(place, format!("{what} has no variables in it"));
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
                    self.fault(self.place(), format!("`{}` lacks {what}", short(self.name())));
                }
                self.is_spoiled = true;
                None
            }
        }
    }

    fn fault_kind<T>(&mut self, argument: &Argument<'_>, what: &str, kind: &str) -> Option<T> {
        if !self.is_spoiled {
            self.fault(argument.place, format!("{what} is expected here, as {kind}"));
        }
        self.is_spoiled = true;
        None
    }

    /// After the last tag was asked for: those left are unknown.
    fn end_tags(&mut self) {
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
        }
    }

    // --- tests and blocks

    /// Its test.
    pub fn test(&mut self) -> Condition {
        self.end_arguments();
        self.tests_read = true;
        let node = self.node;
        match &node.tests {
            Some(tests) if !tests.listed => {
                let condition = tests.nodes.first().and_then(|node| self.checker.condition(node));
                condition.unwrap_or_else(|| False::condition(node.place))
            }
            Some(tests) => {
                self.fault(node.place, format!("`{}` takes one test without parentheses", short(node.name)));
                tests.nodes.iter().for_each(|node| drop(self.checker.condition(node)));
                False::condition(node.place)
            }
            None => {
                if !self.is_spoiled {
                    self.fault(node.place, format!("`{}` lacks its test", short(node.name)));
                }
                False::condition(node.place)
            }
        }
    }

    /// Its list of tests.
    pub fn tests(&mut self) -> Vec<Condition> {
        self.end_arguments();
        self.tests_read = true;
        let node = self.node;
        let tests = node.tests.as_ref();
        if !tests.is_some_and(|tests| tests.listed) && !self.is_spoiled {
            self.fault(node.place, format!("`{}` takes a list of tests in parentheses", short(node.name)));
        }
        tests
            .into_iter()
            .flat_map(|tests| &tests.nodes)
            .filter_map(|node| self.checker.condition(node))
            .collect()
    }

    /// Its block.
    pub fn block(&mut self) -> Block {
        self.end_arguments();
        self.block_read = true;
        match &self.node.block {
            Some(block) => self.checker.block(block),
            None => {
                if !self.is_spoiled {
                    self.fault(self.place(), format!("`{}` lacks its block in braces", short(self.name())));
                }
                Block::default()
            }
        }
    }

    /// Tells of arguments nobody read.
    fn end_arguments(&mut self) {
        self.end_tags();
        let extra = self.is_read.iter().position(|is_read| !is_read);
        if let (Some(extra), false) = (extra, self.is_spoiled) {
            let what = format!("`{}` takes no further argument", short(self.name()));
            self.fault(self.node.arguments[extra].place, what);
        }
        self.is_read.fill(true);
    }

    /// A word where a test would stand, that is the name of none: perhaps a tag without its colon.
    fn misplaced_word(&self) -> Option<&'c str> {
        let tests = self.node.tests.as_ref().filter(|tests| !tests.listed && !self.tests_read)?;
        let name = tests.nodes.first()?.name;
        (commands::command(name).is_none() && commands::test(name).is_none()).then_some(name)
    }

    /// Tells of everything nobody read.
    pub(super) fn finish(mut self) -> Gate {
        self.end_arguments();
        let node = self.node;
        let name = short(node.name);
        if let (Some(tests), false) = (&node.tests, self.tests_read) {
            let what = match (self.misplaced_word(), tests.nodes.first()) {
                (Some(word), _) => format!("`{0}` stands for nothing here; is `:{0}` meant?", short(word)),
                (None, Some(test))
                    if name.eq_ignore_ascii_case("else") && test.name.eq_ignore_ascii_case("if") =>
                {
                    "`else if` is written `elsif`".to_owned()
                }
                (None, Some(test)) if !tests.listed => {
                    format!("`{name}` takes no test; is a `;` missing before `{}`?", short(test.name))
                }
                _ => format!("`{name}` takes no tests"),
            };
            let place = tests.nodes.first().map_or(node.place, |test| test.place);
            self.fault(place, what);
        }
        if let (Some(block), false) = (&node.block, self.block_read) {
            self.fault(node.place, format!("`{name}` takes no block; it ends with `;`"));
            self.checker.block(block);
        }
        self.gate
    }
}
