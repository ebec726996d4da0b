//! ARC chains: who passed a message on, and what they saw (RFC 8617).

use crate::dkim::{Algorithm, Canonicalization, Finding, Key, Label, Signature, relaxed_field, signed_bytes};
use crate::mime::header::Field;
use crate::tags::{Tags, base64};
use types::{Domain, Outcome};

/// More sets are a failed chain (RFC 8617 section 4.2.1).
const SETS_MAX: usize = 50;

/// `cv=` (RFC 8617 section 4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChainValidation {
    None,
    Fail,
    Pass,
}

/// `ARC-Seal:`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seal {
    label: Label,
    algorithm: Algorithm,
    signature: Vec<u8>,
    validation: ChainValidation,
}

/// One hop: three fields with the same `i=`.
#[derive(Clone, Debug)]
struct Set<'a> {
    results: Field<'a>,
    message: (Field<'a>, Result<Signature, &'static str>),
    seal: (Field<'a>, Seal),
}

/// A chain whose form is right.
#[derive(Clone, Debug)]
pub struct Chain<'a> {
    sets: Vec<Set<'a>>,
}

impl<'a> Chain<'a> {
    /// Finds the chain in a header; `None` where there is none. The error says why it fails without looking at any signature
    /// (RFC 8617 section 5.2, steps 1 to 3).
    pub fn read(fields: &[Field<'a>]) -> Result<Option<Chain<'a>>, &'static str> {
        let named = |name: &str| fields.iter().filter(|field| field.is(name)).copied().collect::<Vec<_>>();
        let results = named("ARC-Authentication-Results");
        let messages = named("ARC-Message-Signature");
        let seals = named("ARC-Seal");
        let count = seals.len();
        if results.is_empty() && messages.is_empty() && seals.is_empty() {
            return Ok(None);
        }
        if results.len().max(messages.len()).max(count) > SETS_MAX {
            return Err("the chain has more than 50 sets");
        }
        if results.len() != count || messages.len() != count {
            return Err("a set is not complete");
        }
        let results = by_instance(results, results_instance)?;
        let messages = by_instance(messages, |field| tags_instance(field.value))?;
        let seals = by_instance(seals, |field| tags_instance(field.value))?;
        let mut sets = Vec::with_capacity(count);
        for ((results, message), seal) in results.into_iter().zip(messages).zip(seals) {
            let signature = Tags::parse(message.value).ok_or("a tag list is broken");
            let signature = signature.and_then(|tags| message_signature(&tags));
            sets.push(Set { results, message: (message, signature), seal: (seal, Seal::parse(seal.value)?) });
        }
        let chain = Chain { sets };
        chain.check_validations().map(|()| Some(chain))
    }

    /// The newest seal says whether the chain was whole before it, the others that it was (RFC 8617 section 5.2, steps 2 and 3).
    fn check_validations(&self) -> Result<(), &'static str> {
        if self.sets.last().is_some_and(|set| set.seal.1.validation == ChainValidation::Fail) {
            return Err("the chain was broken before the last hop");
        }
        let expected = |at| if at == 0 { ChainValidation::None } else { ChainValidation::Pass };
        match self.sets.iter().enumerate().all(|(at, set)| set.seal.1.validation == expected(at)) {
            true => Ok(()),
            false => Err("a seal has the wrong cv="),
        }
    }

    /// Who sealed, first hop first.
    pub fn sealers(&self) -> impl Iterator<Item = &str> {
        self.sets.iter().map(|set| set.seal.1.label.domain.as_str())
    }

    /// The newest message signature, the only one that has to hold (RFC 8617 section 5.2, step 4).
    pub fn newest_signature(&self) -> Result<&Signature, &'static str> {
        match self.sets.last() {
            Some(set) => set.message.1.as_ref().map_err(|reason| *reason),
            None => Err("there is no set"),
        }
    }

    /// The names of all keys that are needed.
    pub fn key_names(&self) -> Vec<String> {
        let newest = self.newest_signature().ok().map(|signature| signature.label.key_name());
        newest.into_iter().chain(self.sets.iter().map(|set| set.seal.1.label.key_name())).collect()
    }

    /// What the first hop saw of `method`, such as `dmarc`.
    pub fn first_result_of(&self, method: &str) -> Option<Outcome> {
        result_of(method, self.sets.first()?.results.value)
    }

    /// Verifies the newest message signature and every seal, newest first (RFC 8617 section 5.2, steps 4 to 6).
    pub fn verify(
        &self,
        fields: &[Field<'_>],
        mut key_of: impl FnMut(&str) -> Result<Key, Finding>,
    ) -> Finding {
        let Some(newest) = self.sets.last() else {
            return Finding::because(Outcome::None, "there is no set");
        };
        let signature = match &newest.message.1 {
            Ok(signature) => signature,
            Err(reason) => return Finding::because(Outcome::Fail, reason),
        };
        let bytes = signed_bytes(fields, &signature.signed, signature.header, &newest.message.0);
        let found = check(signature.algorithm, &signature.label, &bytes, &signature.signature, &mut key_of);
        if found != Finding::PASS {
            return found;
        }
        for at in (0..self.sets.len()).rev() {
            let seal = &self.sets[at].seal.1;
            let found =
                check(seal.algorithm, &seal.label, &self.sealed_bytes(at), &seal.signature, &mut key_of);
            if found != Finding::PASS {
                return found;
            }
        }
        Finding::PASS
    }

    /// What a seal signs: every set up to its own, its own field without the signature (RFC 8617 section 5.1.1).
    fn sealed_bytes(&self, at: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for (index, set) in self.sets[..=at].iter().enumerate() {
            relaxed_field(set.results.name, set.results.value, &mut out);
            relaxed_field(set.message.0.name, set.message.0.value, &mut out);
            if index < at {
                relaxed_field(set.seal.0.name, set.seal.0.value, &mut out);
            } else {
                out.extend(signed_bytes(&[], &[], Canonicalization::Relaxed, &set.seal.0));
            }
        }
        out
    }
}

fn check(
    algorithm: Algorithm,
    label: &Label,
    bytes: &[u8],
    signature: &[u8],
    key_of: &mut impl FnMut(&str) -> Result<Key, Finding>,
) -> Finding {
    let found = match key_of(&label.key_name()) {
        Ok(key) => key.verify(algorithm, bytes, signature),
        Err(found) => found,
    };
    match found.outcome {
        Outcome::Pass | Outcome::TempError => found,
        _ => Finding { outcome: Outcome::Fail, ..found },
    }
}

impl Seal {
    fn parse(value: &[u8]) -> Result<Seal, &'static str> {
        let tags = Tags::parse(value).ok_or("a tag list is broken")?;
        if tags.get("h").is_some() {
            return Err("a seal has h=");
        }
        let label = Label::of(&tags);
        if label.domain.is_empty() || label.selector.is_empty() {
            return Err("a tag is missing");
        }
        // DNS may have a key at such a name; whoever is asked to trust the sealers must see all of them.
        if Domain::parse(&label.domain).is_err() {
            return Err("a seal is of no domain");
        }
        let validation = match tags.get("cv").map(str::to_ascii_lowercase).as_deref() {
            Some("none") => ChainValidation::None,
            Some("fail") => ChainValidation::Fail,
            Some("pass") => ChainValidation::Pass,
            _ => return Err("a seal has the wrong cv="),
        };
        Ok(Seal {
            algorithm: Algorithm::parse(&label.algorithm).ok_or("this algorithm is unknown")?,
            label,
            signature: tags.get("b").and_then(base64).ok_or("b= is no base64")?,
            validation,
        })
    }
}

fn message_signature(tags: &Tags<'_>) -> Result<Signature, &'static str> {
    let signature = Signature::parse(tags)?;
    match signature.signed.iter().any(|name| name.eq_ignore_ascii_case("arc-seal")) {
        true => Err("a message signature covers a seal"),
        false => Ok(signature),
    }
}

/// Sorts fields by their instance; each from 1 on has to be there once.
fn by_instance<'a>(
    fields: Vec<Field<'a>>,
    instance: impl Fn(&Field<'a>) -> Option<usize>,
) -> Result<Vec<Field<'a>>, &'static str> {
    let mut sorted: Vec<Option<Field<'a>>> = vec![None; fields.len()];
    for field in fields {
        let slot =
            instance(&field).and_then(|i| sorted.get_mut(i.checked_sub(1)?)).filter(|slot| slot.is_none());
        *slot.ok_or("the instances are not 1, 2, 3")? = Some(field);
    }
    Ok(sorted.into_iter().flatten().collect())
}

fn tags_instance(value: &[u8]) -> Option<usize> {
    number(Tags::parse(value)?.get("i")?)
}

/// `i=` stands first (RFC 8617 section 4.1.1).
fn results_instance(field: &Field<'_>) -> Option<usize> {
    let end = memchr::memchr(b';', field.value)?;
    let (tag, value) = std::str::from_utf8(&field.value[..end]).ok()?.split_once('=')?;
    (tag.trim_ascii() == "i").then(|| number(value.trim_ascii()))?
}

fn number(text: &str) -> Option<usize> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The result of the first `method=result` of an authentication results field (RFC 8601 section 2.2). One whose quotes or
/// comments do not end has no result to be believed.
fn result_of(method: &str, value: &[u8]) -> Option<Outcome> {
    let Some(plain) = plain(value) else { return Some(Outcome::PermError) };
    let found = plain.split(|byte| *byte == b';').find_map(|result| {
        let (name, rest) = std::str::from_utf8(result).ok()?.split_once('=')?;
        let name = name.split('/').next().unwrap_or(name).trim_ascii();
        name.eq_ignore_ascii_case(method).then(|| rest.split_ascii_whitespace().next().map(str::to_owned))?
    });
    found?.parse().ok()
}

/// A field without its comments and quoted strings, which may hold anything; `None` where one of them does not end.
fn plain(value: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let (mut depth, mut is_quoted) = (0_usize, false);
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' if depth == 0 => is_quoted = !is_quoted,
            b'(' if !is_quoted => depth += 1,
            b')' if !is_quoted => depth = depth.saturating_sub(1),
            _ if depth == 0 && !is_quoted => plain.push(byte),
            _ => {}
        }
    }
    (depth == 0 && !is_quoted).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::header::fields;

    fn chain(header: &str) -> Result<usize, &'static str> {
        let header = header.replace('\n', "\r\n");
        let fields: Vec<_> = fields(header.as_bytes()).collect();
        Chain::read(&fields).map(|chain| chain.map_or(0, |chain| chain.sets.len()))
    }

    fn set(i: usize, cv: &str) -> String {
        format!(
            "ARC-Seal: i={i}; a=rsa-sha256; d=s{i}.test; s=k; cv={cv}; b=AAAA\n\
             ARC-Message-Signature: i={i}; a=rsa-sha256; d=s{i}.test; s=k; h=from; bh=AAAA; b=AAAA\n\
             ARC-Authentication-Results: i={i}; s{i}.test; spf=pass; dmarc=fail (p=none) header.from=a.test\n"
        )
    }

    #[test]
    fn chains_have_a_form() {
        let (one, two, three) = (set(1, "none"), set(2, "pass"), set(3, "pass"));
        let wrong = Err("a seal has the wrong cv=");
        let instances = Err("the instances are not 1, 2, 3");
        for (header, expected) in [
            (String::new(), Ok(0)),
            (one.clone(), Ok(1)),
            (format!("{three}{two}{one}"), Ok(3)),
            (format!("{one}{three}{two}"), Ok(3)),
            (format!("{three}{one}"), instances),
            (format!("{one}{one}"), instances),
            (set(0, "none"), instances),
            (set(1, "pass"), wrong),
            (format!("{}{one}", set(2, "none")), wrong),
            (format!("{}{one}", set(2, "fail")), Err("the chain was broken before the last hop")),
            (set(1, "what"), wrong),
            (one.replace("cv=none", "cv=none; h=from"), Err("a seal has h=")),
            (one.replace("d=s1.test; s=k; cv", "d=s1.test.; s=k; cv"), Err("a seal is of no domain")),
            (one.replace("d=s1.test; s=k; cv", "d=_s1.test; s=k; cv"), Err("a seal is of no domain")),
            (one.replace("ARC-Seal", "X-Seal"), Err("a set is not complete")),
        ] {
            assert_eq!(chain(&header), expected, "{header}");
        }
    }

    #[test]
    fn fifty_sets_are_a_chain_and_more_are_not() {
        let sets = |count| {
            (1..=count).map(|i| set(i, if i == 1 { "none" } else { "pass" })).collect::<Vec<_>>().concat()
        };
        assert_eq!(chain(&sets(50)), Ok(50));
        assert_eq!(chain(&sets(51)), Err("the chain has more than 50 sets"));
    }

    #[test]
    fn the_first_hop_tells_what_it_saw() {
        for (value, expected) in [
            ("i=1; a.test; dmarc=pass header.from=b.test", Some(Outcome::Pass)),
            ("i=1; a.test;\r\n\tspf=fail (dmarc=pass; really);\r\n DMARC=Fail (p=none)", Some(Outcome::Fail)),
            ("i=1; a.test; dmarc/1 = none", Some(Outcome::None)),
            ("i=1; a.test; x=\"dmarc=pass\"", None),
            ("i=1; a.test; smtp.mailfrom=\"; dmarc=pass \\\"\"@b.test; dmarc=fail", Some(Outcome::Fail)),
            ("i=1; a.test; smtp.mailfrom=\"(\"@b.test; dmarc=fail", Some(Outcome::Fail)),
            ("i=1; a.test; smtp.mailfrom=\"@b.test; dmarc=pass", Some(Outcome::PermError)),
            ("i=1; a.test; dmarc=bestguesspass", None),
            ("i=1; a.test; none", None),
        ] {
            assert_eq!(result_of("dmarc", value.as_bytes()), expected, "{value}");
        }
    }
}
