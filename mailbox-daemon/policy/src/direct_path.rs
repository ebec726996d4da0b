//! Whether the line lets mail out by itself: many lines at home block connections to port 25.
//!
//! One server that does not answer is that server's trouble. Several domains in a row of which not one answers are the line's.

use serde::{Deserialize, Serialize};
use types::{Domain, UnixSeconds};

/// So many domains without a single answer between them mean that the line is closed.
const SILENT_DOMAINS: usize = 3;
/// How long the relay is used before the way is tried again.
const TRY_AGAIN_S: i64 = 24 * 60 * 60;

/// What the attempts of late say about the line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectPath {
    /// Domains none of whose servers took a connection, since the last one that did.
    silent: Vec<String>,
    /// When the way is tried again; `None` while it counts as open.
    try_again_at: Option<UnixSeconds>,
}

/// What an attempt made known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The line lets nothing out.
    Closed,
    /// It does again.
    Open,
}

impl DirectPath {
    /// Whether a message goes over the relay. Once a day one does not, to see whether it has to.
    pub fn is_closed(&mut self, now: UnixSeconds) -> bool {
        match self.try_again_at {
            Some(at) if now >= at => {
                self.try_again_at = Some(now.saturating_add(TRY_AGAIN_S));
                false
            }
            at => at.is_some(),
        }
    }

    /// Whether it counts as closed, whoever tries.
    pub fn counts_as_closed(&self) -> bool {
        self.try_again_at.is_some()
    }

    /// A server of a domain took a connection, whatever it said then.
    pub fn connected(&mut self) -> Option<News> {
        self.silent.clear();
        self.try_again_at.take().map(|_| News::Open)
    }

    /// No server of a domain took a connection; said only where the network itself was there.
    pub fn not_connected(&mut self, domain: &Domain, now: UnixSeconds) -> Option<News> {
        if self.try_again_at.is_some() || self.silent.iter().any(|silent| silent == domain.as_str()) {
            return None;
        }
        self.silent.push(domain.as_str().to_owned());
        if self.silent.len() < SILENT_DOMAINS {
            return None;
        }
        self.silent.clear();
        self.try_again_at = Some(now.saturating_add(TRY_AGAIN_S));
        Some(News::Closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = TRY_AGAIN_S;

    /// `+` is an answer, a letter a domain that gave none, `?` a message that asks for its way.
    fn told(events: &[(i64, char)]) -> String {
        let mut path = DirectPath::default();
        let one = |(now, event): &(i64, char)| match event {
            '?' if path.is_closed(*now) => 'R',
            '?' => 'd',
            '+' => path.connected().map_or('.', |_| 'O'),
            name => {
                let domain = Domain::parse(&format!("{name}.test")).unwrap();
                path.not_connected(&domain, *now).map_or('.', |_| 'C')
            }
        };
        events.iter().map(one).collect()
    }

    #[test]
    fn the_line_is_judged_by_several_domains_and_tried_again_each_day() {
        for (about, events, expected) in [
            ("nothing is known", vec![(0, '?')], "d"),
            ("two are not enough", vec![(0, 'a'), (1, 'b'), (2, '?')], "..d"),
            ("one domain often is one domain", vec![(0, 'a'), (1, 'a'), (2, 'a'), (3, '?')], "...d"),
            ("three are", vec![(0, 'a'), (1, 'b'), (2, 'c'), (3, '?'), (4, '?')], "..CRR"),
            ("an answer in between", vec![(0, 'a'), (1, 'b'), (2, '+'), (3, 'c'), (4, '?')], "....d"),
            (
                "the next day one message tries",
                vec![(0, 'a'), (0, 'b'), (0, 'c'), (DAY - 1, '?'), (DAY, '?'), (DAY, '?')],
                "..CRdR",
            ),
            (
                "in vain",
                vec![(0, 'a'), (0, 'b'), (0, 'c'), (DAY, '?'), (DAY, 'd'), (DAY + 9, '?'), (2 * DAY, '?')],
                "..Cd.Rd",
            ),
            (
                "with success",
                vec![(0, 'a'), (0, 'b'), (0, 'c'), (DAY, '?'), (DAY, '+'), (DAY, '?'), (DAY, 'd')],
                "..CdOd.",
            ),
        ] {
            assert_eq!(told(&events), expected, "{about}");
        }
    }
}
