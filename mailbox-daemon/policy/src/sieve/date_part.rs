//! Parts of a date as text (RFC 5260 section 4.2).

use proto::mime::SentDate;
use proto::mime::date::{self, WallClock};

/// Which part of a date is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatePart {
    /// `2007-06-30`
    Date,
    /// `01` to `31`
    Day,
    /// `00` to `23`
    Hour,
    /// `2007-06-30T10:20:30Z` (RFC 3339 section 5.6)
    Iso8601,
    /// Days since 1858-11-17.
    Julian,
    /// `00` to `59`
    Minute,
    /// `01` to `12`
    Month,
    /// `00` to `60`
    Second,
    /// As in a `Date:` field.
    Std11,
    /// `10:20:30`
    Time,
    /// `0` for Sunday to `6`
    Weekday,
    /// Four digits.
    Year,
    /// `+0200`
    Zone,
}

/// The Modified Julian Day of 1970-01-01.
const JULIAN_DAY_OF_UNIX: i64 = 40_587;

impl DatePart {
    /// By its name in scripts, in any case.
    pub fn of_name(name: &str) -> Option<DatePart> {
        Some(match name.to_ascii_lowercase().as_str() {
            "date" => DatePart::Date,
            "day" => DatePart::Day,
            "hour" => DatePart::Hour,
            "iso8601" => DatePart::Iso8601,
            "julian" => DatePart::Julian,
            "minute" => DatePart::Minute,
            "month" => DatePart::Month,
            "second" => DatePart::Second,
            "std11" => DatePart::Std11,
            "time" => DatePart::Time,
            "weekday" => DatePart::Weekday,
            "year" => DatePart::Year,
            "zone" => DatePart::Zone,
            _ => return None,
        })
    }

    /// The text of this part.
    pub fn of(self, date: SentDate) -> String {
        let clock = WallClock::new(date.unix_seconds, date.zone_minutes);
        let WallClock { year, month, day, weekday, hour, minute, second, days, .. } = clock;
        match self {
            DatePart::Date => format!("{year:04}-{month:02}-{day:02}"),
            DatePart::Day => format!("{day:02}"),
            DatePart::Hour => format!("{hour:02}"),
            DatePart::Iso8601 => {
                let zone = match clock.signed_zone() {
                    (_, 0, 0) => "Z".to_owned(),
                    (sign, hours, minutes) => format!("{sign}{hours:02}:{minutes:02}"),
                };
                format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zone}")
            }
            DatePart::Julian => (days + JULIAN_DAY_OF_UNIX).to_string(),
            DatePart::Minute => format!("{minute:02}"),
            DatePart::Month => format!("{month:02}"),
            DatePart::Second => format!("{second:02}"),
            DatePart::Std11 => date::format_rfc5322(date.unix_seconds, date.zone_minutes),
            DatePart::Time => format!("{hour:02}:{minute:02}:{second:02}"),
            DatePart::Weekday => weekday.to_string(),
            DatePart::Year => format!("{year:04}"),
            DatePart::Zone => clock.zone(),
        }
    }
}

/// The date a field holds: all of it, or what stands behind its last semicolon (RFC 5260 section 4).
pub fn date_of_field(value: &[u8]) -> Option<SentDate> {
    let trace = value.iter().rposition(|octet| *octet == b';').map(|semicolon| &value[semicolon + 1..]);
    trace.and_then(date::parse).or_else(|| date::parse(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_date() {
        let date = date::parse(b"Sat, 30 Jun 2007 09:05:03 -0730").unwrap();
        for (part, text) in [
            ("year", "2007"),
            ("MONTH", "06"),
            ("day", "30"),
            ("date", "2007-06-30"),
            ("julian", "54281"),
            ("hour", "09"),
            ("minute", "05"),
            ("second", "03"),
            ("time", "09:05:03"),
            ("iso8601", "2007-06-30T09:05:03-07:30"),
            ("std11", "Sat, 30 Jun 2007 09:05:03 -0730"),
            ("zone", "-0730"),
            ("weekday", "6"),
        ] {
            assert_eq!(DatePart::of_name(part).unwrap().of(date), text, "{part}");
        }
        let greenwich = SentDate { zone_minutes: 0, ..date };
        assert_eq!(DatePart::Iso8601.of(greenwich), "2007-06-30T16:35:03Z");
        assert_eq!(DatePart::Zone.of(greenwich), "+0000");
        assert_eq!(DatePart::of_name("century"), None);
    }

    #[test]
    fn julian_days_count_where_the_clock_hangs() {
        let day = |text: &str| DatePart::Julian.of(date::parse(text.as_bytes()).unwrap());
        assert_eq!(day("17 Nov 1908 00:00:00 +0000"), "18262");
        assert_eq!(day("1 Jan 2000 23:59:59 -1200"), "51544");
        assert_eq!(day("1 Jan 2000 00:00:00 +1400"), "51544");
    }

    #[test]
    fn dates_stand_alone_or_behind_a_semicolon() {
        let instant = |value: &str| date_of_field(value.as_bytes()).map(|date| date.unix_seconds);
        for value in [
            "Thu, 1 Jan 1970 00:01:00 +0000",
            "from a.test by b.test; Thu, 1 Jan 1970 00:01:00 +0000",
            "from a.test (x; y) by b.test;\r\n\tThu, 1 Jan 1970 01:01:00 +0100 (CET)",
            "Fri, 2 Jan 1970 00:00:00 +0000; Thu, 1 Jan 1970 00:01:00 +0000",
        ] {
            assert_eq!(instant(value), Some(60), "{value}");
        }
        assert_eq!(instant("from a.test; 32 Jan 1970 00:00:00 +0000"), None);
        assert_eq!(instant("29 Feb 1970 00:00:00 +0000"), None);
    }
}
