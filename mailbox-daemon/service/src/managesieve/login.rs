//! AUTHENTICATE and UNAUTHENTICATE (RFC 5804 sections 2.1 and 2.14.1).

use super::reply::{Answer, Refusal, Reply};
use super::session::{READ_BYTES, Session};
use crate::auth::{AuthError, Login, Progress};
use crate::disk;
use crate::stream::Stream;
use proto::managesieve::write::{self, Code};
use proto::managesieve::{Next, Response};
use proto::sasl::Mechanism;
use std::sync::Arc;
use tracing::{info, warn};

impl Session {
    pub(super) async fn authenticate(&mut self, mechanism: &str, initial: Option<Vec<u8>>) -> Answer {
        if !self.may_log_in() {
            return Err(Refusal::no(Code::EncryptNeeded, "not without TLS: use STARTTLS first"));
        }
        let binding = self.stream().map(Stream::channel_binding).unwrap_or_default();
        let offered = Mechanism::offered(binding.plus_offered);
        let Some(mechanism) = Mechanism::parse(mechanism).filter(|mechanism| offered.contains(mechanism))
        else {
            return Err(Refusal::plain("that mechanism is not offered"));
        };
        if mechanism == Mechanism::Login && initial.is_some() {
            return Err(Refusal::plain("with that mechanism the server speaks first"));
        }
        let host = Arc::clone(&self.host);
        let client = self.peer.ip();
        let begun = host.auth.start(&host, client, mechanism, initial.as_deref(), binding).await;
        let (mut exchange, mut progress) = match begun {
            Ok(begun) => begun,
            Err(error) => return self.refuse_login(&error).await,
        };
        loop {
            let (response, last) = match progress {
                Progress::LoggedIn(login) => return self.enter(login, None),
                // The last message goes with the OK, which saves a round trip.
                Progress::Challenge(challenge) if exchange.is_proven() => (Vec::new(), Some(challenge)),
                Progress::Challenge(challenge) => {
                    write::challenge(&mut self.out, &challenge);
                    self.flush().await?;
                    (self.sasl_response().await?, None)
                }
            };
            progress = match (host.auth.step(&host, client, &mut exchange, &response).await, last) {
                (Ok(Progress::LoggedIn(login)), last) => return self.enter(login, last),
                (Ok(progress), _) => progress,
                (Err(error), _) => return self.refuse_login(&error).await,
            };
        }
    }

    async fn sasl_response(&mut self) -> Result<Vec<u8>, Refusal> {
        loop {
            let bounds = self.bounds();
            match self.input.response(&bounds) {
                Next::Complete(Response::Data(response)) => return Ok(response),
                Next::Complete(Response::Cancel) => {
                    return Err(Refusal::plain("authentication broken off"));
                }
                Next::Refused(fault) => return Err(fault.into()),
                Next::Hopeless(fault) => return Err(Refusal::Bye(None, fault.text.into())),
                Next::Incomplete if self.fill(READ_BYTES).await? == 0 => return Err(Refusal::Gone),
                Next::Incomplete => {}
            }
        }
    }

    fn enter(&mut self, login: Login, last: Option<Vec<u8>>) -> Answer {
        let Login { account, app_password, rules } = login;
        if rules.send_only {
            info!(peer = %self.peer, %account, app_password, "refused: this password is for sending only");
            return Err(Refusal::plain("this password is for sending only"));
        }
        let max = self.host.settings.load().limits.imap_sessions_per_account_max;
        let Some(place) = self.host.accounts_present.take(account.clone(), max) else {
            info!(peer = %self.peer, %account, "too many sessions");
            return Err(Refusal::no(Code::TryLater, "too many sessions of this account, close some"));
        };
        let mail =
            disk(|| self.host.store.account(&account)).inspect_err(|error| self.warn(error, "login"))?;
        info!(peer = %self.peer, %account, app_password, "logged in to ManageSieve");
        self.enter_account(mail, place);
        match last {
            Some(last) => Reply::coded(Code::Sasl(last), "welcome"),
            None => Reply::ok("welcome"),
        }
    }

    pub(super) fn unauthenticate(&mut self) -> Answer {
        self.leave_account();
        info!(peer = %self.peer, "logged out, to log in again");
        Reply::ok("who comes next?")
    }

    async fn refuse_login(&mut self, error: &AuthError) -> Answer {
        let refusal = match error {
            AuthError::Directory(_) => {
                warn!(peer = %self.peer, %error, "login could not be checked");
                return Err(Refusal::no(Code::TryLater, "logins cannot be checked just now"));
            }
            AuthError::Banned => {
                let text = "too many failed logins from your address, try again later";
                return Err(Refusal::Bye(Some(Code::TryLater), text.into()));
            }
            AuthError::Exchange(cause) => Refusal::plain(cause.to_string()),
            AuthError::Rejected => Refusal::plain("wrong name or password"),
        };
        info!(peer = %self.peer, %error, "login failed");
        self.login_failures += 1;
        crate::auth::slow_down(&self.host, self.peer.ip(), self.login_failures).await;
        match self.login_failures >= self.host.settings.load().limits.login_failures_max {
            true => Err(Refusal::Bye(None, "too many failed logins".into())),
            false => Err(refusal),
        }
    }
}
