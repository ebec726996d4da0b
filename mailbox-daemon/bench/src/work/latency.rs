//! `latency`: one message at a time, with nobody else there.

use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use super::{STRANGER, Scale};
use crate::fault::{Fault, Outcome};
use crate::figures::Figures;
use crate::imap::Door;
use crate::message;
use crate::meter;
use crate::servers::{ANA, Server, Site};
use crate::smtp::{Smtp, Taken};
use crate::syscalls;

const MESSAGES: u64 = 200;
const MESSAGES_TRACED: u64 = 50;
const WARM_UP: u64 = 5;
const MESSAGE_BYTES: usize = 8192;
const SEEN_LIMIT: Duration = Duration::from_secs(40);

/// Measures answers and wake-ups, then counts syncs in a second pass.
pub fn run(site: &Site, scale: Scale, figures: &mut Figures) -> Outcome<()> {
    let server = site.start()?;
    let seen = watch_inbox(&server)?;
    let mut smtp = Smtp::connect(server.doors.smtp)?;
    one_by_one(&mut smtp, &seen, 0..WARM_UP)?;

    let messages = scale.count(MESSAGES);
    let (timed, cost) =
        meter::cost(&server.tree, || one_by_one(&mut smtp, &seen, WARM_UP..WARM_UP + messages));
    let timed = timed?;
    let ack: Vec<Duration> = timed.iter().map(|(taken, _)| taken.acknowledged - taken.started).collect();
    let exists: Vec<Duration> =
        timed.iter().map(|(taken, seen)| seen.saturating_duration_since(taken.acknowledged)).collect();
    for (percent, name) in [(50, "p50"), (99, "p99")] {
        figures.put_ms(format!("latency.ack_{name}_ms"), meter::percentile(&ack, percent));
        figures.put_ms(format!("latency.exists_after_ack_{name}_ms"), meter::percentile(&exists, percent));
    }
    figures.put("latency.cpu_ms_per_message", meter::ms(cost.cpu) / messages as f64);

    let traced = scale.count(MESSAGES_TRACED);
    let first = WARM_UP + messages;
    let (sent, counts) =
        syscalls::count(&server.tree, site.folder(), || one_by_one(&mut smtp, &seen, first..first + traced))?;
    sent?;
    if let Some(counts) = counts {
        figures.put("latency.syncs_per_message", counts.syncs as f64 / traced as f64);
    }
    smtp.quit()?;
    server.stop()
}

/// An IDLE client of its own thread; tells the time of every EXISTS, until the server is gone.
fn watch_inbox(server: &Server) -> Outcome<Receiver<Instant>> {
    let mut imap = server.imap(Door::Imap, ANA)?;
    imap.command("SELECT INBOX")?;
    imap.idle()?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        while let Ok(seen) = imap.wait_for_exists() {
            if sender.send(seen).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// Sends the next message only when the last one was seen.
fn one_by_one(
    smtp: &mut Smtp,
    seen: &Receiver<Instant>,
    serials: std::ops::Range<u64>,
) -> Outcome<Vec<(Taken, Instant)>> {
    let send = |serial| {
        let taken = smtp.send(STRANGER, ANA, &message::text(serial, MESSAGE_BYTES))?;
        let late = |_| Fault::Late { what: "an IDLE client hearing of a message".into(), limit: SEEN_LIMIT };
        Ok((taken, seen.recv_timeout(SEEN_LIMIT).map_err(late)?))
    };
    serials.map(send).collect()
}
