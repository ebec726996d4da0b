//! LOGIN and AUTHENTICATE (RFC 9051 sections 6.2.2 and 6.2.3).

use super::reply::{Answer, Refusal, Reply};
use super::session::Session;
use crate::auth::{AuthError, Login, Progress};
use crate::disk;
use data_encoding::BASE64;
use proto::imap::Tag;
use proto::imap::session::State;
use proto::imap::write::{self, Code, Status};
use proto::sasl::Mechanism;
use tracing::{info, warn};

/// A SASL response, base64 as it is.
const RESPONSE_BYTES_MAX: usize = 12_288;

impl Session {
    pub(super) async fn login(&mut self, user: &str, password: &str) -> Answer {
        self.protected()?;
        match self.host.auth.check_password(&self.host, self.peer.ip(), user, password).await {
            Ok(login) => self.enter(login),
            Err(error) => self.refuse_login(&error).await,
        }
    }

    pub(super) async fn authenticate(&mut self, mechanism: &str, initial: Option<Vec<u8>>) -> Answer {
        self.protected()?;
        let binding = self.stream().map(crate::stream::Stream::channel_binding).unwrap_or_default();
        let offered = Mechanism::offered(binding.plus_offered);
        let Some(mechanism) = Mechanism::parse(mechanism).filter(|mechanism| offered.contains(mechanism))
        else {
            return Err(Refusal::no(Code::Cannot, "that mechanism is not offered"));
        };
        let host = std::sync::Arc::clone(&self.host);
        let (mut exchange, mut progress) =
            match host.auth.start(&host, self.peer.ip(), mechanism, initial.as_deref(), binding).await {
                Ok(begun) => begun,
                Err(error) => return self.refuse_login(&error).await,
            };
        loop {
            progress = match progress {
                Progress::LoggedIn(login) => return self.enter(login),
                Progress::Challenge(challenge) => {
                    write::continuation(&mut self.out, &BASE64.encode(&challenge));
                    self.flush().await?;
                    let response = self.sasl_response().await?;
                    match host.auth.step(&host, self.peer.ip(), &mut exchange, &response).await {
                        Ok(progress) => progress,
                        Err(error) => return self.refuse_login(&error).await,
                    }
                }
            };
        }
    }

    async fn sasl_response(&mut self) -> Result<Vec<u8>, Refusal> {
        loop {
            match self.input.line(RESPONSE_BYTES_MAX) {
                Some(Ok(line)) if line == b"*" => return Err(Refusal::bad("authentication broken off")),
                Some(Ok(line)) => {
                    return BASE64.decode(&line).map_err(|_| Refusal::bad("the response is not base64"));
                }
                Some(Err(_)) => {
                    write::untagged(&mut self.out, Status::Bye, None, "the response is too long");
                    return Err(Refusal::Gone);
                }
                None if self.fill(1024).await? == 0 => return Err(Refusal::Gone),
                None => {}
            }
        }
    }

    fn protected(&self) -> Result<(), Refusal> {
        match self.may_log_in() {
            true => Ok(()),
            false => {
                Err(Refusal::no(Code::PrivacyRequired, "not without TLS: use STARTTLS or the other port"))
            }
        }
    }

    fn enter(&mut self, login: Login) -> Answer {
        if login.rules.send_only {
            info!(peer = %self.peer, account = %login.account, app_password = login.app_password, "refused: this password is for sending only");
            return Err(Refusal::no(
                Code::NoPerm,
                "this password is for sending only, mail is not read with it",
            ));
        }
        let max = self.host.settings.load().limits.imap_sessions_per_account_max;
        let Some(place) = self.host.accounts_present.take(login.account.clone(), max) else {
            info!(peer = %self.peer, account = %login.account, "too many sessions");
            return Err(Refusal::no(Code::Limit, "too many sessions of this account, close some"));
        };
        let mail = disk(|| self.host.store.account(&login.account))
            .inspect_err(|error| self.warn(error, "login"))?;
        info!(peer = %self.peer, account = %login.account, app_password = login.app_password, "logged in");
        self.enter_account(mail, place);
        Reply::coded(Code::Capability(self.capabilities()), "welcome")
    }

    /// UNAUTHENTICATE (RFC 8437): everything but TLS is as it was at the greeting.
    pub(super) async fn unauthenticate(&mut self, tag: &Tag) -> Answer {
        disk(|| self.leave_account());
        info!(peer = %self.peer, "logged out, to log in again");
        write::tagged(&mut self.out, Some(tag), Status::Ok, None, "who comes next?");
        self.end_compression().await?;
        Ok(Reply::Later)
    }

    /// Whoever guessed too much is not listened to any more.
    fn shut_out(&mut self) -> Refusal {
        let text = "too many failed logins from your address, try again later";
        write::untagged(&mut self.out, Status::Bye, Some(&Code::Unavailable), text);
        Refusal::Gone
    }

    async fn refuse_login(&mut self, error: &AuthError) -> Answer {
        let refusal = match error {
            AuthError::Directory(_) => {
                warn!(peer = %self.peer, %error, "login could not be checked");
                return Err(Refusal::no(Code::Unavailable, "logins cannot be checked just now"));
            }
            AuthError::Exchange(cause) => Refusal::no(Code::AuthenticationFailed, cause.to_string()),
            AuthError::Rejected => Refusal::no(Code::AuthenticationFailed, "wrong name or password"),
            AuthError::Banned => return Err(self.shut_out()),
        };
        info!(peer = %self.peer, %error, "login failed");
        self.login_failures += 1;
        crate::auth::slow_down(&self.host, self.peer.ip(), self.login_failures).await;
        if self.login_failures >= self.host.settings.load().limits.login_failures_max {
            write::untagged(
                &mut self.out,
                Status::Bye,
                Some(&Code::AuthenticationFailed),
                "too many failed logins",
            );
            self.state = State::Logout;
        }
        Err(refusal)
    }
}
