//! What the checks of a message found, in its header: `Authentication-Results:` (RFC 8601) written and forged ones known, and
//! a field in plain words.

mod claim;

pub use claim::is_forged;

use std::fmt::Write;
use std::net::IpAddr;
use types::{Arc, DkimSignature, Dmarc, DmarcPolicy, Evidence, Outcome, ReverseDns, ReversePath, Spf};

/// The field that says in words what was decided and why.
pub const VERDICT_FIELD: &str = "X-Mailbox-Verdict";

/// The field that says how much the message looks like spam to whom it came, and why.
pub const SPAM_FIELD: &str = "X-Mailbox-Spam";

/// Signatures that are told of; more make the field longer, not truer.
const SIGNATURES_MAX: usize = 10;
/// Characters kept of one foreign text.
const TEXT_CHARS_MAX: usize = 200;
/// A line is folded where it would be longer.
const LINE_CHARS_MAX: usize = 100;

/// Appends `Authentication-Results:`, one result a line. `host` is the name of the one who checked.
pub fn authentication_results(
    host: &str,
    evidence: &Evidence,
    from: &ReversePath,
    client: IpAddr,
    out: &mut Vec<u8>,
) {
    let mut results = Vec::new();
    results.extend(evidence.dkim.iter().take(SIGNATURES_MAX).map(dkim));
    results.extend(evidence.spf_helo.as_ref().map(|found| spf(found, "smtp.helo", found.domain.to_string())));
    if let (Some(found), Some(_)) = (&evidence.spf_mail_from, from) {
        results.push(spf(found, "smtp.mailfrom", mail_from(from)));
    }
    results.extend(evidence.dmarc.as_ref().map(dmarc));
    results.extend((evidence.arc.outcome != Outcome::None).then(|| arc(&evidence.arc, client)));
    results.push(reverse_dns(&evidence.reverse_dns, client));
    let field = format!("Authentication-Results: {};\r\n\t{}\r\n", value(host), results.join(";\r\n\t"));
    out.extend_from_slice(field.as_bytes());
}

/// Appends the field in words: `word`, and why. Anything that is not printable ASCII becomes `?`.
pub fn verdict(word: &str, reasons: &[String], out: &mut Vec<u8>) {
    in_words(VERDICT_FIELD, word, reasons, out);
}

/// Appends the field about spam in the same way.
pub fn spam(summary: &str, reasons: &[String], out: &mut Vec<u8>) {
    in_words(SPAM_FIELD, summary, reasons, out);
}

fn in_words(name: &str, word: &str, reasons: &[String], out: &mut Vec<u8>) {
    let mut field = format!("{name}: {word}");
    for (number, reason) in reasons.iter().enumerate() {
        field.push(if number == 0 { ':' } else { ';' });
        let mut column = LINE_CHARS_MAX;
        for word in clean(reason).split_ascii_whitespace() {
            let is_full = column + word.len() >= LINE_CHARS_MAX;
            field.push_str(if is_full { "\r\n\t" } else { " " });
            column = if is_full { word.len() } else { column + 1 + word.len() };
            field.push_str(word);
        }
    }
    field.push_str("\r\n");
    out.extend_from_slice(field.as_bytes());
}

/// RFC 8601 section 2.7.1, RFC 6008.
fn dkim(signature: &DkimSignature) -> String {
    let mut result = format!("dkim={}", signature.outcome);
    if let Some(reason) = &signature.reason {
        let _ = write!(result, " reason={}", quoted(reason));
    }
    let _ = write!(result, " header.d={} header.s={}", signature.domain, value(&signature.selector));
    let _ = write!(result, "\r\n\t\theader.a={}", value(&signature.algorithm));
    if !signature.begins.is_empty() {
        let _ = write!(result, " header.b={}", value(&signature.begins));
    }
    result
}

/// RFC 8601 section 2.7.2.
fn spf(found: &Spf, property: &str, identity: String) -> String {
    format!("spf={} {property}={identity}", found.outcome)
}

/// The address as it is where it needs no quotes; otherwise the domain says enough.
fn mail_from(from: &ReversePath) -> String {
    let Some(from) = from else { return String::new() };
    let is_plain =
        from.local.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-_.=".contains(&byte));
    match is_plain {
        true => from.to_string(),
        false => from.domain.to_string(),
    }
}

/// RFC 7489 section 11.1.
fn dmarc(found: &Dmarc) -> String {
    let policy = match (found.outcome, found.policy) {
        (Outcome::None | Outcome::TempError | Outcome::PermError, _) => "",
        (_, DmarcPolicy::None) => " (p=none)",
        (_, DmarcPolicy::Quarantine) => " (p=quarantine)",
        (_, DmarcPolicy::Reject) => " (p=reject)",
    };
    format!("dmarc={}{policy} header.from={}", found.outcome, found.from)
}

/// RFC 8617 section 10.1.
fn arc(found: &Arc, client: IpAddr) -> String {
    let mut result = format!("arc={}", found.outcome);
    if let Some(reason) = &found.reason {
        let _ = write!(result, " reason={}", quoted(reason));
    }
    if let Some(last) = found.sealers.last() {
        let _ = write!(result, " ({} sets, the last by {last})", found.sealers.len());
    }
    let _ = write!(result, " smtp.remote-ip={}", value(&client.to_canonical().to_string()));
    result
}

/// RFC 8601 section 2.7.3.
fn reverse_dns(found: &ReverseDns, client: IpAddr) -> String {
    let mut result = format!("iprev={}", found.outcome);
    if let Some(name) = &found.name {
        let _ = write!(result, " ({})", comment(name));
    }
    let _ = write!(result, " policy.iprev={}", value(&client.to_canonical().to_string()));
    result
}

/// `value` of RFC 2045 section 5.1: a token where it can be one.
fn value(text: &str) -> String {
    let is_token = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte);
    match !text.is_empty() && text.len() <= TEXT_CHARS_MAX && text.bytes().all(is_token) {
        true => text.to_owned(),
        false => quoted(text),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", clean(text).replace('\\', "\\\\").replace('"', "\\\""))
}

/// What cannot end the comment it stands in.
fn comment(text: &str) -> String {
    clean(text).replace(['(', ')', '\\'], "?")
}

fn clean(text: &str) -> String {
    let printable = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    text.chars().take(TEXT_CHARS_MAX).map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use types::{Address, Domain};

    fn domain(name: &str) -> Domain {
        Domain::parse(name).unwrap()
    }

    fn evidence(foreign: &str) -> Evidence {
        Evidence {
            spf_helo: Some(Spf {
                outcome: Outcome::None,
                domain: domain("mx.example.org"),
                explanation: None,
            }),
            spf_mail_from: Some(Spf {
                outcome: Outcome::Pass,
                domain: domain("example.org"),
                explanation: Some(foreign.to_owned()),
            }),
            dkim: vec![DkimSignature {
                outcome: Outcome::Fail,
                domain: domain("example.org"),
                selector: "s1".to_owned(),
                algorithm: "rsa-sha256".to_owned(),
                begins: "ab/+=".to_owned(),
                reason: Some(foreign.to_owned()),
            }],
            dmarc: Some(Dmarc {
                outcome: Outcome::Pass,
                from: domain("example.org"),
                record_of: Some(domain("example.org")),
                record: None,
                policy: DmarcPolicy::Reject,
                is_spf_aligned: true,
                is_dkim_aligned: false,
            }),
            arc: Arc {
                outcome: Outcome::Fail,
                sealers: vec![domain("lists.test")],
                first_dmarc: None,
                reason: None,
            },
            reverse_dns: ReverseDns { outcome: Outcome::Pass, name: Some(foreign.to_owned()) },
            ..Evidence::default()
        }
    }

    fn written(host: &str, evidence: &Evidence, from: &str) -> String {
        let mut out = Vec::new();
        let from = Address::parse(from).ok();
        authentication_results(host, evidence, &from, "::ffff:192.0.2.1".parse().unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn all_results() {
        assert_eq!(
            written("mail.home.test", &evidence("no \"key\" (yet)"), "ana+x@example.org"),
            "Authentication-Results: mail.home.test;\r\n\
             \tdkim=fail reason=\"no \\\"key\\\" (yet)\" header.d=example.org header.s=s1\r\n\
             \t\theader.a=rsa-sha256 header.b=\"ab/+=\";\r\n\
             \tspf=none smtp.helo=mx.example.org;\r\n\
             \tspf=pass smtp.mailfrom=ana+x@example.org;\r\n\
             \tdmarc=pass (p=reject) header.from=example.org;\r\n\
             \tarc=fail (1 sets, the last by lists.test) smtp.remote-ip=192.0.2.1;\r\n\
             \tiprev=pass (no \"key\" ?yet?) policy.iprev=192.0.2.1\r\n"
        );
        let nothing = written("mail.home.test", &Evidence::default(), "<>");
        assert_eq!(
            nothing,
            "Authentication-Results: mail.home.test;\r\n\tiprev=none policy.iprev=192.0.2.1\r\n"
        );
        assert!(
            written("h.test", &evidence(""), "\"a b\"@example.org").contains("smtp.mailfrom=example.org;")
        );
    }

    #[test]
    fn a_verdict_in_words() {
        let mut out = Vec::new();
        let long =
            ["because of a reason", "that takes", "quite a few words to tell,", "so that it needs two lines"]
                .join(" ");
        verdict("junk", &[long, "and\r\nX: \u{e9}".to_owned()], &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "X-Mailbox-Verdict: junk:\r\n\tbecause of a reason that takes quite a few words to tell, so that it needs two lines;\r\n\
             \tand??X: ?\r\n"
        );
    }

    proptest! {
        #[test]
        fn whatever_others_say_stays_one_field_of_ours(foreign in "\\PC{0,300}|[\\x00-\\x7f]{0,300}") {
            let field = written("mail.home.test", &evidence(&foreign), "a@example.org");
            let mut words = Vec::new();
            verdict("accept", std::slice::from_ref(&foreign), &mut words);
            let mut about_spam = Vec::new();
            spam("yes, score=97", &[foreign], &mut about_spam);
            for field in [field, String::from_utf8(words).unwrap(), String::from_utf8(about_spam).unwrap()] {
                let mut fields = crate::smtp::header::fields(field.as_bytes());
                prop_assert_eq!(fields.by_ref().count(), 1);
                prop_assert_eq!(fields.rest(), b"");
                prop_assert!(field.ends_with("\r\n") && field.is_ascii());
                prop_assert!(field.lines().all(|line| line.len() < 900 && !line.trim().is_empty()));
                prop_assert!(!field.replace("\r\n", "").contains(['\r', '\n', '\0']));
            }
        }

        #[test]
        fn what_is_written_is_known_as_ours(host in "[a-z]{1,8}(\\.[a-z0-9-]{1,8}){0,3}") {
            let field = written(&host, &Evidence::default(), "a@example.org");
            let (name, value) = field.split_once(':').unwrap();
            prop_assert!(is_forged(name.as_bytes(), value.as_bytes(), &host));
            prop_assert!(!is_forged(name.as_bytes(), value.as_bytes(), "another.host.example"));
        }
    }
}
