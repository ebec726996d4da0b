use super::*;
use proptest::prelude::*;

fn faults(source: &str) -> Vec<String> {
    let compiled = Script::compile(source.as_bytes(), &config::Sieve::default());
    compiled.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn repeated(count: usize, command: impl Fn(usize) -> String) -> String {
    (0..count).map(command).collect::<Vec<_>>().concat()
}

#[test]
fn nesting_ends() {
    for (open, inner, close) in [
        ("if true {", "keep;", "}"),
        ("if not ", "true { keep; }", ""),
        ("if anyof(", "true", ") { }"),
        ("{", "", "}"),
        ("(", "", ")"),
        ("[", "", "]"),
        ("if true { if anyof(true, allof(", "true", ")) { } }"),
        ("/*", "", "*/"),
        ("keep \"x\" :tag keep (", "keep", ")"),
    ] {
        for depth in [1, 31, 1000, 20_000] {
            let open_only = faults(&open.repeat(depth));
            let whole = faults(&format!("{}{inner}{}", open.repeat(depth), close.repeat(depth)));
            assert!(open_only.len() <= 101 && whole.len() <= 101, "{open} {depth}");
        }
    }
    let blocks = |depth: usize| format!("{}keep;{}", "if true {".repeat(depth), "}".repeat(depth));
    assert!(faults(&blocks(31)).is_empty());
    assert_eq!(faults(&blocks(40)), ["line 1, column 292: nested deeper than 32 levels"]);
    let tests = |depth: usize| format!("if {}true {{ keep; }} foo;", "not ".repeat(depth));
    assert!(!faults(&tests(20)).iter().any(|fault| fault.contains("nested")));
    assert_eq!(
        faults(&tests(1000)),
        [
            "line 1, column 132: nested deeper than 32 levels",
            "line 1, column 4019: the command `foo` is not known"
        ]
    );
}

#[test]
fn large_things_are_taken_or_told() {
    let list =
        |count: usize| format!("if header \"subject\" [{}\"x\"] {{ discard; }}", "\"abc\",".repeat(count));
    assert_eq!(World::default().told(&list(100_000)), "file INBOX");
    let text =
        |length: usize| format!("if header :contains \"subject\" \"{}\" {{ discard; }}", "x".repeat(length));
    assert_eq!(World::default().told(&text(100_000)), "file INBOX");
    assert_eq!(
        faults(&text(1_000_000)),
        ["line 1, column 31: the script needs too much memory for one message"]
    );
    let long = format!("require \"reject\"; reject \"{}\";", "x".repeat(1_000_000));
    assert!(World::default().told(&long).starts_with("Reject xxx"));
    let faulty = "foo;\n".repeat(100_000);
    let told = faults(&faulty);
    assert_eq!(told.len(), 101);
    assert_eq!(told[100], "line 100, column 1: 99900 more faults were found after these");
    assert_eq!(
        faults(&"#".repeat(2_000_000)),
        ["line 1, column 1: the script is larger than 1048576 octets"]
    );
}

#[test]
fn a_script_has_so_many_pieces() {
    for (head, piece, tail) in [
        ("", "stop;", ""),
        ("if header \"a\" [\"\"", ",\"\"", "] { }"),
        ("if anyof(true", ",true", ") { }"),
        ("keep", " 1", ";"),
        ("require \"ihave\";", "a;", ""),
    ] {
        let told = faults(&format!("{head}{}{tail}", piece.repeat(200_000)));
        let what = "the script has more than 130000 commands, tests and arguments";
        assert!(told.iter().any(|fault| fault.contains(what)), "{piece}: {told:?}");
    }
    assert_eq!(faults(&"stop;".repeat(130_000)), Vec::<String>::new());
}

#[test]
fn expressions_take_a_bounded_time_to_prepare() {
    let expressions = |count: usize| {
        let test = "if header :regex \"subject\" \".{40}\" {}\n";
        faults(&format!("require \"regex\";\n{}", test.repeat(count)))
    };
    assert_eq!(expressions(1000), Vec::<String>::new());
    assert!(
        expressions(20_000).iter().any(|fault| fault.ends_with("the script takes too long for one message"))
    );
}

#[test]
fn flags_to_look_for_take_a_bounded_memory() {
    let has_flag = |words: usize| {
        let source = "require [\"imap4flags\", \"fileinto\"]; if hasflag \"";
        World::default().told(&format!("{source}{}\" {{ fileinto \"Junk\"; }}", "a ".repeat(words)))
    };
    assert_eq!(has_flag(1000), "file INBOX");
    assert!(has_flag(200_000).contains("the script needs too much memory for one message"));
}

#[test]
fn many_rules_are_one_script() {
    let rules = repeated(10_000, |number| {
        format!(
            "if address :contains [\"from\", \"to\"] \"user{number}@list.test\" {{ fileinto \"list/{number}\"; }}\n"
        )
    });
    let source = format!("require \"fileinto\";\n{rules}");
    assert_eq!(World::default().told(&source), "file INBOX");
}

#[test]
fn wildcards_and_doubling_cost_little() {
    let world = World::default();
    let stars = "*a".repeat(2000);
    let message = format!("Subject: {}b\r\n\r\n", "a".repeat(8000));
    let script = compile(&format!("if header :matches \"subject\" \"{stars}\" {{ discard; }}"));
    let plan = world.run(&script, &message);
    assert!(plan.filings.len() == 1, "{plan:?}");
    let doubling = format!(
        "require \"variables\"; set \"a\" \"0123456789\"; {}",
        "set \"a\" \"${a}${a}${a}${a}\";".repeat(20_000)
    );
    assert!(world.told(&doubling).starts_with("file INBOX"));
    let names = repeated(20_000, |number| format!("set \"v{number}\" \"${{a}}\";"));
    let hoarding = format!("require \"variables\"; set \"a\" \"{}\"; {names}", "x".repeat(15_000));
    assert_eq!(world.told(&hoarding), "file INBOX; trouble the script needs too much memory for one message");
}

#[test]
fn what_a_run_may_do_is_limited() {
    let world = World::with_scripts(&[
        ("a", "require \"include\"; include \"b\"; include \"b\"; include \"b\"; include \"b\";"),
        ("b", "require \"include\"; include \"c\"; include \"c\"; include \"c\"; include \"c\";"),
        ("c", "require \"include\"; include \"d\"; include \"d\"; include \"d\"; include \"d\";"),
        ("d", "require \"include\"; include \"e\"; include \"e\"; include \"e\"; include \"e\";"),
        ("e", ""),
    ]);
    for (source, trouble) in [
        ("require \"include\"; include \"a\";".to_owned(), "line 1: in the script \"a\""),
        (repeated(5, |number| format!("redirect \"a{number}@b.test\";")), "line 1: more than 4 redirections"),
    ] {
        let told = world.told(&source);
        assert!(told.starts_with(&format!("file INBOX; trouble {trouble}")), "{told}");
    }
    let filings = repeated(33, |number| format!("fileinto \"a{number}\";"));
    let told = world.told(&format!("require \"fileinto\"; {filings}"));
    assert_eq!(told, "file INBOX; trouble line 1: more than 32 actions for one message");
    let mut tired = World::default();
    tired.limits.work_max = 100;
    assert_eq!(
        tired.told(&"keep;".repeat(20)),
        "file INBOX; trouble the script takes too long for one message"
    );
}

#[test]
fn a_header_of_nothing_but_fields_is_not_read() {
    let script = compile("discard;");
    let message = "a:\r\n".repeat(300_000) + "\r\ntext";
    let plan = World::default().run(&script, &message);
    assert_eq!((plan.filings.len(), plan.trouble), (1, Some(Trouble::HeaderTooLong)));
}

#[test]
fn the_deepest_run_needs_little_stack() {
    let deepest = |inner: &str| {
        format!("require \"include\"; {}{inner}{}", "if not false {".repeat(31), "}".repeat(31))
    };
    let scripts: Vec<(String, String)> = (0..12)
        .map(|number| (number.to_string(), deepest(&format!("include \"{}\";", number + 1))))
        .collect();
    let named: Vec<(&str, &str)> =
        scripts.iter().map(|(name, source)| (name.as_str(), source.as_str())).collect();
    let world = World::with_scripts(&named);
    let run = move || world.told(&deepest("include \"0\";"));
    let told = std::thread::Builder::new()
        .stack_size(1024 * 1024)
        .spawn(run)
        .expect("a thread")
        .join()
        .expect("enough stack");
    assert!(told.ends_with("too many scripts are included"), "{told}");
}

/// Bits of scripts, to be thrown together.
const BITS: &[&str] = &[
    "require",
    "if",
    "elsif",
    "else",
    "stop",
    "keep",
    "fileinto",
    "redirect",
    "set",
    "header",
    "anyof",
    "not",
    "true",
    "string",
    "address",
    "include",
    "hasflag",
    "setflag",
    "ihave",
    "error",
    "global",
    ":is",
    ":count",
    ":copy",
    ":flags",
    ":comparator",
    "\"variables\"",
    "\"imap4flags\"",
    "\"i;octet\"",
    "\"subject\"",
    "\"${a}${1}\"",
    "\"a\"",
    "\"gt\"",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    ",",
    ";",
    "1K",
    "99999999999999999999",
    "\"",
    "text:\n",
    "\n.\n",
    "# ",
    "/*",
    "*/",
    "\\",
    "é",
    "\r",
    "\0",
    ":",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_octets_are_read(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Script::compile(&octets, &config::Sieve::default());
    }

    #[test]
    fn any_words_are_read_and_run(words in proptest::collection::vec(proptest::sample::select(BITS), 0..60)) {
        let require = "require [\"variables\", \"fileinto\", \"imap4flags\", \"include\", \"copy\", \"relational\", \"ihave\"]; ";
        let source = format!("{require}{}", words.join(" "));
        if let Ok(script) = Script::compile(source.as_bytes(), &config::Sieve::default()) {
            prop_assert!(!told(&World::default().run(&script, MESSAGE)).is_empty());
        }
    }

    #[test]
    fn faults_have_places_in_order(words in proptest::collection::vec(proptest::sample::select(BITS), 0..60)) {
        let source = words.join(" ");
        if let Err(faults) = Script::compile(source.as_bytes(), &config::Sieve::default()) {
            prop_assert!(!faults.is_empty());
            prop_assert!(faults.is_sorted_by_key(|fault| fault.place));
            let lines = source.split('\n').count();
            prop_assert!(faults.iter().all(|fault| (1..=lines).contains(&fault.place.line) && fault.place.column >= 1));
        }
    }
}
