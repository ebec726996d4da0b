//! `queue`: a destination that puts everything off.

use std::thread;
use std::time::{Duration, Instant};

use super::Scale;
use crate::fault::{Fault, Outcome};
use crate::figures::Figures;
use crate::message;
use crate::meter;
use crate::servers::{ANA, SLOW_DOMAIN, Server, Setup, Site};
use crate::smtp::Smtp;

const MESSAGES: u64 = 10_000;
const WARM_UP: u64 = 100;
const CONNECTIONS: u64 = 10;
const MESSAGE_BYTES: usize = 2048;
const PSS_EVERY: Duration = Duration::from_millis(200);
/// Long enough for a first attempt at each to be seen in the memory.
const AFTER: Duration = Duration::from_secs(10);

/// One account sends more in a minute than a household in a year.
pub const SETUP: Setup = Setup {
    ours: &["submission.messages_per_day=1000000", "submission.recipients_per_day=1000000"],
    ..Setup::USUAL
};

/// Submits over ten connections and watches the memory until a while after the last `250`.
pub fn run(site: &Site, scale: Scale, figures: &mut Figures) -> Outcome<()> {
    let messages = scale.count(MESSAGES);
    let server = site.start_with(SETUP)?;
    submit(&server, SLOW_DOMAIN, 0..WARM_UP)?;
    thread::sleep(Duration::from_secs(2));
    let base_kib = server.tree.memory().pss_kib;

    let cpu_before = server.tree.cpu();
    let (submitted, peak_kib) = meter::peak_pss_kib(&server.tree, PSS_EVERY, || -> Outcome<Duration> {
        let start = Instant::now();
        submit(&server, SLOW_DOMAIN, WARM_UP..WARM_UP + messages)?;
        let took = start.elapsed();
        thread::sleep(AFTER);
        Ok(took)
    });
    figures.put("queue.submit_per_s", messages as f64 / submitted?.as_secs_f64());
    figures.put("queue.base_pss_kib", base_kib as f64);
    figures.put("queue.more_pss_kib", peak_kib.saturating_sub(base_kib) as f64);
    figures.put(
        "queue.cpu_ms_per_message",
        meter::ms(server.tree.cpu().saturating_sub(cpu_before)) / messages as f64,
    );
    server.stop()
}

/// Submits messages to a domain over ten connections.
pub fn submit(server: &Server, domain: &str, serials: std::ops::Range<u64>) -> Outcome<()> {
    thread::scope(|scope| {
        let senders: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                let serials = (serials.start + connection..serials.end).step_by(CONNECTIONS as usize);
                scope.spawn(move || over_one_connection(server, domain, serials))
            })
            .collect();
        for sender in senders {
            sender.join().map_err(|_| Fault::Setup("a sender panicked".into()))??;
        }
        Ok(())
    })
}

fn over_one_connection(server: &Server, domain: &str, serials: impl Iterator<Item = u64>) -> Outcome<()> {
    let mut smtp = Smtp::submit_to(&server.doors.submission)?;
    for serial in serials {
        let message = message::text_from(ANA, serial, MESSAGE_BYTES);
        smtp.send(ANA, &format!("someone{serial}@{domain}"), &message)?;
    }
    smtp.quit()
}
