use super::*;
use types::Outcome;

fn identity() -> Identity {
    Identity {
        local: "strong-bad".to_owned(),
        sender_domain: "email.example.com".to_owned(),
        domain: "email.example.com".to_owned(),
        client: "192.0.2.3".parse().unwrap(),
        helo: "mx.example.org".to_owned(),
        client_name: None,
        receiver: "box.test".to_owned(),
        now: 1_700_000_000,
    }
}

/// The examples of RFC 7208 section 7.4, and what they leave open.
#[test]
fn macros_expand() {
    let six = Identity { client: "2001:db8::cb01".parse().unwrap(), ..identity() };
    for (text, expected) in [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
        ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
        ("%{h}", "mx.example.org"),
        ("%{p}", "unknown"),
        ("%{S}", "strong-bad%40email.example.com"),
        ("%%a%_b%-c", "%a b%20c"),
    ] {
        let parsed = MacroString::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(parsed.expand(&identity()), expected, "{text}");
    }
    let nibbles = MacroString::parse("%{ir}.%{v}._spf.%{d2}").unwrap().expand(&six);
    let zeros = "0.".repeat(20);
    assert_eq!(nibbles, format!("1.0.b.c.{zeros}8.b.d.0.1.0.0.2.ip6._spf.example.com"));
    let words = MacroString::parse_explanation("from %{c} at %{t} to %{r}").unwrap();
    assert_eq!(words.expand(&identity()), "from 192.0.2.3 at 1700000000 to box.test");
}

#[test]
fn macros_have_a_grammar() {
    for text in
        ["%", "%a", "%{", "%{s", "%{}", "%{x}", "%{c}", "%{r}", "%{t}", "%{d0}", "%{d2x}", "a b", "%{dr2}"]
    {
        assert_eq!(MacroString::parse(text), Err(SpfSyntax), "{text}");
    }
    for text in ["", "localhost", "a.1", "a.b-", "a.-b", "a..", "%{d}com", "a.%%"] {
        assert_eq!(MacroString::parse_domain(text), Err(SpfSyntax), "{text}");
    }
    for text in ["a.test", "a.test.", "%{d}", "%{d}.test", "a.%{d1}", "_x.a.t-t", "a.b.1a"] {
        assert!(MacroString::parse_domain(text).is_ok(), "{text}");
    }
}

/// RFC 7208 section 7.3: labels fall off on the left.
#[test]
fn long_names_are_cut() {
    let long = Identity { local: ["x"; 200].join("."), ..identity() };
    let name = MacroString::parse("%{l}.example.com").unwrap().expand_domain(&long);
    assert!(name.len() <= 253 && name.len() > 250 && name.ends_with("x.x.example.com"), "{name}");
}

#[test]
fn records_have_a_version() {
    for (text, expected) in [
        ("v=spf1", true),
        ("V=SPF1 -all", true),
        ("v=spf10 -all", false),
        ("v=spf1\t-all", false),
        (" v=spf1 -all", false),
        ("v=spf", false),
        ("spf2.0/mfrom -all", false),
    ] {
        assert_eq!(is_record(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn records_are_read() {
    let record = Record::parse(
        b"v=spf1 a mx/24//64 -a:b.test/8 ~ptr ?ip4:192.0.2.0/24  include:c.test IP6:2001:db8::/32 exists:%{i}.d.test \
          redirect=e.test exp=f.test other=%{d} ALL",
    )
    .unwrap();
    let outcomes: Vec<_> = record.directives.iter().map(|directive| directive.outcome).collect();
    use Outcome::{Fail, Neutral, Pass, SoftFail};
    assert_eq!(outcomes, [Pass, Pass, Fail, SoftFail, Neutral, Pass, Pass, Pass, Pass]);
    assert_eq!(record.directives[1].mechanism, Mechanism::Mx(None, PrefixLengths { ipv4: 24, ipv6: 64 }));
    assert!(record.redirect.is_some() && record.explanation.is_some());
}

#[test]
fn records_have_a_grammar() {
    for terms in [
        "what",
        "all:a.test",
        "all/8",
        "-",
        "include",
        "include:",
        "exists:a",
        "a:",
        "a/",
        "a/33",
        "a//129",
        "a/08",
        "a/8/8",
        "a///8",
        "a:b",
        "mx:c.test/x",
        "ptr:",
        "ptr/8",
        "ip4",
        "ip4:",
        "ip4:1.2.3",
        "ip4:1.2.3.4/33",
        "ip4:1.2.3.4/",
        "ip4:1.2.3.4/024",
        "ip6:1.2.3.4",
        "ip6:::1/129",
        "ip4:::1",
        "redirect=",
        "redirect=a",
        "exp=",
        "redirect=a.test redirect=b.test",
        "exp=a.test exp=a.test",
        "x=%{q}",
        "-redirect=a.test",
        "++all",
        "1a=b",
        "a\t-all",
        "a:caf\u{e9}.test",
    ] {
        let text = format!("v=spf1 {terms}");
        assert_eq!(Record::parse(text.as_bytes()), Err(SpfSyntax), "{terms}");
    }
    for terms in
        ["", "all", "a:%{d/}.a.test/24", "a:b.test//64", "ip6:::ffff:1.2.3.4", "ptr:%{d}", "exp=%{l}.a.test"]
    {
        let text = format!("v=spf1 {terms}");
        assert!(Record::parse(text.as_bytes()).is_ok(), "{terms}");
    }
}

#[test]
fn networks_are_compared_by_prefix() {
    let lengths = PrefixLengths { ipv4: 24, ipv6: 33 };
    for (one, other, expected) in [
        ("192.0.2.1", "192.0.2.255", true),
        ("192.0.2.1", "192.0.3.1", false),
        ("2001:db8:7fff::1", "2001:db8::", true),
        ("2001:db8:8000::1", "2001:db8::", false),
        ("::ffff:192.0.2.1", "192.0.2.1", false),
    ] {
        assert_eq!(
            lengths.are_alike(one.parse().unwrap(), other.parse().unwrap()),
            expected,
            "{one} {other}"
        );
    }
    let none = PrefixLengths { ipv4: 0, ipv6: 0 };
    assert!(none.are_alike("1.2.3.4".parse().unwrap(), "255.0.0.0".parse().unwrap()));
}
