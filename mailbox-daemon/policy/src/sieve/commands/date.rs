//! date (RFC 5260): `date` and `currentdate`, with what index adds.

use super::{TestRule, index};
use crate::sieve::check::Arguments;
use crate::sieve::date_part::{DatePart, date_of_field};
use crate::sieve::lexer::short;
use crate::sieve::message::Index;
use crate::sieve::program::Test;
use crate::sieve::run::{Evaluation, Failure, Matching, Run};
use crate::sieve::text::Text;
use proto::mime::SentDate;
use proto::mime::date::numeric_zone_minutes;

pub const TESTS: &[TestRule] = &[
    TestRule { name: "date", extension: Some("date"), check: date },
    TestRule { name: "currentdate", extension: Some("date"), check: current_date },
];

/// Whose clock is read.
#[derive(Debug)]
enum Zone {
    /// The one of this house.
    Local,
    /// The one the date was written with.
    Original,
    /// Another.
    Given(Text),
}

fn zone_of(text: &str) -> Result<i16, String> {
    numeric_zone_minutes(text.as_bytes())
        .ok_or_else(|| format!("a time zone is written like \"+0200\", not \"{}\"", short(text)))
}

fn part_of(name: &str) -> Result<DatePart, String> {
    DatePart::of_name(name).ok_or_else(|| format!("a date has no part called \"{}\"", short(name)))
}

impl Zone {
    fn read(arguments: &mut Arguments<'_>) -> Zone {
        let Some((place, zone)) = arguments.text_of("zone", None) else { return Zone::Local };
        if let Some(Err(fault)) = zone.constant().map(zone_of) {
            arguments.fault(place, fault);
        }
        Zone::Given(zone)
    }

    /// A date on the clock that is read.
    fn shift(&self, date: SentDate, evaluation: &mut Evaluation<'_>) -> Result<SentDate, Failure> {
        let zone_minutes = match self {
            Zone::Local => evaluation.facts.environment.zone_minutes,
            Zone::Original => date.zone_minutes,
            Zone::Given(zone) => zone_of(&evaluation.text(zone)?).map_err(Failure::Impossible)?,
        };
        Ok(SentDate { zone_minutes, ..date })
    }
}

/// A part of a date, and what it is compared with.
#[derive(Debug)]
struct Comparison {
    zone: Zone,
    part: Text,
    matching: Matching,
}

impl Comparison {
    fn read(arguments: &mut Arguments<'_>, zone: Zone, mut matching: Matching) -> Comparison {
        let (place, part) = arguments.text("a part of the date");
        if let Some(Err(fault)) = part.constant().map(part_of) {
            arguments.fault(place, fault);
        }
        arguments.keys(&mut matching);
        Comparison { zone, part, matching }
    }

    fn holds(&self, date: Option<SentDate>, evaluation: &mut Evaluation<'_>) -> Result<bool, Failure> {
        let part = part_of(&evaluation.text(&self.part)?).map_err(Failure::Impossible)?;
        let mut search = self.matching.search();
        if let Some(date) = date {
            let text = part.of(self.zone.shift(date, evaluation)?);
            if search.value(text.as_bytes(), evaluation)? {
                return Ok(true);
            }
        }
        search.end(evaluation)
    }
}

fn date(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let is_original = arguments.flag("originalzone", None);
    let mut zone = Zone::read(arguments);
    if is_original {
        if matches!(zone, Zone::Given(_)) {
            arguments.fault(arguments.place(), "`:zone` and `:originalzone` exclude each other");
        }
        zone = Zone::Original;
    }
    let matching = arguments.matching();
    let index = index::read(arguments, Some("index"));
    let field = arguments.header_name();
    Box::new(Date { field, index, comparison: Comparison::read(arguments, zone, matching) })
}

#[derive(Debug)]
struct Date {
    field: Text,
    index: Option<Index>,
    comparison: Comparison,
}

impl Test for Date {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let (message, mut evaluation) = run.parts();
        let name = evaluation.text(&self.field)?;
        let fields = message.header().select(&[name], self.index);
        let date = match fields.first() {
            None => None,
            Some(field) => {
                evaluation.work.spend(field.value().len())?;
                date_of_field(field.value())
            }
        };
        self.comparison.holds(date, &mut evaluation)
    }
}

fn current_date(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let zone = Zone::read(arguments);
    let matching = arguments.matching();
    Box::new(CurrentDate(Comparison::read(arguments, zone, matching)))
}

#[derive(Debug)]
struct CurrentDate(Comparison);

impl Test for CurrentDate {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let environment = run.facts.environment;
        let now = SentDate { unix_seconds: environment.now, zone_minutes: environment.zone_minutes };
        self.0.holds(Some(now), &mut run.parts().1)
    }
}
