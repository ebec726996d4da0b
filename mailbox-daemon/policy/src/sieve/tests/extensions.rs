use super::*;

#[test]
fn the_envelope() {
    assert_holds(
        "require [\"envelope\", \"envelope-dsn\", \"subaddress\", \"relational\"];",
        &[
            ("envelope \"from\" \"ana@example.org\"", true),
            ("envelope :localpart \"FROM\" \"ana\"", true),
            ("envelope :detail \"to\" \"news\"", true),
            ("envelope :user \"to\" \"bob\"", true),
            ("envelope :detail \"from\" \"\"", false),
            ("envelope :user \"from\" \"ana\"", true),
            ("address :detail \"to\" \"news\"", true),
            ("address :detail :contains \"from\" \"\"", false),
            ("envelope :domain [\"from\", \"to\"] \"home.test\"", true),
            ("envelope \"notify\" \"SUCCESS\"", true),
            ("envelope \"notify\" \"DELAY\"", false),
            ("envelope :count \"eq\" \"notify\" \"2\"", true),
            ("envelope :matches \"orcpt\" \"rfc822;*@old.test\"", true),
            ("envelope \"ret\" \"hdrs\"", true),
            ("envelope \"envid\" \"ID7\"", true),
            ("envelope :count \"eq\" [\"from\", \"to\"] \"2\"", true),
        ],
    );
}

#[test]
fn a_bounce_has_no_sender() {
    let mut world = World::default();
    world.envelope.from = None;
    for (test, expected) in [
        ("envelope :localpart \"from\" \"\"", "nothing"),
        ("envelope :count \"eq\" \"from\" \"0\"", "nothing"),
        ("envelope :contains \"from\" \"a\"", "file INBOX"),
    ] {
        let source = format!("require [\"envelope\", \"relational\"]; if {test} {{ discard; }}");
        assert_eq!(world.told(&source), expected, "{test}");
    }
}

#[test]
fn flags() {
    let require = "require [\"imap4flags\", \"fileinto\", \"variables\", \"relational\", \"copy\"];";
    for (script, expected) in [
        ("setflag \"\\\\deleted\"; keep;", "file INBOX \\Deleted"),
        ("addflag \"a b\"; addflag [\"A\", \"\", \" \\\\Seen  c \"];", "file INBOX \\Seen a b c"),
        ("setflag \"a b c\"; removeflag [\"B\", \"x\"]; fileinto \"z\";", "file z a c"),
        ("setflag \"\\\\Recent \\\\Odd grün a(b $Junk\"; keep;", "file INBOX $Junk"),
        ("setflag \"a\"; fileinto :flags \"b\" \"z\"; keep;", "file z b; file INBOX a"),
        ("setflag \"a\"; keep :flags \"\";", "file INBOX"),
        ("fileinto :flags \"a\" \"z\"; fileinto :flags \"b\" \"z\";", "file z b"),
        (
            "setflag \"v\" \"a \\\\seen\"; addflag \"V\" \"b\"; fileinto :flags \"${v}\" \"z\";",
            "file z \\Seen a b",
        ),
        ("set \"v\" \"a  A b\"; if hasflag :count \"eq\" \"v\" \"2\" { discard; }", "nothing"),
        ("setflag \"A B\"; if hasflag :is \"x b\" { discard; }", "nothing"),
        (
            "setflag \"NonJunk gnus-forward\"; if hasflag :contains [\"label\", \"junk forward\"] { discard; }",
            "nothing",
        ),
        ("if hasflag :contains \"\" { discard; }", "file INBOX"),
        ("setflag \"\\\\Seen\"; if hasflag :matches \"\\\\\\\\*\" { discard; }", "nothing"),
        ("fileinto :copy \"z\"; setflag \"a\";", "file z; file INBOX a"),
    ] {
        assert_eq!(World::default().told(&format!("{require}{script}")), expected, "{script}");
    }
}

#[test]
fn a_script_that_an_imap_event_set_off() {
    let mut world = World::default();
    world.environment.imap = Some(ImapFacts {
        user: world.account.clone(),
        cause: "FLAG".to_owned(),
        mailbox: MailboxName::inbox(),
        changed_flags: vec!["\\Flagged".to_owned()],
        flags: vec!["\\Flagged".to_owned(), "a".to_owned(), "\\Recent".to_owned()],
    });
    assert_told(
        &world,
        &[
            ("", "file INBOX \\Flagged a"),
            (
                "require \"imap4flags\"; if hasflag \"\\\\flagged\" { addflag \"b\"; }",
                "file INBOX \\Flagged a b",
            ),
            (
                "require \"ihave\"; if ihave \"reject\" { reject \"no\"; }",
                "file INBOX; trouble line 1: only a message that is being delivered can be refused",
            ),
        ],
    );
}

#[test]
fn extensions_that_may_be_missing() {
    assert_told(
        &World::default(),
        &[
            ("require \"ihave\"; if ihave \"no-such\" { nonsense \"x\" { more; } } discard;", "nothing"),
            ("require \"ihave\"; if not ihave [\"copy\", \"no-such\"] { discard; }", "nothing"),
            (
                "require \"ihave\"; if ihave [\"copy\", \"fileinto\"] { fileinto :copy \"z\"; }",
                "file z; file INBOX",
            ),
            ("require \"ihave\"; if ihave \"fileinto\" { } fileinto \"z\";", "file z"),
            (
                "require \"ihave\";\n\nfileinto \"z\";",
                "file INBOX; trouble line 3: \"fileinto\" is used here without `require` or a successful `ihave` before it",
            ),
            ("require \"ihave\"; if true { keep; } else { fileinto :odd \"z\"; frob; }", "file INBOX"),
            (
                "require \"ihave\"; if anyof (ihave \"variables\", ihave \"encoded-character\") { discard; }",
                "file INBOX",
            ),
            ("require [\"ihave\", \"variables\"]; if ihave \"variables\" { discard; }", "nothing"),
            (
                "require \"ihave\"; if header :comparator \"i;ascii-numeric\" \"x-priority\" \"03\" { discard; }",
                "file INBOX; trouble line 1: \"comparator-i;ascii-numeric\" is used here without `require` or a successful `ihave` before it",
            ),
            (
                "require \"ihave\"; if ihave \"comparator-i;ascii-numeric\" { if header :comparator \"i;ascii-numeric\" \"x-priority\" \"03\" { discard; } }",
                "nothing",
            ),
            ("require \"ihave\"; keep; error \"so\r\nit is\";", "file INBOX; trouble line 1: so  it is"),
            (
                "require \"ihave\";\nif frob { } else { }",
                "file INBOX; trouble line 2: the test `frob` is not known",
            ),
        ],
    );
}

#[test]
fn everything_announced_is_known_to_require() {
    for extension in EXTENSIONS {
        compile(&format!("require \"{extension}\";"));
    }
    assert!(EXTENSIONS.is_sorted());
}

#[test]
fn an_event_of_imap_knows_the_flags_and_nothing_of_a_delivery() {
    let mut world = World::default();
    world.scripts.insert(
        ScriptName::parse("refusing").expect("a name"),
        Arc::new(compile("require \"reject\"; if false { reject \"no\"; }")),
    );
    world.environment.imap = Some(ImapFacts {
        user: world.account.clone(),
        cause: "FLAG".to_owned(),
        mailbox: MailboxName::inbox(),
        changed_flags: vec!["\\Flagged".to_owned()],
        flags: vec!["\\Flagged".to_owned(), "todo".to_owned()],
    });
    let flags = "require [\"imapsieve\", \"imap4flags\", \"fileinto\", \"copy\"];";
    let trouble = "file INBOX; trouble line";
    assert_told(
        &world,
        &[
            (
                &format!("{flags} if hasflag \"todo\" {{ addflag \"done\"; }}"),
                "file INBOX \\Flagged todo done",
            ),
            (
                &format!("{flags} setflag \"\\\\Seen\"; fileinto :copy \"x\";"),
                "file x \\Seen; file INBOX \\Seen",
            ),
            ("require \"imapsieve\"; discard;", "nothing"),
            (
                "require \"reject\"; keep;",
                &format!("{trouble} 0: \"reject\" is for mail that comes in, not for what is done in IMAP"),
            ),
            (
                "require \"include\"; include \"refusing\";",
                &format!("{trouble} 1: \"reject\" is for mail that comes in, not for what is done in IMAP"),
            ),
            (
                "require \"envelope\"; if envelope \"from\" \"\" { stop; }",
                &format!("{trouble} 1: there is no envelope where a script is set off in IMAP"),
            ),
        ],
    );
}
