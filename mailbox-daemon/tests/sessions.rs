//! Several mail programs at work on the same mailboxes. What each believes, from what it was told alone, must be what is there:
//! step by step against a model while the daemon is stopped, killed and loses its index, and among clients that all work at once.
//!
//! A run is repeated by its seed: `SESSIONS_SEED=7 cargo test --test sessions`.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod session;
mod support;

use session::Random;
use session::client::{Client, Speaks};
use session::worker::Worker;
use session::world::World;
use support::demo::Demo;

const SEEDS: u64 = 3;
const STEPS: usize = 500;
/// After so many steps the daemon goes down, each time in another way.
const STEPS_BETWEEN_STOPS: usize = 83;

#[test]
fn sessions_believe_what_the_model_says() {
    let asked = std::env::var("SESSIONS_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let seeds = asked.map_or(1..SEEDS + 1, |seed| seed..seed + 1);
    for seed in seeds {
        println!("SESSIONS_SEED={seed}");
        let mut world = World::new(seed);
        for step in 1..=STEPS {
            world.step();
            if step % STEPS_BETWEEN_STOPS == 0 {
                world.stop_and_start(step / STEPS_BETWEEN_STOPS);
            }
        }
        world.settle();
    }
}

/// Several clients work on one mailbox at once, each in its own way; when all have stopped and asked once more, each believes
/// what a newcomer is told.
fn work_at_once(clients: usize, rounds: usize, commands: usize) {
    let demo = Demo::start();
    let mut first = Client::new(&demo, "first", Speaks::Plain);
    for number in 0..30 {
        first.append("INBOX", "", &format!("Subject: {number}\r\n\r\nhello\r\n")).ok();
    }
    drop(first);
    let mut workers: Vec<Worker> = (0..clients)
        .map(|number| {
            let speaks = Speaks::ALL[number % Speaks::ALL.len()];
            let mut client = Client::new(&demo, &format!("client {number}"), speaks);
            client.select("INBOX", false);
            Worker { client, random: Random::new(number as u64) }
        })
        .collect();
    let mut newcomer = Client::new(&demo, "newcomer", Speaks::Plain);
    for _ in 0..rounds {
        std::thread::scope(|scope| {
            for worker in &mut workers {
                scope.spawn(|| worker.work(commands));
            }
        });
        newcomer.select("INBOX", true);
        for worker in &mut workers {
            worker.client.command("NOOP").ok();
            worker.client.learn();
            let report = worker.client.report();
            assert_eq!(worker.client.belief.messages, newcomer.belief.messages, "{report}");
        }
    }
}

#[test]
fn clients_that_change_one_mailbox_agree_in_the_end() {
    work_at_once(8, 4, 40);
}

#[test]
fn fifty_busy_sessions_agree_in_the_end() {
    work_at_once(50, 1, 12);
}
