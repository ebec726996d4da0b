//! Commands of every state: CAPABILITY, LOGOUT, STARTTLS.

use super::reply::{Answer, Refusal, Reply};
use super::session::Session;
use crate::stream::Stream;
use proto::managesieve::session::{Offer, State, capabilities};
use proto::managesieve::write::{self, Code, Status};
use proto::sasl::Mechanism;
use std::io;
use std::time::Duration;
use tokio::time::timeout;
use tracing::info;

/// What the box calls itself.
const IMPLEMENTATION: &str = concat!("mailbox-daemon ", env!("CARGO_PKG_VERSION"));

impl Session {
    pub(super) async fn greet(&mut self) -> io::Result<()> {
        if !self.enter_as_stranger() {
            info!(peer = %self.peer, "too many sessions without a login");
            let text = "too many sessions without a login, try again later";
            write::response(&mut self.out, Status::Bye, Some(&Code::TryLater), text);
            self.flush().await?;
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        self.tell_capabilities();
        let text = format!("{} at your service", self.host.settings.load().hostname);
        write::response(&mut self.out, Status::Ok, None, &text);
        self.flush().await?;
        self.release_buffers();
        Ok(())
    }

    fn tell_capabilities(&mut self) {
        let settings = self.host.settings.load();
        let binding = self.stream().is_some_and(|stream| stream.channel_binding().plus_offered);
        let mechanisms: Vec<&str> = match self.may_log_in() {
            true => Mechanism::offered(binding).iter().map(|mechanism| mechanism.name()).collect(),
            false => Vec::new(),
        };
        let owner = self.owner().map(ToString::to_string);
        let offer = Offer {
            implementation: IMPLEMENTATION,
            mechanisms: &mechanisms,
            extensions: policy::sieve::EXTENSIONS,
            starttls: owner.is_none() && self.stream().is_some_and(|stream| !stream.is_tls()),
            redirects_max: settings.sieve.redirects_max,
            owner: owner.as_deref(),
        };
        capabilities(&mut self.out, &offer);
    }

    /// Whether a password may cross the connection.
    pub(super) fn may_log_in(&self) -> bool {
        let Some(stream) = self.stream() else { return false };
        stream.is_tls() || (stream.is_loopback() && self.host.settings.load().auth.cleartext_loopback)
    }

    pub(super) fn capability(&mut self) -> Answer {
        self.tell_capabilities();
        Reply::ok("that is all")
    }

    pub(super) fn logout(&mut self) -> Answer {
        self.state = State::Logout;
        Reply::ok("until next time")
    }

    /// STARTTLS (RFC 5804 section 2.2). What came in the clear behind it is thrown away.
    pub(super) async fn starttls(&mut self) -> Answer {
        if self.stream().is_none_or(Stream::is_tls) {
            return Err(Refusal::plain("TLS is up already"));
        }
        write::response(&mut self.out, Status::Ok, None, "begin the handshake now");
        self.flush().await?;
        self.input.clear();
        let Some(stream) = self.take_stream() else { return Err(Refusal::Gone) };
        let patience = Duration::from_secs(self.host.settings.load().limits.login_idle_s);
        let handshake = timeout(patience, stream.start_tls(&self.host.tls)).await;
        match handshake.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => self.put_stream(stream),
            Err(error) => {
                info!(peer = %self.peer, %error, "TLS handshake failed");
                return Err(Refusal::Gone);
            }
        }
        self.tell_capabilities();
        Reply::ok("TLS is up")
    }
}
