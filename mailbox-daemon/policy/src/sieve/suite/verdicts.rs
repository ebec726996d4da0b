//! What is thought of a message in a script of tests: read from its header, as the settings of `spamtest` and `virustest` say.

use super::stage;
use crate::sieve::facts::SpamFacts;
use crate::sieve::matching::{Comparator, Key, KeyFault, MatchType};
use crate::sieve::run::{Failure, Run};

/// Highest verdict in words, of spam and of viruses (RFC 5235 sections 2.2 and 2.3).
const SPAM_TEN: u8 = 10;
const VIRUS_MAX: u8 = 5;

/// Looks at the message anew.
pub fn look(run: &mut Run<'_>) -> Result<(), Failure> {
    let mut facts = SpamFacts::default();
    if let Some(verdict) = status(run, "spamtest")? {
        facts.spam_percent = match setting(run, "spamtest", "status_type")?.as_deref() {
            Some("text") => named(run, "spamtest", SPAM_TEN, &verdict)?.map(percent_of_ten),
            Some("strlen") => share(run, verdict.chars().count() as f64)?,
            _ => match verdict.trim().parse() {
                Ok(score) => share(run, score)?,
                Err(_) => None,
            },
        };
    }
    if let Some(verdict) = status(run, "virustest")? {
        facts.virus = named(run, "virustest", VIRUS_MAX, &verdict)?.unwrap_or_default();
    }
    run.facts.spam = facts;
    Ok(())
}

fn setting(run: &mut Run<'_>, test: &str, name: &str) -> Result<Option<String>, Failure> {
    Ok(stage(run)?.settings.get(&format!("sieve_{test}_{name}")).cloned())
}

fn status(run: &mut Run<'_>, test: &str) -> Result<Option<String>, Failure> {
    match setting(run, test, "status_header")? {
        Some(place) => in_header(run, &place),
        None => Ok(None),
    }
}

/// What a header field says: `NAME` means all of it, `NAME:EXPRESSION` the first group of a regular expression.
fn in_header(run: &mut Run<'_>, place: &str) -> Result<Option<String>, Failure> {
    let (name, expression) = place.split_once(':').map_or((place, None), |(name, rest)| (name, Some(rest)));
    let field = run.message.header().named(name.trim()).next();
    let Some(value) = field.map(|field| String::from_utf8_lossy(field.text()).into_owned()) else {
        return Ok(None);
    };
    let Some(expression) = expression else { return Ok(Some(value)) };
    let key = Key::prepare(Comparator::Octet, MatchType::Regex, expression.trim(), &mut run.work);
    let key = key.map_err(|fault| match fault {
        KeyFault::Spent(spent) => Failure::Spent(spent),
        KeyFault::Regular(_) => Failure::impossible(fault.to_string()),
    })?;
    let matched = key.compare(value.as_bytes(), &mut run.work)?;
    Ok(matched.and_then(|matched| matched.captured.get(1).cloned()))
}

/// Which of the words set for verdicts this is.
fn named(run: &mut Run<'_>, test: &str, most: u8, verdict: &str) -> Result<Option<u8>, Failure> {
    for value in 1..=most {
        let text = setting(run, test, &format!("text_value{value}"))?;
        if text.is_some_and(|text| text == verdict.trim()) {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// The share of the highest score, 0 to 100; `None` if none is set.
fn share(run: &mut Run<'_>, score: f64) -> Result<Option<u8>, Failure> {
    /// A hundredth is no whole number of halves: what is short of a percent by less counts as one.
    const ROUNDING: f64 = 1e-6;
    let highest = match setting(run, "spamtest", "max_header")? {
        Some(place) => in_header(run, &place)?,
        None => setting(run, "spamtest", "max_value")?,
    };
    let highest: Option<f64> = highest.and_then(|highest| highest.trim().parse().ok());
    let highest = highest.filter(|highest| *highest > 0.0);
    Ok(highest.map(|highest| (score / highest * 100.0 + ROUNDING).clamp(0.0, 100.0) as u8))
}

/// The least share that `spamtest` tells as this value.
fn percent_of_ten(value: u8) -> u8 {
    match value {
        SPAM_TEN => 100,
        value => value.saturating_sub(1) * 11,
    }
}
