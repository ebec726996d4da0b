//! `sieve test`: scripts that test scripts.

use crate::output::say;
use policy::config;
use policy::sieve::{Suite, SuiteReport};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Folders within one another that are looked through for scripts.
const DEPTH_MAX: usize = 8;
/// Scripts beside a script of tests.
const FILES_MAX: usize = 2000;

/// Runs scripts of tests and says of each test whether it passed.
pub fn run(paths: &[PathBuf], as_json: bool) -> Result<ExitCode, String> {
    let mut reports = Vec::new();
    for path in paths {
        let report = suite(path)?;
        if !as_json {
            print(path, &report);
        }
        reports.push((path, report));
    }
    if as_json {
        let rows: Vec<Value> = reports.iter().map(|(path, report)| row(path, report)).collect();
        say(format_args!("{:#}", json!(rows)));
    }
    let all_passed = reports.iter().all(|(_, report)| report.passed());
    Ok(if all_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn suite(path: &Path) -> Result<SuiteReport, String> {
    let limits = config::Sieve::default();
    let source = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let suite = match Suite::compile(&source, &limits) {
        Ok(suite) => suite,
        Err(faults) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            return Ok(SuiteReport { tests: Vec::new(), trouble: Some(faults.join("\n")) });
        }
    };
    let mut files = BTreeMap::new();
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    collect(folder, "", 0, &mut files)?;
    collect_above(folder, &source, &mut files)?;
    Ok(suite.run(&files, jiff::Timestamp::now().as_second(), &limits))
}

/// The scripts in a folder and those in it, by their paths from the first.
fn collect(
    folder: &Path,
    prefix: &str,
    depth: usize,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), String> {
    let cannot = |error| format!("cannot read {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if path.is_dir() && depth < DEPTH_MAX {
            collect(&path, &format!("{prefix}{name}/"), depth + 1, files)?;
        } else if path.extension().is_some_and(|extension| extension == "sieve") && files.len() < FILES_MAX {
            files.insert(format!("{prefix}{name}"), fs::read(&path).map_err(cannot)?);
        }
    }
    Ok(())
}

/// The scripts above a folder that a script of tests names as `"../NAME.sieve"`; those that are missing are told by whoever looks for them.
fn collect_above(folder: &Path, source: &[u8], files: &mut BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let source = String::from_utf8_lossy(source);
    for name in source.split('"').filter(|word| word.starts_with("../")) {
        let path = folder.join(name);
        let is_script = path.extension().is_some_and(|extension| extension == "sieve") && path.is_file();
        if is_script && files.len() < FILES_MAX {
            let script =
                fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            files.insert(name.to_owned(), script);
        }
    }
    Ok(())
}

fn print(path: &Path, report: &SuiteReport) {
    say(path.display());
    for test in &report.tests {
        match &test.failure {
            None => say(format_args!("  passed  {}", test.name)),
            Some(why) => say(format_args!("  FAILED  {}: {why}", test.name)),
        }
    }
    if let Some(trouble) = &report.trouble {
        say(format_args!("  FAILED  {}", trouble.replace('\n', "\n          ")));
    }
    let failed = report.tests.iter().filter(|test| test.failure.is_some()).count();
    say(format_args!("  {} of {} tests passed", report.tests.len() - failed, report.tests.len()));
}

fn row(path: &Path, report: &SuiteReport) -> Value {
    let tests = report.tests.iter().map(|test| json!({ "name": test.name, "failure": test.failure }));
    json!({
        "file": path.display().to_string(),
        "tests": tests.collect::<Vec<_>>(),
        "trouble": report.trouble,
    })
}
