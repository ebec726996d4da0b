use crate::dns::{self, Answer, Resolver};
use hickory_resolver::proto::rr::{RData, RecordType};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Questions one connection may cause, however many messages it brings.
const CONNECTION_QUESTIONS_MAX: usize = 5000;
/// Questions one message may cause: two SPF checks at their worst, keys, policies.
const MESSAGE_QUESTIONS_MAX: usize = 300;
/// How long one question may take.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(8);

/// Asks DNS as long as the budget lasts. Past it nothing is known, as if DNS did not answer.
#[derive(Clone)]
pub(super) struct Lookups {
    resolver: Arc<Resolver>,
    connection_left: Arc<AtomicUsize>,
    message_left: Arc<AtomicUsize>,
}

impl Lookups {
    pub(super) fn new(resolver: Arc<Resolver>) -> Lookups {
        Lookups {
            resolver,
            connection_left: Arc::new(AtomicUsize::new(CONNECTION_QUESTIONS_MAX)),
            message_left: Arc::new(AtomicUsize::new(MESSAGE_QUESTIONS_MAX)),
        }
    }

    /// The same for the next message.
    pub(super) fn for_next_message(&self) -> Lookups {
        Lookups { message_left: Arc::new(AtomicUsize::new(MESSAGE_QUESTIONS_MAX)), ..self.clone() }
    }

    pub(super) async fn txt(&self, name: &str) -> Answer<Vec<u8>> {
        self.ask(name, RecordType::TXT, dns::text).await
    }

    /// The hosts of the MX records; the one of a null MX (RFC 7505) is empty.
    pub(super) async fn mx(&self, name: &str) -> Answer<String> {
        self.ask(name, RecordType::MX, dns::host).await
    }

    pub(super) async fn ipv4(&self, name: &str) -> Answer<IpAddr> {
        self.ask(name, RecordType::A, dns::address).await
    }

    pub(super) async fn ipv6(&self, name: &str) -> Answer<IpAddr> {
        self.ask(name, RecordType::AAAA, dns::address).await
    }

    /// The addresses of a host that can be compared with `client`.
    pub(super) async fn addresses_like(&self, client: IpAddr, name: &str) -> Answer<IpAddr> {
        match client {
            IpAddr::V4(_) => self.ipv4(name).await,
            IpAddr::V6(_) => self.ipv6(name).await,
        }
    }

    /// The names of an address.
    pub(super) async fn names(&self, client: IpAddr) -> Answer<String> {
        self.ask(&dns::reverse_name(client), RecordType::PTR, dns::host).await
    }

    async fn ask<T>(&self, name: &str, kind: RecordType, pick: fn(&RData) -> Option<T>) -> Answer<T> {
        if !(take_one(&self.message_left) && take_one(&self.connection_left)) {
            tracing::info!(name, "no more questions to DNS for this message");
            return Answer::Failed;
        }
        let question = self.resolver.question(name, kind, pick);
        tokio::time::timeout(QUESTION_TIMEOUT, question).await.unwrap_or(Answer::Failed)
    }
}

fn take_one(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UdpSocket;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn a_silent_name_server_costs_no_more_than_the_time_and_the_budget() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let resolver = Resolver::new(Some(silent.local_addr().unwrap())).unwrap();
        let lookups = Lookups::new(Arc::new(resolver));
        let begun = Instant::now();
        assert_eq!(lookups.txt("a.test").await, Answer::Failed);
        assert!(begun.elapsed() <= QUESTION_TIMEOUT + Duration::from_millis(10), "{:?}", begun.elapsed());
        lookups.message_left.store(0, Ordering::Relaxed);
        let begun = Instant::now();
        assert_eq!(lookups.txt("b.test").await, Answer::Failed);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        let next = lookups.for_next_message();
        assert_eq!(next.message_left.load(Ordering::Relaxed), MESSAGE_QUESTIONS_MAX);
        assert_eq!(next.connection_left.load(Ordering::Relaxed), CONNECTION_QUESTIONS_MAX - 1);
    }
}
