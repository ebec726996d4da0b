//! `:matches` (RFC 5228 section 2.7.1): `*` stands for any text, as little as can be (RFC 5229 section 3.2), `?` for one character.
//!
//! The stars part a pattern into pieces. The first piece stands at the value's beginning, the last at its end, each of the
//! others where it is first found behind the one before it: that makes every star as short as it can be, and there is no
//! going back. The cost is at most the value's length times the pattern's.

use super::super::work::{Spent, Work};
use super::prepared::{Haystack, Letters};
use super::{CAPTURES_MAX, Comparator, Match};

/// A pattern, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    first: Piece,
    /// Each has a star before it.
    others: Vec<Piece>,
}

/// What stands between two stars.
type Piece = Vec<Atom>;

#[derive(Clone, Debug)]
enum Atom {
    Letters(Letters),
    One,
}

impl Pattern {
    /// Every text is a pattern. A backslash takes the meaning from what follows it.
    pub(super) fn parse(comparator: Comparator, text: &str) -> Pattern {
        let (mut pieces, mut piece, mut letters) = (Vec::new(), Piece::new(), String::new());
        let end_letters = |letters: &mut String, piece: &mut Piece| {
            if !letters.is_empty() {
                piece.push(Atom::Letters(Letters::of_key(comparator, letters)));
                letters.clear();
            }
        };
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => letters.push(characters.next().unwrap_or('\\')),
                '*' => {
                    end_letters(&mut letters, &mut piece);
                    pieces.push(std::mem::take(&mut piece));
                }
                '?' => {
                    end_letters(&mut letters, &mut piece);
                    piece.push(Atom::One);
                }
                _ => letters.push(character),
            }
        }
        end_letters(&mut letters, &mut piece);
        pieces.push(piece);
        Pattern { first: pieces.remove(0), others: pieces }
    }

    /// What the wildcards stand for, if the value is as the pattern says.
    pub(super) fn compare(
        &self,
        comparator: Comparator,
        value: &[u8],
        work: &mut Work,
    ) -> Result<Option<Match>, Spent> {
        let haystack = Haystack::of(comparator, value, work)?;
        let mut search = Search { haystack: &haystack, work, spans: vec![(0, haystack.len())] };
        if !search.all(self)? {
            return Ok(None);
        }
        let spans = search.spans.iter().map(|(start, end)| (haystack.origin(*start), haystack.origin(*end)));
        Ok(Some(Match::of_spans(value, spans)))
    }
}

/// One comparison.
struct Search<'h, 'v, 'w> {
    haystack: &'h Haystack<'v>,
    work: &'w mut Work,
    /// What was captured so far.
    spans: Vec<(usize, usize)>,
}

impl Search<'_, '_, '_> {
    fn all(&mut self, pattern: &Pattern) -> Result<bool, Spent> {
        let Some(mut place) = self.piece_at(&pattern.first, 0)? else { return Ok(false) };
        let Some((last, middle)) = pattern.others.split_last() else {
            return Ok(place == self.haystack.len());
        };
        for piece in middle {
            match self.starred(piece, place, false)? {
                Some(end) => place = end,
                None => return Ok(false),
            }
        }
        Ok(self.starred(last, place, true)?.is_some())
    }

    /// Finds the first place, from one on, where a piece stands; says where it ends.
    fn starred(&mut self, piece: &Piece, from: usize, is_last: bool) -> Result<Option<usize>, Spent> {
        let mut start = from;
        if let (true, Some(width)) = (is_last, self.width(piece)) {
            let Some(only) = self.haystack.len().checked_sub(width) else { return Ok(None) };
            start = start.max(only);
        }
        let captured = self.spans.len();
        self.capture(from, from);
        loop {
            if let Some(Atom::Letters(letters)) = piece.first() {
                let Some(found) = self.haystack.find(letters, start, self.work)? else { return Ok(None) };
                start = found;
            }
            match self.piece_at(piece, start)? {
                Some(end) if !is_last || end == self.haystack.len() => {
                    if let Some(star) = self.spans.get_mut(captured) {
                        star.1 = start;
                    }
                    return Ok(Some(end));
                }
                _ if start >= self.haystack.len() => return Ok(None),
                _ => start += 1,
            }
            self.spans.truncate(captured + 1);
        }
    }

    /// Octets a piece takes, where that can be told.
    fn width(&self, piece: &Piece) -> Option<usize> {
        let is_plain = !matches!(self.haystack, Haystack::Prepared { .. });
        is_plain.then(|| piece.iter().map(Atom::bytes).sum())
    }

    /// Where a piece that stands at a place ends.
    fn piece_at(&mut self, piece: &Piece, place: usize) -> Result<Option<usize>, Spent> {
        let mut end = place;
        for atom in piece {
            let next = match atom {
                Atom::Letters(letters) => self.haystack.after(letters, end, self.work)?,
                Atom::One => {
                    self.work.spend(1)?;
                    self.haystack.after_one(end)
                }
            };
            let Some(next) = next else { return Ok(None) };
            if matches!(atom, Atom::One) {
                self.capture(end, next);
            }
            end = next;
        }
        Ok(Some(end))
    }

    fn capture(&mut self, start: usize, end: usize) {
        if self.spans.len() < CAPTURES_MAX {
            self.spans.push((start, end));
        }
    }
}

impl Atom {
    fn bytes(&self) -> usize {
        match self {
            Atom::Letters(letters) => letters.bytes(),
            Atom::One => 1,
        }
    }
}
