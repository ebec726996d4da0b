//! Which destination has which work, who works on it, and which ones are left alone for a while.
//!
//! No I/O and no clock: the dispatcher and its workers share one board behind a lock.

use policy::priority::Priority;
use policy::route::Destination;
use policy::schedule::RetryRules;
use std::collections::{HashMap, VecDeque};
use types::UnixSeconds;

/// Destinations remembered only because they could not be reached.
const IDLE_LANES_MAX: usize = 500;
/// A destination whose workers took nothing new for so long is slow; its workers do not count as busy, so that others are
/// hired in their place.
const SLOW_S: i64 = 30;
/// So many times as many workers as may be busy are hired at most, slow ones counted.
const SLOW_FACTOR: usize = 4;

/// Work and workers by destination.
pub(super) struct Board<J> {
    lanes: HashMap<Destination, Lane<J>>,
    running: usize,
    /// Of these, hired where only bulk mail was waiting.
    running_for_bulk: usize,
}

/// How many workers there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Staff {
    pub(super) running_max: usize,
    pub(super) per_destination_max: usize,
}

/// A worker's place: where it works, and whether it was hired for bulk mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hired {
    pub(super) destination: Destination,
    pub(super) priority: Priority,
}

/// One destination.
struct Lane<J> {
    interactive: VecDeque<J>,
    bulk: VecDeque<J>,
    running: usize,
    /// Of these, hired and without a first job yet.
    starting: usize,
    /// Connections that failed in a row.
    failures: u32,
    /// Whether the server has answered a message since the lane is there.
    has_worked: bool,
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
            interactive: VecDeque::new(),
            bulk: VecDeque::new(),
            running: 0,
            starting: 0,
            failures: 0,
            has_worked: false,
            not_before: UnixSeconds::MIN,
            reason: String::new(),
            last_taken_at: UnixSeconds::MAX,
        }
    }
}

impl<J> Board<J> {
    pub(super) fn new() -> Board<J> {
        Board { lanes: HashMap::new(), running: 0, running_for_bulk: 0 }
    }

    /// Whether a destination is left alone now.
    pub(super) fn left_alone(&self, destination: &Destination, now: UnixSeconds) -> Option<LeftAlone> {
        let lane = self.lanes.get(destination).filter(|lane| lane.not_before > now)?;
        Some(LeftAlone { until: lane.not_before, reason: lane.reason.clone() })
    }

    /// Adds work.
    pub(super) fn put(&mut self, destination: Destination, job: J, priority: Priority, now: UnixSeconds) {
        let lane = self.lanes.entry(destination).or_default();
        if lane.waiting() == 0 && lane.running == 0 {
            lane.last_taken_at = now;
        }
        match priority {
            Priority::Interactive => lane.interactive.push_back(job),
            Priority::Bulk => lane.bulk.push_back(job),
        }
    }

    /// A place for another worker, counted as taken from now on. A destination gets a single worker until it has worked; bulk
    /// mail leaves a quarter of the places, and one at least, to other mail.
    pub(super) fn hire(&mut self, staff: Staff, now: UnixSeconds) -> Option<Hired> {
        let slow: usize = self.lanes.values().filter(|lane| lane.is_slow(now)).map(|lane| lane.running).sum();
        let busy = self.running - slow;
        if busy >= staff.running_max || self.running >= staff.running_max.saturating_mul(SLOW_FACTOR) {
            return None;
        }
        let bulk_max = (staff.running_max - (staff.running_max / 4).max(1)).max(1);
        let has_room_for_bulk = self.running_for_bulk < bulk_max;
        let wants = |lane: &Lane<J>| {
            let most = if lane.is_trusted() { staff.per_destination_max } else { 1 };
            lane.waiting() > lane.starting
                && lane.running < most
                && (has_room_for_bulk || !lane.interactive.is_empty())
        };
        // Those with fewest workers first: one busy destination must not take every place.
        let candidates = self.lanes.iter().filter(|(_, lane)| wants(lane));
        let destination =
            candidates.min_by_key(|(_, lane)| (lane.interactive.is_empty(), lane.running))?.0.clone();
        let lane = self.lanes.get_mut(&destination)?;
        lane.running += 1;
        lane.starting += 1;
        self.running += 1;
        let priority = if lane.interactive.is_empty() { Priority::Bulk } else { Priority::Interactive };
        self.running_for_bulk += usize::from(priority == Priority::Bulk);
        Some(Hired { destination, priority })
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
        lane.interactive.pop_front().or_else(|| lane.bulk.pop_front())
    }

    /// A worker left.
    pub(super) fn leave(&mut self, hired: &Hired) {
        self.running -= 1;
        self.running_for_bulk -= usize::from(hired.priority == Priority::Bulk);
        if let Some(lane) = self.lanes.get_mut(&hired.destination) {
            lane.running -= 1;
            if lane.is_forgettable() && lane.failures == 0 {
                self.lanes.remove(&hired.destination);
            }
        }
    }

    /// Whether work waits that no worker was hired for.
    pub(super) fn is_short_of_workers(&self) -> bool {
        self.lanes.values().any(|lane| lane.waiting() > 0 && lane.running == 0)
    }

    /// The server judged a message, however it did.
    pub(super) fn worked(&mut self, destination: &Destination) {
        if let Some(lane) = self.lanes.get_mut(destination) {
            lane.has_worked = true;
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
        lane.has_worked = false;
        lane.not_before = now + rules.destination_pause_s(lane.failures, random);
        reason.clone_into(&mut lane.reason);
        let waiting = lane.drain().collect();
        self.forget_some();
        waiting
    }

    /// Gives back half the work of every destination that has `jobs_min` jobs waiting and took none for `pause_s` seconds:
    /// one server that answers slowly must not keep all others waiting.
    pub(super) fn relieve(&mut self, jobs_min: usize, pause_s: i64, now: UnixSeconds) -> Vec<J> {
        let mut given_back = Vec::new();
        for lane in self.lanes.values_mut() {
            if lane.waiting() >= jobs_min && now - lane.last_taken_at >= pause_s {
                let kept = lane.waiting() / 2;
                let bulk_kept = kept.saturating_sub(lane.interactive.len());
                given_back.extend(lane.bulk.split_off(bulk_kept.min(lane.bulk.len())));
                given_back.extend(lane.interactive.split_off(kept.min(lane.interactive.len())));
            }
        }
        given_back
    }

    /// Takes all work off the board.
    pub(super) fn clear(&mut self) -> Vec<J> {
        self.lanes.values_mut().flat_map(Lane::drain).collect()
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
    fn waiting(&self) -> usize {
        self.interactive.len() + self.bulk.len()
    }

    fn drain(&mut self) -> impl Iterator<Item = J> {
        self.interactive.drain(..).chain(self.bulk.drain(..))
    }

    /// Whether the server may have more than one connection.
    fn is_trusted(&self) -> bool {
        self.has_worked && self.failures == 0
    }

    fn is_slow(&self, now: UnixSeconds) -> bool {
        self.running > 0 && now.saturating_sub(self.last_taken_at) >= SLOW_S
    }

    fn is_forgettable(&self) -> bool {
        self.waiting() == 0 && self.running == 0
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
            board.put(to(name), *job, Priority::Interactive, 0);
        }
        board
    }

    fn staff(running_max: usize, per_destination_max: usize) -> Staff {
        Staff { running_max, per_destination_max }
    }

    fn hire(board: &mut Board<u32>, staff: Staff, now: UnixSeconds) -> Option<String> {
        board.hire(staff, now).map(|hired| hired.destination.to_string())
    }

    #[test]
    fn workers_are_spread_over_destinations_once_these_have_worked() {
        let mut board = board(&[("a.test", 1), ("a.test", 2), ("a.test", 3), ("b.test", 4)]);
        let mut hired: Vec<String> = std::iter::from_fn(|| hire(&mut board, staff(10, 2), 0)).collect();
        hired.sort();
        assert_eq!(hired, ["a.test", "b.test"], "one each, to begin with");
        assert_eq!(board.take_first(&to("a.test"), 0), Some(1));
        assert_eq!(hire(&mut board, staff(10, 2), 0), None, "it has not answered yet");
        board.worked(&to("a.test"));
        assert_eq!(hire(&mut board, staff(2, 5), 0), None, "no place is left");
        assert_eq!(hire(&mut board, staff(10, 2), 0).as_deref(), Some("a.test"));
        assert_eq!(board.take_first(&to("a.test"), 0), Some(2));
        assert_eq!(board.take_first(&to("b.test"), 0), Some(4));
        board.leave(&Hired { destination: to("b.test"), priority: Priority::Interactive });
        assert_eq!(hire(&mut board, staff(3, 3), 0).as_deref(), Some("a.test"), "one job still waits");
        assert_eq!(hire(&mut board, staff(9, 9), 0), None, "and the new worker is for it");
    }

    #[test]
    fn a_letter_never_waits_for_a_newsletter() {
        let mut board = board(&[]);
        for number in 0..10 {
            board.put(to(&format!("d{number}.test")), number, Priority::Bulk, 0);
        }
        let hired = std::iter::from_fn(|| hire(&mut board, staff(8, 2), 0)).count();
        assert_eq!(hired, 6, "a quarter of the places is left");
        board.put(to("friend.test"), 99, Priority::Interactive, 0);
        assert_eq!(hire(&mut board, staff(8, 2), 0).as_deref(), Some("friend.test"));
        board.put(to("d0.test"), 98, Priority::Interactive, 0);
        assert_eq!(board.take(&to("d0.test"), 0), Some(98), "nor in the same lane");
    }

    #[test]
    fn slow_destinations_do_not_keep_others_waiting() {
        let mut board = board(&[("a.test", 1), ("b.test", 2), ("c.test", 3)]);
        for _ in 0..2 {
            let slow = board.hire(staff(2, 1), 0).unwrap().destination;
            board.take_first(&slow, 0).unwrap();
        }
        assert!(board.is_short_of_workers());
        assert_eq!(hire(&mut board, staff(2, 1), SLOW_S - 1), None);
        assert!(hire(&mut board, staff(2, 1), SLOW_S).is_some());
        assert!(!board.is_short_of_workers());
    }

    #[test]
    fn an_unreachable_destination_is_left_alone_then_tried_by_one() {
        let rules = RetryRules::default();
        let mut board = board(&[("a.test", 1), ("a.test", 2), ("a.test", 3)]);
        let hired = board.hire(staff(10, 2), 0).unwrap();
        assert_eq!(board.take_first(&to("a.test"), 0), Some(1));
        board.worked(&to("a.test"));
        assert_eq!(board.unreachable(&to("a.test"), "refused", &rules, 0, 60), [2, 3]);
        board.leave(&hired);
        let alone = board.left_alone(&to("a.test"), 1).unwrap();
        assert_eq!(alone, LeftAlone { until: 300, reason: "refused".to_owned() });
        assert_eq!(board.left_alone(&to("a.test"), 300), None);
        (4..8).for_each(|job| board.put(to("a.test"), job, Priority::Interactive, 300));
        assert!(board.hire(staff(10, 2), 300).is_some());
        board.take_first(&to("a.test"), 300);
        assert_eq!(board.hire(staff(10, 2), 300), None, "one is enough to find out");
        board.reached(&to("a.test"));
        assert_eq!(board.hire(staff(10, 2), 300), None, "a connection is not yet a delivery");
        board.worked(&to("a.test"));
        assert!(board.hire(staff(10, 2), 300).is_some());
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
        let mut board = board(&[("a.test", 1), ("a.test", 2), ("a.test", 3), ("b.test", 5)]);
        board.put(to("a.test"), 4, Priority::Bulk, 0);
        board.take(&to("b.test"), 100);
        assert_eq!(board.relieve(2, 10, 9), [0; 0]);
        assert_eq!(board.relieve(2, 10, 10), [4, 3]);
        assert_eq!(board.clear().len(), 2);
    }
}
