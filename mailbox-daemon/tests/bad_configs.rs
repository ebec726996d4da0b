//! Broken configurations: every `bad_configs/NAME.toml` must be refused with exactly the words in `bad_configs/NAME.expected`.
//!
//! A new case is a new pair of files.

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_configs");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    let trials = files
        .into_iter()
        .map(|path| {
            let name = path.file_stem().expect("it has an extension").to_string_lossy().into_owned();
            Trial::test(name, move || refuse(&path))
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn refuse(path: &Path) -> Result<(), Failed> {
    let expected = std::fs::read_to_string(path.with_extension("expected"))?;
    let name = path.file_name().expect("it is a file");
    // Run in the folder, so that the words name the file as a person would.
    let output = Command::new(env!("CARGO_BIN_EXE_mailbox-daemon"))
        .current_dir(path.parent().expect("it lies in a folder"))
        .args(["check", "--config"])
        .arg(name)
        .output()?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.code() != Some(1) {
        return Err(format!("expected exit status 1, got {}; it said:\n{said}", output.status).into());
    }
    match said.trim_end() == expected.trim_end() {
        true => Ok(()),
        false => Err(format!("expected:\n{expected}\ngot:\n{said}").into()),
    }
}
