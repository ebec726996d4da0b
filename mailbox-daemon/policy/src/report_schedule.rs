//! When reports go out: once a day for the day before, some time after midnight UTC that differs from box to box, and again
//! soon where somebody could not be reached.

use types::UnixSeconds;

/// A day of UTC, in days since 1970-01-01.
pub type Day = i64;

/// Seconds of one.
pub const DAY_S: i64 = 86_400;
/// Reports wait for at least this after midnight, so that what is still under way is counted.
pub const DELAY_LEAST_S: i64 = 15 * 60;
/// And for at most this, drawn anew each day (RFC 8460 section 4.1).
pub const DELAY_MOST_S: i64 = 4 * 3600;
/// What gathered longer ago than this while the box was off interests nobody any more.
const DAYS_MAX: Day = 7;
/// Pauses before a report is tried again; together most of the day RFC 8460 section 5.5 asks for.
const PAUSES_S: [i64; 7] = [900, 1800, 3600, 7200, 14_400, 21_600, 28_800];

/// The day an instant belongs to.
pub fn day_of(at: UnixSeconds) -> Day {
    at.div_euclid(DAY_S)
}

/// The first second of a day.
pub fn start_of(day: Day) -> UnixSeconds {
    day * DAY_S
}

/// When the next reports are due. `reported` is the last day that was reported on, `delay_s` what was drawn for this night. A box
/// that was off catches up at once.
pub fn next_run(now: UnixSeconds, reported: Day, delay_s: i64) -> UnixSeconds {
    let delay_s = delay_s.clamp(DELAY_LEAST_S, DELAY_MOST_S);
    // A clock that went back does not silence the box until it has caught up.
    let next = (reported + 1).min(day_of(now));
    (start_of(next + 1) + delay_s).max(now)
}

/// How long to wait after so many attempts at a report; `None` to give it up.
pub fn pause_after(attempts: u32) -> Option<i64> {
    PAUSES_S.get(attempts.checked_sub(1)? as usize).copied()
}

/// Whether a day's counts are still worth a report.
pub fn is_worth_reporting(day: Day, now: UnixSeconds) -> bool {
    day_of(now) - day <= DAYS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_a_day() {
        let noon = start_of(20_000) + DAY_S / 2;
        let night = start_of(20_001) + 3600;
        for (now, reported, expected) in [
            (noon, 19_999, night),
            // A clock that went back.
            (noon, 20_400, night),
            // Before tonight's minute, after it, and after days off.
            (start_of(20_001) + 60, 19_999, night),
            (night + 60, 19_999, night + 60),
            (noon, 19_990, noon),
            (night, 20_000, night + DAY_S),
        ] {
            assert_eq!(next_run(now, reported, 3600), expected, "{now} {reported}");
        }
        assert_eq!(next_run(noon, 19_999, 0), start_of(20_001) + DELAY_LEAST_S);
    }

    #[test]
    fn attempts_end_within_a_day() {
        let pauses: Vec<i64> = (1..).map_while(pause_after).collect();
        assert!(pauses.is_sorted() && pauses.iter().sum::<i64>() <= DAY_S);
        assert_eq!(pause_after(0), None);
        assert!(is_worth_reporting(100, start_of(107)) && !is_worth_reporting(100, start_of(108)));
    }
}
