//! Making rows and files agree: what other programs did to the folder, and what an earlier run left behind.

use super::writer::Writer;
use super::{Mailbox, adopt};
use crate::disk::FileKind;
use crate::error::StoreError;
use crate::index::{Agreed, Entry, Words};
use crate::locked;
use crate::maildir::name::{full_name, is_canonical};
use crate::maildir::{FileName, Place};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use types::Flags;

/// A file whose UID is this far beyond what was reserved did not get it from us.
const UIDS_AHEAD_MAX: u32 = 1_000_000;

/// What was found in a folder that the rows do not say.
#[derive(Default)]
struct Findings {
    /// Messages with other flags or in another place, ascending.
    changed: Vec<(u32, u64)>,
    /// Messages whose file names are to be remembered.
    names: Vec<(u32, String)>,
    /// Messages that are not there, ascending.
    missing: Vec<u32>,
    /// Files nothing is known of.
    unknown: Vec<FoundFile>,
    /// Names of known messages whose flags are not spelt as we would.
    misspelt: Vec<(Place, String)>,
    /// UIDs more than one file claims.
    claimed_twice: Vec<u32>,
    /// Files whose names are no text.
    nameless: Vec<(Place, OsString)>,
}

/// A file that is no row yet.
pub(super) struct FoundFile {
    pub(super) uid: Option<u32>,
    pub(super) place: Place,
    pub(super) name: String,
}

struct Known {
    uid: u32,
    bits: u64,
    is_going: bool,
    is_nameless: bool,
    is_seen: bool,
}

impl Mailbox {
    /// Looks at the folder for what other programs did.
    pub fn rescan(&self) -> Result<(), StoreError> {
        let mut writer = self.begin()?;
        self.reconcile(&mut writer)
    }

    /// Brings the rows up to what the folder holds, adopting files of other programs.
    pub(super) fn reconcile(&self, writer: &mut Writer) -> Result<(), StoreError> {
        let folder = self.folder();
        let now = self.times(&folder)?;
        let [cur, new] = [
            now.cur_ns.is_none() || now.cur_ns != writer.scanned.cur_ns,
            now.new_ns.is_none() || now.new_ns != writer.scanned.new_ns,
        ];
        if !cur && !new {
            return Ok(());
        }
        let findings = self.look(&folder, cur, new)?;
        self.settle_known(writer, &findings)?;
        self.settle_unknown(writer, findings)?;
        writer.scanned = now;
        Ok(())
    }

    /// Finds the file of a message that is not where it should be. Files nobody knows wait for the next [`Mailbox::reconcile`].
    pub(super) fn find_files(&self, writer: &mut Writer, uid: u32) -> Result<(), StoreError> {
        {
            let mut shared = locked(&self.shared);
            if let Some(at) = shared.find(uid) {
                shared.entries[at].set_words(0, 0);
            }
        }
        let findings = self.look(&self.folder(), true, true)?;
        self.settle_known(writer, &findings)
    }

    /// The times of the two directories; `None` for one that is too young to be relied on.
    fn times(&self, folder: &Path) -> Result<Agreed, StoreError> {
        let disk = &self.core().disk;
        let now = disk.now_ns();
        let settle_ns = disk.times_settle_ns(folder);
        let time = |place: Place| -> Result<Option<i64>, StoreError> {
            let dir = folder.join(place.directory());
            let stat = match disk.stat(&dir) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    disk.stat(folder).map_err(|_| StoreError::NoSuchMailbox)?;
                    disk.create_dir_all(&dir)?;
                    return Ok(None);
                }
                stat => stat?,
            };
            Ok(Some(stat.modified_ns).filter(|time| now.saturating_sub(*time) > settle_ns))
        };
        Ok(Agreed { cur_ns: time(Place::Cur)?, new_ns: time(Place::New)? })
    }

    /// Reads one or both directories. A file may be renamed while a directory is read and not be seen; what seems to be missing
    /// is looked for once more.
    fn look(&self, folder: &Path, cur: bool, new: bool) -> Result<Findings, StoreError> {
        let mut findings = self.look_once(folder, cur, new)?;
        if !findings.missing.is_empty() {
            findings = self.look_once(folder, true, true)?;
        }
        if !findings.claimed_twice.is_empty() {
            self.tell_twins_apart(folder, &mut findings)?;
        }
        findings.changed.sort_unstable();
        Ok(findings)
    }

    fn look_once(&self, folder: &Path, cur: bool, new: bool) -> Result<Findings, StoreError> {
        let (mut known, pending) = {
            let shared = locked(&self.shared);
            (shared.entries.iter().map(Known::of).collect::<Vec<_>>(), shared.pending.clone())
        };
        let mut findings = Findings::default();
        for place in [Place::Cur, Place::New].into_iter().filter(|place| match place {
            Place::Cur => cur,
            Place::New => new,
        }) {
            self.core().disk.read_dir(&folder.join(place.directory()), &mut |name, kind| {
                if kind != FileKind::File || name.as_encoded_bytes().starts_with(b".") {
                    return;
                }
                match name.to_str() {
                    Some(name) => findings.note(&mut known, &pending, place, name),
                    None => findings.nameless.push((place, name.to_owned())),
                }
            })?;
        }
        let is_looked_at = |bits: u64| match Entry::place_in(bits) {
            Place::Cur => cur,
            Place::New => new,
        };
        let missing =
            known.iter().filter(|known| !known.is_seen && !known.is_going && is_looked_at(known.bits));
        findings.missing = missing.map(|known| known.uid).collect();
        Ok(findings)
    }

    /// Of several files with one UID, the one whose name is remembered has it; the others were copied by somebody.
    fn tell_twins_apart(&self, folder: &Path, findings: &mut Findings) -> Result<(), StoreError> {
        for uid in std::mem::take(&mut findings.claimed_twice) {
            let entry = locked(&self.shared).entry(uid);
            let base = entry.and_then(|entry| self.path_of(&entry)).map(|(_, base)| base);
            let mut is_found = false;
            findings.changed.retain(|(changed, _)| *changed != uid);
            for place in [Place::Cur, Place::New] {
                self.core().disk.read_dir(&folder.join(place.directory()), &mut |name, _| {
                    let Some(name) = name.to_str() else { return };
                    let parsed = FileName::parse(name);
                    if parsed.uid != Some(uid) {
                        return;
                    }
                    if !is_found && base.as_deref().is_none_or(|base| base == parsed.base) {
                        is_found = true;
                        let before = entry.map(|entry| entry.bits());
                        findings.changed.extend(changed_bits(before, &parsed, place).map(|bits| (uid, bits)));
                        return;
                    }
                    findings.unknown.push(FoundFile { uid: None, place, name: name.to_owned() });
                })?;
            }
        }
        Ok(())
    }

    fn settle_known(&self, writer: &mut Writer, findings: &Findings) -> Result<(), StoreError> {
        for (uid, base) in &findings.names {
            let mut shared = locked(&self.shared);
            if let Some(at) = shared.find(*uid) {
                let (words, _) = shared.index.put_words(*uid, Words { name: base, digest: &[] });
                shared.entries[at].set_words(words, 0);
                shared.index.changed(*uid);
                shared.flush_if_due();
            }
        }
        for (place, name) in &findings.misspelt {
            self.respell(*place, name);
        }
        if findings.changed.is_empty() && findings.missing.is_empty() {
            return Ok(());
        }
        self.reserve_now(writer, 0, 2)?;
        {
            let mut shared = locked(&self.shared);
            shared.set_bits(&findings.changed);
            shared.remove(&findings.missing);
        }
        self.ring();
        Ok(())
    }

    /// Brings a name into the one spelling we look for. Should that fail, the message cannot be opened until it succeeds.
    fn respell(&self, place: Place, name: &str) {
        let folder = self.folder();
        let parsed = FileName::parse(name);
        let home = place.home(parsed.flags);
        let respelt = folder.join(home.directory()).join(full_name(parsed.base, home, parsed.flags));
        let _ = self.core().disk.rename(&folder.join(place.directory()).join(name), &respelt);
    }

    /// Gives a file whose name is no text one that is; should that fail, it stays unseen until it succeeds.
    fn name_anew(&self, place: Place, odd: &OsStr) -> Option<FoundFile> {
        let dir = self.folder().join(place.directory());
        let text = odd.to_string_lossy();
        let unique = self.core().namer.unique(&*self.core().disk);
        let name = full_name(&unique, place, FileName::parse(&text).flags);
        self.core().disk.rename(&dir.join(odd), &dir.join(&name)).ok()?;
        Some(FoundFile { uid: None, place, name })
    }

    fn settle_unknown(&self, writer: &mut Writer, mut findings: Findings) -> Result<(), StoreError> {
        let named = findings.nameless.iter().filter_map(|(place, odd)| self.name_anew(*place, odd));
        findings.unknown.extend(named);
        if findings.unknown.is_empty() {
            return Ok(());
        }
        // Messages on their way have smaller UIDs than those adopted now, and are to be seen first.
        if !locked(&self.shared).pending.is_empty() {
            self.core().committer.beat().wait()?;
        }
        let (first_unreserved, ours_above) = (writer.state.state().uid_reserved, writer.ours_above);
        let ours = |file: &FoundFile| {
            file.uid.filter(|uid| *uid > ours_above && *uid < first_unreserved.saturating_add(UIDS_AHEAD_MAX))
        };
        let (mut own, mut strangers): (Vec<_>, Vec<_>) =
            findings.unknown.into_iter().partition(|file| ours(file).is_some());
        own.sort_unstable_by(|a, b| (a.uid, &a.name).cmp(&(b.uid, &b.name)));
        let mut last = None;
        let mut unique = Vec::with_capacity(own.len());
        for file in own {
            match file.uid == last {
                true => strangers.push(file),
                false => {
                    last = file.uid;
                    unique.push(file);
                }
            }
        }
        // Names begin with the time of arrival.
        strangers.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        adopt::adopt(self, writer, unique, strangers)
    }
}

impl Findings {
    fn note(&mut self, known: &mut [Known], pending: &[u32], place: Place, name: &str) {
        let parsed = FileName::parse(name);
        let Some(uid) = parsed.uid else {
            self.unknown.push(FoundFile { uid: None, place, name: name.to_owned() });
            return;
        };
        let Ok(at) = known.binary_search_by_key(&uid, |known| known.uid) else {
            if pending.binary_search(&uid).is_err() {
                self.unknown.push(FoundFile { uid: Some(uid), place, name: name.to_owned() });
            }
            return;
        };
        let known = &mut known[at];
        if known.is_seen {
            self.claimed_twice.push(uid);
            return;
        }
        known.is_seen = true;
        self.changed.extend(changed_bits(Some(known.bits), &parsed, place).map(|bits| (uid, bits)));
        if known.is_nameless {
            self.names.push((uid, parsed.base.to_owned()));
        }
        if !is_canonical(&name[parsed.base.len()..], place, parsed.flags) {
            self.misspelt.push((place, name.to_owned()));
        }
    }
}

/// What a name says of place and flags, if that is news. Keywords without letters stay.
fn changed_bits(before: Option<u64>, name: &FileName<'_>, place: Place) -> Option<u64> {
    let before = before?;
    let told = Entry::bits_of(place.home(name.flags), name.flags);
    let bits = Entry::with_letterless(told, Flags::from_bits(before).letterless());
    (bits != before).then_some(bits)
}

impl Known {
    fn of(entry: &Entry) -> Known {
        Known {
            uid: entry.uid,
            bits: entry.bits(),
            is_going: entry.is_going(),
            is_nameless: entry.words == 0,
            is_seen: false,
        }
    }
}
