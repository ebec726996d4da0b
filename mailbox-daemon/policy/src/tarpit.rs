//! Clients that make mistakes are answered more slowly with each: programs that try names and commands lose their time, people
//! and servers that erred once notice nothing.

use std::time::Duration;

/// Mistakes that cost nothing.
const FREE: u32 = 2;
/// What the first that costs something costs.
const FIRST: Duration = Duration::from_millis(500);

/// How long the answers after a client's mistakes wait, when it had made `before` of them and now has made `now`; never longer
/// than `longest`.
pub fn delay(before: u32, now: u32, longest: Duration) -> Duration {
    let counted = before.max(FREE)..now;
    let all = counted.map(|mistake| FIRST.saturating_mul(2u32.saturating_pow(mistake - FREE)));
    all.take(64).fold(Duration::ZERO, Duration::saturating_add).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_costs_twice_as_much_up_to_a_limit() {
        let longest = Duration::from_secs(10);
        for (before, now, ms) in [
            (0, 0, 0),
            (0, 1, 0),
            (0, 2, 0),
            (2, 3, 500),
            (3, 4, 1000),
            (4, 5, 2000),
            (0, 5, 3500),
            (5, 5, 0),
            (7, 8, 10_000),
            (0, u32::MAX, 10_000),
            (3, 1, 0),
        ] {
            assert_eq!(delay(before, now, longest).as_millis(), ms, "{before} to {now}");
        }
        assert_eq!(delay(0, 100, Duration::ZERO), Duration::ZERO, "turned off");
    }
}
