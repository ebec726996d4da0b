//! Listening sockets: bound here or handed over by systemd, and the loop that accepts from each.

use crate::gate::{Guest, Purpose, Refusal};
use crate::host::Host;
use crate::stream::Stream;
use crate::watchdog::Heartbeat;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::fd::FromRawFd;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tracing::{info, warn};

/// After a failed `accept` (no file descriptors left, say) the loop rests this long.
const ACCEPT_REST: Duration = Duration::from_millis(200);

/// What is spoken on a port. Socket units name their sockets so too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// SMTP from other servers, port 25.
    Smtp,
    /// Submission with STARTTLS, port 587.
    Submission,
    /// Submission inside TLS, port 465.
    Submissions,
    /// IMAP with STARTTLS, port 143.
    Imap,
    /// IMAP inside TLS, port 993.
    Imaps,
    /// ManageSieve with STARTTLS, port 4190.
    ManageSieve,
}

impl Service {
    /// All of them.
    pub const ALL: [Service; 6] = [
        Service::Smtp,
        Service::Submission,
        Service::Submissions,
        Service::Imap,
        Service::Imaps,
        Service::ManageSieve,
    ];

    /// The name in `config.toml`, in socket units and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Service::Smtp => "smtp",
            Service::Submission => "submission",
            Service::Submissions => "submissions",
            Service::Imap => "imap",
            Service::Imaps => "imaps",
            Service::ManageSieve => "managesieve",
        }
    }

    fn is_tls(self) -> bool {
        matches!(self, Service::Submissions | Service::Imaps)
    }

    fn purpose(self) -> Purpose {
        match self {
            Service::Smtp | Service::Submission | Service::Submissions => Purpose::Smtp,
            Service::Imap | Service::Imaps | Service::ManageSieve => Purpose::Imap,
        }
    }

    /// What a client is told that is not let in.
    fn farewell(self, refusal: Refusal) -> &'static [u8] {
        match (self, refusal) {
            (Service::Imap | Service::Imaps, Refusal::Banned) => {
                b"* BYE [UNAVAILABLE] Too many failed logins, try again later\r\n"
            }
            (Service::Imap | Service::Imaps, Refusal::NoRoom(_)) => {
                b"* BYE [UNAVAILABLE] Too many sessions, try again later\r\n"
            }
            (Service::ManageSieve, Refusal::Banned) => {
                b"BYE (TRYLATER) \"Too many failed logins, try again later\"\r\n"
            }
            (Service::ManageSieve, Refusal::NoRoom(_)) => {
                b"BYE (TRYLATER) \"Too many sessions, try again later\"\r\n"
            }
            (_, Refusal::Banned) => b"421 4.7.0 Too many failed logins, try again later\r\n",
            (_, Refusal::NoRoom(_)) => b"421 4.3.2 Too many sessions, try again later\r\n",
        }
    }
}

/// Why a port cannot be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on {address} for {}: {source}", service.name())]
pub struct ListenError {
    service: Service,
    address: SocketAddr,
    source: std::io::Error,
}

/// Every socket to accept from: systemd's where it hands over any, else those of `config.toml`.
pub async fn listeners(host: &Host) -> Result<Vec<(Service, TcpListener)>, ListenError> {
    let handed = handed_over();
    if !handed.is_empty() {
        return Ok(handed);
    }
    let settings = host.settings.load();
    let listen = &settings.listen;
    let addresses = [
        &listen.smtp,
        &listen.submission,
        &listen.submissions,
        &listen.imap,
        &listen.imaps,
        &listen.managesieve,
    ];
    let mut bound = Vec::new();
    for (service, addresses) in Service::ALL.into_iter().zip(addresses) {
        for &address in addresses {
            let listener = TcpListener::bind(address).await.map_err(|source| ListenError {
                service,
                address,
                source,
            })?;
            bound.push((service, listener));
        }
    }
    Ok(bound)
}

/// The sockets systemd passes, by `FileDescriptorName=` (sd_listen_fds_with_names(3)).
fn handed_over() -> Vec<(Service, TcpListener)> {
    let Ok(sockets) = sd_notify::listen_fds_with_names() else { return Vec::new() };
    sockets.filter_map(|(fd, name)| adopt(fd, &name)).collect()
}

fn adopt(fd: std::os::fd::RawFd, name: &str) -> Option<(Service, TcpListener)> {
    let Some(service) = Service::ALL.into_iter().find(|service| service.name() == name) else {
        warn!(name, "systemd passed a socket of a name nobody here answers to");
        return None;
    };
    // SAFETY: systemd gives each passed descriptor to this process alone, and each is adopted once.
    #[allow(unsafe_code)]
    let socket = unsafe { std::net::TcpListener::from_raw_fd(fd) };
    let listener = socket.set_nonblocking(true).and_then(|()| TcpListener::from_std(socket));
    match listener {
        Ok(listener) => Some((service, listener)),
        Err(error) => {
            warn!(name, %error, "systemd passed something that is no listening socket");
            None
        }
    }
}

/// Accepts until the daemon stops.
pub async fn accept_loop(host: Arc<Host>, service: Service, listener: TcpListener, heartbeat: Heartbeat) {
    let mut beat = tokio::time::interval(Heartbeat::INTERVAL);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, peer)) => admit(&host, service, tcp, peer),
                Err(error) => {
                    warn!(service = service.name(), %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            },
            _ = beat.tick() => heartbeat.beat(),
            () = host.stop.stopping() => return,
        }
    }
}

fn admit(host: &Arc<Host>, service: Service, tcp: TcpStream, peer: SocketAddr) {
    let guest = match host.gate.admit(host, service.purpose(), peer.ip()) {
        Ok(guest) => guest,
        Err(refusal) => return turn_away(service, tcp, refusal),
    };
    let presence = host.stop.presence();
    let door = guest.door();
    let session = session(Arc::clone(host), service, Stream::plain(tcp, peer), guest);
    tokio::spawn(async move {
        match service.purpose() {
            // SMTP sessions go by themselves, with a word of why.
            Purpose::Smtp => session.await,
            Purpose::Imap => tokio::select! {
                () = session => {}
                () = door.notified() => {}
            },
        }
        drop(presence);
    });
}

/// A word and the end, without a task: there may be a thousand of them a second.
fn turn_away(service: Service, tcp: TcpStream, refusal: Refusal) {
    if !service.is_tls()
        && let Ok(mut tcp) = tcp.into_std()
    {
        // A new connection's buffer has room for a line.
        let _ = tcp.write(service.farewell(refusal));
    }
}

async fn session(host: Arc<Host>, service: Service, stream: Stream, guest: Guest) {
    let stream = match service.is_tls() {
        true => {
            let peer = stream.peer();
            // Boxed: a handshake is short, the session that keeps this task's memory is long.
            match Box::pin(handshake(&host, stream, &guest)).await {
                Ok(stream) => stream,
                Err(error) => {
                    info!(service = service.name(), %peer, %error, "TLS handshake failed");
                    return;
                }
            }
        }
        false => stream,
    };
    match service {
        Service::Smtp => crate::smtp_in::serve(host, stream, crate::smtp_in::Role::Inbound, guest).await,
        Service::Submission | Service::Submissions => {
            crate::smtp_in::serve(host, stream, crate::smtp_in::Role::Submission, guest).await;
        }
        Service::Imap | Service::Imaps => crate::imap::serve(host, stream, guest).await,
        Service::ManageSieve => crate::managesieve::serve(host, stream, guest).await,
    }
}

/// A client that does not get on with its handshake is left, or makes room where others wait.
async fn handshake(host: &Host, stream: Stream, guest: &Guest) -> io::Result<Stream> {
    let patience = Duration::from_secs(host.settings.load().limits.tls_handshake_s);
    tokio::select! {
        stream = timeout(patience, stream.start_tls(&host.tls)) => stream?,
        () = guest.asked_to_leave() => Err(io::Error::other("others need the place")),
    }
}
