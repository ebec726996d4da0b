//! Commands of every state: CAPABILITY, ENABLE, ID, LOGOUT, NAMESPACE, NOOP, STARTTLS.

use super::reply::{Answer, Refusal, Reply};
use super::resolve::OTHER_USERS;
use super::session::Session;
use crate::disk;
use proto::imap::Tag;
use proto::imap::session::{Offer, State, capabilities};
use proto::imap::write::{self, Code, Status};
use proto::sasl::Mechanism;
use std::io;
use std::time::Duration;
use tokio::time::timeout;
use tracing::{debug, info};

impl Session {
    pub(super) async fn greet(&mut self) -> io::Result<()> {
        let settings = self.settings();
        if !self.enter_as_stranger() {
            info!(peer = %self.peer, "too many sessions without a login");
            let text = "too many sessions without a login, try again later";
            write::untagged(&mut self.out, Status::Bye, Some(&Code::Unavailable), text);
            self.flush().await?;
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let capabilities = Code::Capability(self.capabilities());
        let text = format!("{} at your service", settings.hostname);
        write::untagged(&mut self.out, Status::Ok, Some(&capabilities), &text);
        self.flush().await?;
        self.release_buffers();
        Ok(())
    }

    /// What can be done now.
    pub(super) fn capabilities(&self) -> String {
        let login = self.may_log_in();
        let binding = self.stream().is_some_and(|stream| stream.channel_binding().plus_offered);
        let mechanisms: Vec<&str> = match login {
            true => Mechanism::offered(binding).iter().map(|mechanism| mechanism.name()).collect(),
            false => Vec::new(),
        };
        let starttls = self.stream().is_some_and(|stream| !stream.is_tls());
        let compress = self.stream().is_some_and(|stream| stream.is_tls() && !stream.is_compressed());
        let sieve_url = self.sieve_url();
        capabilities(&Offer {
            sieve_url: sieve_url.as_deref(),
            state: self.state,
            starttls,
            login,
            compress,
            mechanisms: &mechanisms,
            append_bytes_max: self.host.settings.load().limits.message_bytes_max,
        })
    }

    /// Whether a password may cross the connection.
    pub(super) fn may_log_in(&self) -> bool {
        let Some(stream) = self.stream() else { return false };
        stream.is_tls() || (stream.is_loopback() && self.host.settings.load().auth.cleartext_loopback)
    }

    pub(super) fn capability(&mut self) -> Answer {
        let names = self.capabilities();
        write::capability(&mut self.out, &names);
        Reply::ok("that is all")
    }

    pub(super) fn enable(&mut self, names: &[String]) -> Answer {
        let had_condstore = self.enabled.condstore;
        let enabled: Vec<&str> = names.iter().filter_map(|name| self.enabled.enable(name)).collect();
        write::enabled(&mut self.out, &enabled);
        if self.enabled.condstore && !had_condstore {
            self.tell_highest_modseq();
        }
        Reply::ok("enabled")
    }

    pub(super) fn id(&mut self, client: &[(String, Option<String>)]) -> Answer {
        let told = |wanted: &str| {
            client
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .and_then(|(_, value)| value.as_deref())
        };
        debug!(peer = %self.peer, name = told("name"), version = told("version"), "IMAP client");
        write::id(&mut self.out, &[("name", "mailbox-daemon"), ("version", env!("CARGO_PKG_VERSION"))]);
        Reply::ok("pleased to meet you")
    }

    pub(super) fn logout(&mut self) -> Answer {
        disk(|| self.selected = None);
        self.state = State::Logout;
        write::untagged(&mut self.out, Status::Bye, None, "until next time");
        Reply::ok("logged out")
    }

    pub(super) fn namespace(&mut self) -> Answer {
        write::namespace(&mut self.out, OTHER_USERS);
        Reply::ok("that is all")
    }

    pub(super) fn noop() -> Answer {
        Reply::ok("nothing done")
    }

    /// STARTTLS (RFC 9051 section 6.2.1). What came in the clear behind it is thrown away.
    pub(super) async fn starttls(&mut self, tag: &Tag) -> Answer {
        if self.stream().is_none_or(crate::stream::Stream::is_tls) {
            return Err(Refusal::bad("TLS is up already"));
        }
        write::tagged(&mut self.out, Some(tag), Status::Ok, None, "begin the handshake now");
        self.flush().await?;
        self.input.clear();
        let Some(stream) = self.take_stream() else { return Err(Refusal::Gone) };
        let patience = Duration::from_secs(self.host.settings.load().limits.login_idle_s);
        match timeout(patience, stream.start_tls(&self.host.tls)).await {
            Ok(Ok(stream)) => {
                self.put_stream(stream);
                Ok(Reply::Later)
            }
            failed => {
                let error = failed.map_or_else(
                    |_| "timed out".to_owned(),
                    |result| result.err().map_or_else(String::new, |error| error.to_string()),
                );
                info!(peer = %self.peer, error, "TLS handshake failed");
                Err(Refusal::Gone)
            }
        }
    }
}
