//! The way a message took, as the servers on it wrote it down (RFC 5321 section 4.4).

use super::gather::{Gather, Kind, bucket};
use super::{links, words};
use proto::mime::header::{Field, unfold};

/// Servers on the way that are looked at, the oldest first.
const HOPS_MAX: usize = 12;
const TRACE_BYTES_MAX: usize = 1000;
const NAMES_MAX: usize = 6;

/// Reads what foreign servers wrote, newest first as in the header; returns the domains that were on the way.
pub fn read(traces: &[Field<'_>], gather: &mut Gather) -> Vec<String> {
    let mut domains = Vec::new();
    gather.add(Kind::TraceShape, &["servers on the way", bucket(traces.len())]);
    for (age, trace) in traces.iter().rev().take(HOPS_MAX).enumerate() {
        let value = unfold(&trace.value[..trace.value.len().min(TRACE_BYTES_MAX)]);
        let text = String::from_utf8_lossy(&value).to_ascii_lowercase();
        let text = text.rsplit_once(';').map_or(text.as_str(), |(trace, _)| trace).trim();
        let which = if age == 0 { "first server" } else { "later server" };
        hop(text, which, &mut domains, gather);
        if age == 0 {
            words::add(text, Kind::Trace, gather);
        }
    }
    domains
}

/// What one server says of the client it took the message from.
fn hop(text: &str, which: &str, domains: &mut Vec<String>, gather: &mut Gather) {
    let Some(client) = text.strip_prefix("from ") else {
        return gather.add(Kind::TraceShape, &[which, "names no client"]);
    };
    let client = client.split(" by ").next().unwrap_or_default();
    let is_separator = |letter: char| !(letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_' | ':'));
    let mut hosts: Vec<&str> = Vec::new();
    let mut address = None;
    for word in client.split(is_separator).filter(|word| !word.is_empty()).take(30) {
        if is_address(word) {
            address = address.or(Some(word));
        } else if word.contains('.') && hosts.len() < NAMES_MAX {
            hosts.push(word);
        }
    }
    for host in &hosts {
        links::host(host, Kind::TraceHost, gather);
        domains.extend(psl::domain_str(host).map(str::to_owned));
    }
    if let Some(address) = address {
        links::host(address, Kind::TraceHost, gather);
    }
    gather.add(Kind::TraceShape, &[which, greeting(client, &hosts)]);
    gather.add(
        Kind::TraceShape,
        &[
            which,
            "names",
            bucket(hosts.len()),
            if address.is_some() { "and an address" } else { "no address" },
        ],
    );
    for oddity in ["unknown", "may be forged", "unverified", "localhost", "helo", "ident"] {
        if client.contains(oddity) {
            gather.add(Kind::TraceShape, &[which, oddity]);
        }
    }
    let has_number_name = hosts.iter().any(|host| host.bytes().filter(u8::is_ascii_digit).count() >= 5);
    if has_number_name {
        gather.add(Kind::TraceShape, &[which, "a name full of digits"]);
    }
}

/// How the name a client gave and the name its address has go together.
fn greeting(client: &str, hosts: &[&str]) -> &'static str {
    let first = client.split([' ', '(']).next().unwrap_or_default();
    if is_address(first.trim_matches(['[', ']'])) {
        return "greeted with an address";
    }
    if !first.contains('.') {
        return if hosts.is_empty() { "no full name" } else { "greeted without a full name" };
    }
    match hosts {
        [_] | [] => "one name",
        [first, others @ ..]
            if others.iter().any(|other| psl::domain_str(other) == psl::domain_str(first)) =>
        {
            "names agree"
        }
        _ => "names differ",
    }
}

fn is_address(word: &str) -> bool {
    word.parse::<std::net::IpAddr>().is_ok()
}
