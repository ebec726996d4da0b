use super::*;

fn faults(source: &[u8]) -> Vec<String> {
    let compiled = Script::compile(source, &config::Sieve::default());
    compiled.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn warnings(source: &str) -> Vec<String> {
    compile(source).warnings().iter().map(ToString::to_string).collect()
}

#[test]
fn every_fault_is_told_with_its_place() {
    let cases = include_str!("faults.txt").trim_end().split("\n--------------------\n").skip(1);
    for case in cases {
        let (source, expected) =
            case.split_once("\n====================\n").expect("a script and its faults");
        assert_eq!(faults(source.as_bytes()).join("\n"), expected, "{source}");
    }
}

#[test]
fn octets_that_no_script_has() {
    for (source, expected) in [
        (
            &b"keep;\n\xffkeep\xfe\xfe;"[..],
            &[
                "line 2, column 1: this is not UTF-8",
                "line 2, column 6: this is not UTF-8",
                "line 2, column 7: this is not UTF-8",
            ][..],
        ),
        (
            b"redirect \"a\x00b\rc\";",
            &[
                "line 1, column 10: \"abc\" is no address mail can be sent to",
                "line 1, column 12: a NUL octet within a string",
                "line 1, column 14: a carriage return without line feed within a string",
            ],
        ),
        (
            b"keep\r;\x00\x01",
            &[
                "line 1, column 5: a carriage return without line feed",
                "line 1, column 7: a NUL octet",
                "line 1, column 8: a control character, 0x01",
            ],
        ),
        (b"\xef\xbb\xbfkeep;\r\nfoo;", &["line 2, column 1: the command `foo` is not known"]),
    ] {
        assert_eq!(faults(source), expected, "{source:?}");
    }
}

#[test]
fn what_is_odd_is_told_too() {
    for (source, expected) in [
        ("keep;", &[][..]),
        ("stop; keep;", &["line 1, column 7: nothing behind `stop` is ever run"]),
        (
            "require [\"copy\", \"fileinto\"]; fileinto \"a\";",
            &["line 1, column 10: \"copy\" is required but not used"],
        ),
        (
            "require \"ihave\"; if ihave \"x\" { foo :bar; keep :odd; }",
            &[
                "line 1, column 33: the command `foo` is not known: the script fails where it is reached",
                "line 1, column 48: `keep` knows no `:odd`: the script fails where it is reached",
            ],
        ),
        ("if header \"from:\" \"x\" { }", &["line 1, column 11: no header field can be called \"from:\""]),
    ] {
        assert_eq!(warnings(source), expected, "{source}");
    }
}
