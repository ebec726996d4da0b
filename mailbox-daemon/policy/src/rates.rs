//! How many messages one connection to the internet may hand in: a token bucket for each, in a table with a limit.

use std::collections::HashMap;
use std::time::Duration;
use types::Network;

/// Connections that are counted at once. Beyond that those are forgotten who have been quiet longest.
const CONNECTIONS_MAX: usize = 4096;

/// How fast, and how many at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Messages a second in the long run.
    pub per_second: u32,
    /// Messages at once.
    pub burst: u32,
}

/// Who handed in how much lately.
#[derive(Debug, Default)]
pub struct Rates {
    /// When each one's bucket is full again, in nanoseconds of the caller's clock. A full bucket is as good as none.
    full_at: HashMap<Network, u64>,
}

impl Rates {
    /// Takes one message's token at `now`, by any clock that only goes forward; else how long until there is one.
    pub fn take(&mut self, from: Network, now: Duration, rate: Rate) -> Result<(), Duration> {
        let now = now.as_nanos() as u64;
        let token = 1_000_000_000 / u64::from(rate.per_second.max(1));
        let capacity = token * u64::from(rate.burst.max(1));
        let empty_for = self.full_at.get(&from).map_or(0, |full_at| full_at.saturating_sub(now));
        let after = empty_for + token;
        if after > capacity {
            return Err(Duration::from_nanos(after - capacity));
        }
        if self.full_at.len() >= CONNECTIONS_MAX && !self.full_at.contains_key(&from) {
            self.make_room(now);
        }
        self.full_at.insert(from, now + after);
        Ok(())
    }

    fn make_room(&mut self, now: u64) {
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() < CONNECTIONS_MAX {
            return;
        }
        let mut times: Vec<u64> = self.full_at.values().copied().collect();
        let (_, median, _) = times.select_nth_unstable(CONNECTIONS_MAX / 2);
        let median = *median;
        self.full_at.retain(|_, full_at| *full_at > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::IpAddr;

    const RATE: Rate = Rate { per_second: 4, burst: 10 };

    fn from(number: u32) -> Network {
        Network::of_connection(IpAddr::V4(number.into()))
    }

    #[test]
    fn a_burst_then_four_a_second() {
        let mut rates = Rates::default();
        let at = Duration::from_millis;
        for _ in 0..10 {
            assert_eq!(rates.take(from(1), at(5), RATE), Ok(()));
        }
        assert_eq!(rates.take(from(1), at(5), RATE), Err(at(250)));
        assert_eq!(rates.take(from(2), at(5), RATE), Ok(()), "somebody else");
        assert_eq!(rates.take(from(1), at(254), RATE), Err(at(1)), "a refusal costs nothing");
        assert_eq!(rates.take(from(1), at(255), RATE), Ok(()));
        assert!(rates.take(from(1), at(255), RATE).is_err());
        let second = (0..1000).filter(|ms| rates.take(from(1), at(256 + ms), RATE).is_ok()).count();
        assert_eq!(second, 4);
    }

    #[test]
    fn the_table_does_not_grow() {
        let mut rates = Rates::default();
        for number in 0..100_000 {
            // Nobody's bucket fills up meanwhile.
            assert_eq!(rates.take(from(number), Duration::from_micros(number.into()), RATE), Ok(()));
            assert!(rates.full_at.len() <= CONNECTIONS_MAX);
        }
    }

    proptest! {
        #[test]
        fn nobody_gets_more_than_his_share(
            pauses_ms in prop::collection::vec(0u64..2000, 1..200), per_second in 1u32..20, burst in 1u32..30
        ) {
            let rate = Rate { per_second, burst };
            let mut rates = Rates::default();
            let (mut now, mut taken) = (Duration::ZERO, 0u64);
            for pause in pauses_ms {
                now += Duration::from_millis(pause);
                match rates.take(from(7), now, rate) {
                    Ok(()) => taken += 1,
                    // Whoever comes back when he was told is served.
                    Err(wait) => prop_assert_eq!(Rates { full_at: rates.full_at.clone() }.take(from(7), now + wait, rate), Ok(())),
                }
                let share = u64::from(burst) + (now.as_secs_f64() * f64::from(per_second) * 1.000_001) as u64;
                prop_assert!(taken <= share, "{taken} of {share}");
            }
        }
    }
}
