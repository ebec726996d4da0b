use super::Connection;
use crate::auth::{AuthError, Progress};
use proto::sasl::Mechanism;
use proto::smtp::reply::say;
use tracing::{info, warn};

impl Connection {
    /// AUTH (RFC 4954).
    pub(super) async fn auth(&mut self, mechanism: Mechanism, initial: Option<&[u8]>) {
        let host = &self.host;
        match host.auth.start(host, self.peer.ip(), mechanism, initial, self.binding.clone()).await {
            Ok((exchange, progress)) => {
                self.exchange = Some(exchange);
                self.go_on(progress);
            }
            Err(error) => self.refuse_login(&error),
        }
    }

    /// The client's answer to a challenge.
    pub(super) async fn auth_response(&mut self, response: &[u8]) {
        let Some(mut exchange) = self.exchange.take() else {
            return self.session.answer(say::BAD_SEQUENCE, &mut self.out);
        };
        let host = &self.host;
        match host.auth.step(host, self.peer.ip(), &mut exchange, response).await {
            Ok(progress) => {
                self.exchange = Some(exchange);
                self.go_on(progress);
            }
            Err(error) => self.refuse_login(&error),
        }
    }

    fn go_on(&mut self, progress: Progress) {
        match progress {
            Progress::Challenge(message) => self.session.challenge(&message, &mut self.out),
            Progress::LoggedIn(login) => {
                info!(peer = %self.peer, account = %login.account, app_password = login.app_password, "logged in for submission");
                self.exchange = None;
                self.login = Some(login);
                self.guest.logged_in();
                self.session.answer(say::LOGGED_IN, &mut self.out);
            }
        }
    }

    fn refuse_login(&mut self, error: &AuthError) {
        let reply = match error {
            AuthError::Directory(_) => {
                warn!(peer = %self.peer, %error, "login could not be checked");
                say::LOGIN_UNAVAILABLE
            }
            AuthError::Exchange(cause) => {
                info!(peer = %self.peer, %error, "login failed");
                say::LOGIN_FAILED.with_text(cause.to_string())
            }
            AuthError::Banned => {
                info!(peer = %self.peer, %error, "login refused");
                say::BANNED
            }
            AuthError::Rejected => {
                info!(peer = %self.peer, "login failed");
                say::LOGIN_FAILED
            }
        };
        self.exchange = None;
        self.session.answer(reply, &mut self.out);
    }
}
