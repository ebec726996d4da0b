//! Looking at one folder.

use super::{Examined, Finding, Trouble};
use crate::disk::{FileKind, FileStat, read_small};
use crate::error::StoreError;
use crate::index::{Entry, Index};
use crate::keywords::{Keywords, Record};
use crate::maildir::{FileName, Place};
use crate::state::StateFile;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;
use types::{Flags, MailboxName};

/// What the names in a folder say together.
#[derive(Default)]
struct Seen {
    /// By UID: the size the name tells of, or the file has.
    sizes: HashMap<u32, u64>,
    flags: Flags,
    has_mail: bool,
}

/// Looks at one folder; its generation of UIDs when it has one.
pub(super) fn examine(
    account: &Examined<'_>,
    mailbox: &MailboxName,
    folder: &Path,
    findings: &mut Vec<Finding>,
) -> Result<Option<u32>, StoreError> {
    let mut note = |path: &Path, trouble| findings.push(account.finding(Some(mailbox), path, trouble));
    let mut seen = Seen::default();
    for place in [Place::Cur, Place::New] {
        examine_files(account, &folder.join(place.directory()), &mut seen, &mut note)?;
    }
    examine_keywords(account, folder, seen.flags, &mut note)?;
    let path = folder.join(StateFile::NAME);
    let Some(state) = StateFile::open(&**account.disk, &path, 0, 0)? else {
        if seen.has_mail || account.disk.stat(&path).is_ok() {
            note(&path, Trouble::StateLost);
        }
        return Ok(None);
    };
    let generation = state.state().uid_validity;
    examine_index(account, generation, &seen, &mut note);
    Ok(Some(generation))
}

fn examine_files(
    account: &Examined<'_>,
    dir: &Path,
    seen: &mut Seen,
    note: &mut dyn FnMut(&Path, Trouble),
) -> Result<(), StoreError> {
    let mut names: Vec<OsString> = Vec::new();
    match account.disk.read_dir(dir, &mut |name, _| names.push(name.to_owned())) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => read?,
    }
    names.sort_unstable();
    for name in names.iter().filter(|name| !name.to_string_lossy().starts_with('.')) {
        let path = dir.join(name);
        match (name.to_str(), account.disk.stat(&path)) {
            (Some(name), Ok(stat)) if stat.kind == FileKind::File => {
                examine_file(account, &path, &FileName::parse(name), stat, seen, note);
            }
            // The next look gives it a name that is text.
            (None, Ok(stat)) if stat.kind == FileKind::File => {}
            // Gone meanwhile.
            (_, Err(error)) if error.kind() == io::ErrorKind::NotFound => {}
            _ => note(&path, Trouble::Foreign),
        }
    }
    Ok(())
}

fn examine_file(
    account: &Examined<'_>,
    path: &Path,
    name: &FileName<'_>,
    stat: FileStat,
    seen: &mut Seen,
    note: &mut dyn FnMut(&Path, Trouble),
) {
    seen.has_mail = true;
    seen.flags = seen.flags.with(name.flags);
    let there = stat.bytes;
    match name.disk_bytes {
        Some(told) if there < told => note(path, Trouble::Cut { told, there }),
        Some(told) if there > told => note(path, Trouble::Grown { told, there }),
        _ => {}
    }
    if account.disk.open_read(path).is_err_and(|error| error.kind() != io::ErrorKind::NotFound) {
        note(path, Trouble::Unreadable);
    }
    if let Some(uid) = name.uid
        && seen.sizes.insert(uid, name.disk_bytes.unwrap_or(there)).is_some()
    {
        note(path, Trouble::DoubledUid(uid));
    }
}

fn examine_keywords(
    account: &Examined<'_>,
    folder: &Path,
    used: Flags,
    note: &mut dyn FnMut(&Path, Trouble),
) -> Result<(), StoreError> {
    let path = folder.join(Keywords::FILE_NAME);
    let contents = match read_small(&**account.disk, &path, Keywords::FILE_BYTES_MAX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        contents => contents?,
    };
    let keywords = Keywords::parse(&contents);
    let nameless = used.keyword_slots().filter(|slot| keywords.name(*slot).is_none());
    let letters: String = nameless.map(|slot| char::from(b'a' + slot as u8)).collect();
    if !letters.is_empty() {
        note(&path, Trouble::NamelessKeywords(letters));
    }
    if keywords.iter().count() < contents.split_inclusive(|byte| *byte == b'\n').count() {
        note(&path, Trouble::KeywordsDamaged);
    }
    let (_, recorded) = Record::read(&**account.disk, folder)?;
    if recorded.damaged_lines > 0 {
        note(&folder.join(Record::FILE_NAME), Trouble::KeywordsDamaged);
    }
    Ok(())
}

/// No index is none the worse; one that is behind is brought up to date by the next look.
fn examine_index(account: &Examined<'_>, generation: u32, seen: &Seen, note: &mut dyn FnMut(&Path, Trouble)) {
    let dir = account.tree("index");
    let rows = Index::rows_path(&dir, generation);
    if account.disk.stat(&rows).is_err() {
        return;
    }
    let is_right =
        |entry: &Entry| seen.sizes.get(&entry.uid).is_none_or(|bytes| *bytes == u64::from(entry.disk_bytes));
    let is_wrong = match Index::look(Arc::clone(account.disk), &dir, generation) {
        Some(remembered) => remembered.is_cut || !remembered.entries.iter().all(is_right),
        None => true,
    };
    if is_wrong {
        note(&rows, Trouble::IndexWrong);
    }
}
