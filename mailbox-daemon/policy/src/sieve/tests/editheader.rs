use super::*;

/// The header a script leaves behind for the implicit keep, with line feeds.
fn header_after(commands: &str, header: &str) -> String {
    let source = format!("require [\"editheader\", \"variables\", \"fileinto\"];\n{commands}");
    let message = format!("{header}\nbody\n").replace('\n', "\r\n");
    let plan = World::default().run(&compile(&source), &message);
    assert_eq!(plan.trouble, None, "{commands}");
    match &plan.filings.last().expect("it is kept").content {
        Content::Unchanged => header.to_owned(),
        Content::Changed { header, body } => {
            assert_eq!(*body, Body::Unchanged);
            String::from_utf8_lossy(header).replace("\r\n", "\n")
        }
    }
}

#[test]
fn fields_come_and_go() {
    let header = "X-A: one\nReceived: r\nX-B: b\nx-a:  two \nX-A: three\nSubject: s\nAuto-Submitted: no\nDelivered-To: d\n";
    let without = |gone: &[&str]| {
        header.split_inclusive('\n').filter(|line| !gone.contains(&line.trim_end())).collect::<String>()
    };
    for (commands, expected) in [
        ("", header.to_owned()),
        ("addheader \"X-Hello\" \"World\";", format!("X-Hello: World\n{header}")),
        ("addheader \"X-Hello\" \"Wo\u{7}rld\";", format!("X-Hello: World\n{header}")),
        ("addheader :last \"X-Hello\" \"Grüße\";", format!("{header}X-Hello: =?utf-8?B?R3LDvMOfZQ==?=\n")),
        ("addheader \"X-Hello\" \"World\"; deleteheader :index 1 \"X-Hello\";", header.to_owned()),
        ("deleteheader \"x-a\";", without(&["X-A: one", "x-a:  two", "X-A: three"])),
        (
            "deleteheader :index 1 \"X-A\"; deleteheader :index 2 \"X-A\";",
            without(&["X-A: one", "X-A: three"]),
        ),
        ("deleteheader :index 2 :contains \"X-A\" \"two\";", without(&["x-a:  two"])),
        ("deleteheader :last :index 2 \"X-A\";", without(&["x-a:  two"])),
        ("deleteheader \"X-A\" \"two\";", without(&["x-a:  two"])),
        ("deleteheader :matches \"X-A\" [\"t*\", \"x\"];", without(&["x-a:  two", "X-A: three"])),
        ("deleteheader :index 1 :contains \"X-A\" \"two\";", header.to_owned()),
        (
            "deleteheader :index 9 \"X-A\"; deleteheader \"X-None\"; deleteheader :matches :comparator \"i;octet\" \"X-None\";",
            header.to_owned(),
        ),
        ("deleteheader \"Subject\";", without(&["Subject: s"])),
        (
            "deleteheader \"received\"; deleteheader \"Auto-Submitted\"; deleteheader :is \"Delivered-To\" \"d\";",
            header.to_owned(),
        ),
        (
            "addheader \"X-Mailbox-Verdict\" \"fine\"; addheader \"Original-Subject\" \"s\";",
            header.to_owned(),
        ),
        ("set \"v\" \"a\r\nX-Evil: b\"; addheader \"X-C\" \"${v}\";", format!("X-C: a X-Evil: b\n{header}")),
        (
            "if header :matches \"Subject\" \"*\" { deleteheader \"Subject\"; addheader \"Subject\" \"[list] ${1}\"; }",
            format!("Subject: [list] s\n{}", without(&["Subject: s"])),
        ),
        (
            "addheader \"X-Hello\" \"World\"; if not header :contains \"x-hello\" \"world\" { addheader \"X-Bad\" \"\"; }",
            format!("X-Hello: World\n{header}"),
        ),
    ] {
        assert_eq!(header_after(commands, header), expected, "{commands}");
    }
}

#[test]
fn every_action_takes_the_message_of_its_moment() {
    let source = "require [\"editheader\", \"fileinto\", \"copy\"]; fileinto :copy \"a\"; addheader \"X-N\" \"1\"; redirect :copy \"a@b.test\"; \
        deleteheader \"X-N\"; addheader \"X-N\" \"2\"; fileinto :copy \"a\";";
    let plan = World::default().run(&compile(source), MESSAGE);
    let begins = |content: &Content, start: &str| matches!(content, Content::Changed { header, .. } if header.starts_with(start.as_bytes()));
    assert_eq!(told(&plan), "file a; file INBOX; redirect a@b.test");
    assert!(begins(&plan.redirects[0].content, "X-N: 1\r\nFrom:"));
    assert!(begins(&plan.filings[0].content, "X-N: 2\r\n") && begins(&plan.filings[1].content, "X-N: 2\r\n"));
}

#[test]
fn names_and_values_that_cannot_be_are_told() {
    assert_told(
        &World::default(),
        &[(
            "require [\"editheader\", \"variables\"]; addheader \"X-N\" \"1\"; set \"n\" \"X-field:\";\naddheader \"${n}\" \"v\";",
            "file INBOX; trouble line 2: no header field can be called \"X-field:\"",
        )],
    );
    for command in [
        "addheader \"X field\" \"v\";",
        "addheader \"\" \"v\";",
        "addheader \"Xü\" \"v\";",
        "addheader \"X\";",
        "deleteheader \"X-field:\";",
        "deleteheader :last \"X\";",
        "deleteheader :last :index \"X\" \"Y\";",
        "deleteheader \"X\" :last :index 1;",
        "deleteheader :index 0 \"X\";",
        "deleteheader;",
        "deleteheader [\"X\", \"Y\"];",
    ] {
        let source = format!("require \"editheader\"; {command}");
        let faults = Script::compile(source.as_bytes(), &config::Sieve::default()).unwrap_err();
        assert_eq!(faults.len(), 1, "{command} {faults:?}");
    }
}

#[test]
fn a_field_has_no_nul() {
    let script = |number: &str| {
        format!("require [\"editheader\", \"encoded-character\"]; addheader \"X-A\" \"${{hex:{number}}}\";")
    };
    for (number, is_right) in [("00", false), ("07", true), ("41", true)] {
        let compiled = Script::compile(script(number).as_bytes(), &config::Sieve::default());
        assert_eq!(compiled.is_ok(), is_right, "{number}");
    }
}
