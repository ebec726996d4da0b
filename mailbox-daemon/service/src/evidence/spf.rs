//! `check_host()` of RFC 7208 section 4.

use super::lookups::Lookups;
use crate::dns::Answer;
use proto::spf::{Identity, MacroString, Mechanism, PrefixLengths, Record, is_record};
use std::net::IpAddr;
use types::{Domain, Outcome, Spf, UnixSeconds};

/// Terms that ask DNS in one evaluation (RFC 7208 section 4.6.4).
const TERMS_MAX: usize = 10;
/// Questions without an answer in one evaluation (RFC 7208 section 4.6.4).
const VOIDS_MAX: usize = 2;
/// MX hosts of one domain; with more the record is wrong (RFC 7208 section 4.6.4).
const MX_MAX: usize = 10;
/// Names of the client that are looked at; others are left out (RFC 7208 section 4.6.4).
const NAMES_MAX: usize = 10;
/// What is kept of an explanation.
const EXPLANATION_CHARS_MAX: usize = 250;

/// Who asks about whom.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) client: IpAddr,
    /// As the client said it.
    pub(super) helo: String,
    /// Before the sender's `@`; `postmaster` where there is nothing (RFC 7208 section 4.3).
    pub(super) local: String,
    pub(super) domain: Domain,
    /// Our name.
    pub(super) receiver: Domain,
    pub(super) now: UnixSeconds,
}

/// Evaluates the domain's record.
pub(super) async fn check(lookups: Lookups, question: Question) -> Spf {
    let domain = question.domain.clone();
    let is_checkable = domain.literal().is_none() && domain.as_str().contains('.');
    if !is_checkable {
        return Spf { outcome: Outcome::None, domain, explanation: None };
    }
    let mut evaluation = Evaluation::new(&lookups, question);
    match evaluation.check_host().await {
        Ok(Verdict { outcome, explanation }) => {
            let explanation = match explanation.filter(|_| outcome == Outcome::Fail) {
                Some(name) => evaluation.explain(&name).await,
                None => None,
            };
            Spf { outcome, domain, explanation }
        }
        Err(Halt::Temporary) => Spf { outcome: Outcome::TempError, domain, explanation: None },
        Err(Halt::Permanent) => Spf { outcome: Outcome::PermError, domain, explanation: None },
    }
}

/// Why an evaluation ends at once.
enum Halt {
    Temporary,
    Permanent,
}

struct Verdict {
    outcome: Outcome,
    /// `exp=` of the record that decided.
    explanation: Option<MacroString>,
}

struct Evaluation<'a> {
    lookups: &'a Lookups,
    identity: Identity,
    terms_left: usize,
    voids_left: usize,
    /// Looked for once.
    is_name_known: bool,
}

impl Evaluation<'_> {
    fn new(lookups: &Lookups, question: Question) -> Evaluation<'_> {
        let domain = question.domain.as_str().to_owned();
        Evaluation {
            lookups,
            identity: Identity {
                local: question.local,
                sender_domain: domain.clone(),
                domain,
                client: question.client,
                helo: question.helo,
                client_name: None,
                receiver: question.receiver.as_str().to_owned(),
                now: question.now,
            },
            terms_left: TERMS_MAX,
            voids_left: VOIDS_MAX,
            is_name_known: false,
        }
    }

    /// RFC 7208 sections 4.4 to 4.7, for the domain the identity names now.
    async fn check_host(&mut self) -> Result<Verdict, Halt> {
        let Some(record) = self.record().await? else {
            return Ok(Verdict { outcome: Outcome::None, explanation: None });
        };
        for directive in record.directives {
            if directive.mechanism.asks_dns() {
                self.count_term()?;
            }
            if self.matches(&directive.mechanism).await? {
                return Ok(Verdict { outcome: directive.outcome, explanation: record.explanation });
            }
        }
        let Some(redirect) = record.redirect else {
            return Ok(Verdict { outcome: Outcome::Neutral, explanation: None });
        };
        self.count_term()?;
        self.identity.domain = self.name(&redirect).await?;
        let verdict = Box::pin(self.check_host()).await?;
        match verdict.outcome {
            Outcome::None => Err(Halt::Permanent),
            _ => Ok(verdict),
        }
    }

    async fn record(&self) -> Result<Option<Record>, Halt> {
        let texts = self.lookups.txt(&self.identity.domain).await.known().ok_or(Halt::Temporary)?;
        let mut records = texts.iter().filter(|text| is_record(text));
        match (records.next(), records.next()) {
            (None, _) => Ok(None),
            (Some(record), None) => Record::parse(record).map(Some).map_err(|_| Halt::Permanent),
            (Some(_), Some(_)) => Err(Halt::Permanent),
        }
    }

    fn count_term(&mut self) -> Result<(), Halt> {
        self.terms_left = self.terms_left.checked_sub(1).ok_or(Halt::Permanent)?;
        Ok(())
    }

    /// The records of an answer; answers without any are counted.
    fn known<T>(&mut self, answer: Answer<T>) -> Result<Vec<T>, Halt> {
        let records = answer.known().ok_or(Halt::Temporary)?;
        if records.is_empty() {
            self.voids_left = self.voids_left.checked_sub(1).ok_or(Halt::Permanent)?;
        }
        Ok(records)
    }

    /// RFC 7208 section 5.
    async fn matches(&mut self, mechanism: &Mechanism) -> Result<bool, Halt> {
        let client = self.identity.client;
        match mechanism {
            Mechanism::All => Ok(true),
            Mechanism::Ip(network, lengths) => Ok(lengths.are_alike(client, *network)),
            Mechanism::Include(domain) => self.includes(domain).await,
            Mechanism::A(domain, lengths) => {
                let host = self.target(domain.as_ref()).await?;
                self.is_address_of(&host, *lengths).await
            }
            Mechanism::Mx(domain, lengths) => {
                let domain = self.target(domain.as_ref()).await?;
                self.is_mx_of(&domain, *lengths).await
            }
            Mechanism::Ptr(domain) => {
                let domain = self.target(domain.as_ref()).await?;
                let names = self.names_within(&domain).await?;
                Ok(!names.is_empty())
            }
            Mechanism::Exists(domain) => {
                let name = self.name(domain).await?;
                let answer = self.lookups.ipv4(&name).await;
                Ok(!self.known(answer)?.is_empty())
            }
        }
    }

    /// RFC 7208 section 5.2: only a pass of the other record matches.
    async fn includes(&mut self, domain: &MacroString) -> Result<bool, Halt> {
        let target = self.name(domain).await?;
        let own = std::mem::replace(&mut self.identity.domain, target);
        let verdict = Box::pin(self.check_host()).await?;
        self.identity.domain = own;
        match verdict.outcome {
            Outcome::Pass => Ok(true),
            Outcome::None => Err(Halt::Permanent),
            _ => Ok(false),
        }
    }

    async fn is_address_of(&mut self, host: &str, lengths: PrefixLengths) -> Result<bool, Halt> {
        let client = self.identity.client;
        let answer = self.lookups.addresses_like(client, host).await;
        Ok(self.known(answer)?.into_iter().any(|address| lengths.are_alike(client, address)))
    }

    async fn is_mx_of(&mut self, domain: &str, lengths: PrefixLengths) -> Result<bool, Halt> {
        let answer = self.lookups.mx(domain).await;
        let hosts = self.known(answer)?;
        if hosts.len() > MX_MAX {
            return Err(Halt::Permanent);
        }
        for host in hosts.iter().filter(|host| !host.is_empty()) {
            if self.is_address_of(host, lengths).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The client's names that have its address, those within `domain` (RFC 7208 section 5.5). Trouble with DNS is no match.
    async fn names_within(&mut self, domain: &str) -> Result<Vec<String>, Halt> {
        let client = self.identity.client;
        let names = match self.lookups.names(client).await {
            Answer::Failed => return Ok(Vec::new()),
            answer => self.known(answer)?,
        };
        let mut within = Vec::new();
        for name in names.into_iter().take(NAMES_MAX).filter(|name| is_within(name, domain)) {
            let addresses = self.lookups.addresses_like(client, &name).await.known().unwrap_or_default();
            if addresses.contains(&client) {
                within.push(name);
            }
        }
        Ok(within)
    }

    /// The domain a mechanism is about: its own, or the one that is checked.
    async fn target(&mut self, domain: Option<&MacroString>) -> Result<String, Halt> {
        match domain {
            Some(domain) => self.name(domain).await,
            None => Ok(self.identity.domain.clone()),
        }
    }

    async fn name(&mut self, text: &MacroString) -> Result<String, Halt> {
        self.find_client_name(text).await?;
        Ok(text.expand_domain(&self.identity))
    }

    /// `%{p}`: the checked domain itself where it is a name of the client, else one below it, else any (RFC 7208 section 7.3).
    async fn find_client_name(&mut self, text: &MacroString) -> Result<(), Halt> {
        if self.is_name_known || !text.needs_client_name() {
            return Ok(());
        }
        self.is_name_known = true;
        let names = self.names_within("").await?;
        let domain = &self.identity.domain;
        let nearness = |name: &&String| (*name != domain, !is_within(name, domain));
        self.identity.client_name = names.iter().min_by_key(nearness).cloned();
        Ok(())
    }

    /// RFC 7208 section 6.2. What goes wrong here changes no verdict.
    async fn explain(&mut self, name: &MacroString) -> Option<String> {
        let name = self.name(name).await.ok()?;
        let texts = self.lookups.txt(&name).await.known()?;
        let [text] = texts.as_slice() else { return None };
        let text = std::str::from_utf8(text).ok()?;
        let text = MacroString::parse_explanation(text).ok()?;
        self.find_client_name(&text).await.ok()?;
        let text = text.expand(&self.identity);
        let printable = text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ');
        Some(printable.take(EXPLANATION_CHARS_MAX).collect()).filter(|text: &String| !text.is_empty())
    }
}

/// Whether `name` is `domain` or lies below it; everything lies below nothing.
fn is_within(name: &str, domain: &str) -> bool {
    let (name, domain) = (name.to_ascii_lowercase(), domain.to_ascii_lowercase());
    name.strip_suffix(domain.as_str())
        .is_some_and(|front| front.is_empty() || domain.is_empty() || front.ends_with('.'))
}
