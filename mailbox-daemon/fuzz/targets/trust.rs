use proto::arc::Chain;
use proto::dkim::{Canonicalization, Finding, Key, Signature, body_digest, signed_bytes, verify};
use proto::mime::header::{Field, fields};
use proto::spf::{Identity, MacroString, Mechanism, Record};
use proto::tags::Tags;
use proto::{dmarc, spf};
use types::Outcome;

/// A key that fits nothing.
const KEY: &[u8] = b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/// A message's signatures and seals: nobody can sign for a key by chance, and blank lines at the end change no relaxed body.
pub fn signatures(data: &[u8]) {
    let key = Key::parse(KEY).expect("the key is one");
    let found: Vec<Field<'_>> = fields(data).collect();
    let header_bytes: usize = found.iter().map(|field| field.raw.len()).sum();
    bodies(&data[header_bytes..]);
    for field in &found {
        let Some(tags) = Tags::parse(field.value) else { continue };
        let Ok(signature) = Signature::parse_dkim(&tags) else { continue };
        assert_ne!(verify(&signature, field, &found, &key).outcome, Outcome::Pass);
        let signed = signed_bytes(&found, &signature.signed, signature.header, field);
        assert!(signed.len() <= data.len() * 2 + 2 * found.len(), "{} octets are signed", signed.len());
    }
    if let Ok(Some(chain)) = Chain::read(&found) {
        let key_of = |_: &str| -> Result<Key, Finding> { Ok(key.clone()) };
        assert_eq!(chain.verify(&found, key_of).outcome, Outcome::Fail);
        assert!(chain.sealers().count() <= 50);
        chain.first_result_of("dmarc");
    }
}

fn bodies(body: &[u8]) {
    let whole =
        if body.is_empty() || body.ends_with(b"\r\n") { body.to_vec() } else { [body, b"\r\n"].concat() };
    for (kind, tail) in
        [(Canonicalization::Simple, b"\r\n".as_slice()), (Canonicalization::Relaxed, b" \t\r\n\r\n")]
    {
        let digest = body_digest(&whole, kind);
        assert_eq!(digest, body_digest(&[&whole, tail].concat(), kind), "{kind:?}");
        assert_eq!(digest, body_digest(body, kind), "{kind:?}");
        assert!(digest.bytes <= whole.len() as u64 + 2);
    }
}

/// What DNS publishes for mail: keys, policies, SPF records. Names that are made of them fit into DNS.
pub fn records(data: &[u8]) {
    let _ = Key::parse(data);
    if let Some(strict) = Tags::parse(data) {
        let kind = Tags::parse_kindly(data);
        for name in ["v", "p", "k", "b"] {
            assert_eq!(strict.get(name), kind.get(name));
        }
    }
    if let Some(record) = dmarc::parse(data) {
        assert!(dmarc::is_record(data) && record.percent <= 100 && record.reports_to.len() <= 10);
    }
    if let Ok(record) = Record::parse(data) {
        assert!(spf::is_record(data));
        for name in record.directives.iter().filter_map(|directive| name(&directive.mechanism)) {
            expand(name);
        }
        record.redirect.iter().chain(&record.explanation).for_each(expand);
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(explanation) = MacroString::parse_explanation(text)
    {
        expand(&explanation);
    }
}

fn name(mechanism: &Mechanism) -> Option<&MacroString> {
    match mechanism {
        Mechanism::Include(name) | Mechanism::Exists(name) => Some(name),
        Mechanism::A(name, _) | Mechanism::Mx(name, _) | Mechanism::Ptr(name) => name.as_ref(),
        Mechanism::All | Mechanism::Ip(..) => None,
    }
}

fn expand(name: &MacroString) {
    let identity = Identity {
        local: "a.b-c_d+e/f,g=h".to_owned(),
        sender_domain: "sender.test".to_owned(),
        domain: "asked.test".to_owned(),
        client: "2001:db8::1".parse().expect("an address"),
        helo: "[192.0.2.1]".to_owned(),
        client_name: None,
        receiver: "box.test".to_owned(),
        now: 1_700_000_000,
    };
    assert!(name.expand_domain(&identity).len() <= 253);
}
