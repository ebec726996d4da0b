mod properties;

use super::*;

const STEPS: u64 = 100_000_000;
const MEMORY_BYTES: usize = 4 * 1024 * 1024;

fn work() -> Work {
    Work::new(STEPS, MEMORY_BYTES)
}

fn compared(comparator: Comparator, match_type: MatchType, value: &[u8], key: &str) -> Option<Vec<String>> {
    let key = Key::prepare(comparator, match_type, key, &mut work()).unwrap();
    key.compare(value, &mut work()).unwrap().map(|found| found.captured)
}

fn holds(comparator: Comparator, match_type: MatchType, value: &str, key: &str) -> bool {
    compared(comparator, match_type, value.as_bytes(), key).is_some()
}

use Comparator::{AsciiCasemap, AsciiNumeric, Octet, UnicodeCasemap};
use MatchType::{Contains, Is, Matches, Regex};

#[test]
fn comparators_tell_what_is_equal() {
    for (comparator, value, key, equal) in [
        (Octet, "Abc", "Abc", true),
        (Octet, "Abc", "abc", false),
        (Octet, "", "", true),
        (AsciiCasemap, "Abc", "aBC", true),
        (AsciiCasemap, "ÄB", "äb", false),
        (AsciiCasemap, "Äb", "ÄB", true),
        (AsciiCasemap, "[", "{", false),
        (UnicodeCasemap, "GRÜSSE", "grüße", true),
        (UnicodeCasemap, "cafe\u{301}", "CAFÉ", true),
        (UnicodeCasemap, "cafe", "café", false),
        (UnicodeCasemap, "ǆ", "ǅ", true),
        // RFC 4790 section 9.1.1
        (AsciiNumeric, "4294967298", "04294967298", true),
        (AsciiNumeric, "4294967298", "4294967298b", true),
        (AsciiNumeric, "", "x", true),
        (AsciiNumeric, "x", "y", true),
        (AsciiNumeric, "0", "00", true),
        (AsciiNumeric, "0", "", false),
        (AsciiNumeric, "-1", "1", false),
        (AsciiNumeric, " 1", "1", false),
    ] {
        assert_eq!(holds(comparator, Is, value, key), equal, "{comparator:?} {value} {key}");
    }
}

#[test]
fn relations_hold_by_the_order_of_comparators() {
    for (comparator, value, relation, key, expected) in [
        (AsciiNumeric, "0", "lt", "1", true),
        (AsciiNumeric, "1", "lt", "4294967298", true),
        (AsciiNumeric, "04294967298", "lt", "", true),
        (AsciiNumeric, "99999999999999999999999", "gt", "99999999999999999999998", true),
        (AsciiNumeric, "10", "gt", "9", true),
        (AsciiNumeric, "10", "ge", "10", true),
        (AsciiNumeric, "10", "le", "9", false),
        (AsciiNumeric, "10", "ne", "010", false),
        (AsciiNumeric, "junk", "eq", "", true),
        (Octet, "10", "gt", "9", false),
        (Octet, "a", "gt", "B", true),
        (AsciiCasemap, "a", "lt", "B", true),
        (AsciiCasemap, "_", "gt", "z", true),
        (AsciiCasemap, "ab", "gt", "A", true),
        (UnicodeCasemap, "É", "lt", "f", true),
        (UnicodeCasemap, "é", "eq", "E\u{301}", true),
    ] {
        let relation = Relation::of_name(relation).unwrap();
        let held = holds(comparator, MatchType::Value(relation), value, key);
        assert_eq!(held, expected, "{comparator:?} {value} {relation:?} {key}");
        assert_eq!(holds(comparator, MatchType::Count(relation), value, key), expected);
    }
    assert_eq!(Relation::of_name("GT"), None);
}

#[test]
fn contains_finds_parts() {
    for (comparator, value, key, found) in [
        (Octet, "Subject", "ject", true),
        (Octet, "Subject", "JECT", false),
        (Octet, "", "", true),
        (Octet, "abc", "", true),
        (AsciiCasemap, "ME me Me", "E M", true),
        (AsciiCasemap, "frobnitzm", "FROBNITZM", true),
        (AsciiCasemap, "short", "longer than it", false),
        (UnicodeCasemap, "Viele Grüße", "GRÜSSE", true),
        (UnicodeCasemap, "Viele Grusse", "Grüße", false),
        (UnicodeCasemap, "ΟΔΟΣ", "δος", true),
    ] {
        assert_eq!(holds(comparator, Contains, value, key), found, "{comparator:?} {value} {key}");
    }
    assert!(compared(UnicodeCasemap, Contains, b"\xff ABC", "ABC").is_some());
    assert!(compared(UnicodeCasemap, Contains, b"\xff abc", "ABC").is_none());
}

#[test]
fn contains_looks_across_its_windows() {
    for comparator in [Octet, AsciiCasemap, UnicodeCasemap] {
        for place in [0, 250, 255, 256, 257, 767, 768, 65_530, 131_060, 262_140] {
            for filler in ["x", "ä"] {
                let value = format!("{}Needle{}", filler.repeat(place), filler.repeat(50_000));
                assert!(holds(comparator, Contains, &value, "Needle"), "{comparator:?} {place} {filler}");
                assert!(!holds(comparator, Contains, &value, "Noodle"));
            }
        }
    }
}

#[test]
fn wildcards() {
    for (comparator, value, key, expected) in [
        (AsciiCasemap, "frobnitzm", "frobnit?m", Some(&["frobnitzm", "z"][..])),
        (AsciiCasemap, "frobnitm", "frobnit?m", None),
        (AsciiCasemap, "", "", Some(&[""][..])),
        (AsciiCasemap, "", "*", Some(&["", ""][..])),
        (AsciiCasemap, "", "?", None),
        (AsciiCasemap, "a", "", None),
        (AsciiCasemap, "ABC", "a*C", Some(&["ABC", "B"][..])),
        (AsciiCasemap, "ABCD", "a*C", None),
        (AsciiCasemap, "abab", "*ab", Some(&["abab", "ab"][..])),
        (AsciiCasemap, "ab", "ab*ab", None),
        (AsciiCasemap, "aXbXc", "*x*", Some(&["aXbXc", "a", "bXc"][..])),
        (AsciiCasemap, "abc", "???", Some(&["abc", "a", "b", "c"][..])),
        (AsciiCasemap, "abc", "*?", Some(&["abc", "ab", "c"][..])),
        (AsciiCasemap, "abc", "?*", Some(&["abc", "a", "bc"][..])),
        (AsciiCasemap, "a*b", r"a\*b", Some(&["a*b"][..])),
        (AsciiCasemap, "axb", r"a\*b", None),
        (AsciiCasemap, "a?", r"a\?", Some(&["a?"][..])),
        (AsciiCasemap, r"a\b", r"a\\b", Some(&[r"a\b"][..])),
        (AsciiCasemap, r"a\", r"a\", Some(&[r"a\"][..])),
        (AsciiCasemap, "ab", r"a\b", Some(&["ab"][..])),
        // RFC 5229 section 3.2
        (
            AsciiCasemap,
            "[acme-users] [fwd] version 1.0 is out",
            "[*] *",
            Some(&["[acme-users] [fwd] version 1.0 is out", "acme-users", "[fwd] version 1.0 is out"][..]),
        ),
        (
            AsciiCasemap,
            "coyote@ACME.Example.COM",
            "coyote@**.com",
            Some(&["coyote@ACME.Example.COM", "", "ACME.Example"][..]),
        ),
        (Octet, "é", "?", None),
        (Octet, "é", "??", Some(&["é", "\u{fffd}", "\u{fffd}"][..])),
        (UnicodeCasemap, "é", "?", Some(&["é", "é"][..])),
        (UnicodeCasemap, "e\u{301}", "?", Some(&["e\u{301}", "e\u{301}"][..])),
        (UnicodeCasemap, "Grüße, Ω", "GR??e*ω", Some(&["Grüße, Ω", "ü", "ß", ", "][..])),
        (UnicodeCasemap, "Über uns", "*r *", Some(&["Über uns", "Übe", "uns"][..])),
        (UnicodeCasemap, "日本語", "*語", Some(&["日本語", "日本"][..])),
    ] {
        let found = compared(comparator, Matches, value.as_bytes(), key);
        let found = found.as_ref().map(|captured| captured.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(found.as_deref(), expected, "{comparator:?} {value} {key}");
    }
    assert_eq!(compared(AsciiCasemap, Is, b"a", "a"), Some(Vec::new()));
}

#[test]
fn captures_are_limited() {
    let many = compared(Octet, Matches, &[b'a'; 40], &"?".repeat(40)).unwrap();
    assert_eq!(many.len(), CAPTURES_MAX);
    let stars = compared(Octet, Matches, &[b'a'; 40], &"*a".repeat(40)).unwrap();
    assert_eq!(stars.len(), CAPTURES_MAX);
    let long = "ä".repeat(CAPTURE_BYTES_MAX);
    let captured = compared(Octet, Matches, format!("x{long}").as_bytes(), "*").unwrap();
    assert_eq!(captured[1], format!("x{}", &long[..CAPTURE_BYTES_MAX - 2]));
}

#[test]
fn expressions() {
    for (comparator, value, key, expected) in [
        (
            AsciiCasemap,
            "stephan+sieve@friep.example.com",
            r"stephan(\+.*)?@FRIEP\.example\.com",
            Some("stephan+sieve@friep.example.com|+sieve"),
        ),
        (Octet, "ABC", "abc", None),
        (Octet, "xABCx", "[[:upper:]]+", Some("ABC")),
        (AsciiCasemap, "xabcx", "[B-C]+", Some("bc")),
        (AsciiCasemap, "xabcx", "[^B-C]+$", Some("x")),
        (AsciiCasemap, "\u{212a}", "k", None),
        (UnicodeCasemap, "GRÜN", "grün", Some("GRÜN")),
        (Octet, "a.b", r"a\.b", Some("a.b")),
        (Octet, "axb", r"a\.b", None),
        (Octet, "a\nb", "a.b", Some("a\nb")),
        (Octet, "one\ntwo", "^two$", None),
        (Octet, "]-^", "[]^-]+", Some("]-^")),
        (Octet, r"\d", r"^[\d]+$", Some(r"\d")),
        (Octet, "&&~~", "^[&&~]+$", Some("&&~~")),
        (Octet, "aaa", "^a{2,3}$", Some("aaa")),
        (Octet, "a", "^a{2,}$", None),
        (Octet, "aaaa", "^a{2}$", None),
        (Octet, "aa", "^(a+)?+$", Some("aa|aa")),
        (Octet, "b", "a|b|", Some("b")),
        (Octet, "x)", "x)", Some("x)")),
        (Octet, "x#y z", "x#y z", Some("x#y z")),
        (Octet, "abc-def", "([^-]*)-([^-]*)", Some("abc-def|abc|def")),
        (Octet, "ab", "(x)?ab", Some("ab|")),
        (Octet, "é", "^.$", Some("é")),
        (Octet, "-", "[[.-.]]", Some("-")),
        (Octet, "e", "[[=e=]]", Some("e")),
        (Octet, "a-z", "^[a[.-.]z]*$", Some("a-z")),
        (Octet, "a\tb", "a[[:space:]]b", Some("a\tb")),
        (Octet, "abc", "a?c", Some("c")),
    ] {
        let found = compared(comparator, Regex, value.as_bytes(), key).map(|captured| captured.join("|"));
        assert_eq!(found.as_deref(), expected, "{comparator:?} {value} {key}");
    }
}

#[test]
fn what_is_no_expression_is_told() {
    for (key, part) in [
        ("sirius(+\\+.*)?@x", "`+`"),
        ("*a", "`*`"),
        ("a|*", "`*`"),
        ("^*", "`*`"),
        ("{2}", "`{`"),
        ("drunk[]snipers", "`[` has no `]`"),
        ("[a", "`[` has no `]`"),
        ("(a", "`(` has no `)`"),
        ("a\\", "backslash"),
        ("\\1", "back-references"),
        ("\\w+", "no meaning"),
        ("\\bword\\b", "no meaning"),
        ("\\<word", "no meaning"),
        ("a{x", "in braces"),
        ("a{,2}", "in braces"),
        ("a{2", "a repetition"),
        ("a{3,2}", "wrong way"),
        ("a{256}", "up to 255"),
        ("a{99999999999}", "up to 255"),
        ("[z-a]", "wrong way"),
        ("[a-c-e]", "first or last"),
        ("[[:word:]]", "no class"),
        ("[[:alpha", "no class"),
        ("[[.ab.]]", "one character"),
        ("[a-[:digit:]]", "cannot end"),
        ("((((((((((a{9}){9}){9}){9}){9}){9}){9}){9}){9}){9})", "too large"),
        ("(.{255}){16}", "too large"),
    ] {
        let KeyFault::Regular(what) = Key::prepare(Octet, Regex, key, &mut work()).unwrap_err() else {
            panic!("{key}");
        };
        assert!(what.contains(part), "{key}: {what}");
    }
    let deep = format!("{}a{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(matches!(Key::prepare(Octet, Regex, &deep, &mut work()), Err(KeyFault::Regular(_))));
}

#[test]
fn expressions_of_a_script_share_one_memory() {
    let mut work = work();
    let spent = (0..1000).find_map(|_| Key::prepare(Octet, Regex, "(a{200}){10}", &mut work).err());
    assert_eq!(spent, Some(KeyFault::Spent(Spent::Memory)));
}

#[test]
fn bombs_cost_no_more_than_there_is() {
    let value = vec![b'a'; 1024 * 1024];
    let keys = [
        (Matches, "a*".repeat(200) + "b"),
        (Matches, "*a".repeat(1000) + "*b"),
        (Matches, "*?".repeat(1000) + "b*"),
        (Matches, "*".to_owned() + &"a?".repeat(1000) + "b*c"),
        (Contains, "a".repeat(100_000) + "b"),
        (Regex, "(a*)*(a*)*(a*)*b".to_owned()),
        (Regex, "((a{1,50}){1,50})b".to_owned()),
        (Regex, "(a|a|a|aa)*b".to_owned()),
    ];
    for (match_type, key) in keys {
        for comparator in [Octet, AsciiCasemap, UnicodeCasemap] {
            let prepared = Key::prepare(comparator, match_type, &key, &mut work()).unwrap();
            let mut work = Work::new(20_000_000, MEMORY_BYTES);
            let compared = prepared.compare(&value, &mut work);
            assert!(matches!(compared, Ok(None) | Err(Spent::Steps)), "{key:.20}");
        }
    }
}

#[test]
fn quoted_text_matches_itself() {
    let text = r"a.b*c+d?(e)[f]{g}|^h$\ -";
    let pattern = format!("^{}$", quoted(text));
    assert!(holds(Octet, Regex, text, &pattern));
}
