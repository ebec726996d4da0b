//! What was learnt, kept on disk: a checkpoint of everything and, behind it, a journal of lessons that came since.
//!
//! Both are opaque here. They carry a generation: a journal belongs to the checkpoint of its own, one of an earlier generation is contained in the
//! checkpoint and counts no more. So there is no moment at which a power cut takes back more than what was not written yet, or has a lesson count
//! twice. Neither file is ever a reason not to start: what is damaged is set aside, and what is left counts.
//!
//! ```text
//! knowledge   "mailknow" generation(8) checksum(8) contents
//! lessons     "maillern" generation(8) checksum(8), then for each lesson: length(4) checksum(8) lesson
//! ```

#[cfg(test)]
mod tests;

use crate::checksum;
use crate::disk::{Disk, FileKind, make_dir, read_small, replace};
use crate::error::StoreError;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A journal this long is due to be replaced by a checkpoint. A checkpoint of the usual 8 MiB for so many bytes of lessons keeps what a lesson
/// writes in the end below three times its own size.
pub const JOURNAL_BYTES_MAX: u64 = 4 * 1024 * 1024;

const KNOWLEDGE: &str = "knowledge";
const LESSONS: &str = "lessons";
const KNOWLEDGE_LABEL: [u8; 8] = *b"mailknow";
const LESSONS_LABEL: [u8; 8] = *b"maillern";
/// Label, generation, checksum.
const HEAD_BYTES: usize = 24;
/// Length and checksum of a lesson.
const FRAME_BYTES: usize = 12;
/// What is longer is no checkpoint or journal of ours and is not read into memory.
const FILE_BYTES_MAX: u64 = 160 * 1024 * 1024;

/// The folder of what was learnt. One writer at a time.
pub struct Lessons {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    generation: u64,
    /// Where the next lesson goes; `None` while there is no journal of this generation.
    end: Option<u64>,
}

/// Lessons that are not on disk yet, framed as the journal has them.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    frames: Vec<u8>,
}

/// What an opening found.
#[derive(Default)]
pub struct Kept {
    /// The checkpoint's contents; `None` where there is none that is whole.
    pub checkpoint: Option<Vec<u8>>,
    /// Damaged files, where they lie now.
    pub set_aside: Vec<PathBuf>,
    frames: Vec<u8>,
}

impl Lessons {
    /// Opens the folder, which is made with the first lesson, and finds what is in it. Never fails: what cannot be read is set aside.
    pub fn open(disk: Arc<dyn Disk>, dir: &Path) -> (Lessons, Kept) {
        let mut lessons = Lessons { disk, dir: dir.to_owned(), generation: 0, end: None };
        let mut kept = Kept::default();
        let checkpoint = lessons.read_or_set_aside(KNOWLEDGE, &mut kept, |bytes| {
            let (generation, contents) = opened(bytes, KNOWLEDGE_LABEL)?;
            Some((generation, contents.to_vec()))
        });
        let journal = lessons.read_or_set_aside(LESSONS, &mut kept, |bytes| {
            let (generation, frames) = opened_journal(bytes)?;
            Some((generation, whole_frames(frames).to_vec()))
        });
        lessons.generation = checkpoint.as_ref().map_or(0, |(generation, _)| *generation);
        if let Some((generation, frames)) = journal
            && generation >= lessons.generation
        {
            lessons.generation = generation;
            lessons.end = Some((HEAD_BYTES + frames.len()) as u64);
            kept.frames = frames;
        }
        kept.checkpoint = checkpoint.map(|(_, contents)| contents);
        (lessons, kept)
    }

    /// Appends lessons to the journal; durable on return. After an error none of them counts as written.
    pub fn append(&mut self, gathered: &Gathered) -> Result<(), StoreError> {
        if gathered.is_empty() {
            return Ok(());
        }
        let end = match self.end {
            Some(end) => end,
            None => self.begin_journal()?,
        };
        let file = self.disk.open_update(&self.dir.join(LESSONS), true)?;
        // What a cut or a failed append left behind must not look like lessons behind these.
        file.set_bytes(end)?;
        file.write_at(&gathered.frames, end)?;
        file.sync()?;
        self.end = Some(end + gathered.frames.len() as u64);
        Ok(())
    }

    /// Writes all that was learnt in place of the checkpoint before and its journal; durable on return.
    pub fn checkpoint(&mut self, contents: &[u8]) -> Result<(), StoreError> {
        make_dir(&*self.disk, &self.dir)?;
        let generation = self.generation + 1;
        replace(
            &*self.disk,
            &self.dir.join(KNOWLEDGE),
            &head(KNOWLEDGE_LABEL, generation, contents),
            contents,
        )?;
        // From here on either may be what the disk has, so that nothing may go behind the old one any more.
        self.generation = generation;
        self.end = None;
        self.disk.sync_dir(&self.dir)?;
        self.begin_journal()?;
        Ok(())
    }

    /// Bytes of the journal.
    pub fn journal_bytes(&self) -> u64 {
        self.end.unwrap_or(0)
    }

    /// Sets aside a checkpoint that is whole but means nothing to its reader, and says where it lies.
    pub fn set_checkpoint_aside(&self) -> Result<PathBuf, StoreError> {
        Ok(self.set_aside(KNOWLEDGE)?)
    }

    /// A journal without lessons; says where it ends.
    fn begin_journal(&mut self) -> Result<u64, StoreError> {
        make_dir(&*self.disk, &self.dir)?;
        replace(&*self.disk, &self.dir.join(LESSONS), &head(LESSONS_LABEL, self.generation, b""), b"")?;
        self.disk.sync_dir(&self.dir)?;
        self.end = Some(HEAD_BYTES as u64);
        Ok(HEAD_BYTES as u64)
    }

    /// What a file says; one that says nothing is moved out of the way.
    fn read_or_set_aside<T>(
        &self,
        name: &str,
        kept: &mut Kept,
        open: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Option<T> {
        let read = self.read(name);
        if matches!(&read, Err(error) if error.kind() == ErrorKind::NotFound) {
            return None;
        }
        let contents = read.ok().and_then(|bytes| open(&bytes));
        if contents.is_none() {
            // A disk that does not let it go will not take what is learnt from now on either, and says so then.
            kept.set_aside.extend(self.set_aside(name));
        }
        contents
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let path = self.dir.join(name);
        let stat = self.disk.stat(&path)?;
        match stat.kind == FileKind::File && stat.bytes <= FILE_BYTES_MAX {
            true => read_small(&*self.disk, &path, stat.bytes as usize),
            false => Err(ErrorKind::InvalidData.into()),
        }
    }

    fn set_aside(&self, name: &str) -> io::Result<PathBuf> {
        let aside = self.dir.join(name).with_extension("damaged");
        self.disk.rename(&self.dir.join(name), &aside)?;
        Ok(aside)
    }
}

impl Gathered {
    /// One more lesson.
    pub fn push(&mut self, lesson: &[u8]) {
        let Ok(length) = u32::try_from(lesson.len()) else { return };
        self.frames.extend_from_slice(&length.to_le_bytes());
        self.frames.extend_from_slice(&checksum::of(lesson).to_le_bytes());
        self.frames.extend_from_slice(lesson);
    }

    /// Puts lessons that could not be written back in front of those that came since.
    pub fn put_back(&mut self, mut earlier: Gathered) {
        earlier.frames.append(&mut self.frames);
        *self = earlier;
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// How much they add to the journal.
    pub fn bytes(&self) -> u64 {
        self.frames.len() as u64
    }
}

impl Kept {
    /// The lessons behind the checkpoint, oldest first.
    pub fn lessons(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.frames[..];
        std::iter::from_fn(move || {
            let (lesson, behind) = first_frame(rest)?;
            rest = behind;
            Some(lesson)
        })
    }
}

fn head(label: [u8; 8], generation: u64, contents: &[u8]) -> [u8; HEAD_BYTES] {
    let sum = checksum::of(contents) ^ checksum::of(&generation.to_le_bytes());
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(&label);
    head[8..16].copy_from_slice(&generation.to_le_bytes());
    head[16..].copy_from_slice(&sum.to_le_bytes());
    head
}

/// Generation and contents of a file that is whole.
fn opened(file: &[u8], label: [u8; 8]) -> Option<(u64, &[u8])> {
    let (found, contents) = file.split_at_checked(HEAD_BYTES)?;
    let generation = u64::from_le_bytes(found[8..16].try_into().ok()?);
    (head(label, generation, contents) == *found).then_some((generation, contents))
}

/// Generation of a journal and what follows its head.
fn opened_journal(file: &[u8]) -> Option<(u64, &[u8])> {
    let (head, frames) = file.split_at_checked(HEAD_BYTES)?;
    let (generation, _) = opened(head, LESSONS_LABEL)?;
    Some((generation, frames))
}

/// The frames in front of the first that is torn.
fn whole_frames(frames: &[u8]) -> &[u8] {
    let mut rest = frames;
    while let Some((_, behind)) = first_frame(rest) {
        rest = behind;
    }
    &frames[..frames.len() - rest.len()]
}

fn first_frame(frames: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = frames.split_at_checked(FRAME_BYTES)?;
    let (length, sum) = head.split_at(4);
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let (lesson, behind) = rest.split_at_checked(length)?;
    (checksum::of(lesson).to_le_bytes() == *sum).then_some((lesson, behind))
}
