mod positions;
mod tags;

use super::Checker;
use crate::sieve::commands::{self, False};
use crate::sieve::lexer::short;
use crate::sieve::program::{Block, Condition, Gate};
use crate::sieve::script::Place;
use crate::sieve::syntax::Node;

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
            true => self.gate.0.get_or_insert_default().extensions.push(extension),
            false => self.fault(place, format!("{what} needs `require \"{extension}\";`")),
        }
    }

    /// Something that can never be run; a fault unless `ihave` may lead around it.
    fn unknown(&mut self, place: Place, what: String) {
        self.is_spoiled = true;
        match self.checker.uses("ihave") {
            true => {
                self.warn(place, format!("{what}: the script fails where it is reached"));
                self.gate.0.get_or_insert_default().never = Some(what);
            }
            false => self.fault(place, what),
        }
    }

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
                (None, Some(test)) if !tests.listed && commands::command(test.name).is_some() => {
                    format!("`{name}` takes no test; is a `;` missing before `{}`?", short(test.name))
                }
                _ => format!("`{name}` takes no test"),
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
