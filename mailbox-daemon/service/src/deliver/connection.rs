//! One connection to another server: drives `proto::smtp::client` over a socket.

use super::content::Content;
use super::target::Server;
use super::tls::{self, TlsPolicy};
use proto::smtp::client::{
    Action, Client, Failure, Login, Options, Outcome, SessionEnd, Stage, StartTls, Transaction,
};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::client::TlsStream;

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a server may take nothing in (RFC 5321 section 4.5.3.2.5).
const WRITE_TIMEOUT: Duration = Duration::from_mins(3);
/// Replies are short.
const READ_BYTES: usize = 2 * 1024;
/// Read from the spool at once.
const BODY_BYTES: usize = 64 * 1024;

/// An open session, ready for a message.
pub(super) struct Connection {
    client: Client,
    transport: Transport,
    server: String,
    messages: u32,
    /// Since when the server owes an answer: a drop now and then does not buy it more time.
    waiting_since: Option<Instant>,
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
    Tls(io::Error),
    /// The server did not want to.
    Session(Stage, Failure),
}

impl Connection {
    /// Connects and greets. Opportunistic TLS that fails is given up for this server, not the mail.
    pub(super) async fn open(
        address: SocketAddr,
        server: &Server,
        name: &str,
    ) -> Result<Connection, NoSession> {
        match Connection::open_with(address, server, &server.tls, name).await {
            Err(NoSession::Tls(error)) if server.tls == TlsPolicy::Opportunistic => {
                tracing::info!(server = server.host, %address, %error, "TLS failed, trying without");
                Connection::open_with(address, server, &TlsPolicy::Never, name).await
            }
            result => result,
        }
    }

    async fn open_with(
        address: SocketAddr,
        server: &Server,
        policy: &TlsPolicy,
        name: &str,
    ) -> Result<Connection, NoSession> {
        let tcp = timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await;
        let tcp = tcp.map_err(io::Error::from).flatten().map_err(NoSession::Connect)?;
        // Commands are written whole; waiting for more to send would only delay them.
        let _ = tcp.set_nodelay(true);
        let is_implicit = matches!(policy, TlsPolicy::Verified { implicit: true, .. });
        let start_tls = match policy {
            TlsPolicy::Never | TlsPolicy::Verified { implicit: true, .. } => StartTls::Never,
            TlsPolicy::Opportunistic => StartTls::IfOffered,
            TlsPolicy::Verified { implicit: false, .. } => StartTls::Required,
        };
        let options = Options { name: name.to_owned(), start_tls, login: login(server, policy) };
        let mut connection = Connection {
            client: Client::new(options),
            transport: Transport::Plain(tcp),
            server: server.host.clone(),
            messages: 0,
            waiting_since: None,
        };
        if is_implicit {
            connection.start_tls(policy).await?;
        }
        connection.become_ready(policy).await?;
        Ok(connection)
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
            return Err(NoSession::Tls(io::ErrorKind::AlreadyExists.into()));
        };
        let handshake = timeout(HANDSHAKE_TIMEOUT, tls::handshake(tcp, &self.server, policy)).await;
        let stream = handshake.map_err(io::Error::from).flatten().map_err(NoSession::Tls)?;
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
        let _ = match &mut self.transport {
            Transport::Plain(tcp) => tcp.shutdown().await,
            Transport::Tls(stream) => stream.shutdown().await,
            Transport::Gone => Ok(()),
        };
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

/// A password is sent under TLS only, unless the configuration says that there is none.
fn login(server: &Server, policy: &TlsPolicy) -> Option<Login> {
    match (policy, &server.tls) {
        (TlsPolicy::Never, TlsPolicy::Opportunistic) => None,
        _ => server.login.clone(),
    }
}

#[cfg(test)]
mod tests;
