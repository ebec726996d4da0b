//! Times as reports write them.

use crate::calendar::{DAY_S, date_of, days_of};
use types::UnixSeconds;

/// Writes `2026-11-30T00:00:00Z` (RFC 3339).
pub fn rfc3339(at: UnixSeconds) -> String {
    let (year, month, day) = date_of(at.div_euclid(DAY_S));
    let second = at.rem_euclid(DAY_S);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The day and the hour of an RFC 3339 time; its zone is as good as UTC for telling months apart.
pub(super) fn parse_rfc3339(text: &str) -> Option<UnixSeconds> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u16>().ok().map(i64::from);
    let has_marks = text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    let days = days_of(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
    has_marks.then(|| days * DAY_S + number(11, 13).filter(|hour| *hour < 24).unwrap_or(0) * 3600)
}

/// The month of an instant in UTC: `2026-11`.
pub fn month_of(at: UnixSeconds) -> String {
    let (year, month, _) = date_of(at.div_euclid(DAY_S));
    format!("{year:04}-{month:02}")
}

/// The date of an instant in UTC: `2026-11-30`.
pub fn date_name(at: UnixSeconds) -> String {
    let (year, month, day) = date_of(at.div_euclid(DAY_S));
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_months() {
        assert_eq!(rfc3339(1_795_996_800 - 1), "2026-11-29T23:59:59Z");
        assert_eq!(parse_rfc3339("2016-04-01T00:00:00Z"), Some(1_459_468_800));
        assert_eq!(parse_rfc3339("2016-04-01T13:30:00.5+02:00"), Some(1_459_468_800 + 13 * 3600));
        assert_eq!(month_of(1_459_468_800), "2016-04");
        assert_eq!(date_name(1_459_468_800), "2016-04-01");
        for text in ["", "2016", "2016-02-30T00:00:00Z", "2016/04/01", "day-on-x", "2016-04-é1"] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }
}
