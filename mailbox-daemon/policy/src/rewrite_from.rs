//! The author of forwarded mail where a relay takes only mail from authors of one's own domains: the last resort, because it
//! changes what people read. The author stays in `Reply-To:`.

use crate::srs::is_rewritten;
use types::{Address, LocalPart};

/// Display names are cut here; nobody reads on.
const NAME_CHARS_MAX: usize = 120;

/// Who a message says it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The display name, decoded.
    pub name: Option<String>,
    /// The address.
    pub address: Address,
}

/// Who a forwarded message is from instead: the address it was forwarded by, under a name that tells of the author. Nothing
/// where the author is of the same domain already.
pub fn in_place_of(author: &Author, forwarded_by: &Address) -> Option<Author> {
    if author.address.domain == forwarded_by.domain {
        return None;
    }
    let Address { local, domain } = &author.address;
    let known_as = match author.name.as_deref().map(str::trim) {
        Some(name) if !name.is_empty() => name.to_owned(),
        // An address in a display name looks like a forgery.
        _ => format!("{local} at {domain}"),
    };
    let plain: String = known_as.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
    let mut address = forwarded_by.folded_without_tag();
    if is_rewritten(&forwarded_by.local) {
        // A bounce on its way home: nobody may answer to the return address.
        address.local = LocalPart::parse("postmaster").expect("it is an atom");
    }
    Some(Author { name: Some(format!("{plain} via {}", address.domain)), address })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_author_is_named_and_the_forwarder_writes() {
        for (name, from, by, expected) in [
            (Some("Ann"), "ann@x.test", "carol+y@home.test", Some(("Ann via home.test", "carol@home.test"))),
            (None, "ann@x.test", "carol@home.test", Some(("ann at x.test via home.test", "carol@home.test"))),
            (Some(" "), "a@x.test", "c@home.test", Some(("a at x.test via home.test", "c@home.test"))),
            (Some("A\r\nB"), "a@x.test", "c@home.test", Some(("AB via home.test", "c@home.test"))),
            (
                None,
                "m@x.test",
                "SRS0=a=b=c=d@home.test",
                Some(("m at x.test via home.test", "postmaster@home.test")),
            ),
            (Some("Ben"), "ben@home.test", "carol@home.test", None),
        ] {
            let author = Author { name: name.map(str::to_owned), address: Address::parse(from).unwrap() };
            let instead = in_place_of(&author, &Address::parse(by).unwrap());
            let found = instead.map(|author| (author.name.unwrap_or_default(), author.address.to_string()));
            let expected = expected.map(|(name, address)| (name.to_owned(), address.to_owned()));
            assert_eq!(found, expected, "{from} {by}");
        }
    }
}
