//! One connection to another server: drives `proto::smtp::client` over a socket.

use super::content::Content;
use super::race::connect;
use super::target::Server;
use super::tls::{self, Begins, Certificate, HandshakeFailed, TlsPolicy};
use proto::smtp::client::{
    Action, Client, Failure, Options, Outcome, SessionEnd, Stage, StartTls, Transaction,
};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::client::TlsStream;

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a server may take nothing in (RFC 5321 section 4.5.3.2.5).
const WRITE_TIMEOUT: Duration = Duration::from_mins(3);
/// How long the end of a connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Replies are short.
const READ_BYTES: usize = 2 * 1024;
/// Read from the spool at once.
const BODY_BYTES: usize = 64 * 1024;

/// An open session, ready for a message.
pub(super) struct Connection {
    client: Client,
    transport: Transport,
    server: String,
    secured: Secured,
    messages: u32,
    /// Since when the server owes an answer: a drop now and then does not buy it more time.
    waiting_since: Option<Instant>,
}

/// How a session turned out to be protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Secured {
    /// Not at all.
    Clear(NoTls),
    /// By TLS.
    Tls {
        /// Such as `TLSv1.3`.
        version: String,
        certificate: Certificate,
    },
}

/// Why a session goes on in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoTls {
    /// The server does not offer it, or it is not wanted.
    NotOffered,
    /// The server offers it and it fails.
    Failed(Certificate, String),
}

impl std::fmt::Display for Secured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Secured::Clear(NoTls::NotOffered) => f.write_str("no TLS"),
            Secured::Clear(NoTls::Failed(..)) => f.write_str("no TLS, which failed"),
            Secured::Tls { version, certificate } => write!(f, "{version}, {certificate}"),
        }
    }
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Between the two.
    Gone,
}

/// Why a session did not come about.
#[derive(Debug)]
pub(super) enum NoSession {
    /// Nobody accepts connections there.
    Connect(io::Error),
    /// The TLS handshake failed.
    Tls(HandshakeFailed),
    /// The server did not want to.
    Session(Stage, Failure),
    /// The message requires a promise the server does not make (RFC 8689).
    NoRequireTls,
}

impl Connection {
    /// Greets over a connection. TLS that fails is given up for this server, not the mail, where mail may go in clear and no
    /// password is to be told.
    pub(super) async fn open(
        tcp: TcpStream,
        address: SocketAddr,
        server: &Server,
        tls: &TlsPolicy,
        name: &str,
    ) -> Result<Connection, NoSession> {
        let failed = match Connection::open_with(tcp, server, tls, name).await {
            Err(NoSession::Tls(failed)) if tls.may_do_without() && server.login.is_none() => failed,
            result => return result,
        };
        tracing::info!(server = server.host, %address, error = %failed.error, "TLS failed, trying without");
        let tcp = connect(address).await.map_err(NoSession::Connect)?;
        let in_clear = TlsPolicy { begins: Begins::Never, ..tls.clone() };
        let mut connection = Connection::open_with(tcp, server, &in_clear, name).await?;
        let certificate = failed.certificate.unwrap_or(Certificate::Unseen);
        connection.secured = Secured::Clear(NoTls::Failed(certificate, failed.error.to_string()));
        Ok(connection)
    }

    async fn open_with(
        tcp: TcpStream,
        server: &Server,
        tls: &TlsPolicy,
        name: &str,
    ) -> Result<Connection, NoSession> {
        let start_tls = match tls.begins {
            Begins::Never | Begins::AtOnce => StartTls::Never,
            Begins::IfOffered => StartTls::IfOffered,
            Begins::Required => StartTls::Required,
        };
        let options = Options { name: name.to_owned(), start_tls, login: server.login.clone() };
        let mut connection = Connection {
            client: Client::new(options),
            transport: Transport::Plain(tcp),
            server: server.host.clone(),
            secured: Secured::Clear(NoTls::NotOffered),
            messages: 0,
            waiting_since: None,
        };
        if tls.begins == Begins::AtOnce {
            connection.start_tls(tls).await?;
        }
        connection.become_ready(tls).await?;
        Ok(connection)
    }

    /// How it is protected.
    pub(super) fn secured(&self) -> &Secured {
        &self.secured
    }

    /// Whether the server passes `REQUIRETLS` on, which counts under TLS only (RFC 8689 section 2).
    pub(super) fn offers_requiretls(&self) -> bool {
        matches!(self.secured, Secured::Tls { .. }) && self.client.offered().require_tls
    }

    /// The name the server was looked up by.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Messages sent so far.
    pub(super) fn messages(&self) -> u32 {
        self.messages
    }

    async fn become_ready(&mut self, policy: &TlsPolicy) -> Result<(), NoSession> {
        loop {
            match self.client.poll() {
                Action::Write => self.write().await,
                Action::Read => self.read().await,
                Action::StartTls => {
                    self.start_tls(policy).await?;
                    self.client.tls_started();
                }
                Action::Closed(SessionEnd::Failed(stage, failure)) => {
                    return Err(NoSession::Session(stage, failure));
                }
                Action::Closed(SessionEnd::Quit) => {
                    return Err(NoSession::Session(Stage::Idle, Failure::Lost));
                }
                Action::Ready | Action::Body | Action::Finished(_) => return Ok(()),
            }
        }
    }

    async fn start_tls(&mut self, policy: &TlsPolicy) -> Result<(), NoSession> {
        let Transport::Plain(tcp) = std::mem::replace(&mut self.transport, Transport::Gone) else {
            let error = io::ErrorKind::AlreadyExists.into();
            return Err(NoSession::Tls(HandshakeFailed { error, certificate: None }));
        };
        let handshake = timeout(HANDSHAKE_TIMEOUT, tls::handshake(tcp, &self.server, policy)).await;
        let late =
            |late: tokio::time::error::Elapsed| HandshakeFailed { error: late.into(), certificate: None };
        let (stream, certificate) = handshake.map_err(late).flatten().map_err(NoSession::Tls)?;
        let version = stream.get_ref().1.protocol_version().and_then(|version| version.as_str());
        let version = version.unwrap_or("TLS").replace('_', ".");
        self.secured = Secured::Tls { version, certificate };
        self.transport = Transport::Tls(Box::new(stream));
        Ok(())
    }

    /// Sends a message; one outcome for each chosen recipient, in their order. The session may be over afterwards, see
    /// [`Connection::is_open`].
    pub(super) async fn send(&mut self, transaction: Transaction, message: Content<'_>) -> Vec<Outcome> {
        let broken = vec![Outcome::Broken(Stage::Idle, Failure::Lost); transaction.recipients().len()];
        if !matches!(self.client.poll(), Action::Ready) {
            return broken;
        }
        self.messages += 1;
        self.client.begin(transaction);
        loop {
            match self.client.poll() {
                Action::Write => self.write().await,
                Action::Read => self.read().await,
                Action::Body => self.send_body(message).await,
                Action::Finished(outcomes) => return outcomes,
                // Neither comes while a message is under way; both mean that nothing is known.
                Action::StartTls | Action::Ready | Action::Closed(_) => return broken,
            }
        }
    }

    /// Whether another message can be sent.
    pub(super) fn is_open(&mut self) -> bool {
        matches!(self.client.poll(), Action::Ready)
    }

    /// Says goodbye.
    pub(super) async fn quit(mut self) {
        self.client.quit();
        loop {
            match self.client.poll() {
                Action::Write => self.write().await,
                Action::Read => self.read().await,
                _ => break,
            }
        }
        match &mut self.transport {
            Transport::Plain(tcp) => close(tcp).await,
            Transport::Tls(stream) => close(stream).await,
            Transport::Gone => {}
        }
    }

    async fn send_body(&mut self, message: Content<'_>) {
        let mut chunk =
            vec![0; usize::try_from(message.bytes()).map_or(BODY_BYTES, |all| all.min(BODY_BYTES))];
        let mut offset = 0;
        loop {
            match crate::disk(|| message.read_at(&mut chunk, offset)) {
                Ok(0) => break,
                Ok(count) => {
                    offset += count as u64;
                    self.client.body(&chunk[..count]);
                    self.write().await;
                }
                Err(error) => {
                    tracing::warn!(%error, "a queued message cannot be read");
                    break;
                }
            }
            if !matches!(self.client.poll(), Action::Body) {
                break;
            }
        }
        match offset == message.bytes() {
            true => self.client.end_body(),
            // Half a message must not be taken for a whole one.
            false => self.client.lost(),
        }
        // The next message may be small.
        self.client.output().shrink_to(READ_BYTES);
    }

    /// Sends what waits to be sent; a failure ends the session.
    async fn write(&mut self) {
        let output = self.client.output();
        let written = match &mut self.transport {
            Transport::Plain(tcp) => timeout(WRITE_TIMEOUT, tcp.write_all(output)).await,
            Transport::Tls(stream) => {
                timeout(WRITE_TIMEOUT, async {
                    stream.write_all(output).await?;
                    stream.flush().await
                })
                .await
            }
            Transport::Gone => Ok(Err(io::ErrorKind::NotConnected.into())),
        };
        self.client.output().clear();
        self.waiting_since = None;
        if !matches!(written, Ok(Ok(()))) {
            self.client.lost();
        }
    }

    /// Reads once; silence beyond the server's time and the end of the connection end the session.
    async fn read(&mut self) {
        let mut buffer = [0; READ_BYTES];
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let patience = self.client.patience().saturating_sub(since.elapsed());
        let read = match &mut self.transport {
            Transport::Plain(tcp) => timeout(patience, tcp.read(&mut buffer)).await,
            Transport::Tls(stream) => timeout(patience, stream.read(&mut buffer)).await,
            Transport::Gone => Ok(Ok(0)),
        };
        match read {
            Ok(Ok(count)) if count > 0 => self.client.feed(&buffer[..count]),
            _ => self.client.lost(),
        }
    }
}

/// The end of a TLS stream waits behind everything not yet sent: a server that takes nothing in must not hold us here.
async fn close(stream: &mut (impl AsyncWrite + Unpin)) {
    let _ = timeout(CLOSE_TIMEOUT, stream.shutdown()).await;
}

#[cfg(test)]
mod tests;
