//! Which destination has which work, who works on it, and which ones are left alone for a while.
//!
//! No I/O and no clock: the dispatcher and its workers share one board behind a lock.

use policy::route::Destination;
use policy::schedule::RetryRules;
use std::collections::{HashMap, VecDeque};
use types::UnixSeconds;

/// Destinations remembered only because they could not be reached.
const IDLE_LANES_MAX: usize = 500;

/// Work and workers by destination.
pub(super) struct Board<J> {
    lanes: HashMap<Destination, Lane<J>>,
    running: usize,
}

/// One destination.
struct Lane<J> {
    jobs: VecDeque<J>,
    running: usize,
    /// Of these, hired and without a first job yet.
    starting: usize,
    /// Connections that failed in a row.
    failures: u32,
    not_before: UnixSeconds,
    /// What went wrong last, for the messages that are not even tried.
    reason: String,
    /// When a job was last taken.
    last_taken_at: UnixSeconds,
}

/// A destination that is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LeftAlone {
    pub(super) until: UnixSeconds,
    pub(super) reason: String,
}

impl<J> Default for Lane<J> {
    fn default() -> Lane<J> {
        Lane {
            jobs: VecDeque::new(),
            running: 0,
            starting: 0,
            failures: 0,
            not_before: UnixSeconds::MIN,
            reason: String::new(),
            last_taken_at: UnixSeconds::MAX,
        }
    }
}

impl<J> Board<J> {
    pub(super) fn new() -> Board<J> {
        Board { lanes: HashMap::new(), running: 0 }
    }

    /// Whether a destination is left alone now.
    pub(super) fn left_alone(&self, destination: &Destination, now: UnixSeconds) -> Option<LeftAlone> {
        let lane = self.lanes.get(destination).filter(|lane| lane.not_before > now)?;
        Some(LeftAlone { until: lane.not_before, reason: lane.reason.clone() })
    }

    /// Adds work.
    pub(super) fn put(&mut self, destination: Destination, job: J, now: UnixSeconds) {
        let lane = self.lanes.entry(destination).or_default();
        if lane.jobs.is_empty() {
            lane.last_taken_at = now;
        }
        lane.jobs.push_back(job);
    }

    /// A destination that wants another worker; that worker is counted from now on. One that failed gets a single worker
    /// until it works again.
    pub(super) fn hire(&mut self, running_max: usize, per_destination_max: usize) -> Option<Destination> {
        if self.running >= running_max {
            return None;
        }
        let wants = |lane: &Lane<J>| {
            let most = if lane.failures > 0 { 1 } else { per_destination_max };
            lane.jobs.len() > lane.starting && lane.running < most
        };
        // Those with fewest workers first: one busy destination must not take every place.
        let candidates = self.lanes.iter().filter(|(_, lane)| wants(lane));
        let destination = candidates.min_by_key(|(_, lane)| lane.running)?.0.clone();
        let lane = self.lanes.get_mut(&destination)?;
        lane.running += 1;
        lane.starting += 1;
        self.running += 1;
        Some(destination)
    }

    /// A worker's first job.
    pub(super) fn take_first(&mut self, destination: &Destination, now: UnixSeconds) -> Option<J> {
        let lane = self.lanes.get_mut(destination)?;
        lane.starting -= 1;
        self.take(destination, now)
    }

    /// A worker's further jobs.
    pub(super) fn take(&mut self, destination: &Destination, now: UnixSeconds) -> Option<J> {
        let lane = self.lanes.get_mut(destination)?;
        lane.last_taken_at = now;
        lane.jobs.pop_front()
    }

    /// A worker left.
    pub(super) fn leave(&mut self, destination: &Destination) {
        self.running -= 1;
        if let Some(lane) = self.lanes.get_mut(destination) {
            lane.running -= 1;
            if lane.is_forgettable() && lane.failures == 0 {
                self.lanes.remove(destination);
            }
        }
    }

    /// A connection came about.
    pub(super) fn reached(&mut self, destination: &Destination) {
        if let Some(lane) = self.lanes.get_mut(destination) {
            lane.failures = 0;
            lane.not_before = UnixSeconds::MIN;
        }
    }

    /// No connection came about: the destination is left alone for a while, and what waits for it is given back.
    pub(super) fn unreachable(
        &mut self,
        destination: &Destination,
        reason: &str,
        rules: &RetryRules,
        now: UnixSeconds,
        random: u64,
    ) -> Vec<J> {
        let lane = self.lanes.entry(destination.clone()).or_default();
        lane.failures += 1;
        lane.not_before = now + rules.destination_pause_s(lane.failures, random);
        reason.clone_into(&mut lane.reason);
        let waiting = lane.jobs.drain(..).collect();
        self.forget_some();
        waiting
    }

    /// Gives back half the work of every destination that has `jobs_min` jobs waiting and took none for `pause_s` seconds:
    /// one server that answers slowly must not keep all others waiting.
    pub(super) fn relieve(&mut self, jobs_min: usize, pause_s: i64, now: UnixSeconds) -> Vec<J> {
        let mut given_back = Vec::new();
        for lane in self.lanes.values_mut() {
            let is_stuck = lane.jobs.len() >= jobs_min && now - lane.last_taken_at >= pause_s;
            if is_stuck {
                given_back.extend(lane.jobs.split_off(lane.jobs.len() / 2));
            }
        }
        given_back
    }

    /// Takes all work off the board.
    pub(super) fn clear(&mut self) -> Vec<J> {
        self.lanes.values_mut().flat_map(|lane| lane.jobs.drain(..)).collect()
    }

    /// How many workers there are.
    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// Keeps the memory of unreachable destinations small; one forgotten too early costs a connection.
    fn forget_some(&mut self) {
        while self.lanes.len() > IDLE_LANES_MAX {
            let idle = self.lanes.iter().filter(|(_, lane)| lane.is_forgettable());
            let Some(first) = idle.min_by_key(|(_, lane)| lane.not_before).map(|(name, _)| name.clone())
            else {
                return;
            };
            self.lanes.remove(&first);
        }
    }
}

impl<J> Lane<J> {
    fn is_forgettable(&self) -> bool {
        self.jobs.is_empty() && self.running == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Domain;

    fn to(name: &str) -> Destination {
        Destination::Domain(Domain::parse(name).unwrap())
    }

    fn board(jobs: &[(&str, u32)]) -> Board<u32> {
        let mut board = Board::new();
        for (name, job) in jobs {
            board.put(to(name), *job, 0);
        }
        board
    }

    #[test]
    fn workers_are_spread_over_destinations() {
        let mut board = board(&[("a.test", 1), ("a.test", 2), ("a.test", 3), ("b.test", 4)]);
        let mut hired: Vec<String> =
            std::iter::from_fn(|| board.hire(10, 2)).map(|to| to.to_string()).collect();
        hired.sort();
        assert_eq!(hired, ["a.test", "a.test", "b.test"]);
        assert_eq!(board.running(), 3);
        assert_eq!(board.hire(3, 5), None, "no place is left");
        assert_eq!(
            (board.take_first(&to("a.test"), 0), board.take_first(&to("a.test"), 0)),
            (Some(1), Some(2))
        );
        assert_eq!(board.take_first(&to("b.test"), 0), Some(4));
        board.leave(&to("b.test"));
        assert_eq!(board.hire(3, 3), Some(to("a.test")), "one job still waits");
        assert_eq!(board.hire(9, 9), None, "and the new worker is for it");
    }

    #[test]
    fn an_unreachable_destination_is_left_alone_then_tried_by_one() {
        let rules = RetryRules::default();
        let mut board = board(&[("a.test", 1), ("a.test", 2), ("a.test", 3)]);
        assert_eq!(board.hire(10, 2), Some(to("a.test")));
        assert_eq!(board.take_first(&to("a.test"), 0), Some(1));
        assert_eq!(board.unreachable(&to("a.test"), "refused", &rules, 0, 60), [2, 3]);
        board.leave(&to("a.test"));
        let alone = board.left_alone(&to("a.test"), 1).unwrap();
        assert_eq!(alone, LeftAlone { until: 300, reason: "refused".to_owned() });
        assert_eq!(board.left_alone(&to("a.test"), 300), None);
        (4..8).for_each(|job| board.put(to("a.test"), job, 300));
        assert_eq!(board.hire(10, 2), Some(to("a.test")));
        board.take_first(&to("a.test"), 300);
        assert_eq!(board.hire(10, 2), None, "one is enough to find out");
        board.reached(&to("a.test"));
        assert_eq!(board.hire(10, 2), Some(to("a.test")));
    }

    #[test]
    fn unreachable_destinations_are_forgotten_when_they_are_many() {
        let mut board = board(&[]);
        for number in 0..2 * IDLE_LANES_MAX {
            board.unreachable(&to(&format!("d{number}.test")), "x", &RetryRules::default(), number as i64, 0);
        }
        assert!(board.lanes.len() <= IDLE_LANES_MAX);
    }

    #[test]
    fn a_stuck_destination_gives_work_back() {
        let mut board = board(&[("a.test", 1), ("a.test", 2), ("a.test", 3), ("a.test", 4), ("b.test", 5)]);
        board.take(&to("b.test"), 100);
        assert_eq!(board.relieve(2, 10, 9), [0; 0]);
        assert_eq!(board.relieve(2, 10, 10), [3, 4]);
        assert_eq!(board.clear().len(), 2);
    }
}
