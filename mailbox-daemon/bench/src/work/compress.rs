//! `compress`: the same bodies with and without COMPRESS=DEFLATE, both under TLS (RFC 4978).

use super::{Scale, median_of};
use crate::fault::Outcome;
use crate::figures::Figures;
use crate::imap::{Door, Imap};
use crate::servers::{BEN, Setup, Site};

const MESSAGES: u64 = 1000;
const ROUNDS: usize = 5;
const SETUP: Setup = Setup {
    ours: &["search.fulltext=false"],
    dovecot: "mail_plugins = zlib\nprotocol imap {\n  mail_plugins = zlib imap_zlib\n}\n",
    ..Setup::USUAL
};

/// Fetches 1,000 bodies in one command, plain and deflated.
pub fn run(site: &Site, scale: Scale, figures: &mut Figures) -> Outcome<()> {
    let messages = scale.count(MESSAGES);
    site.start_with(SETUP)?.stop()?; // makes the accounts
    site.fill_inbox("ben", messages)?;
    let server = site.start_with(SETUP)?;
    let session = || -> Outcome<Imap> { server.imap(Door::Imaps, BEN) };
    let mut wire_bytes = Vec::new();
    for (name, mut imap) in [("plain", session()?), ("deflated", session()?.compress()?)] {
        imap.command("SELECT INBOX")?;
        imap.command("FETCH 1:* (BODY.PEEK[])")?;
        let before = imap.wire_bytes_read();
        let rounds = scale.rounds(ROUNDS);
        let costs = super::repeat(&server, rounds, |_| imap.command("FETCH 1:* (BODY.PEEK[])").map(drop))?;
        median_of(figures, &format!("compress.bodies_{name}"), &costs);
        wire_bytes.push((imap.wire_bytes_read() - before) as f64 / rounds as f64);
    }
    figures.put("compress.wire_bytes_per_byte", wire_bytes[1] / wire_bytes[0]);
    server.stop()
}
