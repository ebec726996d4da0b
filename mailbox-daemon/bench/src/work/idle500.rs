//! `idle500` and `tls500`: a household of many phones.

use std::time::{Duration, Instant};

use super::{STRANGER, Scale};
use crate::fault::Outcome;
use crate::figures::Figures;
use crate::imap::{Door, Imap};
use crate::message;
use crate::servers::{ANA, Server, Setup, Site};
use crate::smtp::Smtp;

const SESSIONS: u64 = 500;
/// By itself Dovecot takes 100 sessions under TLS, a process each.
const TLS_SETUP: Setup = Setup { dovecot: "service imap-login {\n  service_count = 0\n}\n", ..Setup::USUAL };
const SETTLE: Duration = Duration::from_secs(3);

/// Sessions in the clear.
pub fn run(site: &Site, scale: Scale, figures: &mut Figures) -> Outcome<()> {
    let server = site.start()?;
    sessions("idle500", &server, Door::Imap, scale, figures)?;
    server.stop()
}

/// Sessions under TLS.
pub fn run_tls(site: &Site, scale: Scale, figures: &mut Figures) -> Outcome<()> {
    let server = site.start_with(TLS_SETUP)?;
    sessions("tls500", &server, Door::Imaps, scale, figures)?;
    server.stop()
}

/// Opens all sessions, looks at the memory, delivers one message and waits until every session has heard of it.
fn sessions(name: &str, server: &Server, door: Door, scale: Scale, figures: &mut Figures) -> Outcome<()> {
    let sessions = scale.count(SESSIONS);
    let mut smtp = Smtp::connect(server.doors.smtp)?;
    let _first = session(server, door)?; // what the first one costs is not the price of a session
    std::thread::sleep(SETTLE);
    let before_kib = server.tree.memory().pss_kib;

    let start = Instant::now();
    let open = (0..sessions).map(|_| session(server, door)).collect::<Outcome<Vec<Imap>>>()?;
    figures.put_ms(format!("{name}.open_ms"), start.elapsed());
    std::thread::sleep(SETTLE);
    let after_kib = server.tree.memory().pss_kib;
    let more_kib = after_kib.saturating_sub(before_kib) as f64;
    figures.put(format!("{name}.kib_per_session"), more_kib / sessions as f64);

    let taken = smtp.send(STRANGER, ANA, &message::text(1, 8192))?;
    let mut last = taken.acknowledged;
    for mut session in open {
        last = last.max(session.wait_for_exists()?);
    }
    figures
        .put_ms(format!("{name}.wake_all_after_ack_ms"), last.saturating_duration_since(taken.acknowledged));
    smtp.quit()
}

fn session(server: &Server, door: Door) -> Outcome<Imap> {
    let mut imap = server.imap(door, ANA)?;
    imap.command("SELECT INBOX")?;
    imap.idle()?;
    Ok(imap)
}
