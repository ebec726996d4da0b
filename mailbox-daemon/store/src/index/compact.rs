//! Rewriting an index that holds more dead than living.

use super::appended;
use super::fronts::{self, Fronts};
use super::rows::{Header, RECORD_BYTES, Record};
use super::words::{self, Names, WordsReader};
use super::{Agreed, Entry, Index};
use crate::disk::DiskFile;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Messages' dead words that are always borne.
const DEAD_WORDS_MIN: u64 = 128;
/// Dead rows that are always borne.
const DEAD_ROWS_MIN: u64 = 1024;
/// Tombstones carried over.
const TOMBSTONES_MAX: usize = 10_000;
/// Gathered before a write.
const WRITE_BYTES: usize = 64 * 1024;

impl Index {
    /// Whether rewriting would halve one of the files.
    pub(crate) fn is_wasteful(&self, entries: &[Entry]) -> bool {
        let records = self.rows_end / RECORD_BYTES as u64;
        records > 2 * entries.len() as u64 + DEAD_ROWS_MIN + TOMBSTONES_MAX as u64
            || self.dead_words > entries.len() as u64 + DEAD_WORDS_MIN
    }

    /// Writes both files anew. Nothing may wait to be written. The offsets of words change with it.
    pub(crate) fn compact(&mut self, entries: &mut [Entry], modseq: u64, agreed: Agreed) {
        let mut moved = entries.to_vec();
        match self.rewrite(&mut moved, modseq, agreed) {
            Ok(()) => entries.copy_from_slice(&moved),
            Err(_) => {
                for path in [&self.rows_path, &self.names.path, &self.fronts.path] {
                    let _ = self.disk.remove_file(&new(path));
                }
            }
        }
    }

    fn rewrite(&mut self, entries: &mut [Entry], modseq: u64, agreed: Agreed) -> io::Result<()> {
        let tombstones = self.latest_tombstones();
        let tombstones_after = match tombstones.len() < TOMBSTONES_MAX {
            true => self.header.tombstones_after,
            false => tombstones.first().map_or(modseq, |(at, _)| *at),
        };
        let header =
            Header { generation: self.header.generation.wrapping_add(1), tombstones_after, ..self.header };
        let (names_end, fronts_end) = self.copy_words(&header, entries)?;
        let rows = self.create(&new(&self.rows_path))?;
        let mut out = Output::new(&*rows);
        out.push(|bytes| bytes.extend_from_slice(&header.encode()))?;
        for entry in entries.iter() {
            out.push(|bytes| Record::Row(*entry).encode(bytes))?;
        }
        for (modseq, uid) in tombstones {
            out.push(|bytes| Record::Gone { uid, modseq }.encode(bytes))?;
        }
        let (highest_uid, recent_from) = (self.highest_uid, self.recent_from);
        let last = Record::Agreed { highest_uid, recent_from, modseq, agreed, dead_words: 0 };
        out.push(|bytes| last.encode(bytes))?;
        let rows_end = out.finish()?;
        // Between the renames the generations differ, and the index is found again in the folder.
        for (file, end) in [(&mut self.names, names_end), (&mut self.fronts, fronts_end)] {
            self.disk.rename(&new(&file.path), &file.path)?;
            file.replaced(end);
        }
        self.disk.rename(&new(&self.rows_path), &self.rows_path)?;
        (self.header, self.rows_end, self.dead_words) = (header, rows_end, 0);
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.disk.open_update(path, true)?;
        file.set_bytes(0)?;
        Ok(file)
    }

    /// The tombstones worth keeping, by modification sequence.
    fn latest_tombstones(&self) -> Vec<(u64, u32)> {
        let mut tombstones = Vec::new();
        let _ = self.for_each_record(|record| {
            if let Record::Gone { uid, modseq } = record {
                tombstones.push((modseq, uid));
            }
        });
        tombstones.sort_unstable();
        tombstones.split_off(tombstones.len().saturating_sub(TOMBSTONES_MAX))
    }

    /// Copies the words of these messages, in their order, and says where both files end.
    fn copy_words(&self, header: &Header, entries: &mut [Entry]) -> io::Result<(u64, u64)> {
        let sources = (self.disk.open_read(&self.names.path)?, self.disk.open_read(&self.fronts.path)?);
        let files = (self.create(&new(&self.names.path))?, self.create(&new(&self.fronts.path))?);
        let (mut names, mut fronts) = (Output::new(&*files.0), Output::new(&*files.1));
        names.push(|bytes| bytes.extend_from_slice(&appended::header::<Names>(header)))?;
        fronts.push(|bytes| bytes.extend_from_slice(&appended::header::<Fronts>(header)))?;
        let mut reader = WordsReader::default();
        for entry in entries {
            let places = (entry.words, entry.front());
            let found = reader.read((&*sources.0, &*sources.1), places, entry.uid);
            let Some(words) = found.filter(|_| entry.words != 0) else {
                entry.set_words(0, 0);
                continue;
            };
            let (front, back) = words.digest.split_at(fronts::front_bytes(words.digest));
            let (name_at, front_at) = (names.place(), fronts.place());
            names.push(|bytes| words::encode(entry.uid, words.name, back, bytes))?;
            match front.is_empty() {
                true => entry.set_words(name_at, 0),
                false => {
                    fronts.push(|bytes| fronts::encode(entry.uid, front, bytes))?;
                    entry.set_words(name_at, front_at);
                }
            }
        }
        Ok((names.finish()?, fronts.finish()?))
    }
}

/// The file that will replace this one.
fn new(path: &Path) -> PathBuf {
    path.with_added_extension("new")
}

/// Appends to a file through a buffer.
struct Output<'a> {
    file: &'a dyn DiskFile,
    written: u64,
    buffer: Vec<u8>,
}

impl<'a> Output<'a> {
    fn new(file: &'a dyn DiskFile) -> Output<'a> {
        Output { file, written: 0, buffer: Vec::with_capacity(WRITE_BYTES) }
    }

    /// Where the next record of words goes, in units of 8 bytes.
    fn place(&self) -> u32 {
        u32::try_from((self.written + self.buffer.len() as u64) / 8).unwrap_or(0)
    }

    fn push(&mut self, add: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        add(&mut self.buffer);
        self.buffer.resize(self.buffer.len().next_multiple_of(8), 0);
        match self.buffer.len() < WRITE_BYTES {
            true => Ok(()),
            false => self.flush(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_at(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<u64> {
        self.flush()?;
        Ok(self.written)
    }
}
