use std::fmt;

/// One `a:b` of a sequence set; `u32::MAX` stands for `*` when it came from one. Ends are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SequenceRange {
    /// The smaller end, at least 1.
    pub first: u32,
    /// The larger end, included.
    pub last: u32,
}

/// A set of UIDs or sequence numbers in RFC 9051's `sequence-set` form, normalised: ranges ascending, disjoint and not touching.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SequenceSet(Vec<SequenceRange>);

impl SequenceSet {
    /// An empty set.
    pub fn new() -> SequenceSet {
        SequenceSet::default()
    }

    /// Every number there is.
    pub fn all() -> SequenceSet {
        SequenceSet::from_ranges([(1, u32::MAX)])
    }

    /// Normalises ranges in any order; zero ends are dropped.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u32, u32)>) -> SequenceSet {
        let mut sorted: Vec<SequenceRange> = ranges
            .into_iter()
            .map(|(a, b)| SequenceRange { first: a.min(b), last: a.max(b) })
            .filter(|range| range.first > 0)
            .collect();
        sorted.sort_unstable_by_key(|range| range.first);
        let mut merged: Vec<SequenceRange> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match merged.last_mut() {
                Some(previous) if range.first <= previous.last.saturating_add(1) => {
                    previous.last = previous.last.max(range.last);
                }
                _ => merged.push(range),
            }
        }
        SequenceSet(merged)
    }

    /// Appends a number greater than or equal to every number already in the set, extending the last range where it touches.
    pub fn push(&mut self, number: u32) {
        match self.0.last_mut() {
            Some(previous) if number <= previous.last.saturating_add(1) => {
                previous.last = previous.last.max(number);
            }
            _ => self.0.push(SequenceRange { first: number, last: number }),
        }
    }

    /// Whether the set holds the number.
    pub fn contains(&self, number: u32) -> bool {
        let after = self.0.partition_point(|range| range.first <= number);
        after > 0 && number <= self.0[after - 1].last
    }

    /// The ranges, ascending and disjoint.
    pub fn ranges(&self) -> &[SequenceRange] {
        &self.0
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers it holds.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|range| u64::from(range.last - range.first) + 1).sum()
    }

    /// Every number, ascending. Clamp first with [`SequenceSet::clamped`] when the set may reach `*`.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|range| range.first..=range.last)
    }

    /// The numbers at these places of the set, counted from 0.
    pub fn places(&self, places: std::ops::Range<usize>) -> SequenceSet {
        let mut skip = places.start as u64;
        let mut left = places.len() as u64;
        let mut picked = Vec::new();
        for range in &self.0 {
            let length = u64::from(range.last - range.first) + 1;
            let (skipped, taken) = (skip.min(length), left.min(length.saturating_sub(skip)));
            if taken > 0 {
                let first = range.first + skipped as u32;
                picked.push(SequenceRange { first, last: first + (taken - 1) as u32 });
            }
            skip -= skipped;
            left -= taken;
        }
        SequenceSet(picked)
    }

    /// The numbers that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &SequenceSet) -> SequenceSet {
        let mut both = Vec::new();
        let (mut ours, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(a), Some(b)) = (ours.peek(), theirs.peek()) {
            let (first, last) = (a.first.max(b.first), a.last.min(b.last));
            if first <= last {
                both.push(SequenceRange { first, last });
            }
            match a.last < b.last {
                true => ours.next(),
                false => theirs.next(),
            };
        }
        SequenceSet(both)
    }

    /// The numbers that are in this set and not in the other.
    #[must_use]
    pub fn without(&self, other: &SequenceSet) -> SequenceSet {
        let mut left = Vec::new();
        let mut theirs = other.0.iter().peekable();
        for range in &self.0 {
            let mut first = range.first;
            while theirs.next_if(|b| b.last < first).is_some() {}
            while let Some(b) = theirs.next_if(|b| b.first <= range.last && b.last < range.last) {
                if b.first > first {
                    left.push(SequenceRange { first, last: b.first - 1 });
                }
                first = b.last + 1;
            }
            let last = match theirs.peek() {
                Some(b) if b.first <= range.last => b.first.checked_sub(1),
                _ => Some(range.last),
            };
            if let Some(last) = last.filter(|last| first <= *last) {
                left.push(SequenceRange { first, last });
            }
        }
        SequenceSet(left)
    }

    /// The set with everything above `last` cut off; `*` (any range reaching `u32::MAX`) then means `last` itself,
    /// as RFC 9051 asks for `n:*` with n beyond the end.
    pub fn clamped(&self, last: u32) -> SequenceSet {
        if last == 0 {
            return SequenceSet::new();
        }
        SequenceSet::from_ranges(self.0.iter().filter_map(|range| match range.last {
            u32::MAX => Some((range.first.min(last), last)),
            _ if range.first > last => None,
            end => Some((range.first, end.min(last))),
        }))
    }
}

/// Written as the protocol writes it, `*` for the open end; empty for the empty set.
impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match (range.first, range.last) {
                (u32::MAX, _) => f.write_str("*")?,
                (first, u32::MAX) => write!(f, "{first}:*")?,
                (first, last) if first == last => write!(f, "{first}")?,
                (first, last) => write!(f, "{first}:{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn star_means_the_last_message_even_below_the_start() {
        let set = SequenceSet::from_ranges([(10, u32::MAX)]);
        assert_eq!(set.clamped(4), SequenceSet::from_ranges([(4, 4)]));
        assert!(set.clamped(0).is_empty());
        assert_eq!(SequenceSet::from_ranges([(7, 9)]).clamped(4), SequenceSet::new());
    }

    fn is_normal(set: &SequenceSet) -> bool {
        set.ranges().windows(2).all(|pair| pair[0].last + 1 < pair[1].first)
    }

    proptest! {
        #[test]
        fn sets_meet_and_part(
            a in prop::collection::vec((1u32..60, 1u32..60), 0..8),
            b in prop::collection::vec((1u32..60, 1u32..60), 0..8),
        ) {
            let (a, b) = (SequenceSet::from_ranges(a), SequenceSet::from_ranges(b));
            let (both, left) = (a.intersection(&b), a.without(&b));
            for number in 1..61 {
                prop_assert_eq!(both.contains(number), a.contains(number) && b.contains(number));
                prop_assert_eq!(left.contains(number), a.contains(number) && !b.contains(number));
            }
            prop_assert!(is_normal(&both) && is_normal(&left));
        }

        #[test]
        fn holds_exactly_the_given_numbers(ranges in prop::collection::vec((1u32..60, 1u32..60), 0..8)) {
            let set = SequenceSet::from_ranges(ranges.clone());
            for number in 1..60 {
                let expected = ranges.iter().any(|(a, b)| (*a.min(b)..=*a.max(b)).contains(&number));
                prop_assert_eq!(set.contains(number), expected);
            }
            prop_assert_eq!(set.iter().count() as u64, set.count());
            let touching = set.ranges().windows(2).any(|pair| pair[0].last + 1 >= pair[1].first);
            prop_assert!(!touching);
        }
    }
}
