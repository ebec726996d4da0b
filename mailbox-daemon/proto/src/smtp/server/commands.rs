use super::{Action, Question, Role, Session, State, Transaction};
use crate::sasl::Mechanism;
use crate::smtp::parse::{Command, CommandError, Mail, Rcpt};
use crate::smtp::reply::{Reply, say};
use data_encoding::BASE64;
use zeroize::Zeroizing;

/// Commands that carry no mail, between messages, before they count as errors.
const IDLE_COMMANDS_MAX: u32 = 100;

impl Session {
    pub(super) fn command(&mut self, command: Command, out: &mut Vec<u8>) -> Option<Action> {
        if !matches!(command, Command::Mail(_) | Command::Rcpt(_) | Command::Data | Command::Bdat { .. }) {
            self.idle_commands += 1;
            if self.idle_commands > IDLE_COMMANDS_MAX {
                return self.refuse(say::TOO_MANY_ERRORS, out);
            }
        }
        match command {
            Command::Auth { mechanism, initial } => self.auth(&mechanism, initial.as_deref(), out),
            Command::Bdat { bytes, last } => self.bdat(bytes, last, out),
            Command::Data => self.data(out),
            Command::Ehlo(name) => self.hello(name, true, out),
            Command::Expn => self.refuse(say::NOT_IMPLEMENTED, out),
            Command::Helo(name) => self.hello(name, false, out),
            Command::Help => self.help(out),
            Command::Mail(mail) => self.mail(mail, out),
            Command::Noop => self.refuse(say::OK, out),
            Command::Quit => self.quit(out),
            Command::Rcpt(rcpt) => self.rcpt(rcpt, out),
            Command::Rset => {
                self.say(say::OK, out);
                self.reset()
            }
            Command::StartTls => self.start_tls(out),
            Command::Vrfy => self.refuse(say::CANNOT_VERIFY, out),
        }
    }

    /// RFC 5321 section 4.1.1.1.
    fn hello(&mut self, name: String, is_esmtp: bool, out: &mut Vec<u8>) -> Option<Action> {
        self.client_name = name;
        self.is_esmtp = is_esmtp;
        let text = match is_esmtp {
            true => self.extensions(),
            false => self.config.host.clone(),
        };
        self.say(Reply::bare(250, "").with_text(text), out);
        self.reset()
    }

    fn extensions(&self) -> String {
        let limits = &self.config.limits;
        let mut text = format!(
            "{}\nPIPELINING\nSIZE {}\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\nCHUNKING\nDSN\nLIMITS RCPTMAX={}",
            self.config.host, limits.message_bytes_max, limits.recipients_max
        );
        if self.config.has_starttls && !self.config.is_tls {
            text.push_str("\nSTARTTLS");
        }
        if self.config.is_tls {
            text.push_str("\nREQUIRETLS");
        }
        if self.may_log_in() {
            text.push_str("\nAUTH");
            for mechanism in Mechanism::offered(self.has_channel_binding()) {
                text.push(' ');
                text.push_str(mechanism.name());
            }
        }
        text + "\nHELP"
    }

    fn may_log_in(&self) -> bool {
        self.config.role == Role::Submission && (self.config.is_tls || self.config.has_cleartext_auth)
    }

    fn has_channel_binding(&self) -> bool {
        self.config.is_tls && self.config.has_channel_binding
    }

    fn help(&mut self, out: &mut Vec<u8>) -> Option<Action> {
        const TEXT: &str = "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP STARTTLS AUTH QUIT\nSee RFC 5321 for what they do";
        self.refuse(Reply::new(214, 0, 0, TEXT), out)
    }

    fn quit(&mut self, out: &mut Vec<u8>) -> Option<Action> {
        self.close(&say::BYE, out);
        None
    }

    /// RFC 3207.
    fn start_tls(&mut self, out: &mut Vec<u8>) -> Option<Action> {
        if !self.config.has_starttls {
            return self.refuse(say::NOT_IMPLEMENTED, out);
        }
        if self.config.is_tls {
            return self.refuse(say::BAD_SEQUENCE.with_text("TLS is up already"), out);
        }
        self.say(say::START_TLS, out);
        self.transaction = None;
        Some(Action::StartTls)
    }

    /// RFC 4954 section 4.
    fn auth(&mut self, mechanism: &str, initial: Option<&str>, out: &mut Vec<u8>) -> Option<Action> {
        if self.config.role == Role::Inbound {
            return self.refuse(say::NO_LOGIN_HERE, out);
        }
        if !self.is_esmtp {
            return self.refuse(say::HELLO_FIRST, out);
        }
        if self.is_authenticated || self.transaction.is_some() {
            return self.refuse(say::BAD_SEQUENCE, out);
        }
        if !self.may_log_in() {
            return self.refuse(say::LOGIN_NEEDS_TLS, out);
        }
        let offered = Mechanism::offered(self.has_channel_binding());
        let Some(mechanism) = Mechanism::parse(mechanism).filter(|named| offered.contains(named)) else {
            return self.refuse(say::UNKNOWN_MECHANISM, out);
        };
        match initial.map(|text| BASE64.decode(text.as_bytes())).transpose() {
            Ok(initial) => {
                let initial = initial.map(Zeroizing::new);
                Some(self.ask(Question::Auth, Action::Auth { mechanism, initial }))
            }
            Err(_) => self.refuse(say::BAD_AUTH, out),
        }
    }

    pub(super) fn auth_response(&mut self, line: &[u8], out: &mut Vec<u8>) -> Action {
        self.state = State::Command;
        match BASE64.decode(line) {
            Ok(response) => self.ask(Question::Auth, Action::AuthResponse(Zeroizing::new(response))),
            // `*` is no base64 and means what every other mistake does.
            Err(_) => {
                self.say(say::BAD_AUTH, out);
                Action::AuthCancelled
            }
        }
    }

    fn mail(&mut self, mail: Mail, out: &mut Vec<u8>) -> Option<Action> {
        if self.client_name.is_empty() {
            return self.refuse(say::HELLO_FIRST, out);
        }
        if self.config.role == Role::Submission && !self.is_authenticated {
            let reply = if self.may_log_in() { say::LOG_IN_FIRST } else { say::START_TLS_FIRST };
            return self.refuse(reply, out);
        }
        if self.transaction.is_some() {
            return self.refuse(say::BAD_SEQUENCE.with_text("One message at a time"), out);
        }
        if mail.parameters.require_tls && !self.config.is_tls {
            return self.refuse(say::REQUIRETLS_NEEDS_TLS, out);
        }
        if mail.parameters.size_bytes.is_some_and(|bytes| bytes > self.config.limits.message_bytes_max) {
            return self.refuse(say::TOO_LARGE, out);
        }
        self.transaction =
            Some(Transaction { is_smtputf8: mail.parameters.smtputf8, ..Transaction::default() });
        Some(self.ask(Question::Mail, Action::Mail(mail)))
    }

    fn rcpt(&mut self, rcpt: Rcpt, out: &mut Vec<u8>) -> Option<Action> {
        let Some(transaction) = self.transaction.as_ref().filter(|begun| begun.reader.is_none()) else {
            return self.refuse(say::BAD_SEQUENCE, out);
        };
        if rcpt.is_international && !transaction.is_smtputf8 {
            return self.refuse(say::NEEDS_SMTPUTF8, out);
        }
        if transaction.recipients >= self.config.limits.recipients_max {
            return self.refuse(say::TOO_MANY_RECIPIENTS, out);
        }
        let recipient = rcpt.into_recipient(&self.config.postmaster_domain);
        Some(self.ask(Question::Rcpt, Action::Rcpt(recipient)))
    }
}

pub(super) fn reply_to(error: CommandError) -> Reply {
    match error {
        CommandError::Unknown => say::UNKNOWN_COMMAND,
        CommandError::Syntax => say::SYNTAX,
        CommandError::Sender(error) => say::BAD_SENDER.with_text(format!("The sender: {error}")),
        CommandError::Recipient(error) => say::BAD_RECIPIENT.with_text(format!("The recipient: {error}")),
        CommandError::UnknownParameter => say::UNKNOWN_PARAMETER,
        CommandError::NeedsSmtpUtf8 => say::NEEDS_SMTPUTF8,
    }
}
