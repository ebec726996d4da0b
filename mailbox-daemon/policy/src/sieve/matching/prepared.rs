//! Texts in the form whose octets a comparator compares.

use super::super::work::{Spent, Work};
use super::{Comparator, OCTETS_PER_STEP};
use memchr::memmem;
use proto::mime::collation::collation_form;
use proto::mime::fold::{characters, fold};
use std::cmp::Ordering;

/// What is put into capitals at a time, in octets: first, and at most.
const WINDOW_BYTES: (usize, usize) = (256, 64 * 1024);

/// A part of a key as its comparator compares it.
#[derive(Clone, Debug)]
pub(super) struct Letters(Box<[u8]>);

impl Letters {
    pub(super) fn of_key(comparator: Comparator, text: &str) -> Letters {
        Letters(match comparator {
            Comparator::Octet | Comparator::AsciiNumeric => text.as_bytes().into(),
            Comparator::AsciiCasemap => text.as_bytes().to_ascii_uppercase().into(),
            Comparator::UnicodeCasemap => {
                let mut prepared = Vec::with_capacity(text.len());
                characters(text).for_each(|character| prepare(character, &mut prepared));
                prepared.into()
            }
        })
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Whether they are anywhere in a value. However long the value is, only a window of it is copied.
    pub(super) fn is_in(&self, comparator: Comparator, value: &[u8], work: &mut Work) -> Result<bool, Spent> {
        if comparator != Comparator::UnicodeCasemap || value.is_ascii() {
            return Ok(Haystack::of(comparator, value, work)?.find(self, 0, work)?.is_some());
        }
        work.spend(value.len() + self.bytes())?;
        let finder = memmem::Finder::new(&self.0);
        let Ok(text) = str::from_utf8(value) else {
            return Ok(finder.find(value).is_some());
        };
        let mut window = Vec::new();
        for character in characters(text) {
            prepare(character, &mut window);
            if window.len() >= WINDOW_BYTES.1 + self.bytes() {
                if finder.find(&window).is_some() {
                    return Ok(true);
                }
                window.drain(..=window.len() - self.bytes().max(1));
            }
        }
        Ok(finder.find(&window).is_some())
    }
}

/// How a value stands to a key.
pub(super) fn order(
    comparator: Comparator,
    value: &[u8],
    key: &Letters,
    work: &mut Work,
) -> Result<Ordering, Spent> {
    let key = key.0.iter();
    Ok(match Haystack::of(comparator, value, work)? {
        Haystack::Octets(value) => value.iter().cmp(key),
        Haystack::AnyCase(value) => value.iter().map(u8::to_ascii_uppercase).cmp(key.copied()),
        Haystack::Prepared { text, .. } => text.iter().cmp(key),
    })
}

/// A value in which keys are looked for. Places count octets of what is compared.
pub(super) enum Haystack<'v> {
    Octets(&'v [u8]),
    /// Capitals and small letters of ASCII are the same; nothing is copied.
    AnyCase(&'v [u8]),
    Prepared {
        text: Vec<u8>,
        /// Where each character begins: in `text`, and in the value.
        begins: Vec<(usize, usize)>,
        value_bytes: usize,
    },
}

impl<'v> Haystack<'v> {
    /// Values that are no Unicode are compared octet by octet (RFC 5051 section 2 (1) (b)).
    pub(super) fn of(
        comparator: Comparator,
        value: &'v [u8],
        work: &mut Work,
    ) -> Result<Haystack<'v>, Spent> {
        match comparator {
            Comparator::Octet | Comparator::AsciiNumeric => Ok(Haystack::Octets(value)),
            Comparator::AsciiCasemap => Ok(Haystack::AnyCase(value)),
            Comparator::UnicodeCasemap if value.is_ascii() => Ok(Haystack::AnyCase(value)),
            Comparator::UnicodeCasemap => match str::from_utf8(value) {
                Err(_) => Ok(Haystack::Octets(value)),
                Ok(text) => Haystack::prepared(text, work),
            },
        }
    }

    fn prepared(value: &str, work: &mut Work) -> Result<Haystack<'v>, Spent> {
        work.spend(value.len())?;
        work.afford(value.len() * (1 + size_of::<(usize, usize)>()))?;
        let (mut text, mut begins, mut origin) = (Vec::with_capacity(value.len()), Vec::new(), 0);
        for character in characters(value) {
            begins.push((text.len(), origin));
            prepare(character, &mut text);
            origin += character.len();
        }
        Ok(Haystack::Prepared { text, begins, value_bytes: value.len() })
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Haystack::Octets(octets) | Haystack::AnyCase(octets) => octets.len(),
            Haystack::Prepared { text, .. } => text.len(),
        }
    }

    /// Where letters that stand at a place end.
    pub(super) fn after(
        &self,
        letters: &Letters,
        place: usize,
        work: &mut Work,
    ) -> Result<Option<usize>, Spent> {
        let letters = &*letters.0;
        work.spend(1 + letters.len() / OCTETS_PER_STEP)?;
        let end = place + letters.len();
        let is_there = match self {
            Haystack::Octets(octets) => octets.get(place..end) == Some(letters),
            Haystack::AnyCase(octets) => {
                octets.get(place..end).is_some_and(|part| part.eq_ignore_ascii_case(letters))
            }
            Haystack::Prepared { text, .. } => text.get(place..end) == Some(letters),
        };
        Ok(is_there.then_some(end))
    }

    /// Where the one character at a place ends (RFC 5228 section 2.7.1): for some comparators it is one octet, for i;unicode-casemap
    /// a letter with its marks.
    pub(super) fn after_one(&self, place: usize) -> Option<usize> {
        if place >= self.len() {
            return None;
        }
        match self {
            Haystack::Octets(_) | Haystack::AnyCase(_) => Some(place + 1),
            Haystack::Prepared { text, begins, .. } => {
                let next = begins.partition_point(|(begin, _)| *begin <= place);
                Some(begins.get(next).map_or(text.len(), |(begin, _)| *begin))
            }
        }
    }

    /// Which place of the value a place is; one within a character is where that ends.
    pub(super) fn origin(&self, place: usize) -> usize {
        match self {
            Haystack::Octets(_) | Haystack::AnyCase(_) => place,
            Haystack::Prepared { begins, value_bytes, .. } => {
                let next = begins.partition_point(|(begin, _)| *begin < place);
                begins.get(next).map_or(*value_bytes, |(_, origin)| *origin)
            }
        }
    }

    /// Where letters are found first, from a place on.
    pub(super) fn find(
        &self,
        letters: &Letters,
        from: usize,
        work: &mut Work,
    ) -> Result<Option<usize>, Spent> {
        let octets = match self {
            Haystack::AnyCase(octets) => return find_any_case(letters, octets, from, work),
            Haystack::Octets(octets) => octets,
            Haystack::Prepared { text, .. } => text.as_slice(),
        };
        let found = memmem::find(&octets[from..], &letters.0);
        work.spend(
            1 + letters.bytes() / OCTETS_PER_STEP + found.unwrap_or(octets.len() - from) / OCTETS_PER_STEP,
        )?;
        Ok(found.map(|at| from + at))
    }
}

/// Puts windows of the value into capitals, small ones first: what is looked for is mostly near or nowhere.
fn find_any_case(
    letters: &Letters,
    value: &[u8],
    from: usize,
    work: &mut Work,
) -> Result<Option<usize>, Spent> {
    let overlap = letters.bytes().saturating_sub(1);
    let finder = memmem::Finder::new(&letters.0);
    let (mut window_bytes, window_bytes_max) = WINDOW_BYTES;
    let (mut start, mut capitals) = (from, Vec::new());
    loop {
        let end = value.len().min(start + window_bytes + overlap);
        work.spend(1 + (end - start) / OCTETS_PER_STEP)?;
        capitals.clear();
        capitals.extend_from_slice(&value[start..end]);
        capitals.make_ascii_uppercase();
        if let Some(at) = finder.find(&capitals) {
            return Ok(Some(start + at));
        }
        if end == value.len() {
            return Ok(None);
        }
        start = end - overlap;
        window_bytes = (2 * window_bytes).min(window_bytes_max);
    }
}

/// Appends a character as RFC 5051 section 2 prepares it: decomposed, in capitals.
fn prepare(character: &str, out: &mut Vec<u8>) {
    if let [letter @ 0..=127] = character.as_bytes() {
        return out.push(letter.to_ascii_uppercase());
    }
    let mut folded = Vec::with_capacity(character.len());
    fold(character.as_bytes(), &mut folded);
    collation_form(&folded, out);
}
