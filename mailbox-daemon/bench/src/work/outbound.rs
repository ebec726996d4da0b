//! `outbound`: mail that goes through: submitted, queued, handed to a server elsewhere.

use std::thread;
use std::time::{Duration, Instant};

use super::Scale;
use super::queue::{SETUP, submit};
use crate::fault::{Fault, Outcome};
use crate::figures::Figures;
use crate::meter;
use crate::servers::{FAST_DOMAIN, Server, Site};
use crate::sink;

const MESSAGES: u64 = 10_000;
const WARM_UP: u64 = 100;
const PSS_EVERY: Duration = Duration::from_millis(200);
/// No wait for the last message is longer.
const ARRIVAL_LIMIT: Duration = Duration::from_mins(5);

/// Submits over ten connections, and waits until the sink has all of it.
pub fn run(site: &Site, scale: Scale, figures: &mut Figures) -> Outcome<()> {
    let messages = scale.count(MESSAGES);
    let server = site.start_with(SETUP)?;
    let before = sink::taken();
    through(&server, before, 0..WARM_UP)?;
    thread::sleep(Duration::from_secs(2));
    let base_kib = server.tree.memory().pss_kib;

    let cpu_before = server.tree.cpu();
    let (done, peak_kib) = meter::peak_pss_kib(&server.tree, PSS_EVERY, || -> Outcome<[Duration; 2]> {
        let start = Instant::now();
        let submitted = through(&server, before, WARM_UP..WARM_UP + messages)? - start;
        Ok([submitted, start.elapsed()])
    });
    let [submitted, delivered] = done?;
    figures.put("outbound.submit_per_s", messages as f64 / submitted.as_secs_f64());
    figures.put("outbound.messages_per_s", messages as f64 / delivered.as_secs_f64());
    figures.put("outbound.more_pss_kib", peak_kib.saturating_sub(base_kib) as f64);
    let cpu = meter::ms(server.tree.cpu().saturating_sub(cpu_before));
    figures.put("outbound.cpu_ms_per_message", cpu / messages as f64);
    server.stop()
}

/// Says when the last message was accepted; returns when the last has arrived. `before` is what the sink had at first.
fn through(server: &Server, before: u64, serials: std::ops::Range<u64>) -> Outcome<Instant> {
    let all = before + serials.end;
    submit(server, FAST_DOMAIN, serials)?;
    let submitted = Instant::now();
    while sink::taken() < all {
        if submitted.elapsed() > ARRIVAL_LIMIT {
            return Err(Fault::Late { what: "mail at the sink".into(), limit: ARRIVAL_LIMIT });
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(submitted)
}
