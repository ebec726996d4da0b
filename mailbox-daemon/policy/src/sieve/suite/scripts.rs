//! The tests of a script of tests that compile and run other scripts.

use super::{EXTENSION, stage, too_much};
use crate::sieve::check::Arguments;
use crate::sieve::commands::TestRule;
use crate::sieve::lexer::short;
use crate::sieve::message::Message;
use crate::sieve::program::{Action, Test};
use crate::sieve::run::{Failure, Flow, Matching, Run};
use crate::sieve::script::Script;
use crate::sieve::text::Text;

pub const TESTS: &[TestRule] = &[
    TestRule { name: "test_script_compile", extension: Some(EXTENSION), check: compile },
    TestRule { name: "test_script_run", extension: Some(EXTENSION), check: run_test },
    TestRule { name: "test_multiscript", extension: Some(EXTENSION), check: multiscript },
    TestRule { name: "test_error", extension: Some(EXTENSION), check: error },
];

/// Stands behind the faults of a script, and is counted with them.
const SUM_UP: &str = "the script has faults and cannot be run";

fn compile(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    Box::new(Compile { path: arguments.text("the path of a script").1 })
}

#[derive(Debug)]
struct Compile {
    path: Text,
}

impl Test for Compile {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let path = run.text(&self.path)?.into_owned();
        compile_file(run, &path)
    }
}

fn compile_file(run: &mut Run<'_>, path: &str) -> Result<bool, Failure> {
    let limits = run.facts.limits;
    let stage = stage(run)?;
    let Some(source) = stage.files.get(path.trim_start_matches("./")) else {
        return Err(Failure::impossible(format!("there is no script {} beside the tests", short(path))));
    };
    stage.errors.clear();
    match Script::compile(source, limits) {
        Ok(script) => {
            stage.script = Some(stage.shelves.scripts.keep(script).ok_or_else(too_much)?);
            Ok(true)
        }
        Err(faults) => {
            stage.script = None;
            stage.errors = faults.into_iter().map(|fault| fault.what).collect();
            stage.errors.push(SUM_UP.to_owned());
            Ok(false)
        }
    }
}

fn run_test(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    Box::new(RunScript { is_appended: arguments.flag("append_result", None) })
}

#[derive(Debug)]
struct RunScript {
    /// What the scripts before did is done too.
    is_appended: bool,
}

impl Test for RunScript {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        if !self.is_appended {
            super::results::reset(run)?;
        }
        let message = Message::new(run.facts.header, run.facts.body);
        let left = run_script(run, message)?;
        let has_run = left.is_some();
        stage(run)?.left = left;
        Ok(has_run)
    }
}

/// Runs the script that was compiled last; what it does goes to the result. The message as it leaves it, `None` if it fails.
fn run_script<'r>(run: &mut Run<'r>, message: Message<'r>) -> Result<Option<Message<'r>>, Failure> {
    let script = stage(run)?.script.ok_or_else(|| Failure::impossible("no script is compiled"))?;
    stage(run)?.errors.clear();
    let message = std::mem::replace(&mut run.message, message);
    let variables = std::mem::take(&mut run.variables);
    let found = std::mem::take(&mut run.found);
    let included = std::mem::take(&mut run.included);
    let including = std::mem::replace(&mut run.including, vec![script]);
    run.includes = 0;
    let ended = run.block(script.program());
    let message = std::mem::replace(&mut run.message, message);
    run.variables = variables;
    run.found = found;
    run.included = included;
    run.including = including;
    match ended {
        Ok(_) => Ok(Some(message)),
        Err(Failure::Spent(spent)) => Err(Failure::Spent(spent)),
        Err(failure) => {
            stage(run)?.errors = vec![super::in_words(failure)];
            Ok(None)
        }
    }
}

fn multiscript(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let paths = arguments.texts("the paths of scripts");
    Box::new(Multiscript { paths: paths.into_iter().map(|(_, path)| path).collect() })
}

/// Scripts run one after the other, each on what the one before made of the message, as one of the site and one of the account would be.
#[derive(Debug)]
struct Multiscript {
    paths: Vec<Text>,
}

impl Test for Multiscript {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        super::results::reset(run)?;
        let mut message = Message::new(run.facts.header, run.facts.body);
        for path in &self.paths {
            let path = run.text(path)?.into_owned();
            if !compile_file(run, &path)? {
                return Ok(false);
            }
            match run_script(run, message)? {
                Some(changed) => message = changed,
                None => return Ok(false),
            }
        }
        stage(run)?.left = Some(message);
        super::results::execute(run)
    }
}

fn error(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let mut matching = arguments.matching();
    let index = arguments.number_of("index", None).map(|(_, index)| index as usize);
    arguments.keys(&mut matching);
    Box::new(Errors { matching, index })
}

#[derive(Debug)]
struct Errors {
    matching: Matching,
    index: Option<usize>,
}

impl Test for Errors {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let errors = stage(run)?.errors.clone();
        super::results::search(run, &self.matching, self.index, &errors)
    }
}

pub fn load_command(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    Box::new(Load { name: arguments.text("a name").1 })
}

pub fn save_command(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    Box::new(Save { name: arguments.text("a name").1 })
}

/// Takes up a script that was put aside.
#[derive(Debug)]
struct Load {
    name: Text,
}

impl Action for Load {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let name = run.text(&self.name)?.into_owned();
        let stage = stage(run)?;
        stage.script = stage.saved.get(&name).copied();
        Ok(Flow::Next)
    }
}

/// Puts a compiled script aside.
#[derive(Debug)]
struct Save {
    name: Text,
}

impl Action for Save {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let name = run.text(&self.name)?.into_owned();
        let stage = stage(run)?;
        stage.saved.extend(stage.script.map(|script| (name, script)));
        Ok(Flow::Next)
    }
}
