//! Dates: RFC 5322 section 3.3 with the obsolete forms of section 4.3.

use super::digest::SentDate;
use crate::calendar::{DAY_S, MONTHS, date_of, days_of, month_number};
use types::UnixSeconds;

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// Reads the value of a `Date:` field. `None` when day, month, year or time cannot be told.
pub fn parse(value: &[u8]) -> Option<SentDate> {
    let words = words(value);
    let mut words = words.iter().map(Vec::as_slice).peekable();
    if words.peek()?.first()?.is_ascii_alphabetic() && month(words.peek()?).is_none() {
        words.next();
    }
    let first = words.next()?;
    let (day, month) = match month(first) {
        // `Thu Jan  1 00:00:00 1970`, as asctime() writes it.
        Some(month) => (number(words.next()?)?, month),
        None => (number(first)?, month(words.next()?)?),
    };
    let (year, time) = match words.next()? {
        time if time.contains(&b':') => (None, time),
        year => (Some(year), words.next()?),
    };
    let (hour, minute, second) = time_of_day(time)?;
    let mut zone = words.next();
    let year = match year {
        Some(year) => full_year(year)?,
        None if zone.is_some_and(|word| word.first().is_some_and(u8::is_ascii_digit)) => {
            full_year(zone.take()?)?
        }
        None => {
            let year = full_year(words.next()?)?;
            return seconds(year, month, day, hour, minute, second, zone.map_or(0, zone_minutes));
        }
    };
    seconds(year, month, day, hour, minute, second, zone.or_else(|| words.next()).map_or(0, zone_minutes))
}

/// Writes `Thu, 01 Jan 1970 00:00:00 +0000`.
pub fn format_rfc5322(instant: UnixSeconds, zone_minutes: i16) -> String {
    let local = WallClock::new(instant, zone_minutes);
    let WallClock { year, month, day, weekday, hour, minute, second, .. } = local;
    let (weekday, month, zone) = (DAYS[weekday], MONTHS[month - 1], local.zone());
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} {zone}")
}

/// Words of a date: blanks and commas part them, comments vanish, a sign starts a new word (`12:00:00+0200`).
fn words(value: &[u8]) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let (mut apart, mut depth) = (true, 0u32);
    // A date has no more than a few dozen octets; what is longer is none.
    for &byte in value.iter().take(200) {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            b' ' | b'\t' | b'\r' | b'\n' | b',' => apart = true,
            b'-' | b'+' if !apart && words.last().is_some_and(|word| word.contains(&b':')) => {
                words.push(vec![byte]);
            }
            // `1-Jan-1970`, a common mistake.
            b'-' if !apart => apart = true,
            _ => {
                if std::mem::replace(&mut apart, false) || words.is_empty() {
                    words.push(Vec::new());
                }
                if let Some(word) = words.last_mut() {
                    word.push(byte);
                }
            }
        }
    }
    words
}

fn number(word: &[u8]) -> Option<i64> {
    let digits = (1..=4).contains(&word.len()) && word.iter().all(u8::is_ascii_digit);
    digits.then(|| word.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
}

/// A month by the first letters of its name.
fn month(word: &[u8]) -> Option<i64> {
    month_number(word.get(..3)?)
}

/// Two digits mean 1950 to 2049, three count from 1900 (RFC 5322 section 4.3); there was no mail before.
fn full_year(word: &[u8]) -> Option<i64> {
    let year = number(word)?;
    let year = match word.len() {
        1 | 2 if year < 50 => year + 2000,
        1..=3 => year + 1900,
        _ => year,
    };
    (year >= 1900).then_some(year)
}

fn time_of_day(word: &[u8]) -> Option<(i64, i64, i64)> {
    let mut parts = word.split(|byte| *byte == b':').map(number);
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    let is_time = hour < 24 && minute < 60 && second <= 60 && parts.next().is_none();
    // 60 is a leap second, which belongs to the day it ends.
    is_time.then_some((hour, minute, second.min(59)))
}

/// Minutes east of Greenwich of a zone in digits, `+0200`.
pub fn numeric_zone_minutes(word: &[u8]) -> Option<i16> {
    let [sign @ (b'+' | b'-'), digits @ ..] = word else { return None };
    if digits.len() != 4 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits: i16 = digits.iter().fold(0, |value, digit| value * 10 + i16::from(digit - b'0'));
    let minutes = digits / 100 * 60 + digits % 100;
    Some(if *sign == b'-' { -minutes } else { minutes })
}

/// What is no known zone counts as Greenwich, single letters too (RFC 5322 section 4.3).
fn zone_minutes(word: &[u8]) -> i16 {
    match numeric_zone_minutes(word) {
        Some(minutes) => minutes,
        None => match word.to_ascii_uppercase().as_slice() {
            b"EDT" => -4 * 60,
            b"EST" | b"CDT" => -5 * 60,
            b"CST" | b"MDT" => -6 * 60,
            b"MST" | b"PDT" => -7 * 60,
            b"PST" => -8 * 60,
            b"BST" | b"CET" | b"MET" => 60,
            b"CEST" | b"MEST" | b"EET" => 2 * 60,
            b"JST" => 9 * 60,
            _ => 0,
        },
    }
}

fn seconds(
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    zone_minutes: i16,
) -> Option<SentDate> {
    let local = days_of(year, month, day)? * DAY_S + hour * 3600 + minute * 60 + second;
    Some(SentDate { unix_seconds: local - i64::from(zone_minutes) * 60, zone_minutes })
}

/// An instant on a wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallClock {
    /// Of the Gregorian calendar.
    pub year: i64,
    /// From 1.
    pub month: usize,
    /// From 1.
    pub day: i64,
    /// From 0 for Sunday.
    pub weekday: usize,
    /// From 0 to 23.
    pub hour: i64,
    /// From 0.
    pub minute: i64,
    /// From 0.
    pub second: i64,
    /// Days since 1970-01-01, where the clock hangs.
    pub days: i64,
    /// Minutes east of Greenwich.
    pub zone_minutes: i16,
}

impl WallClock {
    /// What it shows.
    pub fn new(instant: UnixSeconds, zone_minutes: i16) -> WallClock {
        let local = instant.saturating_add(i64::from(zone_minutes) * 60);
        let (days, second) = (local.div_euclid(DAY_S), local.rem_euclid(DAY_S));
        let (year, month, day) = date_of(days);
        WallClock {
            year,
            month: month as usize,
            day,
            weekday: (days + 4).rem_euclid(7) as usize,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            days,
            zone_minutes,
        }
    }

    /// Its zone as `+0200`.
    pub fn zone(&self) -> String {
        let (sign, hours, minutes) = self.signed_zone();
        format!("{sign}{hours:02}{minutes:02}")
    }

    /// Sign, hours and minutes of its zone; Greenwich is `+`.
    pub fn signed_zone(&self) -> (char, u16, u16) {
        let minutes = self.zone_minutes.unsigned_abs();
        (if self.zone_minutes < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> Option<(i64, i16)> {
        parse(text.as_bytes()).map(|date| (date.unix_seconds, date.zone_minutes))
    }

    #[test]
    fn dates_of_all_ages() {
        let same = Some((837_596_665, -420));
        for text in [
            "Wed, 17 Jul 1996 02:44:25 -0700",
            "17 Jul 1996 02:44:25 -0700 (PDT)",
            "Wed, 17 Jul 96 02:44:25 PDT",
            "Wed,17 Jul 1996 02:44:25-0700",
            "  wed (day), 17 (d) JUL 1996 02:44:25 (t) -0700",
            "17-Jul-1996 02:44:25 -0700",
            "Wed Jul 17 02:44:25 1996 -0700",
            "Wed Jul 17 02:44:25 PDT 1996",
        ] {
            assert_eq!(instant(text), same, "{text}");
        }
        assert_eq!(instant("1 Jan 1970 00:00"), Some((0, 0)));
        assert_eq!(instant("1 Jan 00 00:00:00 Z"), Some((946_684_800, 0)));
        assert_eq!(instant("29 Feb 2024 23:59:60 +0000"), Some((1_709_251_199, 0)));
    }

    #[test]
    fn what_is_no_date() {
        for text in
            ["", "today", "32 Jan 2000 00:00:00 +0000", "29 Feb 2023 00:00:00 +0000", "1 Jan 2000 24:00:00"]
        {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn the_day_is_the_one_written() {
        let late = parse(b"Wed, 17 Jul 1996 23:30:00 -0700").unwrap();
        assert_eq!(Some(late.day()), days_of(1996, 7, 17));
    }

    #[test]
    fn written_dates_read_back() {
        for instant in [-1, 0, 951_782_400, 1_763_712_000, 4_102_444_799] {
            for zone in [-720, -210, 0, 330, 840] {
                let text = format_rfc5322(instant, zone);
                assert_eq!(
                    parse(text.as_bytes()),
                    Some(SentDate { unix_seconds: instant, zone_minutes: zone }),
                    "{text}"
                );
            }
        }
        assert_eq!(format_rfc5322(837_596_665, -420), "Wed, 17 Jul 1996 02:44:25 -0700");
    }
}
