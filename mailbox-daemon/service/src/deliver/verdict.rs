//! What an outcome means: may it be tried again, under which code and in which words is it reported (RFC 3463).

use policy::hop::LeftOut;
use policy::route::Unroutable;
use policy::schedule::Attempt;
use proto::mime::seven_bit::Impossible;
use proto::smtp::client::{Answer, Failure, Missing, Outcome, Stage};

/// An attempt's result for one recipient, in the form that schedule, queue list and report need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) attempt: Attempt,
    /// Enhanced status code.
    pub(super) status: String,
    /// For the reader of a report.
    pub(super) explanation: String,
    /// What the other server said, code first.
    pub(super) reply: Option<String>,
    /// The other server's name.
    pub(super) server: Option<String>,
    /// Whether the next server reports on its own (RFC 3461).
    pub(super) passes_dsn: bool,
}

impl Verdict {
    fn new(attempt: Attempt, status: &str, explanation: impl Into<String>) -> Verdict {
        Verdict {
            attempt,
            status: status.to_owned(),
            explanation: explanation.into(),
            reply: None,
            server: None,
            passes_dsn: false,
        }
    }

    /// Not tried: its destination cannot be reached.
    pub(super) fn unreachable(reason: &str) -> Verdict {
        Verdict::new(Attempt::Deferred, "4.4.1", reason)
    }

    /// The owner keeps mail to this domain from going out.
    pub(super) fn held() -> Verdict {
        Verdict::new(Attempt::Held, "4.2.1", "Mail to this domain is held until the owner releases it.")
    }

    /// Our own fault; it is tried again.
    pub(super) fn ours(reason: impl Into<String>) -> Verdict {
        Verdict::new(Attempt::Deferred, "4.3.0", reason)
    }

    /// What DNS says about the domain.
    pub(super) fn unroutable(reason: Unroutable) -> Verdict {
        let (status, text) = match reason {
            Unroutable::NullMx => ("5.1.10", "The domain says that it takes no mail."),
            Unroutable::NoDomain => ("5.1.2", "There is no such domain."),
            Unroutable::LoopsBack => {
                ("5.4.6", "The domain's mail leads back to this server, which does not know it.")
            }
            Unroutable::DnsFailed => ("4.4.3", "The domain's mail servers could not be looked up."),
        };
        let attempt = if reason.is_temporary() { Attempt::Deferred } else { Attempt::Refused };
        Verdict::new(attempt, status, text)
    }

    /// None of the domain's servers has an address.
    pub(super) fn without_address() -> Verdict {
        Verdict::new(Attempt::Refused, "5.4.4", "The domain's mail servers have no address.")
    }

    /// What the domain publishes, or the sender wants, keeps mail from the server.
    pub(super) fn left_out(reason: LeftOut) -> Verdict {
        match reason {
            LeftOut::TlsaUnknown => Verdict::new(
                Attempt::Deferred,
                "4.7.5",
                "The server's TLSA records (DANE) could not be looked up, or do not validate.",
            ),
            LeftOut::NotInPolicy => Verdict::new(
                Attempt::Deferred,
                "4.7.0",
                "The recipient domain's policy (MTA-STS) does not name this server.",
            ),
            LeftOut::Unvouched => Verdict::no_required_tls("Nobody vouches for the server's name."),
        }
    }

    /// The sender requires TLS and it cannot be had (RFC 8689 section 4.2.1).
    pub(super) fn no_required_tls(reason: &str) -> Verdict {
        let text =
            format!("The sender requires TLS with a server that proves its name (REQUIRETLS). {reason}");
        Verdict::new(Attempt::Refused, "5.7.10", text)
    }

    /// The sender wants TLS all the way and the server does not promise it (RFC 8689 section 4.2.1).
    pub(super) fn requiretls_missing() -> Verdict {
        let text =
            "The sender requires TLS all the way (REQUIRETLS); the other server does not promise that.";
        Verdict::new(Attempt::Refused, "5.7.30", text)
    }

    /// What became of one recipient in a session with `server`.
    pub(super) fn of(outcome: Outcome, server: &str) -> Verdict {
        let mut verdict = match outcome {
            Outcome::Delivered { answer, passes_dsn } => {
                let verdict =
                    Verdict::new(Attempt::Delivered, "2.0.0", "The next server has taken the message over.");
                Verdict { passes_dsn, ..verdict }.with_reply(&answer)
            }
            Outcome::Refused(_, answer) => refused(&answer),
            Outcome::Unsupported(Missing::SmtpUtf8) => Verdict::new(
                Attempt::Refused,
                "5.6.7",
                "The other server does not support international addresses or headers.",
            ),
            Outcome::Unsupported(Missing::EightBitMime) => Verdict::not_in_seven_bits(Impossible::Part),
            Outcome::Unsupported(Missing::RequireTls) => Verdict::requiretls_missing(),
            Outcome::Unsupported(Missing::Size(max)) => Verdict::new(
                Attempt::Refused,
                "5.3.4",
                format!("The other server takes messages up to {max} bytes; this one is larger."),
            ),
            Outcome::Broken(stage, failure) => Verdict::broken(stage, &failure),
        };
        verdict.server = Some(server.to_owned());
        verdict
    }

    /// A session that ended before the server judged the message. It is always tried again: not even a permanent refusal of
    /// the connection says anything about the recipient (RFC 5321 section 4.2.4.2).
    pub(super) fn broken(stage: Stage, failure: &Failure) -> Verdict {
        let during = match stage {
            Stage::Greeting => "its greeting",
            Stage::Hello => "the greeting",
            Stage::StartTls => "the start of TLS",
            Stage::Auth => "the login",
            Stage::Mail | Stage::Recipient | Stage::Data => "the envelope",
            Stage::Body => "the message",
            Stage::EndOfBody => "its answer to the message",
            Stage::Idle => "a pause",
        };
        let (status, text) = match (failure, stage) {
            (Failure::Refused(_), Stage::Auth) => ("4.7.8", "The relay did not accept the login.".to_owned()),
            (Failure::Refused(_), _) => {
                ("4.4.2", format!("The other server refused to go on during {during}."))
            }
            (Failure::Lost, _) => ("4.4.2", format!("The connection was lost during {during}.")),
            (Failure::Garbage, _) => {
                ("4.5.0", format!("The other server did not speak SMTP during {during}."))
            }
            (Failure::NotOffered, Stage::Auth) => ("4.7.0", "The relay offers no login we know.".to_owned()),
            (Failure::NotOffered, _) => {
                ("4.7.10", "The other server offers no TLS, which is required.".to_owned())
            }
        };
        let verdict = Verdict::new(Attempt::Deferred, status, text);
        match failure {
            Failure::Refused(answer) => verdict.with_reply(answer),
            Failure::Lost | Failure::Garbage | Failure::NotOffered => verdict,
        }
    }

    /// The server takes seven bits only, and the message cannot be told so (RFC 6152 section 3).
    pub(super) fn not_in_seven_bits(reason: Impossible) -> Verdict {
        let why = match reason {
            Impossible::Sealed => "a signature or encryption in it would break",
            Impossible::Header => "its header has letters beyond ASCII",
            Impossible::Part => "one of its parts makes no sense",
        };
        let text =
            format!("The other server takes plain ASCII only, and the message cannot be converted: {why}.");
        Verdict::new(Attempt::Refused, "5.6.3", text)
    }

    /// Whether the next server of the same destination may be asked in the same attempt: this one has surely not taken the
    /// message, and has not refused it for good (RFC 5321 section 5.1).
    pub(super) fn leaves_to_others(outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Delivered { .. } | Outcome::Unsupported(_) => false,
            Outcome::Refused(_, answer) => !answer.is_permanent(),
            // After the end of the message it may have been taken.
            Outcome::Broken(stage, _) => *stage != Stage::EndOfBody,
        }
    }

    /// Its time is over.
    pub(super) fn expired(self) -> Verdict {
        let status = if self.status.starts_with('4') { self.status } else { "4.4.7".to_owned() };
        Verdict {
            attempt: Attempt::Refused,
            status,
            explanation: format!(
                "It was tried for five days and is given up. The last attempt: {}",
                self.explanation
            ),
            ..self
        }
    }

    /// One line for `queue list`.
    pub(super) fn line(&self) -> String {
        match (&self.server, &self.reply) {
            (Some(server), Some(reply)) => format!("{server} said: {}", reply.replace('\n', " ")),
            (Some(server), None) => format!("{server}: {}", self.explanation),
            (None, _) => self.explanation.clone(),
        }
    }

    fn with_reply(self, answer: &Answer) -> Verdict {
        let status = match answer.enhanced {
            Some((class, subject, detail)) if class == (answer.code / 100) as u8 => {
                format!("{class}.{subject}.{detail}")
            }
            _ => self.status,
        };
        Verdict { status, reply: Some(answer.to_string()), ..self }
    }
}

fn refused(answer: &Answer) -> Verdict {
    let (attempt, status, text) = match answer.is_permanent() {
        true => (Attempt::Refused, "5.0.0", "The other server refused it."),
        false => (Attempt::Deferred, "4.0.0", "The other server asked to try again later."),
    };
    Verdict::new(attempt, status, text).with_reply(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, enhanced: Option<(u8, u16, u16)>) -> Answer {
        Answer { code, enhanced, text: "words".to_owned() }
    }

    #[test]
    fn outcomes_and_their_codes() {
        let delivered = Outcome::Delivered { answer: answer(250, None), passes_dsn: true };
        for (outcome, attempt, status) in [
            (delivered, Attempt::Delivered, "2.0.0"),
            (Outcome::Refused(Stage::Recipient, answer(550, Some((5, 1, 1)))), Attempt::Refused, "5.1.1"),
            (Outcome::Refused(Stage::Recipient, answer(550, None)), Attempt::Refused, "5.0.0"),
            (Outcome::Refused(Stage::EndOfBody, answer(452, Some((4, 3, 1)))), Attempt::Deferred, "4.3.1"),
            (Outcome::Unsupported(Missing::SmtpUtf8), Attempt::Refused, "5.6.7"),
            (Outcome::Unsupported(Missing::Size(9)), Attempt::Refused, "5.3.4"),
            (Outcome::Broken(Stage::EndOfBody, Failure::Lost), Attempt::Deferred, "4.4.2"),
            (
                Outcome::Broken(Stage::Greeting, Failure::Refused(answer(554, None))),
                Attempt::Deferred,
                "4.4.2",
            ),
        ] {
            let verdict = Verdict::of(outcome.clone(), "mx.test");
            assert_eq!((verdict.attempt, verdict.status.as_str()), (attempt, status), "{outcome:?}");
        }
    }

    #[test]
    fn what_dns_rules_out_is_refused_and_its_silence_is_not() {
        for (reason, attempt, status) in [
            (Unroutable::NullMx, Attempt::Refused, "5.1.10"),
            (Unroutable::NoDomain, Attempt::Refused, "5.1.2"),
            (Unroutable::LoopsBack, Attempt::Refused, "5.4.6"),
            (Unroutable::DnsFailed, Attempt::Deferred, "4.4.3"),
        ] {
            let verdict = Verdict::unroutable(reason);
            assert_eq!((verdict.attempt, verdict.status.as_str()), (attempt, status));
        }
    }
}
