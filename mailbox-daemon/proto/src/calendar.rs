//! Days and dates of the Gregorian calendar, whatever protocol writes them.

/// Months as every mail protocol abbreviates them.
pub(crate) const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Seconds of one day.
pub const DAY_S: i64 = 86_400;

/// The number of a month, from 1, by its abbreviation in any case.
pub(crate) fn month_number(name: &[u8]) -> Option<i64> {
    let index = MONTHS.iter().position(|month| month.as_bytes().eq_ignore_ascii_case(name))?;
    Some(index as i64 + 1)
}

/// Days since 1970-01-01 of a date, `None` when the month has no such day. The year is taken to begin in March, so that the
/// leap day is its last; then month lengths follow one formula.
pub(crate) fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let years = if month > 2 { year } else { year - 1 };
    let month_from_march = (month + 9) % 12;
    let leap_days = years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400);
    let days = years * 365 + leap_days + (month_from_march * 153 + 2) / 5 + day - 1 - 719_468;
    (day >= 1 && date_of(days) == (year, month, day)).then_some(days)
}

/// Year, month from 1 and day of a number of days since 1970-01-01.
pub(crate) fn date_of(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_come_back() {
        for days in (-800_000..3_000_000).step_by(97) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_of(year, month, day), Some(days));
        }
        assert_eq!(days_of(1970, 1, 1), Some(0));
        assert_eq!(days_of(2023, 2, 29), None);
    }
}
