//! Files that were in a folder before we knew of them: our own from before a crash, other programs' at any time.

use super::Mailbox;
use super::scan::FoundFile;
use super::writer::Writer;
use crate::disk::{FileKind, has_empty_block};
use crate::error::StoreError;
use crate::index::{Entry, Words};
use crate::locked;
use crate::maildir::FileName;
use crate::maildir::name::{base_name, full_name};
use std::io;
use std::path::{Path, PathBuf};
use types::Flags;

/// Longest unique part of a name that leaves room for what we add.
const UNIQUE_BYTES_MAX: usize = 150;
/// Bytes read at a time where a file has to be read.
const READ_BYTES: usize = 64 * 1024;
/// A power cut can only have caught the last messages that got UIDs before their sync; this many are looked into.
const UNSYNCED_UIDS_MAX: u32 = 10_000;
/// Messages made visible together.
const BATCH: usize = 1024;

/// Makes files messages: `own` keep the UIDs in their names, `strangers` get new ones.
pub(super) fn adopt(
    mailbox: &Mailbox,
    writer: &mut Writer,
    own: Vec<FoundFile>,
    strangers: Vec<FoundFile>,
) -> Result<(), StoreError> {
    let first_unsynced = writer.state.state().uid_reserved.saturating_sub(UNSYNCED_UIDS_MAX);
    for batch in own.chunks(BATCH) {
        let mut entries = Vec::with_capacity(batch.len());
        for file in batch {
            let uid = file.uid.unwrap_or(u32::MAX);
            if !(uid >= first_unsynced && is_torn(mailbox, file)?) {
                let word = writer.recorded_words.get(&uid).copied().unwrap_or(0);
                entries.extend(take_in(mailbox, file, uid, word)?);
            }
            writer.next_uid = writer.next_uid.max(uid.saturating_add(1));
        }
        mailbox.reserve_now(writer, 0, 1)?;
        publish(mailbox, &entries);
    }
    for batch in strangers.chunks(BATCH) {
        mailbox.reserve_now(writer, batch.len() as u32, 1)?;
        let mut entries = Vec::with_capacity(batch.len());
        for file in batch {
            if let Some(entry) = take_in(mailbox, file, writer.next_uid, 0)? {
                entries.push(entry);
                writer.next_uid += 1;
            }
        }
        publish(mailbox, &entries);
    }
    Ok(())
}

fn publish(mailbox: &Mailbox, entries: &[Entry]) {
    locked(&mailbox.shared).publish(entries);
    mailbox.ring();
}

/// One file becomes a message with this UID and these keywords beyond the letters in its name, or, torn or unreadable, is set
/// aside. What cannot be renamed is left for later.
fn take_in(
    mailbox: &Mailbox,
    file: &FoundFile,
    uid: u32,
    letterless: u32,
) -> Result<Option<Entry>, StoreError> {
    let disk = &mailbox.core().disk;
    let folder = mailbox.folder();
    let path = folder.join(file.place.directory()).join(&file.name);
    let name = FileName::parse(&file.name);
    let stat = match disk.stat(&path) {
        Ok(stat) => stat,
        Err(error) => return unless_about_the_file(mailbox, &path, error),
    };
    if stat.kind != FileKind::File {
        return Ok(None);
    }
    let Ok(disk_bytes) = u32::try_from(stat.bytes) else { return set_aside(mailbox, &path) };
    if name.disk_bytes.is_some_and(|bytes| stat.bytes < bytes) {
        return set_aside(mailbox, &path);
    }
    let wire_bytes = match (name.disk_bytes == Some(stat.bytes), name.wire_bytes) {
        (true, Some(wire)) if (stat.bytes..=2 * stat.bytes).contains(&wire) => wire,
        _ => match wire_bytes_of(mailbox, &path, stat.bytes) {
            Ok(wire) => wire,
            Err(error) => return unless_about_the_file(mailbox, &path, error),
        },
    };
    let Ok(wire_bytes) = u32::try_from(wire_bytes) else { return set_aside(mailbox, &path) };
    let place = file.place.home(name.flags);
    let mut unique = name.unique();
    let internal_date = stat.modified_ns.div_euclid(1_000_000_000);
    if unique.is_empty() || unique.len() > UNIQUE_BYTES_MAX {
        unique = mailbox.core().namer.unique(&**disk);
    }
    let base = base_name(&unique, name.original, (disk_bytes, wire_bytes), uid);
    let wanted = folder.join(place.directory()).join(full_name(&base, place, name.flags));
    if wanted != path && disk.rename(&path, &wanted).is_err() {
        return Ok(None);
    }
    let flags = name.flags.with(Flags::from_letterless(letterless));
    let mut entry = Entry::new(uid, place, flags, internal_date, (disk_bytes, wire_bytes));
    let (words, _) = locked(&mailbox.shared).index.put_words(uid, Words { name: &base, digest: &[] });
    entry.set_words(words, 0);
    Ok(Some(entry))
}

/// Whether a message's content never came, and then sets it aside: it was not acknowledged. A file that cannot be read is
/// left to [`take_in`].
fn is_torn(mailbox: &Mailbox, file: &FoundFile) -> Result<bool, StoreError> {
    let path = mailbox.folder().join(file.place.directory()).join(&file.name);
    let is_torn = has_empty_block(&*mailbox.core().disk, &path).unwrap_or(false);
    if is_torn {
        set_aside(mailbox, &path)?;
    }
    Ok(is_torn)
}

/// A file that vanished is nobody's concern, one that cannot be read is set aside, and any other trouble is the disk's.
fn unless_about_the_file(
    mailbox: &Mailbox,
    path: &Path,
    error: io::Error,
) -> Result<Option<Entry>, StoreError> {
    match error.kind() {
        io::ErrorKind::NotFound => Ok(None),
        _ if is_about_the_file(&error) => set_aside(mailbox, path),
        _ => Err(error.into()),
    }
}

/// Whether an error says that this one file cannot be read.
pub(super) fn is_about_the_file(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidData)
        || matches!(error.raw_os_error(), Some(libc::EIO | libc::EUCLEAN | libc::ELOOP))
}

fn set_aside(mailbox: &Mailbox, path: &Path) -> Result<Option<Entry>, StoreError> {
    quarantine(mailbox, path).map(|_| None)
}

/// Moves a file that is no message any more into the account's `quarantine`, where a person may look at it.
pub(super) fn quarantine(mailbox: &Mailbox, path: &Path) -> Result<PathBuf, StoreError> {
    let dir = mailbox.account.quarantine();
    let disk = &mailbox.core().disk;
    disk.create_dir_all(&dir)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = dir.join(format!("{:08x}-{name}", mailbox.uid_validity.get()));
    disk.rename(path, &aside)?;
    mailbox.core().note_set_aside(&aside);
    Ok(aside)
}

/// Reads a file of about so many bytes for its size with CRLF line ends.
fn wire_bytes_of(mailbox: &Mailbox, path: &Path, disk_bytes: u64) -> io::Result<u64> {
    let file = mailbox.core().disk.open_read(path)?;
    // With room for one byte more, one read tells that this was all.
    let mut buffer = vec![0; disk_bytes.saturating_add(1).min(READ_BYTES as u64) as usize];
    let (mut offset, mut bare, mut is_after_cr) = (0u64, 0u64, false);
    loop {
        let count = file.read_at(&mut buffer, offset)?;
        let chunk = &buffer[..count];
        for at in memchr::memchr_iter(b'\n', chunk) {
            let follows_cr = if at == 0 { is_after_cr } else { chunk[at - 1] == b'\r' };
            bare += u64::from(!follows_cr);
        }
        offset += count as u64;
        if count < buffer.len() {
            return Ok(offset + bare);
        }
        is_after_cr = chunk.last() == Some(&b'\r');
    }
}
