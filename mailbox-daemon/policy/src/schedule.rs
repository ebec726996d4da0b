//! When a queued message is tried again, when its sender hears of a delay, and when it is given up.

use types::UnixSeconds;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The times of RFC 5321 section 4.5.4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryRules {
    /// Seconds to the first retry.
    pub first_s: i64,
    /// Longest time between two attempts.
    pub longest_s: i64,
    /// Seconds until the sender hears of the delay.
    pub delay_report_s: i64,
    /// Seconds after arrival until a message is given up.
    pub lifetime_s: i64,
    /// Longest time a destination that cannot be reached is left alone.
    pub destination_longest_s: i64,
}

impl Default for RetryRules {
    fn default() -> RetryRules {
        RetryRules {
            first_s: 5 * MINUTE,
            longest_s: 4 * HOUR,
            delay_report_s: 4 * HOUR,
            lifetime_s: 5 * DAY,
            destination_longest_s: HOUR,
        }
    }
}

/// What one attempt came to for one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The next server has it.
    Delivered,
    /// Not now.
    Deferred,
    /// Never.
    Refused,
    /// Not tried: the owner holds it.
    Held,
}

/// What is known of an entry after an attempt.
#[derive(Clone, Copy, Debug)]
pub struct EntryFacts {
    /// When it was accepted.
    pub arrived_at: UnixSeconds,
    /// Attempts that failed for now, this one included.
    pub attempts: u32,
    /// Whether the sender was told of the delay.
    pub delay_reported: bool,
    /// When the destination may be tried again, where that is known to be later.
    pub not_before: Option<UnixSeconds>,
}

/// What becomes of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Done.
    Delivered,
    /// Tried again.
    Waits,
    /// Given up: the other side said never.
    Refused,
    /// Given up: its time is over.
    Expired,
}

/// What becomes of an entry of which some recipients wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// When to try again.
    pub attempt_at: UnixSeconds,
    /// Whether to tell the sender of the delay now.
    pub report_delay: bool,
}

impl RetryRules {
    /// What an attempt at `now` means for a recipient.
    pub fn fate(&self, attempt: Attempt, arrived_at: UnixSeconds, now: UnixSeconds) -> Fate {
        match attempt {
            Attempt::Delivered => Fate::Delivered,
            Attempt::Refused => Fate::Refused,
            Attempt::Deferred if now >= arrived_at.saturating_add(self.lifetime_s) => Fate::Expired,
            // What the owner holds does not grow too old.
            Attempt::Deferred | Attempt::Held => Fate::Waits,
        }
    }

    /// When an entry with waiting recipients is tried again. `random` is any number; it spreads the attempts by a fifth either way.
    pub fn next(&self, facts: &EntryFacts, now: UnixSeconds, random: u64) -> Next {
        let pause = spread(doubled(self.first_s, self.longest_s, facts.attempts), random);
        let wanted = now.saturating_add(pause).max(facts.not_before.unwrap_or(UnixSeconds::MIN));
        let delay_at = facts.arrived_at.saturating_add(self.delay_report_s);
        let expires_at = facts.arrived_at.saturating_add(self.lifetime_s);
        // The attempts that decide about a report are made when the report is due, not hours later.
        let deadline = if now < delay_at && !facts.delay_reported { delay_at } else { expires_at };
        // What the owner holds may be older than that; then there is nothing left to decide.
        let latest = if now < deadline { deadline.max(now.saturating_add(MINUTE)) } else { UnixSeconds::MAX };
        Next { attempt_at: wanted.min(latest), report_delay: now >= delay_at && !facts.delay_reported }
    }

    /// Seconds a destination is left alone after its `failures`-th connection in a row failed.
    pub fn destination_pause_s(&self, failures: u32, random: u64) -> i64 {
        spread(doubled(self.first_s, self.destination_longest_s, failures), random)
    }
}

/// `first`, doubled with every further failure, up to `longest`.
fn doubled(first: i64, longest: i64, failures: u32) -> i64 {
    let doublings = failures.saturating_sub(1).min(30);
    first.saturating_mul(1 << doublings).min(longest)
}

/// Moves a pause by up to a fifth of it either way.
fn spread(pause: i64, random: u64) -> i64 {
    let fifth = pause / 5;
    pause - fifth + (random % (2 * fifth as u64 + 1)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The middle of every spread.
    fn middle(pause: i64) -> u64 {
        (pause / 5) as u64
    }

    #[test]
    fn attempts_of_a_message_nobody_takes() {
        let rules = RetryRules::default();
        let (mut now, mut attempts, mut delay_reported) = (0, 0, false);
        let mut times = Vec::new();
        loop {
            attempts += 1;
            if rules.fate(Attempt::Deferred, 0, now) == Fate::Expired {
                times.push((now / MINUTE, "given up"));
                break;
            }
            let facts = EntryFacts { arrived_at: 0, attempts, delay_reported, not_before: None };
            let next = rules.next(&facts, now, middle(doubled(rules.first_s, rules.longest_s, attempts)));
            times.push((now / MINUTE, if next.report_delay { "delay reported" } else { "" }));
            delay_reported |= next.report_delay;
            now = next.attempt_at;
        }
        let first: Vec<_> = times.iter().take(9).copied().collect();
        assert_eq!(
            first,
            [
                (0, ""),
                (5, ""),
                (15, ""),
                (35, ""),
                (75, ""),
                (155, ""),
                (240, "delay reported"),
                (480, ""),
                (720, "")
            ]
        );
        assert_eq!(times.last(), Some(&(5 * 24 * 60, "given up")));
        assert_eq!(times.iter().filter(|(_, what)| *what == "delay reported").count(), 1);
        assert!(times.len() < 50, "{} attempts", times.len());
    }

    #[test]
    fn fates() {
        let rules = RetryRules::default();
        for (attempt, age, fate) in [
            (Attempt::Delivered, 9 * DAY, Fate::Delivered),
            (Attempt::Refused, 0, Fate::Refused),
            (Attempt::Deferred, 5 * DAY - 1, Fate::Waits),
            (Attempt::Deferred, 5 * DAY, Fate::Expired),
            (Attempt::Held, 9 * DAY, Fate::Waits),
        ] {
            assert_eq!(rules.fate(attempt, 1000, 1000 + age), fate, "{attempt:?} after {age} s");
        }
    }

    #[test]
    fn what_is_held_longer_than_mail_lives_is_not_looked_at_every_minute() {
        let rules = RetryRules::default();
        let facts = EntryFacts { arrived_at: 0, attempts: 9, delay_reported: true, not_before: None };
        let next = rules.next(&facts, 6 * DAY, middle(rules.longest_s));
        assert_eq!(next, Next { attempt_at: 6 * DAY + 4 * HOUR, report_delay: false });
    }

    #[test]
    fn a_destination_is_left_alone_longer_and_longer() {
        let rules = RetryRules::default();
        let pauses: Vec<i64> =
            (1..=6).map(|n| rules.destination_pause_s(n, middle(doubled(300, 3600, n)))).collect();
        assert_eq!(pauses, [300, 600, 1200, 2400, 3600, 3600]);
    }

    proptest! {
        #[test]
        fn the_next_attempt_is_never_now_and_never_after_the_end_by_more_than_a_minute(
            age in 0i64..6 * DAY, attempts in 0u32..1000, random: u64, delay_reported: bool, wait in prop::option::of(0i64..2 * DAY),
        ) {
            let rules = RetryRules::default();
            let facts = EntryFacts { arrived_at: 0, attempts, delay_reported, not_before: wait.map(|wait| age + wait) };
            let next = rules.next(&facts, age, random);
            prop_assert!(next.attempt_at >= age + MINUTE);
            prop_assert!(age >= 5 * DAY || next.attempt_at <= (5 * DAY).max(age + MINUTE));
        }
    }
}
