//! When keys that sign mail come and go.
//!
//! A key is **new** while its record has still to be seen in DNS, **signing** until the next one takes over, **retired** while
//! mail it signed may still be on its way and its record stays published, then gone. Each domain has such a row of keys for
//! each algorithm; rows know nothing of one another.

use types::UnixSeconds;

/// The life of one key so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyTimes {
    /// When it was made.
    pub made_at: UnixSeconds,
    /// When its record was first seen in DNS.
    pub seen_at: Option<UnixSeconds>,
    /// When it began to sign.
    pub signing_since: Option<UnixSeconds>,
    /// When it ended to.
    pub retired_at: Option<UnixSeconds>,
}

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// To be published, not signing yet.
    New,
    /// Signing.
    Signing,
    /// No longer signing, still to be published.
    Retired,
}

/// How long things last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// A key signs this long before the next is made; `None`: until somebody asks for the next.
    pub signs_s: Option<UnixSeconds>,
    /// A record has been in DNS this long before its key signs, so that every name server has it.
    pub settles_s: UnixSeconds,
    /// A retired key's record stays this long.
    pub lingers_s: UnixSeconds,
}

/// What is to be done to the keys of a row; they are named by their places in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make one more.
    Make,
    /// This one signs from now on.
    Sign(usize),
    /// This one signs no more.
    Retire(usize),
    /// This one is forgotten.
    Remove(usize),
}

impl KeyTimes {
    /// Where it is in its life.
    pub fn stage(&self) -> Stage {
        match (self.signing_since, self.retired_at) {
            (_, Some(_)) => Stage::Retired,
            (Some(_), None) => Stage::Signing,
            (None, None) => Stage::New,
        }
    }
}

/// What is to be done to a row of keys now. The first key of a row signs at once: there is no other.
pub fn plan(keys: &[KeyTimes], schedule: &Schedule, now: UnixSeconds) -> Vec<Step> {
    let at_stage = |stage| (0..keys.len()).filter(move |index| keys[*index].stage() == stage);
    let is_settled = |index: &usize| keys[*index].seen_at.is_some_and(|at| at + schedule.settles_s <= now);
    let is_old = |at: UnixSeconds| schedule.signs_s.is_some_and(|signs_s| at + signs_s <= now);
    let is_gone = |index: &usize| keys[*index].retired_at.is_some_and(|at| at + schedule.lingers_s <= now);

    let mut steps: Vec<Step> = at_stage(Stage::Retired).filter(is_gone).map(Step::Remove).collect();
    let newest = |index: &usize| (keys[*index].signing_since, keys[*index].made_at);
    let signing = at_stage(Stage::Signing).max_by_key(newest);
    let next = at_stage(Stage::New).filter(is_settled).max_by_key(newest);
    match (signing, next, at_stage(Stage::New).max_by_key(newest)) {
        (Some(_), Some(next), _) => {
            steps.extend(at_stage(Stage::Signing).map(Step::Retire));
            steps.push(Step::Sign(next));
        }
        (Some(signing), None, None) if keys[signing].signing_since.is_some_and(is_old) => {
            steps.push(Step::Make);
        }
        (Some(signing), None, _) => {
            steps.extend(at_stage(Stage::Signing).filter(|index| *index != signing).map(Step::Retire));
        }
        (None, _, Some(new)) => steps.push(Step::Sign(next.unwrap_or(new))),
        (None, _, None) => steps.push(Step::Make),
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: UnixSeconds = 86_400;
    const SCHEDULE: Schedule = Schedule { signs_s: Some(365 * DAY), settles_s: 3600, lingers_s: 30 * DAY };

    fn new(made_at: UnixSeconds, seen_at: Option<UnixSeconds>) -> KeyTimes {
        KeyTimes { made_at, seen_at, ..KeyTimes::default() }
    }

    fn signing(since: UnixSeconds) -> KeyTimes {
        KeyTimes { signing_since: Some(since), ..new(since, None) }
    }

    fn retired(at: UnixSeconds) -> KeyTimes {
        KeyTimes { retired_at: Some(at), ..signing(0) }
    }

    #[test]
    fn every_row_of_keys_is_planned_for() {
        let year = 365 * DAY;
        for (keys, now, expected) in [
            (vec![], 5, vec![Step::Make]),
            (vec![new(5, None)], 5, vec![Step::Sign(0)]),
            (vec![signing(5)], 5 + year - 1, vec![]),
            (vec![signing(5)], 5 + year, vec![Step::Make]),
            (vec![signing(5), new(year, None)], 3 * year, vec![]),
            (vec![signing(5), new(year, Some(year))], year + 3599, vec![]),
            (vec![signing(5), new(year, Some(year))], year + 3600, vec![Step::Retire(0), Step::Sign(1)]),
            (vec![retired(DAY), signing(DAY)], 31 * DAY - 1, vec![]),
            (vec![retired(DAY), signing(DAY)], 31 * DAY, vec![Step::Remove(0)]),
            // What a cut between two writes leaves behind, or a file put back by hand.
            (vec![signing(5), signing(9)], 10, vec![Step::Retire(0)]),
            (vec![retired(5)], 10, vec![Step::Make]),
            (vec![new(7, None), new(5, Some(6))], DAY, vec![Step::Sign(1)]),
        ] {
            assert_eq!(plan(&keys, &SCHEDULE, now), expected, "{keys:?} at {now}");
        }
    }

    #[test]
    fn without_a_lifetime_a_key_signs_until_somebody_asks_for_the_next() {
        let schedule = Schedule { signs_s: None, ..SCHEDULE };
        assert_eq!(plan(&[signing(0)], &schedule, 100 * 365 * DAY), []);
    }

    /// Ten years, day by day, with an owner who publishes and takes back records a week late: once a key exists, one signs,
    /// and the first apart no key signs whose record was not seen.
    #[test]
    fn a_row_lives_for_years() {
        let mut keys: Vec<KeyTimes> = Vec::new();
        let (mut made, mut now) = (0, 1_700_000_000);
        for _ in 0..10 * 365 {
            now += DAY;
            for step in plan(&keys, &SCHEDULE, now).into_iter().rev() {
                match step {
                    Step::Make => {
                        made += 1;
                        keys.push(new(now, None));
                    }
                    Step::Sign(index) => keys[index].signing_since = Some(now),
                    Step::Retire(index) => keys[index].retired_at = Some(now),
                    Step::Remove(index) => drop(keys.remove(index)),
                }
            }
            for key in keys.iter_mut().filter(|key| key.made_at + 7 * DAY <= now) {
                key.seen_at.get_or_insert(now);
            }
            let signs = keys.iter().filter(|key| key.stage() == Stage::Signing).collect::<Vec<_>>();
            assert!(signs.len() == 1 || made == 1, "{keys:?}");
            assert!(made == 1 || signs[0].seen_at.is_some());
            assert!(keys.len() <= 3);
        }
        assert_eq!(made, 10);
    }
}
