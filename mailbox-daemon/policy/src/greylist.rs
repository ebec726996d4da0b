//! Greylisting (RFC 6647): a stranger's first mail is put off once. Mail servers come back, most programs that send spam do not.

use types::UnixSeconds;

/// The times of greylisting, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Who comes back earlier is put off again (RFC 6647 section 5: at least a minute).
    pub wait_s: UnixSeconds,
    /// Who comes back later begins anew.
    pub retry_s: UnixSeconds,
    /// Whose client came back once is not put off again for so long.
    pub known_s: UnixSeconds,
}

/// What speaks for letting mail in at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credit {
    /// The owner wants it.
    pub is_wanted: bool,
    /// DMARC passes: whoever sends it answers for it.
    pub passes_dmarc: bool,
    /// One of the recipients wrote to the sender before.
    pub is_correspondent: bool,
    /// It goes to an address that always gets its mail.
    pub has_role: bool,
}

impl Credit {
    /// Whether anything does.
    pub fn is_enough(self) -> bool {
        self != Credit::default()
    }
}

/// What is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// When this client first came with this sender and recipient.
    pub first_seen: Option<UnixSeconds>,
    /// When the client last passed.
    pub passed_at: Option<UnixSeconds>,
}

/// What is to be done, and remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Put it off; it was first seen at this moment.
    PutOff {
        /// To be remembered for client, sender and recipient.
        first_seen: UnixSeconds,
    },
    /// Take it, and remember that the client passed now.
    Pass,
}

/// Decides by what is remembered.
pub fn judge(memory: Memory, now: UnixSeconds, times: &Times) -> Verdict {
    if memory.passed_at.is_some_and(|at| now - at < times.known_s) {
        return Verdict::Pass;
    }
    match memory.first_seen.map(|at| (at, now - at)) {
        // A clock that was set back makes nobody wait for ever.
        Some((_, age)) if age < 0 => Verdict::PutOff { first_seen: now },
        Some((at, age)) if age < times.wait_s => Verdict::PutOff { first_seen: at },
        Some((_, age)) if age < times.retry_s => Verdict::Pass,
        _ => Verdict::PutOff { first_seen: now },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Times = Times { wait_s: 60, retry_s: 1000, known_s: 10_000 };

    #[test]
    fn the_way_of_a_stranger() {
        let put_off = |first_seen| Verdict::PutOff { first_seen };
        for (first_seen, passed_at, now, expected) in [
            (None, None, 100, put_off(100)),
            (Some(100), None, 100, put_off(100)),
            (Some(100), None, 159, put_off(100)),
            (Some(100), None, 160, Verdict::Pass),
            (Some(100), None, 1099, Verdict::Pass),
            (Some(100), None, 1100, put_off(1100)),
            (None, Some(100), 10_099, Verdict::Pass),
            (None, Some(100), 10_100, put_off(10_100)),
            (Some(9000), Some(100), 10_100, put_off(10_100)),
            (Some(9500), Some(100), 10_100, Verdict::Pass),
            (Some(500), None, 100, put_off(100)),
        ] {
            let memory = Memory { first_seen, passed_at };
            assert_eq!(judge(memory, now, &TIMES), expected, "{memory:?} at {now}");
        }
    }
}
