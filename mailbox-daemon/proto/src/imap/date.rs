//! IMAP's two date forms (RFC 9051 section 9: `date` and `date-time`).

use crate::calendar::{MONTHS, date_of, days_of, month_number};
use types::UnixSeconds;

pub use crate::calendar::DAY_S;

/// Parses `date-text` (`1-Feb-1994`) into days since 1970-01-01.
pub fn parse_date(text: &[u8]) -> Option<i64> {
    let mut pieces = text.splitn(3, |byte| *byte == b'-');
    let day = digits(pieces.next()?, 1, 2)?;
    let month = month_number(pieces.next()?)?;
    let year = digits(pieces.next()?, 4, 4)?;
    days_of(year, month, day)
}

/// Parses the inside of `date-time` (`17-Jul-1996 02:44:25 -0700`).
pub fn parse_date_time(text: &[u8]) -> Option<UnixSeconds> {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let mut pieces = text.splitn(3, |byte| *byte == b' ');
    let days = parse_date(pieces.next()?)?;
    let mut clock = pieces.next()?.splitn(3, |byte| *byte == b':');
    let hour = digits(clock.next()?, 2, 2).filter(|hour| *hour < 24)?;
    let minute = digits(clock.next()?, 2, 2).filter(|minute| *minute < 60)?;
    let second = digits(clock.next()?, 2, 2).filter(|second| *second <= 60)?;
    let zone = pieces.next()?;
    let offset = digits(zone.get(1..)?, 4, 4)?;
    let offset_s = (offset / 100 * 60 + offset % 100) * 60;
    let local = days * DAY_S + hour * 3600 + minute * 60 + second;
    match zone[0] {
        b'+' => Some(local - offset_s),
        b'-' => Some(local + offset_s),
        _ => None,
    }
}

/// Appends `"17-Jul-1996 02:44:25 +0000"` with its quotes; years beyond four digits become the nearest that fit.
pub fn write_date_time(out: &mut Vec<u8>, at: UnixSeconds) {
    let at = at.clamp(-62_135_596_800, 253_402_300_799);
    let (year, month, day) = date_of(at.div_euclid(DAY_S));
    let second = at.rem_euclid(DAY_S);
    let two = |number: i64| [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
    out.push(b'"');
    out.extend_from_slice(&two(day));
    out.push(b'-');
    out.extend_from_slice(MONTHS[month as usize - 1].as_bytes());
    out.push(b'-');
    out.extend_from_slice(&two(year / 100));
    out.extend_from_slice(&two(year % 100));
    out.push(b' ');
    out.extend_from_slice(&two(second / 3600));
    out.push(b':');
    out.extend_from_slice(&two(second / 60 % 60));
    out.push(b':');
    out.extend_from_slice(&two(second % 60));
    out.extend_from_slice(b" +0000\"");
}

/// Appends `1-Feb-1994` for a day counted from 1970-01-01.
pub fn write_date(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = date_of(days);
    out.extend_from_slice(day.to_string().as_bytes());
    out.push(b'-');
    out.extend_from_slice(MONTHS[month as usize - 1].as_bytes());
    out.extend_from_slice(format!("-{year:04}").as_bytes());
}

fn digits(text: &[u8], min: usize, max: usize) -> Option<i64> {
    let fits = (min..=max).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    fits.then(|| text.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_of_the_rfc() {
        assert_eq!(parse_date_time(b"17-Jul-1996 02:44:25 -0700"), Some(837_596_665));
        assert_eq!(parse_date_time(b" 7-Feb-1994 21:52:25 -0800"), Some(760_686_745));
        assert_eq!(parse_date(b"1-Feb-1994"), Some(8797));
        assert_eq!(parse_date(b"01-feb-1994"), Some(8797));
    }

    #[test]
    fn impossible_dates_are_refused() {
        for text in
            ["31-Feb-2024", "29-Feb-2023", "0-Jan-2024", "1-Foo-2024", "1-Jan-24", "1-Jan", "", "1-1-2024"]
        {
            assert_eq!(parse_date(text.as_bytes()), None, "{text}");
        }
        for text in [
            "1-Jan-2024 24:00:00 +0000",
            "1-Jan-2024 00:00:00",
            "1-Jan-2024 00:00:00 0000",
            "1-Jan-2024 0:00:00 +0000",
        ] {
            assert_eq!(parse_date_time(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_instant_survives(at in -62_135_596_800_i64..253_402_300_799) {
            let mut out = Vec::new();
            write_date_time(&mut out, at);
            prop_assert_eq!(parse_date_time(&out[1..out.len() - 1]), Some(at));
        }

        #[test]
        fn every_day_survives(day in -700_000_i64..2_900_000) {
            let mut out = Vec::new();
            write_date(&mut out, day);
            prop_assert_eq!(parse_date(&out), Some(day));
        }
    }
}
