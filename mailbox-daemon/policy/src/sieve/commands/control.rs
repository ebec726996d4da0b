//! `require`, `if`, `stop` and the tests made of tests (RFC 5228 sections 3 and 5).

use super::{CommandRule, False, TestRule};
use crate::sieve::check::Arguments;
use crate::sieve::program::{Action, Block, Condition, Test};
use crate::sieve::run::{Failure, Flow, Run};

pub const COMMANDS: &[CommandRule] = &[
    CommandRule { name: "require", extension: None, check: require },
    CommandRule { name: "if", extension: None, check: if_ },
    CommandRule { name: "elsif", extension: None, check: stray },
    CommandRule { name: "else", extension: None, check: stray },
    CommandRule { name: "stop", extension: None, check: |_| Box::new(Stop) },
];

pub const TESTS: &[TestRule] = &[
    TestRule { name: "true", extension: None, check: |_| Box::new(True) },
    TestRule { name: "false", extension: None, check: |_| Box::new(False) },
    TestRule { name: "not", extension: None, check: |arguments| Box::new(Not(arguments.test())) },
    TestRule { name: "allof", extension: None, check: |arguments| Box::new(AllOf(arguments.tests())) },
    TestRule { name: "anyof", extension: None, check: |arguments| Box::new(AnyOf(arguments.tests())) },
];

/// It is all done when the script is checked.
fn require(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    for (place, extension) in arguments.constants("the names of extensions") {
        arguments.checker.require(&extension, place);
    }
    Box::new(False)
}

/// `elsif` and `else` without an `if`; those behind it are looked into, but not told as well.
fn stray(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let what = format!("`{}` stands only behind the block of `if` or `elsif`", arguments.name());
    arguments.fault(arguments.place(), what);
    branch(arguments);
    for node in arguments.chain {
        arguments.checker.continuation(node, |arguments| drop(branch(arguments)));
    }
    Box::new(False)
}

/// A test and its block, or what `else` has.
fn branch(arguments: &mut Arguments<'_>) -> (Condition, Block) {
    let condition = match arguments.name().eq_ignore_ascii_case("else") {
        true => False::condition(arguments.place()),
        false => arguments.test(),
    };
    (condition, arguments.block())
}

/// Reads an `if` with every `elsif` and `else` behind it.
fn if_(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let mut choice = If { branches: vec![branch(arguments)], otherwise: Block::default() };
    let mut has_else = false;
    for node in arguments.chain {
        arguments.checker.continuation(node, |arguments| {
            if has_else {
                stray(arguments);
                return;
            }
            let (condition, block) = branch(arguments);
            match node.name.eq_ignore_ascii_case("else") {
                true => {
                    choice.otherwise = block;
                    has_else = true;
                }
                false => choice.branches.push((condition, block)),
            }
        });
    }
    Box::new(choice)
}

#[derive(Debug)]
struct If {
    branches: Vec<(Condition, Block)>,
    otherwise: Block,
}

impl Action for If {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        for (condition, block) in &self.branches {
            if run.holds(condition)? {
                return run.block(block);
            }
        }
        run.block(&self.otherwise)
    }
}

#[derive(Debug)]
struct Stop;

impl Action for Stop {
    fn run(&self, _run: &mut Run<'_>) -> Result<Flow, Failure> {
        Ok(Flow::Stop)
    }
}

#[derive(Debug)]
struct True;

impl Test for True {
    fn holds(&self, _run: &mut Run<'_>) -> Result<bool, Failure> {
        Ok(true)
    }
}

#[derive(Debug)]
struct Not(Condition);

impl Test for Not {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        Ok(!run.holds(&self.0)?)
    }
}

/// Tests are tried from left to right until the outcome is known (RFC 5229 section 3.2, RFC 5463 section 4).
#[derive(Debug)]
struct AllOf(Vec<Condition>);

impl Test for AllOf {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        for condition in &self.0 {
            if !run.holds(condition)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[derive(Debug)]
struct AnyOf(Vec<Condition>);

impl Test for AnyOf {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        for condition in &self.0 {
            if run.holds(condition)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
