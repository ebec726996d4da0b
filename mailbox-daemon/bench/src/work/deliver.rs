//! `deliver8k` and `deliver1m`: many messages over ten connections, timed until all are visible in IMAP.

use std::thread;
use std::time::{Duration, Instant};

use super::{STRANGER, Scale, VISIBLE_LIMIT};
use crate::checks::NameServer;
use crate::fault::{Fault, Outcome};
use crate::figures::Figures;
use crate::imap::{Door, Imap};
use crate::message;
use crate::meter::{self, Device};
use crate::servers::{ANA, Server, Setup, Site};
use crate::smtp::Smtp;
use crate::syscalls::{self, Counts};

const CONNECTIONS: u64 = 10;
const PSS_EVERY: Duration = Duration::from_millis(50);

/// 1,000 x 8 KiB.
pub fn run_8k(site: &Site, scale: Scale, figures: &mut Figures) -> Outcome<()> {
    let messages = scale.count(1000);
    run(
        site,
        "deliver8k",
        Load { messages, make: |serial| message::text(serial, 8192) },
        scale.rounds(3),
        figures,
    )
}

/// 100 x 1 MiB.
pub fn run_1m(site: &Site, scale: Scale, figures: &mut Figures) -> Outcome<()> {
    let messages = scale.count(100);
    let make = |serial| message::attachment(serial, 1 << 20);
    run(site, "deliver1m", Load { messages, make }, scale.rounds(3), figures)
}

/// 1,000 x 8 KiB of a sender that everything is published about: SPF, a signature, DMARC, names, lists.
pub fn run_checked(site: &Site, scale: Scale, figures: &mut Figures) -> Outcome<()> {
    let names = NameServer::start(site.folder())?;
    let setup = Setup { names: Some(names.address), ..Setup::USUAL };
    let load = Load { messages: scale.count(1000), make: message::signed };
    run_with(site, "checked8k", load, scale.rounds(3), setup, figures)
}

/// What one pass delivers.
#[derive(Clone, Copy)]
struct Load {
    messages: u64,
    make: fn(u64) -> Vec<u8>,
}

/// One pass with nothing else going on.
struct Round {
    wall: Duration,
    cpu: Duration,
    device_bytes: u64,
    acks: Vec<Duration>,
}

fn run(site: &Site, name: &str, load: Load, rounds: usize, figures: &mut Figures) -> Outcome<()> {
    run_with(site, name, load, rounds, Setup::USUAL, figures)
}

fn run_with(
    site: &Site,
    name: &str,
    load: Load,
    rounds: usize,
    setup: Setup,
    figures: &mut Figures,
) -> Outcome<()> {
    let server = site.start_with(setup)?;
    let mut watcher = Watcher::new(&server)?;
    watcher.deliver(&server, Load { messages: CONNECTIONS, ..load })?; // warm-up

    let device = Device::of(site.folder());
    let rounds = (0..rounds)
        .map(|_| timed(&server, &mut watcher, load, device.as_ref()))
        .collect::<Outcome<Vec<Round>>>()?;
    put_rounds(name, load, &rounds, device.is_some(), figures);

    let (delivered, peak_kib) =
        meter::peak_pss_kib(&server.tree, PSS_EVERY, || watcher.deliver(&server, load));
    delivered?;
    figures.put(format!("{name}.peak_pss_kib"), peak_kib as f64);

    let (delivered, counts) =
        syscalls::count(&server.tree, site.folder(), || watcher.deliver(&server, load))?;
    delivered?;
    if let Some(counts) = counts {
        put_counts(name, load, counts, figures);
    }
    server.stop()
}

fn timed(server: &Server, watcher: &mut Watcher, load: Load, device: Option<&Device>) -> Outcome<Round> {
    nix::unistd::sync();
    let written = || device.map_or(0, Device::bytes_written);
    let written_before = written();
    let (acks, cost) = meter::cost(&server.tree, || watcher.deliver(server, load));
    // The journal and the allocation of what was delivered belong to it.
    nix::unistd::sync();
    Ok(Round { wall: cost.wall, cpu: cost.cpu, device_bytes: written() - written_before, acks: acks? })
}

fn put_rounds(name: &str, load: Load, rounds: &[Round], has_device: bool, figures: &mut Figures) {
    let messages = load.messages as f64;
    let wall = meter::median(rounds.iter().map(|round| round.wall));
    let cpu = meter::median(rounds.iter().map(|round| round.cpu));
    let acks: Vec<Duration> = rounds.iter().flat_map(|round| round.acks.iter().copied()).collect();
    figures.put(format!("{name}.messages_per_s"), messages / wall.as_secs_f64());
    figures.put(format!("{name}.cpu_ms_per_message"), meter::ms(cpu) / messages);
    figures.put_ms(format!("{name}.ack_p50_ms"), meter::percentile(&acks, 50));
    figures.put_ms(format!("{name}.ack_p99_ms"), meter::percentile(&acks, 99));
    if has_device && let Some(least) = rounds.iter().map(|round| round.device_bytes).min() {
        // The least of the rounds: what others wrote meanwhile is in all of them.
        figures.put(format!("{name}.device_bytes_per_byte"), least as f64 / bytes(load));
    }
}

fn put_counts(name: &str, load: Load, counts: Counts, figures: &mut Figures) {
    let messages = load.messages as f64;
    figures.put(format!("{name}.syncs_per_message"), counts.syncs as f64 / messages);
    figures.put(format!("{name}.file_bytes_per_byte"), counts.file_bytes as f64 / bytes(load));
    figures.put(format!("{name}.file_writes_per_message"), counts.file_writes as f64 / messages);
}

fn bytes(load: Load) -> f64 {
    (load.make)(0).len() as f64 * load.messages as f64
}

/// Knows how many messages there must be, and looks whether they are.
struct Watcher {
    imap: Imap,
    expected: u64,
}

impl Watcher {
    fn new(server: &Server) -> Outcome<Watcher> {
        Ok(Watcher { imap: server.imap(Door::Imap, ANA)?, expected: 0 })
    }

    /// Delivers a load and waits until all of it is visible. Returns the time each message took to its 250.
    fn deliver(&mut self, server: &Server, load: Load) -> Outcome<Vec<Duration>> {
        let first = self.expected;
        let acks = over_all_connections(server, load, first)?;
        self.expected += load.messages;
        self.imap.wait_for_messages("INBOX", self.expected, VISIBLE_LIMIT)?;
        Ok(acks)
    }
}

fn over_all_connections(server: &Server, load: Load, first: u64) -> Outcome<Vec<Duration>> {
    let connections = CONNECTIONS.min(load.messages);
    thread::scope(|scope| {
        let senders: Vec<_> = (0..connections)
            .map(|connection| {
                let serials = (first + connection..first + load.messages).step_by(connections as usize);
                scope.spawn(move || over_one_connection(server, load, serials))
            })
            .collect();
        let mut acks = Vec::new();
        for sender in senders {
            acks.extend(sender.join().map_err(|_| Fault::Setup("a sender panicked".into()))??);
        }
        Ok(acks)
    })
}

fn over_one_connection(
    server: &Server,
    load: Load,
    serials: impl Iterator<Item = u64>,
) -> Outcome<Vec<Duration>> {
    let mut smtp = Smtp::connect(server.doors.smtp)?;
    let mut acks = Vec::new();
    for serial in serials {
        let message = (load.make)(serial);
        let start = Instant::now();
        let taken = smtp.send(STRANGER, ANA, &message)?;
        acks.push(taken.acknowledged - start);
    }
    smtp.quit()?;
    Ok(acks)
}
