//! `idle500`: a household of many phones.

use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{STRANGER, Scale};
use crate::fault::{Doing, Fault, Outcome};
use crate::figures::Figures;
use crate::imap::{Imap, is_exists};
use crate::message;
use crate::servers::{ANA, PASSWORD, Site};
use crate::smtp::Smtp;

const SESSIONS: u64 = 500;
const WAKE_LIMIT: Duration = Duration::from_mins(1);
const SETTLE: Duration = Duration::from_secs(3);

/// Opens all sessions, looks at the memory, delivers one message and waits until every session has heard of it.
pub fn run(site: &Site, scale: Scale, figures: &mut Figures) -> Outcome<()> {
    let sessions = scale.count(SESSIONS);
    let server = site.start()?;
    let mut smtp = Smtp::connect(server.doors.smtp)?;
    let session = || -> Outcome<Imap> {
        let mut imap = Imap::login(server.doors.imap, ANA, PASSWORD)?;
        imap.command("SELECT INBOX")?;
        imap.idle()?;
        Ok(imap)
    };
    let _first = session()?; // what the first one costs is not the price of a session
    std::thread::sleep(SETTLE);
    let before_kib = server.tree.memory().pss_kib;

    let start = Instant::now();
    let open = (0..sessions).map(|_| session()).collect::<Outcome<Vec<Imap>>>()?;
    figures.put_ms("idle500.open_ms", start.elapsed());
    std::thread::sleep(SETTLE);
    let after_kib = server.tree.memory().pss_kib;
    figures.put("idle500.kib_per_session", after_kib.saturating_sub(before_kib) as f64 / sessions as f64);

    let taken = smtp.send(STRANGER, ANA, &message::text(1, 8192))?;
    let last = wait_for_all(&open)?;
    figures.put_ms("idle500.wake_all_after_ack_ms", last.saturating_duration_since(taken.acknowledged));
    smtp.quit()?;
    drop(open);
    server.stop()
}

/// When the last of the sessions heard of the message.
fn wait_for_all(sessions: &[Imap]) -> Outcome<Instant> {
    let deadline = Instant::now() + WAKE_LIMIT;
    let mut waiting: Vec<&Imap> = sessions.iter().collect();
    for session in &waiting {
        session.stream().set_nonblocking(true).doing("making a session non-blocking")?;
    }
    while !waiting.is_empty() {
        let mut polled: Vec<PollFd> =
            waiting.iter().map(|session| PollFd::new(session.stream().as_fd(), PollFlags::POLLIN)).collect();
        poll(&mut polled, PollTimeout::from(1000_u16)).doing("waiting for the sessions")?;
        let ready: Vec<bool> = polled.iter().map(|polled| polled.any().unwrap_or(false)).collect();
        let mut deaf = Vec::new();
        for (session, ready) in waiting.into_iter().zip(ready) {
            if !(ready && hears(session)?) {
                deaf.push(session);
            }
        }
        waiting = deaf;
        if Instant::now() > deadline {
            let what = format!("waking {} of {} sessions", waiting.len(), sessions.len());
            return Err(Fault::Late { what, limit: WAKE_LIMIT });
        }
    }
    Ok(Instant::now())
}

fn hears(session: &Imap) -> Outcome<bool> {
    let mut bytes = [0; 4096];
    match session.stream().read(&mut bytes) {
        Ok(0) => Err(Fault::Setup("the server closed an idle session".into())),
        Ok(count) => Ok(is_exists(&bytes[..count])),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error).doing("reading an idle session"),
    }
}
