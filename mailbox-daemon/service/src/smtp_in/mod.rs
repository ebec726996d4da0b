//! Mail coming in: from other servers on port 25, from the people who live here on the submission ports.
//!
//! `proto::smtp::server` says what is to be done, one handler here does each: [`envelope`] looks recipients up, [`receive`]
//! takes the message in, [`judge`] asks what becomes of it, [`compose`] says what its copies consist of, [`accept`] puts
//! them on disk before anybody reads a 250, [`report`] takes in what is a report about mail, [`login`] logs people in, [`strangers`] is for those who do not.

mod accept;
mod compose;
mod copies;
mod envelope;
mod errands;
mod filed;
mod forward;
mod header;
mod judge;
mod letters;
mod login;
mod receive;
mod redirect;
mod refuse;
mod report;
mod sender;
mod site_verdict;
mod spooled;
mod stored;
mod strangers;
mod success;
pub(crate) mod trace_id;
mod vouch;

pub use proto::smtp::server::Role;

use crate::auth::Login;
use crate::evidence::Inquiry;
use crate::gate::Guest;
use crate::host::Host;
use crate::stream::Stream;
use envelope::Transaction;
pub(crate) use header::author;
use policy::config::Settings;
use policy::pressure::Shortage;
use proto::sasl::{ChannelBinding, Exchange};
use proto::smtp::reply::{Reply, say};
use proto::smtp::server::{Action, Config, Session};
pub(crate) use receive::scan_limits;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use store::StoreError;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

/// Read at once while a message comes in.
const MESSAGE_READ_BYTES: usize = 32 * 1024;
/// Read at once otherwise.
const COMMAND_READ_BYTES: usize = 4 * 1024;
/// Replies gathered before they are written though more commands are at hand.
const REPLIES_BYTES_MAX: usize = 16 * 1024;
/// How long and how much is read on after the last reply, so that closing does not make the network drop it.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// Serves one connection to its end.
pub async fn serve(host: Arc<Host>, stream: Stream, role: Role, guest: Guest) {
    let mut connection = Connection::new(host, &stream, role, guest);
    let peer = connection.peer;
    match connection.run(stream).await {
        Ok(()) => debug!(%peer, "SMTP session ended"),
        Err(error) => debug!(%peer, %error, "SMTP session broke off"),
    }
}

/// One client's connection.
struct Connection {
    host: Arc<Host>,
    /// As they were when the client came; a reload is for the next one.
    settings: Arc<Settings>,
    session: Session,
    role: Role,
    guest: Guest,
    peer: SocketAddr,
    tls: Option<String>,
    binding: ChannelBinding,
    exchange: Option<Exchange>,
    login: Option<Login>,
    transaction: Option<Transaction>,
    /// Mistakes the client has waited for already.
    errors_seen: u32,
    /// What is asked about a client who brings mail from others.
    inquiry: Option<Inquiry>,
    out: Vec<u8>,
}

/// Why the session stops taking input for a moment.
enum Pause {
    Read,
    StartTls,
    Close,
}

/// What came instead of silence.
enum Heard {
    Bytes(usize),
    Silence,
    Stop,
    /// Somebody else needs the place.
    Leave,
}

impl Connection {
    fn new(host: Arc<Host>, stream: &Stream, role: Role, guest: Guest) -> Connection {
        let settings = host.settings.load_full();
        let binding = stream.channel_binding();
        let config = Config {
            host: settings.hostname.to_string(),
            postmaster_domain: settings.hostname.clone(),
            role,
            limits: settings.limits.clone(),
            is_tls: stream.is_tls(),
            has_starttls: true,
            has_cleartext_auth: settings.auth.cleartext_loopback && stream.is_loopback(),
            has_channel_binding: binding.plus_offered,
        };
        Connection {
            host,
            settings,
            session: Session::new(config),
            role,
            guest,
            peer: stream.peer(),
            tls: stream.tls_description(),
            binding,
            exchange: None,
            login: None,
            transaction: None,
            errors_seen: 0,
            inquiry: None,
            out: Vec::new(),
        }
    }

    async fn run(&mut self, mut stream: Stream) -> io::Result<()> {
        if self.role == Role::Inbound && self.shortage() == Some(Shortage::Memory) {
            self.session.close(&say::BUSY, &mut self.out);
            return self.hang_up(stream).await;
        }
        let mut buffer = Vec::new();
        self.session.greet(&mut self.out);
        loop {
            self.flush(&mut stream).await?;
            if !self.session.is_receiving() {
                buffer = Vec::new();
            }
            match self.listen(&mut stream, &mut buffer).await? {
                Heard::Bytes(0) => return Ok(()),
                Heard::Bytes(_) if self.guest.speaks().is_err() => {
                    self.session.close(&say::NO_ROOM, &mut self.out);
                    return self.hang_up(stream).await;
                }
                Heard::Bytes(count) => {
                    let pause = self.drive(&mut stream, &buffer[..count]).await?;
                    Box::pin(self.slow_down()).await;
                    match pause {
                        Pause::Read => {}
                        Pause::StartTls => stream = self.start_tls(stream).await?,
                        Pause::Close => return self.hang_up(stream).await,
                    }
                }
                Heard::Leave => return self.make_room(stream).await,
                Heard::Silence => {
                    self.session.close(&say::TIMED_OUT, &mut self.out);
                    return self.hang_up(stream).await;
                }
                Heard::Stop => {
                    self.session.close(&say::STOPPING, &mut self.out);
                    return self.hang_up(stream).await;
                }
            }
        }
    }

    /// Waits for input, holding no buffer while there is none.
    async fn listen(&mut self, stream: &mut Stream, buffer: &mut Vec<u8>) -> io::Result<Heard> {
        self.guest.waits();
        let limits = &self.settings.limits;
        let idle_until = Instant::now() + Duration::from_secs(limits.smtp_idle_s);
        let message_until = self.transaction.as_ref().and_then(Transaction::deadline);
        let until = message_until.map_or(idle_until, |deadline| deadline.min(idle_until));
        let bytes = if self.session.is_receiving() { MESSAGE_READ_BYTES } else { COMMAND_READ_BYTES };
        let is_quiet = self.session.is_quiet();
        let read = async {
            stream.readable().await?;
            buffer.resize(bytes, 0);
            stream.read(buffer).await
        };
        tokio::select! {
            read = timeout_at(until, read) => match read {
                Ok(count) => Ok(Heard::Bytes(count?)),
                Err(_) => Ok(Heard::Silence),
            },
            () = self.host.stop.stopping(), if is_quiet => Ok(Heard::Stop),
            () = self.guest.asked_to_leave() => Ok(Heard::Leave),
        }
    }

    /// Gives input to the session and does what it says.
    async fn drive(&mut self, stream: &mut Stream, input: &[u8]) -> io::Result<Pause> {
        let mut used = 0;
        loop {
            let rest = &input[used..];
            let (consumed, action) = self.session.advance(rest, &mut self.out);
            used += consumed;
            match action {
                Action::Read => return Ok(Pause::Read),
                Action::StartTls => return Ok(Pause::StartTls),
                Action::Close => return Ok(Pause::Close),
                Action::Content(range) => self.content(&rest[range]),
                Action::LineEnd => self.content(b"\r\n"),
                Action::Reset => self.transaction = None,
                Action::AuthCancelled => self.exchange = None,
                Action::Mail(mail) => {
                    let reply = self.mail(mail);
                    self.session.answer(reply, &mut self.out);
                }
                Action::Rcpt(recipient) => {
                    let reply = self.rcpt(recipient);
                    self.session.answer(reply, &mut self.out);
                }
                Action::Begin => {
                    let reply = self.begin().await;
                    self.session.answer(reply, &mut self.out);
                }
                Action::End { lacks_newline } => {
                    let reply = Box::pin(self.end(lacks_newline)).await;
                    self.session.answer(reply, &mut self.out);
                }
                Action::Auth { mechanism, initial } => {
                    Box::pin(self.auth(mechanism, initial.as_ref().map(|bytes| bytes.as_slice()))).await;
                }
                Action::AuthResponse(response) => Box::pin(self.auth_response(&response)).await,
            }
            if self.out.len() >= REPLIES_BYTES_MAX {
                self.flush(stream).await?;
            }
        }
    }

    async fn flush(&mut self, stream: &mut Stream) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let patience = Duration::from_secs(self.settings.limits.smtp_idle_s);
        let written = timeout(patience, stream.write_all(&self.out)).await;
        self.out = Vec::new();
        written.map_err(io::Error::from)?
    }

    async fn start_tls(&mut self, mut stream: Stream) -> io::Result<Stream> {
        self.flush(&mut stream).await?;
        let patience = Duration::from_secs(self.settings.limits.tls_handshake_s);
        let stream = Box::pin(timeout(patience, stream.start_tls(&self.host.tls))).await??;
        self.tls = stream.tls_description();
        self.binding = stream.channel_binding();
        (self.exchange, self.login, self.transaction) = (None, None, None);
        self.session.tls_started(self.binding.plus_offered);
        Ok(stream)
    }

    /// Goes at once: whoever waits for the place does not wait for the last words to arrive.
    async fn make_room(&mut self, mut stream: Stream) -> io::Result<()> {
        self.session.close(&say::NO_ROOM, &mut self.out);
        timeout(LINGER, stream.write_all(&self.out)).await?
    }

    /// Says the last words and lets them arrive.
    async fn hang_up(&mut self, mut stream: Stream) -> io::Result<()> {
        self.flush(&mut stream).await?;
        stream.shutdown().await?;
        let drain = async {
            let mut dropped = vec![0; COMMAND_READ_BYTES];
            let mut left = LINGER_BYTES_MAX;
            while left > 0 {
                match stream.read(&mut dropped).await? {
                    0 => break,
                    count => left = left.saturating_sub(count),
                }
            }
            Ok(())
        };
        timeout(LINGER, drain).await.unwrap_or(Ok(()))
    }
}

/// What a client is told when the disk did not do what it should.
fn reply_to_store(error: &StoreError) -> Reply {
    match error {
        StoreError::OutOfSpace => say::NO_SPACE,
        _ => say::TRY_LATER,
    }
}
