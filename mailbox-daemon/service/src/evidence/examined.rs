use super::keys::Keys;
use proto::arc::Chain;
use proto::dkim::{self, BodyDigest, Canonicalization, Finding, Label, Signature};
use proto::mime::address::{AUTHORS_BYTES_MAX, mailboxes};
use proto::mime::header::{Field, fields, unfold};
use proto::tags::Tags;
use types::{DkimSignature, Domain, Outcome, UnixSeconds};

/// Signatures that are looked at, from the top.
const SIGNATURES_MAX: usize = 10;
/// Fields of a header that are looked at; with more nothing signed in it can be verified.
const FIELDS_MAX: usize = 5000;
/// A header that is looked at is no longer: what is read of it, and what its signatures sign, comes into memory.
const HEADER_BYTES_MAX: usize = 256 * 1024;
/// Author domains that are looked at; nobody writes a letter with more.
pub(super) const AUTHORS_MAX: usize = 5;
/// What is kept of `s=` and `a=`.
const WORD_CHARS_MAX: usize = 100;

/// What a message says about itself, as far as it can be told without DNS.
pub(crate) struct Examined<'a> {
    fields: Vec<Field<'a>>,
    signatures: Vec<Signed>,
    chain: Result<Option<Chain<'a>>, &'static str>,
    chain_objection: Option<Finding>,
    /// The domains of everybody in `From:`, each once, and one more than are looked at where there are so many.
    pub(crate) authors: Vec<Domain>,
}

/// A `DKIM-Signature:`.
struct Signed {
    /// Its place among the fields.
    at: usize,
    label: Label,
    /// Or why nothing more has to be asked.
    signature: Result<Signature, Finding>,
}

impl<'a> Examined<'a> {
    /// Reads the header and hashes the body, once for each canonicalization that occurs. Nothing of the body is copied.
    pub(crate) fn read(message: &'a [u8], now: UnixSeconds) -> Examined<'a> {
        let header_bytes: usize = fields(message).map(|field| field.raw.len()).sum();
        let body = message[header_bytes..].strip_prefix(b"\r\n").unwrap_or_default();
        let fields: Vec<_> = fields(&message[..header_bytes]).take(FIELDS_MAX + 1).collect();
        let mut body = Body { octets: body, digests: Vec::new() };
        let is_short = header_bytes <= HEADER_BYTES_MAX;
        let is_readable = is_short && fields.len() <= FIELDS_MAX;
        let chain = if is_readable { Chain::read(&fields) } else { Err("the header is too long") };
        let chain_objection = match &chain {
            Ok(Some(chain)) => match chain.newest_signature() {
                Ok(signature) => dkim::objection(signature, body.digest(signature.body), now),
                Err(reason) => Some(Finding::because(Outcome::Fail, reason)),
            },
            Ok(None) => None,
            Err(reason) => Some(Finding::because(Outcome::Fail, reason)),
        };
        Examined {
            signatures: if is_readable { signatures(&fields, &mut body, now) } else { Vec::new() },
            // A header of which only a part was read names nobody who could vouch for it.
            authors: if is_short { authors(&message[..header_bytes]) } else { Vec::new() },
            fields,
            chain,
            chain_objection,
        }
    }

    /// Where the keys are that are needed, each once.
    pub(crate) fn key_names(&self) -> Vec<String> {
        let signatures = self.signatures.iter().filter_map(|signed| signed.signature.as_ref().ok());
        let mut names: Vec<String> = signatures.map(|signature| signature.label.key_name()).collect();
        if let (Ok(Some(chain)), None) = (&self.chain, &self.chain_objection) {
            names.extend(chain.key_names());
        }
        names.sort();
        names.dedup();
        names
    }

    /// Verifies every signature. One whose domain is no name is left out: nothing can be said about it.
    pub(crate) fn dkim(&self, keys: &Keys) -> Vec<DkimSignature> {
        self.signatures.iter().filter_map(|signed| self.verified(signed, keys)).collect()
    }

    fn verified(&self, signed: &Signed, keys: &Keys) -> Option<DkimSignature> {
        let found = match &signed.signature {
            Err(found) => *found,
            Ok(signature) => match keys.get(&signature.label.key_name()) {
                Err(found) => found,
                Ok(key) => dkim::verify(signature, &self.fields[signed.at], &self.fields, &key),
            },
        };
        let word = |text: &str| text.chars().filter(char::is_ascii_graphic).take(WORD_CHARS_MAX).collect();
        Some(DkimSignature {
            outcome: found.outcome,
            domain: Domain::parse(&signed.label.domain).ok()?,
            selector: word(&signed.label.selector),
            algorithm: word(&signed.label.algorithm),
            begins: word(&signed.label.begins),
            reason: found.reason.map(str::to_owned),
        })
    }

    /// Verifies the ARC chain.
    pub(crate) fn arc(&self, keys: &Keys) -> types::Arc {
        let chain = match &self.chain {
            Ok(None) => return types::Arc::default(),
            Ok(Some(chain)) => Some(chain),
            Err(_) => None,
        };
        let found = match (&self.chain_objection, chain) {
            (Some(found), _) => Finding { outcome: Outcome::Fail, ..*found },
            (None, Some(chain)) => chain.verify(&self.fields, |name| keys.get(name)),
            (None, None) => Finding::because(Outcome::Fail, "the chain has no form"),
        };
        let sealers = chain.into_iter().flat_map(Chain::sealers);
        types::Arc {
            outcome: found.outcome,
            sealers: sealers.filter_map(|domain| Domain::parse(domain).ok()).collect(),
            first_dmarc: chain.and_then(|chain| chain.first_result_of("dmarc")),
            reason: found.reason.map(str::to_owned),
        }
    }
}

/// A body, hashed at most once for each canonicalization however many signatures there are.
struct Body<'a> {
    octets: &'a [u8],
    digests: Vec<(Canonicalization, BodyDigest)>,
}

impl Body<'_> {
    fn digest(&mut self, kind: Canonicalization) -> &BodyDigest {
        let at = match self.digests.iter().position(|(known, _)| *known == kind) {
            Some(at) => at,
            None => {
                self.digests.push((kind, dkim::body_digest(self.octets, kind)));
                self.digests.len() - 1
            }
        };
        &self.digests[at].1
    }
}

fn signatures(fields: &[Field<'_>], body: &mut Body<'_>, now: UnixSeconds) -> Vec<Signed> {
    let found = fields.iter().enumerate().filter(|(_, field)| field.is("DKIM-Signature"));
    found.take(SIGNATURES_MAX).map(|(at, field)| signed(at, field, body, now)).collect()
}

fn signed(at: usize, field: &Field<'_>, body: &mut Body<'_>, now: UnixSeconds) -> Signed {
    let Some(tags) = Tags::parse(field.value) else {
        let label = Label::of(&Tags::parse_kindly(field.value));
        let broken = Finding::because(Outcome::Neutral, "the tag list is broken");
        return Signed { at, label, signature: Err(broken) };
    };
    let signature = match Signature::parse_dkim(&tags) {
        Err(reason) => Err(Finding::because(Outcome::PermError, reason)),
        Ok(signature) => match dkim::objection(&signature, body.digest(signature.body), now) {
            Some(found) => Err(found),
            None => Ok(signature),
        },
    };
    Signed { at, label: Label::of(&tags), signature }
}

/// Everybody in every `From:` is an author, however odd the field is: whoever reads the letter may be shown any of them. Of a
/// field without an end in sight nobody is read.
fn authors(header: &[u8]) -> Vec<Domain> {
    let mut authors = Vec::new();
    for field in fields(header).filter(|field| field.is("From")) {
        if field.value.len() > AUTHORS_BYTES_MAX {
            return Vec::new();
        }
        for mailbox in mailboxes(&unfold(field.value)) {
            let domain = std::str::from_utf8(&mailbox.domain).ok().and_then(|name| Domain::parse(name).ok());
            let Some(domain) = domain.filter(|domain| !authors.contains(domain)) else { continue };
            authors.push(domain);
            if authors.len() > AUTHORS_MAX {
                return authors;
            }
        }
    }
    authors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_without_an_end_in_sight_is_not_read() {
        let signed = "DKIM-Signature: v=1; a=rsa-sha256; d=a.test; s=k; h=from; b=AAAA;\r\n \
                      bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; c=relaxed/relaxed\r\nFrom: ana@a.test\r\n";
        let of = |folds: usize| format!("{signed}X:{}\r\n\r\n", "\r\n ,a".repeat(folds));
        let (short, long) = (of(10), of(HEADER_BYTES_MAX / 5));
        let (short, long) = (Examined::read(short.as_bytes(), 0), Examined::read(long.as_bytes(), 0));
        assert_eq!((short.key_names().len(), short.authors.len()), (1, 1));
        assert_eq!((long.key_names().len(), long.authors.len()), (0, 0));
        assert_eq!(long.arc(&Keys::default()).outcome, Outcome::Fail);
        let crowd = format!("From: a@a.test\r\nFrom: {}\r\n\r\n", "x,".repeat(AUTHORS_BYTES_MAX / 2));
        assert!(Examined::read(crowd.as_bytes(), 0).authors.is_empty());
    }
}
