//! What can be found out about mail that comes in: look-ups side by side, each with its time, all with one budget.
//!
//! An [`Inquiry`] lives as long as the connection. Each look-up begins as soon as its question is known, so that answers are
//! there when somebody waits for them; dropping the inquiry ends what still runs.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod blocklists;
mod examined;
mod keys;
mod lookups;
mod pending;
mod published;
mod reverse;
mod sender;
mod spf;

use crate::dns::Resolver;
use crate::host::{Host, unix_now};
use examined::{AUTHORS_MAX, Examined};
use keys::Keys;
use lookups::Lookups;
use pending::Pending;
use policy::config::Settings;
use policy::dmarc::{self, Published};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use types::{
    DkimSignature, Dmarc, Domain, Evidence, Listing, Outcome, ReverseDns, ReversePath, SenderDomain, Spf,
};

/// How long a message that has come in waits for what DNS says about it.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(20);

/// Everything asked about one inbound connection.
pub struct Inquiry {
    /// Nothing where mail is not checked: then nothing is asked either.
    asked: Option<Box<Asked>>,
}

struct Asked {
    receiver: Domain,
    client: IpAddr,
    lookups: Lookups,
    reverse_dns: Pending<ReverseDns>,
    listings: Pending<Vec<Listing>>,
    /// SPF of the HELO name, by that name: it serves all messages.
    helo: Option<(String, Pending<Option<Spf>>)>,
    envelope: Option<Envelope>,
}

/// What is asked about one envelope.
struct Envelope {
    lookups: Lookups,
    domain: Option<Domain>,
    /// Nothing for the null sender, for whom the HELO name stands (RFC 7208 section 2.4).
    mail_from: Option<Pending<Option<Spf>>>,
    sender: Pending<SenderDomain>,
}

impl Inquiry {
    /// Begins with the client's address: its name and the lists it may be on.
    pub fn begin(host: &Arc<Host>, settings: &Arc<Settings>, client: IpAddr) -> Inquiry {
        if !settings.inbound.authentication {
            return Inquiry { asked: None };
        }
        match host.resolvers.get(settings.dns.resolver) {
            Ok(resolver) => {
                let mut asked = Asked::begin(Lookups::new(resolver), &settings.hostname, client);
                asked.ask_lists(host, settings);
                Inquiry { asked: Some(Box::new(asked)) }
            }
            Err(error) => {
                tracing::error!(%error, "no resolver: mail comes in unchecked");
                Inquiry { asked: None }
            }
        }
    }

    /// Begins for `receiver` without a box around it, and without lists.
    pub fn alone(resolver: Arc<Resolver>, receiver: &Domain, client: IpAddr) -> Inquiry {
        Inquiry { asked: Some(Box::new(Asked::begin(Lookups::new(resolver), receiver, client))) }
    }

    /// Whether anything is asked at all.
    pub fn is_asking(&self) -> bool {
        self.asked.is_some()
    }

    /// Goes on with the HELO name and the envelope's sender: SPF, and whether the sender's domain takes mail.
    pub fn envelope(&mut self, helo: &str, from: &ReversePath) {
        if let Some(asked) = &mut self.asked {
            asked.envelope(helo, from);
        }
    }

    /// Ends with the message as it came, header and body: its signatures, and all that was asked before.
    pub async fn message(&mut self, message: &[u8]) -> Evidence {
        match &mut self.asked {
            Some(asked) => Box::pin(asked.message(message)).await,
            None => Evidence::default(),
        }
    }
}

impl Asked {
    fn begin(lookups: Lookups, receiver: &Domain, client: IpAddr) -> Asked {
        let client = client.to_canonical();
        Asked {
            reverse_dns: Pending::begin(reverse::check(lookups.clone(), client)),
            listings: Pending::Known(Vec::new()),
            receiver: receiver.clone(),
            client,
            lookups,
            helo: None,
            envelope: None,
        }
    }

    fn ask_lists(&mut self, host: &Arc<Host>, settings: &Settings) {
        let lists = settings.inbound.dnsbl.clone();
        let check = blocklists::check(Arc::clone(host), self.lookups.clone(), lists, self.client);
        self.listings = Pending::begin(check);
    }

    fn envelope(&mut self, helo: &str, from: &ReversePath) {
        let lookups = self.lookups.for_next_message();
        if self.helo.as_ref().is_none_or(|(known, _)| known != helo) {
            let check = self.spf(&lookups, helo, "postmaster", Domain::parse(helo).ok());
            self.helo = Some((helo.to_owned(), check));
        }
        self.envelope = Some(Envelope {
            domain: from.as_ref().map(|from| from.domain.clone()),
            mail_from: from
                .as_ref()
                .map(|from| self.spf(&lookups, helo, from.local.as_str(), Some(from.domain.clone()))),
            sender: match from {
                Some(from) => Pending::begin(sender::check(lookups.clone(), from.domain.clone())),
                None => Pending::Known(SenderDomain::NotAsked),
            },
            lookups,
        });
    }

    fn spf(
        &self,
        lookups: &Lookups,
        helo: &str,
        local: &str,
        domain: Option<Domain>,
    ) -> Pending<Option<Spf>> {
        let Some(domain) = domain else { return Pending::Known(None) };
        let question = spf::Question {
            client: self.client,
            helo: helo.to_owned(),
            local: local.to_owned(),
            domain,
            receiver: self.receiver.clone(),
            now: unix_now(),
        };
        let check = spf::check(lookups.clone(), question);
        Pending::begin(async move { Some(check.await) })
    }

    async fn message(&mut self, message: &[u8]) -> Evidence {
        let deadline = Instant::now() + MESSAGE_TIMEOUT;
        let lookups =
            self.envelope.as_ref().map_or_else(|| self.lookups.for_next_message(), |one| one.lookups.clone());
        let now = unix_now();
        let examined = unbroken(|| Examined::read(message, now));
        let authors = examined.as_ref().map_or(&[][..], |examined| &examined.authors);
        let authors = Authors::ask(&lookups, authors);
        let mut evidence = Evidence::default();
        if let Some(examined) = examined {
            let keys = Keys::fetch(&lookups, examined.key_names(), deadline).await;
            let verified = unbroken(|| (examined.dkim(&keys), examined.arc(&keys)));
            (evidence.dkim, evidence.arc) = verified.unwrap_or_default();
        }
        (evidence.spf_helo, evidence.spf_mail_from, evidence.sender_domain) =
            self.envelope_facts(deadline).await;
        evidence.reverse_dns = self.reverse_dns.get(deadline, temporary_reverse_dns()).await;
        evidence.listings = self.listings.get(deadline, Vec::new()).await;
        evidence.dmarc = authors.judge(evidence.spf_mail_from.as_ref(), &evidence.dkim, deadline).await;
        evidence
    }

    async fn envelope_facts(&mut self, deadline: Instant) -> (Option<Spf>, Option<Spf>, SenderDomain) {
        let mut spf_helo = None;
        if let Some((name, check)) = &mut self.helo {
            spf_helo = check.get(deadline, temporary_spf(Domain::parse(name).ok())).await;
        }
        let Some(envelope) = &mut self.envelope else { return (spf_helo, None, SenderDomain::NotAsked) };
        let spf_mail_from = match &mut envelope.mail_from {
            Some(check) => check.get(deadline, temporary_spf(envelope.domain.clone())).await,
            None => spf_helo.clone(),
        };
        let sender_domain = envelope.sender.get(deadline, SenderDomain::Unknown).await;
        (spf_helo, spf_mail_from, sender_domain)
    }
}

/// The DMARC records of the authors' domains.
struct Authors {
    asked: Vec<(Domain, Pending<Published>)>,
    /// More than are looked at.
    are_too_many: bool,
}

impl Authors {
    fn ask(lookups: &Lookups, authors: &[Domain]) -> Authors {
        let ask = |author: &Domain| {
            (author.clone(), Pending::begin(published::find(lookups.clone(), author.clone())))
        };
        let asked = authors.iter().take(AUTHORS_MAX).map(ask).collect();
        Authors { asked, are_too_many: authors.len() > AUTHORS_MAX }
    }

    async fn judge(self, spf: Option<&Spf>, dkim: &[DkimSignature], deadline: Instant) -> Option<Dmarc> {
        let sample = getrandom::u32().map_or(0, |number| (number % 100) as u8);
        let mut judged = Vec::new();
        for (author, mut pending) in self.asked {
            let published = pending.get(deadline, Published::Unknown).await;
            judged.push(match self.are_too_many {
                true => dmarc::disbelieved(&author),
                false => dmarc::judge(&author, published, spf, dkim, sample),
            });
        }
        dmarc::worst(judged)
    }
}

/// Reads foreign bytes where other sessions do not wait for it. Should that panic, this message goes without what it would
/// have told.
fn unbroken<T>(work: impl FnOnce() -> T) -> Option<T> {
    let found = crate::disk(|| catch_unwind(AssertUnwindSafe(work)));
    found.inspect_err(|_| tracing::error!("reading a message's signatures broke")).ok()
}

fn temporary_spf(domain: Option<Domain>) -> Option<Spf> {
    domain.map(|domain| Spf { outcome: Outcome::TempError, domain, explanation: None })
}

fn temporary_reverse_dns() -> ReverseDns {
    ReverseDns { outcome: Outcome::TempError, name: None }
}
