//! Scripts that were compiled, kept as long as their files stay as they are.

use crate::host::Host;
use policy::config;
use policy::sieve::{Fault, Needs, Script, ScriptName};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use store::{AccountMail, ScriptError, ScriptVersion, StoreError};
use types::Address;

/// Scripts that are kept compiled, each with those it includes.
const KEPT_MAX: usize = 64;
/// Source of all scripts that are kept compiled; the one used last stays whatever its size.
const SOURCE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The scripts of accounts that get mail, compiled; and turns of those that remember.
#[derive(Default)]
pub struct Scripts {
    /// Those used last come last.
    kept: Mutex<VecDeque<Arc<Kept>>>,
    compiling: Mutex<()>,
    pub(super) turns: super::turns::All,
}

/// A script of an account, ready to run.
pub(crate) struct Ready {
    /// Its name.
    pub(crate) name: String,
    /// The script.
    pub(crate) script: Arc<Script>,
    /// Scripts it may include, directly or not.
    pub(crate) included: BTreeMap<ScriptName, Arc<Script>>,
    /// What all of them may ask for.
    pub(crate) needs: Needs,
}

/// What was made of an account's scripts: the active one, or why it cannot run.
type Made = Arc<Result<Ready, String>>;

struct Kept {
    account: Address,
    made: Made,
    limits: config::Sieve,
    files: Vec<(String, Option<ScriptVersion>)>,
    source_bytes: usize,
}

/// The account's active script or, in words for its owner, why it cannot run; `None` where no script is active.
pub(crate) fn active(host: &Host, account: &AccountMail) -> Result<Option<Made>, StoreError> {
    let settings = host.settings.load();
    if !settings.sieve.enabled {
        return Ok(None);
    }
    match account.active_script()? {
        Some((name, version)) => made(host, account, &name, version, &settings.sieve).map(Some),
        None => Ok(None),
    }
}

/// Another of the account's scripts; `None` where there is none of that name.
pub(crate) fn named(host: &Host, account: &AccountMail, name: &str) -> Result<Option<Made>, StoreError> {
    match account.script_version(name)? {
        Some(version) => made(host, account, name, version, &host.settings.load().sieve).map(Some),
        None => Ok(None),
    }
}

fn made(
    host: &Host,
    account: &AccountMail,
    name: &str,
    version: ScriptVersion,
    limits: &config::Sieve,
) -> Result<Made, StoreError> {
    if let Some(made) = host.scripts.find(account, name, version, limits)? {
        return Ok(made);
    }
    let mut loading = Loading { scripts: &host.scripts, account, limits, files: Vec::new(), source_bytes: 0 };
    let made = Arc::new(loading.load(name)?);
    let Loading { files, source_bytes, .. } = loading;
    host.scripts.keep(Kept {
        account: account.address().clone(),
        made: Arc::clone(&made),
        limits: limits.clone(),
        files,
        source_bytes,
    });
    Ok(made)
}

impl Kept {
    fn is_of(&self, account: &Address, name: &str) -> bool {
        self.account == *account && self.files.first().is_some_and(|(of, _)| of == name)
    }
}

impl Scripts {
    /// What is kept, if every file is still as it was.
    fn find(
        &self,
        account: &AccountMail,
        name: &str,
        version: ScriptVersion,
        limits: &config::Sieve,
    ) -> Result<Option<Made>, StoreError> {
        let Some(kept) = self.last_used(account.address(), name) else { return Ok(None) };
        let is_same_script = kept.files.first().is_some_and(|(_, known)| *known == Some(version));
        if !is_same_script || kept.limits != *limits {
            return Ok(None);
        }
        for (name, version) in &kept.files[1..] {
            if account.script_version(name)? != *version {
                return Ok(None);
            }
        }
        Ok(Some(Arc::clone(&kept.made)))
    }

    fn last_used(&self, account: &Address, name: &str) -> Option<Arc<Kept>> {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|kept| kept.is_of(account, name))?;
        let kept = all.remove(at)?;
        all.push_back(Arc::clone(&kept));
        Some(kept)
    }

    /// Compiles a script, one at a time: a large one takes much memory for a moment.
    pub(crate) fn compile(&self, source: &[u8], limits: &config::Sieve) -> Result<Script, Vec<Fault>> {
        let _turn = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
        Script::compile(source, limits)
    }

    fn keep(&self, kept: Kept) {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let name = kept.files.first().map_or("", |(name, _)| name);
        all.retain(|other| !other.is_of(&kept.account, name));
        all.push_back(Arc::new(kept));
        let bytes = |all: &VecDeque<Arc<Kept>>| all.iter().map(|kept| kept.source_bytes).sum::<usize>();
        while all.len() > KEPT_MAX || (all.len() > 1 && bytes(&all) > SOURCE_BYTES_MAX) {
            all.pop_front();
        }
    }
}

/// An account's scripts while they are read.
struct Loading<'a> {
    scripts: &'a Scripts,
    account: &'a AccountMail,
    limits: &'a config::Sieve,
    files: Vec<(String, Option<ScriptVersion>)>,
    source_bytes: usize,
}

impl Loading<'_> {
    fn load(&mut self, name: &str) -> Result<Result<Ready, String>, StoreError> {
        let script = match self.compile(name)? {
            Ok(script) => Arc::new(script),
            Err(why) => return Ok(Err(why)),
        };
        let mut needs = script.needs().clone();
        let mut included = BTreeMap::new();
        let mut wanted = std::mem::take(&mut needs.scripts);
        while let Some(name) = wanted.pop() {
            if included.contains_key(&name) || self.files.len() > self.limits.scripts_max {
                continue;
            }
            // The script that includes one that is not there or is wrong finds out when it runs.
            let Ok(script) = self.compile(name.as_str())? else { continue };
            let also = script.needs();
            needs.mailboxes |= also.mailboxes;
            needs.annotations |= also.annotations;
            needs.memory |= also.memory;
            needs.contacts |= also.contacts;
            needs.spam |= also.spam;
            wanted.extend(also.scripts.iter().cloned());
            included.insert(name, Arc::new(script));
        }
        Ok(Ok(Ready { name: name.to_owned(), script, included, needs }))
    }

    fn compile(&mut self, name: &str) -> Result<Result<Script, String>, StoreError> {
        self.files.push((name.to_owned(), self.account.script_version(name)?));
        let source = match self.account.script(name, self.limits.script_bytes_max) {
            Ok(source) => source,
            Err(ScriptError::Store(error)) => return Err(error),
            Err(error) => return Ok(Err(error.to_string())),
        };
        self.source_bytes += source.len();
        let faults = |faults: Vec<Fault>| match faults.as_slice() {
            [only] => only.to_string(),
            [first, others @ ..] => format!("{first}, and {} more faults", others.len()),
            [] => "it is wrong".to_owned(),
        };
        Ok(self.scripts.compile(&source, self.limits).map_err(faults))
    }
}
