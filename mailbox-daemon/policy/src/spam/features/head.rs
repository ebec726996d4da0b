use super::gather::{Gather, Kind, bucket};
use super::{links, trace, words};
use proto::mime::address::{self, Mailbox};
use proto::mime::encoded_word::decoded;
use proto::mime::header::{self, Field, unfold};

/// Fields and recipients that are looked at.
const FIELDS_MAX: usize = 120;
const RECIPIENTS_MAX: usize = 30;
const VALUE_BYTES_MAX: usize = 2000;

/// Fields that are added at delivery, after it or on the way to the reader, and say nothing about who wrote.
const PASSED_OVER: [&str; 19] = [
    "Return-Path",
    "Delivered-To",
    "X-Delivered-To",
    "Authentication-Results",
    "X-Mailbox-Verdict",
    "X-Mailbox-Spam",
    "Received-SPF",
    "Status",
    "X-Status",
    "X-Keywords",
    "X-UID",
    "X-IMAP",
    "Lines",
    "Content-Length",
    "X-Original-To",
    "Envelope-To",
    "X-Sieve",
    "X-MIME-Autoconverted",
    "X-Apparently-To",
];

/// The header of a message.
pub fn read(message: &[u8], gather: &mut Gather) {
    let mut from_domain = String::new();
    let mut id_domain = String::new();
    let mut received = Vec::new();
    let mut names = Vec::new();
    for field in header::fields(message).take(FIELDS_MAX).filter(is_written_elsewhere) {
        if field.is("Received") {
            received.push(field);
            continue;
        }
        let name = String::from_utf8_lossy(&field.name[..field.name.len().min(40)]).to_ascii_lowercase();
        gather.add(Kind::Field, &[&name]);
        let value = unfold(&field.value[..field.value.len().min(VALUE_BYTES_MAX)]);
        let value = value.trim_ascii();
        match name.as_str() {
            "subject" => subject(&decoded(value), value, gather),
            "from" | "reply-to" | "sender" => {
                let domain = sender(&name, value, gather);
                if name == "from" {
                    from_domain = domain;
                }
            }
            "to" | "cc" => recipients(&name, value, gather),
            "message-id" => id_domain = message_id(value, gather),
            "date" => date(value, gather),
            "x-mailer" | "user-agent" => {
                words::add_with_pairs(&decoded(value), Kind::Mailer, Kind::Mailer, gather);
            }
            "references" | "in-reply-to" => {}
            "content-type" => content_type(value, gather),
            "mime-version"
            | "dkim-signature"
            | "arc-seal"
            | "arc-message-signature"
            | "arc-authentication-results" => {}
            _ => words::add(&decoded(&value[..value.len().min(200)]), Kind::FieldValue, gather),
        }
        names.push(name);
    }
    for missing in ["from", "to", "subject", "date", "message-id", "mime-version", "content-type"] {
        if !names.iter().any(|name| name == missing) {
            gather.add(Kind::Field, &["no", missing]);
        }
    }
    if !id_domain.is_empty() {
        let same = psl::domain_str(&id_domain) == psl::domain_str(&from_domain);
        gather.add(Kind::MessageId, &[if same { "of the sender's domain" } else { "of another domain" }]);
        gather.add(Kind::MessageId, &["domain", psl::domain_str(&id_domain).unwrap_or(&id_domain)]);
    }
    // The newest trace of a delivered message was written here.
    let is_delivered = header::fields(message).next().is_some_and(|field| field.is("Return-Path"));
    let way = trace::read(&received[usize::from(is_delivered).min(received.len())..], gather);
    for (whose, domain) in [("the sender's domain", &from_domain), ("the Message-ID's domain", &id_domain)] {
        if let Some(domain) = psl::domain_str(domain).filter(|_| !way.is_empty()) {
            let is_on_way = way.iter().any(|passed| passed == domain);
            gather.add(
                Kind::TraceShape,
                &[whose, if is_on_way { "is on the way" } else { "is not on the way" }],
            );
        }
    }
}

fn is_written_elsewhere(field: &Field<'_>) -> bool {
    let is_spam_report = field.name.get(..6).is_some_and(|begin| begin.eq_ignore_ascii_case(b"X-Spam"));
    !is_spam_report && !PASSED_OVER.iter().any(|name| field.is(name))
}

fn subject(text: &str, raw: &[u8], gather: &mut Gather) {
    words::add_with_pairs(text, Kind::Subject, Kind::SubjectPair, gather);
    words::add(text, Kind::Word, gather);
    let lower = text.trim().to_lowercase();
    if lower.starts_with("re:") {
        gather.add(Kind::SubjectShape, &["an answer"]);
    }
    if raw.starts_with(b"=?") {
        let charset: String = decoded_charset(raw);
        gather.add(Kind::SubjectShape, &["encoded", &charset]);
    }
    let letters = text.chars().filter(|letter| letter.is_alphabetic()).count();
    let capitals = text.chars().filter(|letter| letter.is_uppercase()).count();
    gather.add_count(Kind::SubjectShape, "tenths in capitals", capitals * 10 / letters.max(1));
    gather.add_count(Kind::SubjectShape, "exclamation marks", text.matches('!').count());
    gather.add_count(Kind::SubjectShape, "question marks", text.matches('?').count());
    gather.add_count(Kind::SubjectShape, "words", text.split_whitespace().count());
    if text.contains("   ") {
        gather.add(Kind::SubjectShape, &["a gap"]);
    }
    if text.contains(['$', '€', '£', '%']) {
        gather.add(Kind::SubjectShape, &["money"]);
    }
    if text.trim_end().ends_with(|letter: char| letter.is_ascii_digit()) {
        gather.add(Kind::SubjectShape, &["number at the end"]);
    }
}

fn decoded_charset(raw: &[u8]) -> String {
    let word = &raw[2..];
    let end = word.iter().position(|byte| *byte == b'?').unwrap_or(0).min(30);
    String::from_utf8_lossy(&word[..end]).to_ascii_lowercase()
}

fn sender(field: &str, value: &[u8], gather: &mut Gather) -> String {
    let Some(mailbox) = address::mailboxes(value).into_iter().next() else {
        gather.add(Kind::FromShape, &[field, "nobody"]);
        return String::new();
    };
    let (local, domain) = halves(&mailbox);
    let name = mailbox.name.as_deref().map(decoded).unwrap_or_default();
    gather.add(Kind::From, &[field, &local, "@", &domain]);
    if field == "from" {
        words::add_with_pairs(&name, Kind::FromName, Kind::FromName, gather);
        words::add(&local, Kind::From, gather);
    }
    gather.add(Kind::FromShape, &[field, "local part", &shape(&local)]);
    gather.add(
        Kind::FromShape,
        &[field, if name.trim().is_empty() { "without a name" } else { "with a name" }],
    );
    if name.contains('@') {
        gather.add(Kind::FromShape, &[field, "an address as name"]);
    }
    if mailbox.name.is_some() {
        gather.add(
            Kind::FromShape,
            &[field, if value.starts_with(b"\"") { "name in quotes" } else { "name without quotes" }],
        );
    }
    if !mailbox.valid {
        gather.add(Kind::FromShape, &[field, "broken"]);
    }
    links::host(&domain, Kind::FromDomain, gather);
    domain
}

fn halves(mailbox: &Mailbox) -> (String, String) {
    let lower = |octets: &[u8]| String::from_utf8_lossy(octets).to_lowercase();
    (lower(&mailbox.local), lower(&mailbox.domain))
}

/// Letters as `a`, digits as `9`, the rest as it is; runs as one, with how long digits run.
fn shape(text: &str) -> String {
    let mut out = String::new();
    let mut last = ' ';
    for letter in text.chars().take(60) {
        let class = match letter {
            '0'..='9' => '9',
            'a'..='z' => 'a',
            'A'..='Z' => 'A',
            letter if letter.is_ascii() => letter,
            _ => 'ü',
        };
        if class != last {
            out.push(class);
        }
        last = class;
    }
    out
}

fn recipients(field: &str, value: &[u8], gather: &mut Gather) {
    let mailboxes = address::mailboxes(value);
    gather.add(Kind::ToShape, &[field, bucket(mailboxes.len())]);
    for mailbox in mailboxes.iter().take(RECIPIENTS_MAX) {
        let (local, domain) = halves(mailbox);
        if mailbox.valid {
            gather.add(Kind::To, &[&local, "@", &domain]);
        }
        let name = mailbox.name.as_deref().map(decoded).unwrap_or_default().to_lowercase();
        let looks = match name.trim_matches(['"', '\'', ' ']) {
            "" => "without a name",
            name if name.contains('@') => "an address as name",
            name if name == local => "named as the address",
            _ => "with a name",
        };
        gather.add(Kind::ToShape, &[field, looks]);
        if !mailbox.valid {
            gather.add(Kind::ToShape, &[field, "broken"]);
        }
    }
}

fn message_id(value: &[u8], gather: &mut Gather) -> String {
    let text = String::from_utf8_lossy(value);
    let id = text.trim_matches(['<', '>', ' ']);
    let (local, domain) = id.rsplit_once('@').unwrap_or((id, ""));
    let digits_alike: String = shape(local);
    gather.add(Kind::MessageId, &[&digits_alike]);
    gather.add_count(Kind::MessageId, "octets", local.len());
    if !(text.starts_with('<') && text.ends_with('>')) {
        gather.add(Kind::MessageId, &["without brackets"]);
    }
    if domain.is_empty() || !domain.contains('.') {
        gather.add(Kind::MessageId, &["without a domain"]);
    }
    domain.to_lowercase()
}

/// The zone and the form of a date; never the day.
fn date(value: &[u8], gather: &mut Gather) {
    let text = String::from_utf8_lossy(value);
    let zone = text
        .split_whitespace()
        .find(|word| word.len() == 5 && word.starts_with(['+', '-']))
        .unwrap_or("none");
    gather.add(Kind::Date, &["zone", zone]);
    gather.add(Kind::Date, &[&shape(&text)]);
}

fn content_type(value: &[u8], gather: &mut Gather) {
    let text = String::from_utf8_lossy(value).into_owned();
    let lower = text.to_ascii_lowercase();
    if let Some(at) = lower.find("boundary=") {
        let boundary = text[at + 9..].trim_start_matches('"');
        let boundary = &boundary[..boundary.find(['"', ';', ' ']).unwrap_or(boundary.len())];
        gather.add(Kind::Mime, &["boundary", &shape(boundary)]);
        gather.add_count(Kind::Mime, "octets of boundary", boundary.len());
    }
    gather.add(Kind::Mime, &["written", &shape(lower.split("boundary").next().unwrap_or_default())]);
}
