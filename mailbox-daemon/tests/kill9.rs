//! The promise under `kill -9`: mail pours in and is sorted, the daemon is killed at a random moment and started again, and
//! everything it had acknowledged must be there, once, under a UID that never meant anything else.
//!
//! Fifty rounds with the release build, as `make test` runs it; three with a debug build.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod load;
mod support;

use load::{Log, Look, check_deliveries, check_queue, check_sorted};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use support::demo::{Demo, DemoOptions};

const ROUNDS: u32 = if cfg!(debug_assertions) { 3 } else { 50 };
/// Longest time under load before the kill.
const LOAD_MS_MAX: u64 = 700;

#[test]
fn what_was_acknowledged_outlives_kill_9() {
    let mut demo = Demo::start_with(DemoOptions::set(&["outbound.route.away.test=127.0.0.1:1"]));
    let log = Log::default();
    let mut history = History::default();
    let mut random = Random::new();
    for round in 1..=ROUNDS {
        under_load(&mut demo, &log, Duration::from_millis(5 + random.below(LOAD_MS_MAX)));
        demo.start_again();
        history.check(&demo, &log, round);
    }
    let acknowledged = log.acknowledged();
    println!("{ROUNDS} kills, {acknowledged} deliveries acknowledged and found");
    assert!(acknowledged > ROUNDS as usize, "the load never got going");
}

/// Loads the daemon from all sides and kills it in the middle.
fn under_load(demo: &mut Demo, log: &Log, load: Duration) {
    let shared: &Demo = demo;
    std::thread::scope(|scope| {
        load::pour(scope, shared, log, 1000 / ROUNDS);
        std::thread::sleep(load);
        shared.signal(nix::sys::signal::Signal::SIGKILL);
    });
    demo.wait_for_exit();
}

/// What earlier rounds saw, which no later round may contradict.
#[derive(Default)]
struct History {
    validity: BTreeMap<(&'static str, &'static str), u64>,
    meaning: BTreeMap<(&'static str, &'static str, u32), String>,
    /// What lay there after the round before; each round only touches mail of its own.
    present: BTreeSet<(&'static str, &'static str, u32)>,
    /// The first number the round under way gave out.
    round_start: u32,
}

impl History {
    fn check(&mut self, demo: &Demo, log: &Log, round: u32) {
        let when = format!("round {round}");
        let before = std::mem::take(&mut self.present);
        let ana = self.look(demo, "ana@home.test", &when);
        let ben = self.look(demo, "ben@home.test", &when);
        let lost: Vec<_> = before.difference(&self.present).collect();
        assert!(lost.is_empty(), "{when}: gone since the round before: {lost:?}");
        for place in self.present.difference(&before) {
            let name = &self.meaning[place];
            let number: u32 = name.rsplit('-').next().unwrap().parse().unwrap();
            assert!(number >= self.round_start, "{when}: {name} came back, to {place:?}");
        }
        self.round_start = log.begun();
        check_deliveries(&ana.found()["INBOX"], &log.deliveries.lock().unwrap(), &when);
        let found = ben.found();
        for (name, whereabouts) in log.sorted.lock().unwrap().iter() {
            check_sorted(&found, name, whereabouts, &when);
        }
        check_queue(demo, &log.queued.lock().unwrap(), &when);
    }

    /// Looks at an account and checks its numbers against what was seen before.
    fn look(&mut self, demo: &Demo, account: &'static str, when: &str) -> Look {
        let look = Look::at(demo, account);
        for ((folder, uid), subject) in &look.messages {
            let place = (account, *folder, *uid);
            let known = self.meaning.entry(place).or_insert_with(|| subject.clone());
            assert_eq!(known, subject, "{when}: UID {uid} of {folder} was used twice");
            self.present.insert(place);
        }
        for (folder, (validity, next)) in &look.numbers {
            let before = *self.validity.entry((account, folder)).or_insert(*validity);
            assert_eq!(*validity, before, "{when}: UIDVALIDITY of {folder} changed");
            let highest =
                self.meaning.range((account, *folder, 0)..=(account, *folder, u32::MAX)).next_back();
            assert!(
                highest.is_none_or(|((_, _, uid), _)| u64::from(*uid) < *next),
                "{when}: UIDNEXT of {folder} fell"
            );
        }
        look
    }
}

/// Enough chance for choosing moments; the clock seeds it.
struct Random(u64);

impl Random {
    fn new() -> Random {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Random(since.as_nanos() as u64 | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
