//! The names of a folder's keywords. Those behind letters are in Dovecot's file `dovecot-keywords`, `<slot> <name>` a line; the
//! others in a [`Record`].

mod record;

pub(crate) use record::{Lines, Record};

use std::fmt::Write;
use types::{Flags, Keyword};

/// A folder's keywords by slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keywords {
    slots: Vec<Option<Keyword>>,
}

impl Keywords {
    /// The name in the folder.
    pub(crate) const FILE_NAME: &'static str = "dovecot-keywords";
    /// No sane file is longer.
    pub(crate) const FILE_BYTES_MAX: usize = Flags::LETTERS * (Keyword::BYTES_MAX + 8);

    /// Reads the file's contents; lines that make no sense name nothing.
    pub(crate) fn parse(contents: &[u8]) -> Keywords {
        let mut keywords = Keywords::default();
        for line in String::from_utf8_lossy(contents).lines() {
            if let Some((slot, name)) = line.split_once(' ')
                && let Ok(slot) = slot.parse::<usize>()
                && slot < Flags::LETTERS
                && let Ok(keyword) = Keyword::parse(name)
                && keywords.slot(&keyword).is_none()
            {
                keywords.put(slot, keyword);
            }
        }
        keywords
    }

    /// The contents of the file: keywords that have letters.
    pub(crate) fn format(&self) -> String {
        let mut contents = String::new();
        for (slot, keyword) in self.iter().take_while(|(slot, _)| *slot < Flags::LETTERS) {
            // Writing to a String cannot fail.
            let _ = writeln!(contents, "{slot} {keyword}");
        }
        contents
    }

    /// Keywords with their slots, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Keyword)> {
        self.slots.iter().enumerate().filter_map(|(slot, keyword)| Some((slot, keyword.as_ref()?)))
    }

    /// The slot of a keyword.
    pub(crate) fn slot(&self, keyword: &Keyword) -> Option<usize> {
        self.iter().find(|(_, known)| *known == keyword).map(|(slot, _)| slot)
    }

    /// The keyword in a slot.
    pub(crate) fn name(&self, slot: usize) -> Option<&Keyword> {
        self.slots.get(slot)?.as_ref()
    }

    /// The slot of a keyword, a free one if need be that `in_use` does not hold either; `None` when all are taken.
    pub(crate) fn slot_or_new(&mut self, keyword: &Keyword, in_use: Flags) -> Option<usize> {
        if let Some(slot) = self.slot(keyword) {
            return Some(slot);
        }
        // A letter somebody used without naming it stays theirs.
        let is_used = |slot| Flags::keyword(slot).is_some_and(|flag| in_use.contains(flag));
        let free = (0..Flags::KEYWORDS_MAX).find(|slot| self.name(*slot).is_none() && !is_used(*slot))?;
        self.put(free, keyword.clone());
        Some(free)
    }

    /// Takes over what a record says; slots and names that are taken stay as they are.
    pub(crate) fn add_recorded(&mut self, names: Vec<(usize, Keyword)>) {
        for (slot, keyword) in names {
            if self.name(slot).is_none() && self.slot(&keyword).is_none() {
                self.put(slot, keyword);
            }
        }
    }

    fn put(&mut self, slot: usize, keyword: Keyword) {
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, None);
        }
        self.slots[slot] = Some(keyword);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyword(text: &str) -> Keyword {
        Keyword::parse(text).unwrap()
    }

    #[test]
    fn the_file_is_dovecots() {
        let mut keywords = Keywords::parse(b"0 $Junk\n2 Work\nnonsense\n99 far\n3 $JUNK\n1\n");
        assert_eq!(keywords.slot(&keyword("$junk")), Some(0));
        assert_eq!(keywords.slot_or_new(&keyword("New"), Flags::NONE), Some(1));
        assert_eq!(keywords.format(), "0 $Junk\n1 New\n2 Work\n");
        assert_eq!(Keywords::parse(keywords.format().as_bytes()), keywords);
    }

    #[test]
    fn slots_in_use_without_a_name_are_not_given_away() {
        let mut keywords = Keywords::default();
        assert_eq!(keywords.slot_or_new(&keyword("a"), Flags::keyword(0).unwrap()), Some(1));
    }

    #[test]
    fn there_are_58() {
        let mut keywords = Keywords::default();
        for number in 0..58 {
            assert_eq!(keywords.slot_or_new(&keyword(&format!("k{number}")), Flags::NONE), Some(number));
        }
        assert_eq!(keywords.slot_or_new(&keyword("k58"), Flags::NONE), None);
        assert_eq!(keywords.slot_or_new(&keyword("K3"), Flags::NONE), Some(3));
        assert_eq!(keywords.format().lines().count(), 26);
    }
}
