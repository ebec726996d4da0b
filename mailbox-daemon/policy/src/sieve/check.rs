//! From commands as they are written to a program: every command's arguments are read by its own rule, and all faults are told.

mod arguments;
mod comparing;
mod strings;

pub use arguments::Arguments;

use super::commands::{self, Placeholder, Rule};
use super::faults::Faults;
use super::lexer::short;
use super::program::{Block, Condition, Gate, Statement};
use super::script::{Needs, Place};
use super::suite;
use super::syntax::Node;
use super::work::Work;
use crate::config;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a script while it is checked.
#[derive(Debug)]
pub struct Checker {
    /// What is wrong.
    pub faults: Faults,
    /// What is odd.
    pub warnings: Faults,
    /// What preparing its keys may take.
    pub work: Work,
    /// What one run may take.
    pub run_work: Work,
    /// What the program may ask for.
    pub needs: Needs,
    /// Names of variables the script has set so far, in lower case.
    pub variables_set: BTreeSet<Box<str>>,
    /// Those it shares (RFC 6609 section 3.4.1).
    pub variables_global: BTreeSet<Box<str>>,
    /// Names of the loops around what is checked, outermost first.
    pub loops: Vec<Option<Box<str>>>,
    required: BTreeMap<&'static str, Required>,
    /// Whether it may use the commands of scripts of tests.
    is_suite: bool,
    /// Whether only `require` was seen so far.
    in_head: bool,
}

#[derive(Clone, Copy, Debug)]
struct Required {
    place: Place,
    is_used: bool,
}

impl Checker {
    /// Checks a whole script.
    pub fn script(
        nodes: &[Node<'_>],
        limits: &config::Sieve,
        faults: Faults,
        is_suite: bool,
    ) -> (Block, Checker) {
        let mut checker = Checker {
            faults,
            warnings: Faults::default(),
            work: Work::new(limits.work_max, limits.memory_bytes_max),
            run_work: Work::new(limits.work_max, limits.memory_bytes_max),
            needs: Needs::default(),
            variables_set: BTreeSet::new(),
            variables_global: BTreeSet::new(),
            loops: Vec::new(),
            required: BTreeMap::new(),
            is_suite,
            in_head: true,
        };
        let block = checker.block(nodes);
        checker.warn_unused();
        (block, checker)
    }

    /// Whether a script required an extension.
    pub fn has(&self, extension: &str) -> bool {
        self.required.contains_key(extension)
    }

    /// Notes that a required extension is of use; whether it is required at all.
    pub fn uses(&mut self, extension: &str) -> bool {
        let required = self.required.get_mut(extension);
        required.map(|required| required.is_used = true).is_some()
    }

    /// What it requires that is of use while a message is delivered and at no other time (RFC 6785 section 3.11).
    pub fn delivery_only(&self) -> Option<&'static str> {
        ["ereject", "reject", "vacation", "vacation-seconds"]
            .into_iter()
            .find(|extension| self.has(extension))
    }

    /// `require` of one extension.
    pub fn require(&mut self, extension: &str, place: Place) {
        let of_suites = Some(suite::EXTENSION).filter(|known| self.is_suite && extension == *known);
        match commands::known_extension(extension).or(of_suites) {
            Some(known) => {
                let is_used = commands::is_silent(known);
                self.required.entry(known).or_insert(Required { place, is_used });
            }
            None => self.faults.add(place, format!("the extension \"{}\" is not known", short(extension))),
        }
    }

    fn warn_unused(&mut self) {
        // With `ihave` an extension may be there for what is not understood.
        if self.has("ihave") || !self.faults.is_empty() {
            return;
        }
        for (extension, required) in &self.required {
            if !required.is_used {
                self.warnings.add(required.place, format!("\"{extension}\" is required but not used"));
            }
        }
    }

    /// Checks commands, one after the other; what belongs to an `if` goes to it.
    pub fn block(&mut self, nodes: &[Node<'_>]) -> Block {
        let mut statements = Vec::with_capacity(nodes.len());
        let mut rest = nodes;
        let mut ended: Option<&str> = None;
        while let Some((node, behind)) = rest.split_first() {
            let length = 1 + behind.iter().take_while(|node| commands::continues_if(node.name)).count();
            let is_choice = node.name.eq_ignore_ascii_case("if") || commands::continues_if(node.name);
            let length = if is_choice { length } else { 1 };
            if let Some(name) = ended.take() {
                self.warnings.add(node.place, format!("nothing behind `{name}` is ever run"));
            }
            let (chain, behind) = rest.split_at(length);
            statements.extend(self.statement(chain));
            ended = ["stop", "return", "break"].into_iter().find(|name| node.name.eq_ignore_ascii_case(name));
            rest = behind;
        }
        Block(statements)
    }

    /// One command; `chain` has it first, and behind an `if` what continues it.
    fn statement(&mut self, chain: &[Node<'_>]) -> Option<Statement> {
        let node = chain.first()?;
        let is_require = node.name.eq_ignore_ascii_case("require");
        if is_require && !self.in_head {
            self.faults.add(node.place, "`require` stands before all other commands");
        }
        self.in_head &= is_require;
        let (action, gate) = self.read(node, &chain[1..], "command", commands::command(node.name))?;
        Some(Statement { place: node.place, action, gate })
    }

    /// One test.
    pub fn condition(&mut self, node: &Node<'_>) -> Option<Condition> {
        let (test, gate) = self.read(node, &[], "test", commands::test(node.name))?;
        Some(Condition { place: node.place, test, gate })
    }

    /// Reads a command or test by its rule; `None` if there is no such rule, which is told.
    fn read<T: Placeholder + ?Sized>(
        &mut self,
        node: &Node<'_>,
        chain: &[Node<'_>],
        kind: &str,
        rule: Option<&Rule<T>>,
    ) -> Option<(Box<T>, Gate)> {
        let Some(rule) = rule else {
            let what = commands::unknown(node.name, kind);
            if self.uses("ihave") {
                self.warnings.add(node.place, format!("{what}: the script fails where it is reached"));
                return Some((T::placeholder(), Gate::shut(what)));
            }
            self.faults.add(node.place, what);
            self.look_into(node);
            return None;
        };
        let mut arguments = Arguments::new(self, node, chain);
        if let Some(extension) = rule.extension {
            arguments.needs(extension, node.place, &format!("`{}`", short(node.name)));
        }
        let checked = (rule.check)(&mut arguments);
        Some((checked, arguments.finish()))
    }

    /// Reads what continues an `if`.
    pub fn continuation(&mut self, node: &Node<'_>, check: impl FnOnce(&mut Arguments<'_>)) {
        let mut arguments = Arguments::new(self, node, &[]);
        check(&mut arguments);
        if let Some(what) = arguments.finish().0.and_then(|bars| bars.never) {
            self.faults.add(node.place, what);
        }
    }

    /// Looks for faults within a command that is not known.
    fn look_into(&mut self, node: &Node<'_>) {
        for test in node.tests.iter().flat_map(|tests| &tests.nodes) {
            self.condition(test);
        }
        if let Some(block) = &node.block {
            self.block(block);
        }
    }

    /// The extensions `ihave` may find: all but those that change how scripts are read (RFC 5463 section 4).
    pub fn findable(&self, extension: &str) -> Option<&'static str> {
        let changes_reading = ["variables", "encoded-character"].contains(&extension);
        commands::known_extension(extension).filter(|_| !changes_reading || self.has(extension))
    }
}
