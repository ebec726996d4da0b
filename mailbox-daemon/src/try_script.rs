//! `sieve check` and `sieve run`: a script looked at without a daemon, a state directory or mail.

use crate::cli::RunArgs;
use crate::output::say;
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use policy::config;
use policy::sieve::{Fault, Outcome, Script, ScriptName, SpamFacts, Trial};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use types::{Address, MailboxName, UnixSeconds};

/// Larger messages are not read.
const MESSAGE_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Says what is wrong with a script.
pub fn check(path: &Path, as_json: bool) -> Result<ExitCode, String> {
    let (faults, warnings) = match Script::compile(&read(path)?, &config::Sieve::default()) {
        Ok(script) => (Vec::new(), script.warnings().to_vec()),
        Err(faults) => (faults, Vec::new()),
    };
    if as_json {
        say(format_args!("{:#}", json!({ "errors": places(&faults), "warnings": places(&warnings) })));
    } else {
        print_faults(path, "error", &faults);
        print_faults(path, "warning", &warnings);
        if faults.is_empty() {
            say(format_args!("{}: no mistakes found", path.display()));
        }
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says what a script would do with a message.
pub fn run(args: &RunArgs, as_json: bool) -> Result<ExitCode, String> {
    let limits = config::Sieve::default();
    let script = match Script::compile(&read(&args.script)?, &limits) {
        Ok(script) => script,
        Err(faults) => {
            if as_json {
                say(format_args!("{:#}", json!({ "errors": places(&faults) })));
            }
            print_faults(&args.script, "error", &faults);
            return Ok(ExitCode::FAILURE);
        }
    };
    let message = read(&args.message)?;
    let plan = trial(args, &limits)?.run(&script, &message, &limits);
    let outcome = Outcome::of(&plan, &MailboxName::inbox());
    match as_json {
        true => say(format_args!("{:#}", json!(outcome))),
        false => say(outcome.to_string().trim_end()),
    }
    Ok(if outcome.error.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn trial(args: &RunArgs, limits: &config::Sieve) -> Result<Trial, String> {
    let (now, zone_minutes) = time(args.now.as_deref())?;
    let from = match args.from.as_deref() {
        Some("" | "<>") => Some(None),
        Some(from) => Some(Some(address(from)?)),
        None => None,
    };
    let folder = |name: &String| MailboxName::parse(name).map_err(|error| format!("{name}: {error}"));
    Ok(Trial {
        from,
        to: args.to.as_deref().map(address).transpose()?,
        account: args.account.as_deref().map(address).transpose()?,
        aliases: args.alias.iter().map(|alias| address(alias)).collect::<Result<_, _>>()?,
        now,
        zone_minutes,
        folders: args.folder.iter().map(folder).collect::<Result<_, _>>()?,
        contacts: args.contact.iter().map(|contact| address(contact)).collect::<Result<_, _>>()?,
        spam: SpamFacts { spam_percent: args.spam_percent, virus: args.virus },
        remote_ip: args.remote_ip,
        scripts: args
            .scripts
            .as_deref()
            .map(|folder| scripts(folder, limits))
            .transpose()?
            .unwrap_or_default(),
    })
}

/// The scripts of a folder that compile, by name.
fn scripts(folder: &Path, limits: &config::Sieve) -> Result<BTreeMap<ScriptName, Arc<Script>>, String> {
    let files =
        std::fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut scripts = BTreeMap::new();
    for path in files.filter_map(Result::ok).map(|file| file.path()) {
        let name =
            path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".sieve"));
        let Some(name) = name.and_then(ScriptName::parse) else { continue };
        if let Ok(script) = Script::compile(&read(&path)?, limits) {
            scripts.insert(name, Arc::new(script));
        }
    }
    Ok(scripts)
}

/// A moment and the minutes its time zone is east of Greenwich; now and here where nothing is said.
fn time(text: Option<&str>) -> Result<(UnixSeconds, i16), String> {
    let Some(text) = text else {
        let now = jiff::Timestamp::now();
        return Ok((now.as_second(), (TimeZone::system().to_offset(now).seconds() / 60) as i16));
    };
    let wrong = || format!("{text} is no time: it looks like 2026-12-24T18:00:00+01:00");
    let moment: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
    let offset = Pieces::parse(text).ok().and_then(|pieces| pieces.to_numeric_offset());
    Ok((moment.as_second(), offset.map_or(0, |offset| (offset.seconds() / 60) as i16)))
}

fn address(text: &str) -> Result<Address, String> {
    Address::parse(text).map_err(|error| format!("{text}: {error}"))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let mut octets = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MESSAGE_BYTES_MAX).read_to_end(&mut octets))
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(octets)
}

fn places(faults: &[Fault]) -> Vec<Value> {
    let place =
        |fault: &Fault| json!({ "line": fault.place.line, "column": fault.place.column, "what": fault.what });
    faults.iter().map(place).collect()
}

fn print_faults(path: &Path, kind: &str, faults: &[Fault]) {
    for fault in faults {
        eprintln!("{}:{}:{}: {kind}: {}", path.display(), fault.place.line, fault.place.column, fault.what);
    }
}
