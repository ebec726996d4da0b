//! Commands about scripts (RFC 5804 sections 2.5 to 2.12).

use super::reply::{Answer, Refusal, Reply};
use super::session::Session;
use crate::disk;
use policy::config::Settings;
use policy::sieve::{Fault, Script, ScriptName};
use proto::managesieve::write::{self, Code};
use store::ScriptLimits;
use tracing::info;

/// Faults of one script that are told.
const FAULTS_TOLD_MAX: usize = 100;

impl Session {
    /// Whether the disk, the limits and the name leave room. What is there already counts as replaced.
    pub(super) fn havespace(&mut self, name: &str, bytes: u32) -> Answer {
        let name = script_name(name)?;
        let limits = limits(&self.settings());
        disk(|| {
            self.mail()?.has_space_for_script(name.as_str(), u64::from(bytes), limits).map_err(Refusal::from)
        })?;
        Reply::ok("there is room")
    }

    pub(super) fn putscript(&mut self, name: &str, source: &[u8]) -> Answer {
        let name = script_name(name)?;
        let settings = self.settings();
        disk(|| {
            let mail = self.mail()?;
            // A script that has no place need not be looked at.
            let limits = limits(&settings);
            mail.has_space_for_script(name.as_str(), source.len() as u64, limits)?;
            let script = self.compile(source, &settings)?;
            mail.put_script(name.as_str(), source, limits)?;
            info!(peer = %self.peer, account = %mail.address(), script = ?name.as_str(), bytes = source.len(), "script put");
            accepted(&script, "the script is here")
        })
    }

    /// Nothing is kept, so the account's limits do not count.
    pub(super) fn checkscript(&mut self, source: &[u8]) -> Answer {
        let settings = self.settings();
        disk(|| accepted(&self.compile(source, &settings)?, "nothing is wrong with it"))
    }

    pub(super) fn listscripts(&mut self) -> Answer {
        let scripts = disk(|| Ok::<_, Refusal>(self.mail()?.scripts()?))?;
        // A file made by hand may have a name that cannot be told.
        for script in scripts.iter().filter(|script| ScriptName::parse(&script.name).is_some()) {
            write::script_name(&mut self.out, &script.name, script.is_active);
        }
        Reply::ok("that is all")
    }

    /// What is activated is checked again: a file may have been put there by hand.
    pub(super) fn setactive(&mut self, name: Option<&str>) -> Answer {
        let settings = self.settings();
        let name = name.map(script_name).transpose()?;
        disk(|| {
            let mail = self.mail()?;
            let script = match &name {
                Some(name) => {
                    let source = mail.script(name.as_str(), settings.sieve.script_bytes_max)?;
                    Some(self.compile(&source, &settings)?)
                }
                None => None,
            };
            mail.activate_script(name.as_ref().map(ScriptName::as_str))?;
            let told = name.as_ref().map_or("", ScriptName::as_str);
            info!(peer = %self.peer, account = %mail.address(), script = ?told, "script activated");
            match script {
                Some(script) => accepted(&script, "it sorts what comes from now on"),
                None => Reply::ok("no script is active"),
            }
        })
    }

    pub(super) fn getscript(&mut self, name: &str) -> Answer {
        let name = script_name(name)?;
        let bytes_max = self.settings().sieve.script_bytes_max;
        let script = disk(|| self.mail()?.script(name.as_str(), bytes_max).map_err(Refusal::from))?;
        write::script(&mut self.out, &script);
        Reply::ok("that is all")
    }

    pub(super) fn deletescript(&mut self, name: &str) -> Answer {
        let name = script_name(name)?;
        disk(|| self.mail()?.delete_script(name.as_str()).map_err(Refusal::from))?;
        info!(peer = %self.peer, script = ?name.as_str(), "script deleted");
        Reply::ok("it is gone")
    }

    pub(super) fn renamescript(&mut self, from: &str, to: &str) -> Answer {
        let (from, to) = (script_name(from)?, script_name(to)?);
        disk(|| self.mail()?.rename_script(from.as_str(), to.as_str()).map_err(Refusal::from))?;
        info!(peer = %self.peer, script = ?from.as_str(), to = ?to.as_str(), "script renamed");
        Reply::ok("it is renamed")
    }

    fn compile(&self, source: &[u8], settings: &Settings) -> Result<Script, Refusal> {
        if source.is_empty() {
            return Err(Refusal::plain("the script is empty"));
        }
        let compiled = self.host.scripts.compile(source, &settings.sieve);
        compiled.map_err(|faults| Refusal::plain(lines(&faults)))
    }
}

fn script_name(name: &str) -> Result<ScriptName, Refusal> {
    let unfit = "that cannot be the name of a script: it takes 1 to 512 octets without control characters";
    ScriptName::parse(name).ok_or(Refusal::plain(unfit))
}

fn limits(settings: &Settings) -> ScriptLimits {
    ScriptLimits {
        count_max: settings.sieve.scripts_max,
        bytes_max: settings.sieve.script_bytes_max,
        total_bytes_max: settings.sieve.scripts_bytes_max,
    }
}

fn accepted(script: &Script, text: &'static str) -> Answer {
    match script.warnings() {
        [] => Reply::ok(text),
        warnings => Reply::coded(Code::Warnings, lines(warnings)),
    }
}

/// One line for each.
fn lines(faults: &[Fault]) -> String {
    let mut lines: Vec<String> = faults.iter().take(FAULTS_TOLD_MAX).map(ToString::to_string).collect();
    if faults.len() > FAULTS_TOLD_MAX {
        lines.push(format!("and {} more", faults.len() - FAULTS_TOLD_MAX));
    }
    lines.join("\r\n")
}
