//! `idle`: what the box costs when nothing happens.

use std::thread;
use std::time::Duration;

use super::{STRANGER, Scale, VISIBLE_LIMIT};
use crate::fault::Outcome;
use crate::figures::Figures;
use crate::imap::Door;
use crate::message;
use crate::meter;
use crate::servers::{ANA, Site};
use crate::smtp::Smtp;

/// Postfix keeps its idle processes for 100 s; the others get the same time to calm down.
const SETTLE: Duration = Duration::from_secs(115);
const SETTLE_QUICK: Duration = Duration::from_secs(5);
const WATCH: Duration = Duration::from_secs(10);

/// Starts, delivers one message, reads it, waits, and looks.
pub fn run(site: &Site, scale: Scale, figures: &mut Figures) -> Outcome<()> {
    let server = site.start()?;
    let mut smtp = Smtp::connect(server.doors.smtp)?;
    smtp.send(STRANGER, ANA, &message::text(1, 8192))?;
    smtp.quit()?;
    let mut imap = server.imap(Door::Imap, ANA)?;
    imap.wait_for_messages("INBOX", 1, VISIBLE_LIMIT)?;
    imap.command("SELECT INBOX")?;
    imap.command("FETCH 1 (UID ENVELOPE BODY.PEEK[])")?;
    imap.command("LOGOUT")?;
    thread::sleep(if scale.quick { SETTLE_QUICK } else { SETTLE });
    let ((), quiet) = meter::cost(&server.tree, || thread::sleep(WATCH));
    let memory = server.tree.memory();
    figures.put("idle.pss_kib", memory.pss_kib as f64);
    figures.put("idle.pss_anonymous_kib", memory.anonymous_kib as f64);
    figures.put("idle.processes", memory.processes as f64);
    figures.put("idle.cpu_ms_per_minute", meter::ms(quiet.cpu) * 60.0 / WATCH.as_secs_f64());
    server.stop()
}
