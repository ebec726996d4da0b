//! extlists (RFC 6134). One list is there: the account's own address book.

use super::TestRule;
use crate::sieve::check::Arguments;
use crate::sieve::letter::address_of;
use crate::sieve::lexer::short;
use crate::sieve::program::Test;
use crate::sieve::run::{Evaluation, Failure, Run};
use crate::sieve::text::Text;
use proto::mime::address;
use types::Address;

pub const TESTS: &[TestRule] =
    &[TestRule { name: "valid_ext_list", extension: Some("extlists"), check: valid_ext_list }];

/// What a name that begins with a colon stands behind (RFC 6134 section 2.5).
const PREFIX: &str = "urn:ietf:params:sieve:";

/// Tests that compare with lists (RFC 6134 section 2.2).
pub const COMPARING: [&str; 4] = ["address", "envelope", "header", "string"];

/// Whether a list of this name is there: `:addrbook:default`, in any case and percent-encoded as URIs are.
pub fn is_known(name: &str) -> bool {
    let name = name.strip_prefix(':').map_or_else(|| name.to_owned(), |short| format!("{PREFIX}{short}"));
    let book = name.len() >= PREFIX.len() && name.is_char_boundary(PREFIX.len());
    let (prefix, book) = name.split_at(if book { PREFIX.len() } else { 0 });
    let book = book.split_once(':').filter(|_| prefix.eq_ignore_ascii_case(PREFIX));
    book.is_some_and(|(parameter, book)| {
        let book = percent_decoded(book).unwrap_or_default();
        parameter.eq_ignore_ascii_case("addrbook") && book.eq_ignore_ascii_case(b"default")
    })
}

/// What percent signs stand for (RFC 3986 section 2.1); `None` if one is not followed by two hexadecimal digits.
pub fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&octet, behind)) = rest.split_first() {
        rest = behind;
        match (octet, behind) {
            (b'%', [high, low, behind @ ..]) => {
                let digit = |octet: &u8| (*octet as char).to_digit(16);
                octets.push((digit(high)? * 16 + digit(low)?) as u8);
                rest = behind;
            }
            (b'%', _) => return None,
            _ => octets.push(octet),
        }
    }
    Some(octets)
}

/// The member of a list that a value is, or that stands in a value with others as in a field of addresses.
pub fn member(list: &str, value: &[u8], evaluation: &mut Evaluation<'_>) -> Result<Option<String>, Failure> {
    if !is_known(list) {
        let what =
            format!("there is no list \"{}\", only the address book \":addrbook:default\"", short(list));
        return Err(Failure::impossible(what));
    }
    let contacts = evaluation.facts.contacts;
    for mailbox in address::mailboxes(value) {
        evaluation.work.spend(value.len() + contacts.len())?;
        let Ok(address) = address_of(&mailbox) else { continue };
        if let Some(contact) = contacts.iter().find(|contact| is_same(contact, &address)) {
            return Ok(Some(contact.to_string()));
        }
    }
    Ok(None)
}

fn is_same(a: &Address, b: &Address) -> bool {
    a.domain == b.domain && a.local.as_str().eq_ignore_ascii_case(b.local.as_str())
}

fn valid_ext_list(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let names = arguments.texts("names of lists").into_iter().map(|(_, name)| name).collect();
    Box::new(AreLists(names))
}

#[derive(Debug)]
struct AreLists(Vec<Text>);

impl Test for AreLists {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        for name in &self.0 {
            if !is_known(&run.text(name)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_book_by_many_names() {
        for name in [
            ":addrbook:default",
            ":ADDRBOOK:DEFAULT",
            ":aDdRbOOk:DeFauLt",
            ":AddrBook:%44%65%66ault",
            "urn:ietf:params:sieve:addrbook:default",
            "URN:IETF:params:sieve:addrbook:default",
        ] {
            assert!(is_known(name), "{name}");
        }
        for name in [
            "",
            ":",
            "addrbook:default",
            ":addrbook",
            ":addrbook:",
            ":addrbook:personal",
            ":addrbook:default?name=x",
            ":addrbook:%4",
            "tag:example.com,2011-01-01:localHolidays",
            "urn:ietf:params:sieve:",
            "urn:ietf:params:sievé",
        ] {
            assert!(!is_known(name), "{name}");
        }
    }
}
