use super::body::BodyHash;
use super::key::KeyError;
use super::signature::{Signer, complete, finish};
use super::signed_fields;
use crate::dkim::relaxed_field;
use crate::smtp::header::Field;
use crate::tags::Tags;

/// The fields of one ARC set in the order they are hashed (RFC 8617 section 5.1.1).
const SET: [&str; 3] = ["ARC-Authentication-Results", "ARC-Message-Signature", "ARC-Seal"];
/// A chain has at most so many sets (RFC 8617 section 4.2.1).
pub const INSTANCES_MAX: u32 = 50;

/// What was found of the chain a message came with: `cv=` (RFC 8617 section 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainStatus {
    /// There is none.
    None,
    /// It holds.
    Pass,
    /// It does not; a set that says so covers itself alone (RFC 8617 section 5.1.2).
    Fail,
}

/// One more set on top of a message.
pub struct Seal<'a> {
    /// Who seals.
    pub signer: Signer<'a>,
    /// The chain so far.
    pub chain: ChainStatus,
    /// What `Authentication-Results:` says, from the server's name on.
    pub results: &'a str,
}

impl Seal<'_> {
    /// The three fields, with their CRLFs, for a message of this header and body. `None` where no set can be added: the
    /// chain is full, or the header has none of the sets it should have.
    pub fn fields(&self, header: &[Field], body: BodyHash) -> Result<Option<String>, KeyError> {
        let Some(instance) = next_instance(header) else { return Ok(None) };
        let Signer { key, domain, selector, now } = self.signer;
        let mut hashed = Vec::new();
        if self.chain == ChainStatus::Pass {
            for set in 1..instance {
                let Some(fields) = set_of(header, set) else { return Ok(None) };
                for field in &fields {
                    relaxed_field(field.name, field.value, &mut hashed);
                }
            }
        }
        let (algorithm, status) = (key.algorithm().signature_type(), self.chain.as_str());
        let results = format!("{}: i={instance}; {}\r\n", SET[0], self.results.trim());
        let start =
            format!("i={instance}; a={algorithm}; c=relaxed/simple; d={domain};\r\n\ts={selector}; t={now};");
        let covered = signed_fields::choose(header, true);
        let signature = complete(key, SET[1], &start, &covered, body)?;
        for field in [&results, &signature] {
            let (name, value) = field.split_once(':').expect("a field has a colon");
            relaxed_field(name.as_bytes(), value.as_bytes(), &mut hashed);
        }
        let value = format!(
            " i={instance}; cv={status}; a={algorithm}; d={domain};\r\n\ts={selector}; t={now};\r\n\tb="
        );
        let seal = finish(key, SET[2], value, hashed)?;
        Ok(Some(seal + &signature + &results))
    }
}

impl ChainStatus {
    fn as_str(self) -> &'static str {
        match self {
            ChainStatus::None => "none",
            ChainStatus::Pass => "pass",
            ChainStatus::Fail => "fail",
        }
    }
}

/// The number of the set to be added; `None` when the chain is full or its numbers are none.
pub fn next_instance(header: &[Field]) -> Option<u32> {
    let mut highest = 0;
    for field in header.iter().filter(|field| SET.iter().any(|name| is(field, name))) {
        highest = highest.max(instance(field)?);
    }
    (highest < INSTANCES_MAX).then_some(highest + 1)
}

/// Whether the newest seal says that the chain was broken before: then nothing is added (RFC 8617 section 5.1).
pub fn says_failed(header: &[Field]) -> bool {
    let seals = header.iter().filter(|field| is(field, SET[2]));
    let newest = seals.max_by_key(|field| instance(field));
    newest.is_some_and(|field| tag(field, "cv").is_some_and(|cv| cv.eq_ignore_ascii_case("fail")))
}

/// The three fields of a set, where each is there once.
fn set_of<'a>(header: &[Field<'a>], number: u32) -> Option<[Field<'a>; 3]> {
    let only = |name: &str| {
        let mut found = header.iter().filter(|field| is(field, name) && instance(field) == Some(number));
        found.next().filter(|_| found.next().is_none()).copied()
    };
    Some([only(SET[0])?, only(SET[1])?, only(SET[2])?])
}

fn is(field: &Field, name: &str) -> bool {
    field.name.eq_ignore_ascii_case(name.as_bytes())
}

fn instance(field: &Field) -> Option<u32> {
    let number = tag(field, "i")?.parse().ok()?;
    (1..=INSTANCES_MAX).contains(&number).then_some(number)
}

/// A tag, also of `ARC-Authentication-Results:`, where only the first is one.
fn tag<'a>(field: &Field<'a>, name: &str) -> Option<&'a str> {
    Tags::parse_kindly(field.value).get(name)
}

#[cfg(test)]
mod tests {
    use super::super::{Algorithm, BodyHasher, PrivateKey};
    use super::*;
    use crate::smtp::header::fields;
    use types::Domain;

    fn seal(header: &str, chain: ChainStatus) -> Option<String> {
        let (key, _) = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let domain = Domain::parse("home.test").unwrap();
        let signer = Signer { key: &key, domain: &domain, selector: "s", now: 7 };
        let header: Vec<_> = fields(header.as_bytes()).collect();
        let seal = Seal { signer, chain, results: "mail.home.test; arc=none" };
        seal.fields(&header, BodyHasher::default().finish()).unwrap()
    }

    #[test]
    fn sets_are_numbered_and_say_what_was_found() {
        let first = seal("From: a@x\r\nDKIM-Signature: x\r\n", ChainStatus::None).unwrap();
        assert!(first.starts_with("ARC-Seal: i=1; cv=none; a=ed25519-sha256; d=home.test;"), "{first}");
        assert!(first.contains("\r\nARC-Message-Signature: i=1;") && first.contains(":DKIM-Signature;"));
        assert!(first.ends_with("\r\nARC-Authentication-Results: i=1; mail.home.test; arc=none\r\n"));
        let second = seal(&format!("{first}From: a@x\r\n"), ChainStatus::Pass).unwrap();
        assert!(second.starts_with("ARC-Seal: i=2; cv=pass;"), "{second}");
        let failed = seal("ARC-Seal: i=3; cv=pass\r\nFrom: a@x\r\n", ChainStatus::Fail).unwrap();
        assert!(failed.starts_with("ARC-Seal: i=4; cv=fail;"), "{failed}");
    }

    #[test]
    fn no_set_is_added_to_a_chain_that_is_full_or_has_holes() {
        for header in [
            "ARC-Seal: i=50; cv=pass\r\n",
            "ARC-Seal: i=51; cv=pass\r\n",
            "ARC-Seal: i=x; cv=pass\r\n",
            "ARC-Seal: cv=pass\r\n",
            "ARC-Seal: i=1; cv=none\r\nARC-Message-Signature: i=1\r\n",
        ] {
            assert_eq!(seal(header, ChainStatus::Pass), None, "{header}");
        }
    }

    #[test]
    fn the_newest_seal_tells_of_a_chain_that_failed_before() {
        let says = |header: &str| says_failed(&fields(header.as_bytes()).collect::<Vec<_>>());
        assert!(says("ARC-Seal: i=1; cv=none\r\nARC-Seal: i=2; cv = FAIL ; b=x\r\n"));
        assert!(!says("ARC-Seal: i=1; cv=fail\r\nARC-Seal: i=2; cv=pass\r\n"));
        assert!(!says("From: a@x\r\n"));
    }
}
