//! `big25`: whether the memory of the box depends on the size of a message.

use std::thread;
use std::time::{Duration, Instant};

use super::{STRANGER, Scale, VISIBLE_LIMIT};
use crate::fault::Outcome;
use crate::figures::Figures;
use crate::imap::Door;
use crate::message;
use crate::meter;
use crate::servers::{ANA, Site};
use crate::smtp::Smtp;

/// Just under the 25 MiB that both servers announce, with room for the lines they add.
const MESSAGE_BYTES: usize = 25 * 1024 * 1024 - 16 * 1024;
const PSS_EVERY: Duration = Duration::from_millis(2);

/// Sends a small message, then the big one.
pub fn run(site: &Site, _scale: Scale, figures: &mut Figures) -> Outcome<()> {
    let server = site.start()?;
    let mut imap = server.imap(Door::Imap, ANA)?;
    let mut smtp = Smtp::connect(server.doors.smtp)?;
    smtp.send(STRANGER, ANA, &message::text(1, 8192))?;
    imap.wait_for_messages("INBOX", 1, VISIBLE_LIMIT)?;
    let ((), base_kib) =
        meter::peak_pss_kib(&server.tree, PSS_EVERY, || thread::sleep(Duration::from_secs(1)));

    let message = message::attachment(2, MESSAGE_BYTES);
    let (visible, peak_kib) = meter::peak_pss_kib(&server.tree, PSS_EVERY, || -> Outcome<Duration> {
        let start = Instant::now();
        smtp.send(STRANGER, ANA, &message)?;
        imap.wait_for_messages("INBOX", 2, VISIBLE_LIMIT)?;
        Ok(start.elapsed())
    });
    figures.put_ms("big25.visible_ms", visible?);
    figures.put("big25.more_pss_kib", peak_kib.saturating_sub(base_kib) as f64);
    smtp.quit()?;
    server.stop()
}
