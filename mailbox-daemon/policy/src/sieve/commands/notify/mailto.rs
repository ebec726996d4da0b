//! `mailto:` (RFC 6068), as far as notifications heed it (RFC 5436 section 2.7).

use crate::sieve::commands::lists::percent_decoded;
use crate::sieve::lexer::short;
use thiserror::Error;
use types::Address;

/// Recipients of one notification.
const RECIPIENTS_MAX: usize = 8;
/// Header fields of one URI.
const FIELDS_MAX: usize = 16;
/// Octets of one URI.
const URI_BYTES_MAX: usize = 16 * 1024;

/// Fields that are taken over beside those with a place of their own; any that begins with `X-` is too. The others tell who sent a
/// message when and how, which is not for the script to say.
const HARMLESS: [&str; 4] = ["comments", "keywords", "organization", "reply-to"];

/// A URI, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mailto {
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    pub subject: Option<String>,
    pub body: Option<String>,
    /// Further fields: names with capitals, and values of one line.
    pub fields: Vec<(String, String)>,
}

/// Why nothing can be sent.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum Unfit {
    /// It is no `mailto:`, but may well be something.
    #[error("notifications go by mail, as \"mailto:name@example.com\", not by \"{0}\"")]
    Foreign(String),
    /// It is a wrong one.
    #[error("\"{uri}\" is no right mailto URI: {why}")]
    Wrong {
        /// Its beginning.
        uri: String,
        /// What is wrong.
        why: String,
    },
}

impl Mailto {
    /// Reads a URI.
    pub fn parse(uri: &str) -> Result<Mailto, Unfit> {
        let scheme = uri.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
        if scheme.is_none() {
            return Err(Unfit::Foreign(short(uri)));
        }
        let wrong = |why: &str| Unfit::Wrong { uri: short(uri), why: why.to_owned() };
        if uri.len() > URI_BYTES_MAX || !uri.bytes().all(is_uri_octet) {
            return Err(wrong("it is too long or has characters that need a percent sign"));
        }
        let rest = uri[7..].split_once('#').map_or(&uri[7..], |(rest, _)| rest);
        let (to, fields) = rest.split_once('?').unwrap_or((rest, ""));
        let mut mailto = Mailto::default();
        add_addresses(to, &mut mailto.to).map_err(|why| wrong(&why))?;
        for (index, field) in fields.split('&').filter(|field| !field.is_empty()).enumerate() {
            if index >= FIELDS_MAX {
                return Err(wrong("it has too many fields"));
            }
            mailto.add(field).map_err(|why| wrong(&why))?;
        }
        if mailto.to.len() + mailto.cc.len() > RECIPIENTS_MAX {
            return Err(wrong("it has too many recipients"));
        }
        Ok(mailto)
    }

    /// Leaves out recipients it need not go to.
    pub fn keep_recipients(&mut self, mut is_kept: impl FnMut(&Address) -> bool) {
        self.to.retain(&mut is_kept);
        self.cc.retain(&mut is_kept);
    }

    fn add(&mut self, field: &str) -> Result<(), String> {
        let (name, value) = field.split_once('=').ok_or("a field lacks its `=`")?;
        let name = decoded(name)?.to_ascii_lowercase();
        let is_name =
            !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
        if !is_name {
            return Err("a field has no right name".to_owned());
        }
        match name.as_str() {
            "to" => return add_addresses(value, &mut self.to),
            "cc" => return add_addresses(value, &mut self.cc),
            _ => {}
        }
        let value = decoded(value)?;
        if name == "body" {
            self.body = Some(value);
            return Ok(());
        }
        // A line break would begin a field of its own.
        if value.contains(char::is_control) {
            return Err(format!("its {name} has control characters in it"));
        }
        match name.as_str() {
            "subject" => self.subject = Some(value),
            _ if name.starts_with("x-") && name != "x-priority" || HARMLESS.contains(&name.as_str()) => {
                self.fields.push((capitalized(&name), value));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether an octet may stand in a URI (RFC 3986 section 2).
fn is_uri_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&octet)
}

fn decoded(text: &str) -> Result<String, String> {
    let octets = percent_decoded(text).ok_or("a percent sign is not followed by two digits")?;
    String::from_utf8(octets).map_err(|_| "its percent signs make no UTF-8".to_owned())
}

/// Addresses, parted by commas; a comma within one is written with a percent sign (RFC 6068 section 2).
fn add_addresses(list: &str, addresses: &mut Vec<Address>) -> Result<(), String> {
    for text in list.split(',').filter(|text| !text.is_empty()) {
        // In lists of a field the commas may be written with percent signs too.
        let text = decoded(text)?;
        let parts = if text.contains('"') { vec![text.as_str()] } else { text.split(',').collect() };
        for part in parts {
            let address = Address::parse(part.trim());
            addresses.push(address.map_err(|why| format!("\"{}\" is no address: {why}", short(part)))?);
        }
    }
    Ok(())
}

fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(uri: &str) -> String {
        let list =
            |addresses: &[Address]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        match Mailto::parse(uri) {
            Err(_) => "wrong".to_owned(),
            Ok(Mailto { to, cc, subject, body, fields }) => {
                let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
                let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
                [list(&to), list(&cc), text(subject), text(body), fields.join(",")].join("|")
            }
        }
    }

    #[test]
    fn uris_are_read() {
        for (uri, expected) in [
            ("mailto:alm@example.com", "alm@example.com||-|-|"),
            ("MAILTO:alm@example.com", "alm@example.com||-|-|"),
            ("mailto:", "||-|-|"),
            ("mailto:?to=a@b.test&cc=c@d.test,e@f.test", "a@b.test|c@d.test,e@f.test|-|-|"),
            (
                "mailto:0123456789@sms.example.net?to=backup@example.com",
                "0123456789@sms.example.net,backup@example.com||-|-|",
            ),
            ("mailto:a@b.test,c@d.test?subject=Hi%20you", "a@b.test,c@d.test||Hi you|-|"),
            ("mailto:a@b.test?SUBJECT=x&Body=one%0D%0Atwo", "a@b.test||x|one\r\ntwo|"),
            ("mailto:a@b.test?body=Safe%20body%26evil%3Devilbody", "a@b.test||-|Safe body&evil=evilbody|"),
            ("mailto:gorby%25kremvax@example.com", "gorby%kremvax@example.com||-|-|"),
            ("mailto:unlikely%3Faddress@example.com?x-Kind=1", "unlikely?address@example.com||-|-|X-kind: 1"),
            ("mailto:%22not%40me%22@example.org", "\"not@me\"@example.org||-|-|"),
            ("mailto:user@%E7%B4%8D%E8%B1%86.example.org", "user@xn--99zt52a.example.org||-|-|"),
            (
                "mailto:a@b.test?from=x@y.test&auto-submitted=no&received=z&date=now&message-id=1&bcc=x@y.test",
                "a@b.test||-|-|",
            ),
            ("mailto:a@b.test?subject=x%0D%0ABcc:%20c@d.test", "wrong"),
            ("mailto:a@b.test?x%0D%0ABcc=c@d.test", "wrong"),
            ("mailto:a@b.test?subject", "wrong"),
            ("mailto:a@b.test?=x", "wrong"),
            ("mailto:a@b.test?subject=%4", "wrong"),
            ("mailto:a@b.test?subject=%ff", "wrong"),
            ("mailto:a%20b", "wrong"),
            ("mailto:a@b.test?subject=two words", "wrong"),
            ("mailto:Ann <a@b.test>", "wrong"),
            ("mailto:a@b.test%0D%0Ac@d.test", "wrong"),
            ("http://gw.example.net/notify?test", "wrong"),
            ("xmpp:tim@example.com", "wrong"),
            ("mailt\u{f6}:a@b.test", "wrong"),
            ("", "wrong"),
        ] {
            assert_eq!(told(uri), expected, "{uri}");
        }
        assert_eq!(told(&format!("mailto:{}", ["a@b.test"; 9].join(","))), "wrong");
        assert_eq!(told(&format!("mailto:?{}", ["x-a=b"; 17].join("&"))), "wrong");
    }

    proptest! {
        #[test]
        fn no_uri_begins_a_line(rest in "[a-z@.?=&%0-9ADad,-]{0,40}") {
            if let Ok(mailto) = Mailto::parse(&format!("mailto:{rest}")) {
                let texts = mailto.fields.iter().map(|(_, value)| value).chain(&mailto.subject);
                for text in texts {
                    prop_assert!(!text.contains(char::is_control));
                }
            }
        }
    }
}
