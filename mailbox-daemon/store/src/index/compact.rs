//! Rewriting an index that holds more dead than living.

use super::rows::{Header, RECORD_BYTES, Record};
use super::words::{self, WordsReader};
use super::{Agreed, Entry, Index};
use crate::disk::DiskFile;
use std::io;

/// Dead bytes of words that are always borne.
const DEAD_WORDS_MIN: u64 = 64 * 1024;
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
            || self.dead_words > self.words_end / 2 + DEAD_WORDS_MIN
    }

    /// Writes both files anew. Nothing may wait to be written. The offsets of words change with it.
    pub(crate) fn compact(&mut self, entries: &mut [Entry], modseq: u64, agreed: Agreed) {
        let mut moved = entries.to_vec();
        match self.rewrite(&mut moved, modseq, agreed) {
            Ok(()) => entries.copy_from_slice(&moved),
            Err(_) => {
                let _ = self.disk.remove_file(&self.rows_path.with_extension("rows-new"));
                let _ = self.disk.remove_file(&self.words_path.with_extension("words-new"));
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
        let words_path = self.words_path.with_extension("words-new");
        let rows_path = self.rows_path.with_extension("rows-new");
        let words_end = self.copy_words(&header, entries, &words_path)?;

        let rows = self.disk.open_update(&rows_path, true)?;
        rows.set_bytes(0)?;
        let mut out = Output::new(&*rows);
        out.push(|bytes| bytes.extend_from_slice(&header.encode()))?;
        for entry in entries.iter() {
            out.push(|bytes| Record::Row(*entry).encode(bytes))?;
        }
        for (modseq, uid) in tombstones {
            out.push(|bytes| Record::Gone { uid, modseq }.encode(bytes))?;
        }
        let highest_uid = self.highest_uid;
        out.push(|bytes| Record::Agreed { highest_uid, modseq, agreed, dead_words: 0 }.encode(bytes))?;
        let rows_end = out.finish()?;
        // Between the two renames the generations differ, and the index is found again in the folder.
        self.disk.rename(&words_path, &self.words_path)?;
        self.words_file = None;
        self.disk.rename(&rows_path, &self.rows_path)?;
        (self.header, self.rows_end, self.words_end, self.dead_words) = (header, rows_end, words_end, 0);
        Ok(())
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

    fn copy_words(&self, header: &Header, entries: &mut [Entry], path: &std::path::Path) -> io::Result<u64> {
        let source = self.disk.open_read(&self.words_path)?;
        let file = self.disk.open_update(path, true)?;
        file.set_bytes(0)?;
        let mut out = Output::new(&*file);
        out.push(|bytes| {
            bytes.extend_from_slice(&words::file_header(header.uid_validity, header.generation));
        })?;
        let mut reader = WordsReader::default();
        for entry in entries {
            let at = u32::try_from(out.bytes() / 8).unwrap_or(0);
            let found = reader.read(&*source, u64::from(entry.words) * 8, entry.uid, entry.digest_bytes());
            match found.filter(|_| entry.words != 0 && at != 0) {
                Some(words) => {
                    let digest_bytes = words.digest.len() as u32;
                    out.push(|bytes| words::encode(entry.uid, words, bytes))?;
                    entry.set_words(at, digest_bytes);
                }
                None => entry.set_words(0, 0),
            }
        }
        out.finish()
    }
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

    fn bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    fn push(&mut self, add: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        add(&mut self.buffer);
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
