//! How much may be sent in a stretch of time, counted so that it never begins anew all at once.
//!
//! The stretch is cut into slots; a message counts until the slot it was sent in has left the stretch.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use types::UnixSeconds;

/// A stretch of time that ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// What people call it.
    pub name: &'static str,
    slot_s: i64,
    slots: i64,
}

/// The last twenty-four hours.
pub const DAY: Stretch = Stretch { name: "day", slot_s: 3600, slots: 24 };
/// The last sixty minutes.
pub const HOUR: Stretch = Stretch { name: "hour", slot_s: 300, slots: 12 };

/// What may be sent in one stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// In which.
    pub stretch: Stretch,
    /// Messages.
    pub messages: u32,
    /// Recipients, each counted once a message.
    pub recipients: u32,
}

/// What was sent in the last stretch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    slots: Vec<Slot>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Slot {
    number: i64,
    messages: u32,
    recipients: u32,
}

/// Why a message is more than may be sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Excess {
    /// It may be sent later.
    #[error("{allowed} {unit} a {stretch} are sent already, try again later")]
    Now {
        /// How many may be sent.
        allowed: u32,
        /// Messages or recipients.
        unit: &'static str,
        /// In which time.
        stretch: &'static str,
    },
    /// It alone is too much, now and later.
    #[error("no more than {allowed} {unit} a {stretch} may be sent")]
    Ever {
        /// How many may be sent.
        allowed: u32,
        /// Messages or recipients.
        unit: &'static str,
        /// In which time.
        stretch: &'static str,
    },
}

impl Tally {
    /// Whether one more message to so many may be sent.
    pub fn check(&self, allowance: Allowance, recipients: u32, now: UnixSeconds) -> Result<(), Excess> {
        let stretch = allowance.stretch.name;
        let (messages_sent, recipients_sent) = self.sent(allowance.stretch, now);
        for (unit, allowed, sent, more) in [
            ("messages", allowance.messages, messages_sent, 1),
            ("recipients", allowance.recipients, recipients_sent, recipients),
        ] {
            if more > allowed {
                return Err(Excess::Ever { allowed, unit, stretch });
            }
            if sent.saturating_add(more) > allowed {
                return Err(Excess::Now { allowed, unit, stretch });
            }
        }
        Ok(())
    }

    /// Counts a message, and forgets what has left the stretch.
    pub fn add(&mut self, stretch: Stretch, recipients: u32, now: UnixSeconds) {
        self.slots.retain(|slot| stretch.holds(slot, now));
        let number = stretch.slot(now);
        if self.slots.last().is_none_or(|slot| slot.number != number) {
            self.slots.push(Slot { number, messages: 0, recipients: 0 });
        }
        if let Some(slot) = self.slots.last_mut() {
            slot.messages = slot.messages.saturating_add(1);
            slot.recipients = slot.recipients.saturating_add(recipients);
        }
    }

    /// The messages and recipients of the stretch that ends now.
    pub fn sent(&self, stretch: Stretch, now: UnixSeconds) -> (u32, u32) {
        let lately = self.slots.iter().filter(|slot| stretch.holds(slot, now));
        lately.fold((0, 0), |(messages, recipients): (u32, u32), slot| {
            (messages.saturating_add(slot.messages), recipients.saturating_add(slot.recipients))
        })
    }
}

impl Stretch {
    fn slot(self, now: UnixSeconds) -> i64 {
        now.div_euclid(self.slot_s)
    }

    /// What a clock that was wrong put into the future does not count.
    fn holds(self, slot: &Slot, now: UnixSeconds) -> bool {
        let current = self.slot(now);
        (current - self.slots < slot.number) && (slot.number <= current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALLOWED: Allowance = Allowance { stretch: DAY, messages: 3, recipients: 10 };

    #[test]
    fn a_day_holds_so_many_messages_and_recipients() {
        let mut tally = Tally::default();
        let now = 1_000_000_000;
        for _ in 0..2 {
            assert_eq!(tally.check(ALLOWED, 5, now), Ok(()));
            tally.add(DAY, 5, now);
        }
        let text = tally.check(ALLOWED, 1, now).unwrap_err().to_string();
        assert_eq!(text, "10 recipients a day are sent already, try again later");
        tally.add(DAY, 0, now);
        let text = tally.check(ALLOWED, 0, now).unwrap_err().to_string();
        assert_eq!(text, "3 messages a day are sent already, try again later");
        assert_eq!(tally.check(ALLOWED, 10, now + 86_400), Ok(()));
    }

    #[test]
    fn what_is_too_much_at_any_time_says_so() {
        let none = Allowance { messages: 0, ..ALLOWED };
        for (allowance, recipients, text) in [
            (ALLOWED, 11, "no more than 10 recipients a day may be sent"),
            (none, 1, "no more than 0 messages a day may be sent"),
        ] {
            let excess = Tally::default().check(allowance, recipients, 0).unwrap_err();
            assert!(matches!(excess, Excess::Ever { .. }));
            assert_eq!(excess.to_string(), text);
        }
    }

    #[test]
    fn a_clock_that_was_ahead_costs_nothing() {
        let mut tally = Tally::default();
        tally.add(HOUR, 1, 2_000_000_000);
        tally.add(HOUR, 1, 1_000_000_000);
        assert_eq!(tally.sent(HOUR, 1_000_000_000), (1, 1));
        assert_eq!(tally.slots.len(), 1);
    }

    proptest! {
        /// Nothing counts for longer than the stretch, and all of it for the stretch less one slot.
        #[test]
        fn the_window_slides(mut times in prop::collection::vec(0i64..200_000, 0..60)) {
            times.sort_unstable();
            times.dedup();
            let mut tally = Tally::default();
            for now in &times {
                tally.add(DAY, 1, *now);
                let within = |seconds: i64| times.iter().filter(|at| **at <= *now && **at > *now - seconds).count() as u32;
                let (messages, _) = tally.sent(DAY, *now);
                prop_assert!(messages <= within(86_400) && messages >= within(82_800));
                prop_assert!(tally.slots.len() <= 24);
            }
        }
    }
}
