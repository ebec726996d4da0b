//! Golden dialogues: every file below `dialogues/` is a conversation with a demo box, and a test of its own.
//!
//! A new case is a new text file; `dialogues/README.md` says how one is written. Run some of them with
//! `cargo test --test dialogues -- smtp/pipelining`.

mod dialogue;
mod support;

use dialogue::script::Script;
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use support::demo::{Demo, DemoOptions};

/// The box of all files that say `@ shared`; it starts with the first of them and ends with the process.
type SharedDemo = Arc<Mutex<Option<Arc<Demo>>>>;

fn main() {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues");
    let shared = SharedDemo::default();
    let trials = files_below(&root)
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).expect("found below it").with_extension("");
            let shared = Arc::clone(&shared);
            Trial::test(name.to_string_lossy().into_owned(), move || play(&path, &shared))
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    // `exit` skips destructors; the shared box must not outlive the tests.
    shared.lock().expect("no test holds it any more").take();
    conclusion.exit();
}

fn play(path: &Path, shared: &SharedDemo) -> Result<(), Failed> {
    let text = std::fs::read_to_string(path)?;
    let script = Script::parse(&text).map_err(|fault| format!("{}:{fault}", path.display()))?;
    if script.shared {
        let demo = Arc::clone(
            shared.lock().expect("starting it did not fail").get_or_insert_with(|| Arc::new(Demo::start())),
        );
        return report(path, dialogue::play::play(&script, dialogue::play::Box::Shared(demo)));
    }
    let demo = Demo::start_with(DemoOptions::set(&script.set));
    report(path, dialogue::play::play(&script, dialogue::play::Box::Own(Box::new(demo))))
}

fn report(path: &Path, outcome: Result<(), dialogue::play::Mismatch>) -> Result<(), Failed> {
    outcome.map_err(|mismatch| format!("{}:{mismatch}", path.display()).into())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    for path in entries.map(|entry| entry.expect("the folder can be read").path()) {
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false if path.extension().is_some_and(|extension| extension == "dialog") => files.push(path),
            false => {}
        }
    }
    files.sort();
    files
}
