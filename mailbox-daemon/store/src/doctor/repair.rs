//! Mending: whatever opening a mailbox does not put right by itself is undone here, so that the next opening finds it anew.

use super::{Finding, Trouble};
use crate::disk::{Disk, replace_small};
use crate::error::StoreError;
use crate::index::Index;
use crate::keywords::{Keywords, Lines, Record};
use crate::maildir::FileName;
use crate::state::StateFile;
use std::io;
use std::path::Path;

/// Prepares one finding for being mended by the next opening of its mailbox. Nobody else may use the state directory.
pub fn prepare(disk: &dyn Disk, state_dir: &Path, finding: &Finding) -> Result<(), StoreError> {
    if !finding.trouble.can_be_mended() {
        return Ok(());
    }
    // A file's path ends in its folder's `cur` or `new`.
    let folder = match finding.trouble {
        Trouble::SameGeneration(_) => Some(finding.path.as_path()),
        Trouble::Cut { .. } | Trouble::Grown { .. } | Trouble::DoubledUid(_) => {
            finding.path.parent().and_then(Path::parent)
        }
        _ => finding.path.parent(),
    };
    let Some(folder) = folder else { return Ok(()) };
    match &finding.trouble {
        Trouble::Grown { .. } => forget_sizes(disk, &finding.path)?,
        Trouble::KeywordsDamaged => rewrite_keywords(disk, folder)?,
        Trouble::StateLost | Trouble::SameGeneration(_) => {
            let path = folder.join(StateFile::NAME);
            if disk.stat(&path).is_ok() {
                disk.remove_file(&path)?;
            }
        }
        Trouble::IndexWrong => forget_file(disk, &finding.path)?,
        _ => {}
    }
    if matches!(finding.trouble, Trouble::Cut { .. } | Trouble::Grown { .. } | Trouble::DoubledUid(_)) {
        forget_index(disk, state_dir, finding, folder)?;
    }
    Ok(())
}

/// Without sizes in its name a file is read for them again; it keeps its UID.
fn forget_sizes(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Ok(()) };
    let parsed = FileName::parse(name);
    let is_size = |field: &&str| matches!(field.as_bytes(), [b'S' | b'W', b'=', ..]);
    let base: Vec<&str> = parsed.base.split(',').filter(|field| !is_size(field)).collect();
    disk.rename(path, &path.with_file_name(format!("{}{}", base.join(","), &name[parsed.base.len()..])))
}

fn rewrite_keywords(disk: &dyn Disk, folder: &Path) -> Result<(), StoreError> {
    let path = folder.join(Keywords::FILE_NAME);
    if let Ok(contents) = crate::disk::read_small(disk, &path, Keywords::FILE_BYTES_MAX) {
        replace_small(disk, &path, Keywords::parse(&contents).format().as_bytes())?;
    }
    let (mut record, recorded) = Record::read(disk, folder)?;
    if recorded.damaged_lines > 0 {
        let mut lines = Lines::default();
        recorded.names.iter().for_each(|(slot, keyword)| lines.name(*slot, keyword));
        let mut words: Vec<_> = recorded.words.into_iter().collect();
        words.sort_unstable();
        for (uid, word) in words {
            lines.message(uid, word);
        }
        record.replace(disk, folder, &lines)?;
    }
    Ok(())
}

fn forget_index(
    disk: &dyn Disk,
    state_dir: &Path,
    finding: &Finding,
    folder: &Path,
) -> Result<(), StoreError> {
    let address = &finding.account;
    let dir = state_dir.join("index").join(address.domain.as_str()).join(address.local.as_str());
    match StateFile::open(disk, &folder.join(StateFile::NAME), 0, 0)? {
        Some(state) => Ok(forget_file(disk, &Index::rows_path(&dir, state.state().uid_validity))?),
        None => Ok(()),
    }
}

fn forget_file(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
