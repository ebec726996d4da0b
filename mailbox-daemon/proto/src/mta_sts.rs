//! What a domain publishes for MTA-STS (RFC 8461): the record that says that there is a policy, and the policy.

use std::time::Duration;
use types::Domain;

/// Servers a policy may name; a policy with more makes no sense.
const PATTERNS_MAX: usize = 200;
/// The longest a policy may be kept (RFC 8461 section 3.2).
const MAX_AGE_MAX_S: u64 = 31_557_600;
/// The longest `id` (RFC 8461 section 3.1).
const ID_BYTES_MAX: usize = 32;

/// What is to be done about servers that fail the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They get no mail.
    Enforce,
    /// They are reported and get it all the same.
    Testing,
    /// Nothing: there is no policy any more.
    None,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What to do.
    pub mode: Mode,
    /// How long it may be kept.
    pub max_age: Duration,
    /// The servers: names, or `*.` and a name, in lower case.
    pub mx: Vec<String>,
}

/// The `id` of a domain's policy, from the TXT records at `_mta-sts` (RFC 8461 section 3.1); `None` where they announce no
/// policy, or more than one.
pub fn policy_id<'a>(records: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut announcing = records.into_iter().filter(|record| is_announcement(record));
    let record = announcing.next().filter(|_| announcing.next().is_none())?;
    let mut fields = record.split(';').filter_map(|field| field.split_once('='));
    let id = fields.find(|(key, _)| key.trim_ascii() == "id")?.1.trim_ascii();
    let is_legal =
        (1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_legal.then(|| id.to_owned())
}

/// Whether a record begins with the version; others under the name do not matter.
fn is_announcement(record: &str) -> bool {
    let first = record.split(';').next().unwrap_or_default();
    first.split_once('=').is_some_and(|(key, value)| key == "v" && value.trim_ascii_end() == "STSv1")
}

impl Policy {
    /// Reads a policy (RFC 8461 section 3.2); `None` where it is none. Unknown fields do not matter, and of a field given twice
    /// the first counts, but for `mx`.
    pub fn parse(text: &str) -> Option<Policy> {
        let (mut version, mut mode, mut max_age_s, mut mx) = (None, None, None, Vec::new());
        for line in text.split('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line);
            // Blank lines occur, and mean nothing.
            if line.trim_ascii().is_empty() {
                continue;
            }
            let (key, value) = line.split_once(':')?;
            let value = value.trim_ascii();
            match key {
                "version" => version = version.or(Some(value)),
                "mode" => mode = mode.or(Some(parse_mode(value)?)),
                "max_age" => max_age_s = max_age_s.or(Some(parse_max_age(value)?)),
                "mx" => mx.push(parse_pattern(value)?),
                _ => {}
            }
        }
        let policy = Policy { mode: mode?, max_age: Duration::from_secs(max_age_s?), mx };
        let names_servers = policy.mode == Mode::None || !policy.mx.is_empty();
        (version == Some("STSv1") && names_servers && policy.mx.len() <= PATTERNS_MAX).then_some(policy)
    }

    /// Whether the policy names a server (RFC 8461 section 4.1).
    pub fn names(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let parent = host.split_once('.').map(|(_, parent)| parent);
        self.mx.iter().any(|pattern| match pattern.strip_prefix("*.") {
            Some(suffix) => parent == Some(suffix),
            None => *pattern == host,
        })
    }

    /// The policy as lines without their ends, in the order of the RFC's example.
    pub fn lines(&self) -> Vec<String> {
        let mode = match self.mode {
            Mode::Enforce => "enforce",
            Mode::Testing => "testing",
            Mode::None => "none",
        };
        let mut lines = vec!["version: STSv1".to_owned(), format!("mode: {mode}")];
        lines.extend(self.mx.iter().map(|pattern| format!("mx: {pattern}")));
        lines.push(format!("max_age: {}", self.max_age.as_secs()));
        lines
    }
}

fn parse_mode(value: &str) -> Option<Mode> {
    Some(match value {
        "enforce" => Mode::Enforce,
        "testing" => Mode::Testing,
        "none" => Mode::None,
        _ => return None,
    })
}

fn parse_max_age(value: &str) -> Option<u64> {
    let is_number = (1..=10).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse::<u64>().ok().filter(|_| is_number).map(|seconds| seconds.min(MAX_AGE_MAX_S))
}

/// A name in its ASCII form, where the wildcard is the whole first label.
fn parse_pattern(value: &str) -> Option<String> {
    let name = value.strip_prefix("*.").unwrap_or(value).trim_end_matches('.');
    let is_name = name.is_ascii() && Domain::parse(name).is_ok_and(|domain| domain.literal().is_none());
    let star = if value.starts_with("*.") { "*." } else { "" };
    is_name.then(|| format!("{star}{}", name.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn records_that_announce_a_policy() {
        for (records, expected) in [
            (&["v=STSv1; id=20160831085700Z;"][..], Some("20160831085700Z")),
            (&["v=STSv1;id=1"], Some("1")),
            (&["v=STSv1 ; id = 1 ; x=y"], Some("1")),
            (&["v=spf1 -all", "v=STSv1; id=2"], Some("2")),
            (&["v=STSv1; x=y; id=3; id=4"], Some("3")),
            (&["v=STSv1; id=1", "v=STSv1; id=2"], None),
            (&["v=STSv1"], None),
            (&["v=STSv1; id="], None),
            (&["v=STSv1; id=a-b"], None),
            (&["v=STSv1; id=123456789012345678901234567890123"], None),
            (&["v=STSv2; id=1"], None),
            (&["id=1; v=STSv1"], None),
            (&[], None),
        ] {
            assert_eq!(policy_id(records.iter().copied()).as_deref(), expected, "{records:?}");
        }
    }

    #[test]
    fn policies() {
        let policy = |mode, max_age_s, mx: &[&str]| {
            let mx = mx.iter().map(|&name| name.to_owned()).collect();
            Some(Policy { mode, max_age: Duration::from_secs(max_age_s), mx })
        };
        for (text, expected) in [
            (
                "version: STSv1\r\nmode: enforce\r\nmx: mail.Example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n",
                policy(Mode::Enforce, 604_800, &["mail.example.com", "*.example.net"]),
            ),
            ("version:STSv1\nmode:testing\nmx:a.test\nmax_age:1", policy(Mode::Testing, 1, &["a.test"])),
            ("version: STSv1\nmode: none\nmax_age: 86400\n", policy(Mode::None, 86_400, &[])),
            ("mode: none\nmax_age: 9999999999\nversion: STSv1 \n\n", policy(Mode::None, MAX_AGE_MAX_S, &[])),
            (
                "version: STSv1\nmode: none\nmode: enforce\nmax_age: 1\nmax_age: 2\n",
                policy(Mode::None, 1, &[]),
            ),
            ("version: STSv1\nmode: none\nmax_age: 1\nnew_field: \u{e4}: b\n", policy(Mode::None, 1, &[])),
            ("version: STSv1\nmode: enforce\nmax_age: 1\n", None),
            ("version: STSv1\nmode: Enforce\nmx: a.test\nmax_age: 1\n", None),
            ("version: STSv2\nmode: none\nmax_age: 1\n", None),
            ("mode: none\nmax_age: 1\n", None),
            ("version: STSv1\nmode: none\n", None),
            ("version: STSv1\nmode: none\nmax_age: -1\n", None),
            ("version: STSv1\nmode: none\nmax_age: 12345678901\n", None),
            ("version: STSv1\nmode: enforce\nmx: a*.test\nmax_age: 1\n", None),
            ("version: STSv1\nmode: enforce\nmx: *\nmax_age: 1\n", None),
            ("version: STSv1\nmode: enforce\nmx: [192.0.2.1]\nmax_age: 1\n", None),
            ("<html>Not here</html>", None),
            ("", None),
        ] {
            assert_eq!(Policy::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn servers_a_policy_names() {
        let text = "version: STSv1\nmode: enforce\nmx: mx.a.test\nmx: *.b.test\nmax_age: 1\n";
        let policy = Policy::parse(text).unwrap();
        for (host, expected) in [
            ("mx.a.test", true),
            ("MX.a.test.", true),
            ("a.test", false),
            ("x.mx.a.test", false),
            ("mx.b.test", true),
            ("b.test", false),
            ("x.mx.b.test", false),
            ("", false),
        ] {
            assert_eq!(policy.names(host), expected, "{host}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(max_age_s in 0..MAX_AGE_MAX_S, mx in prop::collection::vec("(\\*\\.)?[a-z]{1,9}\\.test", 1..5)) {
            let policy = Policy { mode: Mode::Testing, max_age: Duration::from_secs(max_age_s), mx };
            prop_assert_eq!(Policy::parse(&policy.lines().join("\n")), Some(policy));
        }
    }
}
