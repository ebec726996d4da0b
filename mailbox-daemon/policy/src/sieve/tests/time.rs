use super::*;

const DATED: &str = "Date: Sat, 30 Jun 2007 23:30:00 -0700\r\nReceived: from a.test by b.test; Sun, 1 Jul 2007 06:31:00 +0000\r\n\
    Received: from c.test; Mon, 2 Jul 2007 00:00:00 +0000\r\nX-Odd: 32 Jan 2007 10:00:00 +0000\r\nMessage-ID: <1@a.test>\r\n\
    X-Event-ID:  =?utf-8?q?caf=C3=A9?=\r\n 7 \r\n\r\n";

fn holds(test: &str) -> bool {
    let script = compile(&format!(
        "require [\"date\", \"relational\", \"comparator-i;ascii-numeric\", \"variables\"]; if {test} {{ discard; }}"
    ));
    told(&World::default().run(&script, DATED)) == "nothing"
}

#[test]
fn dates_of_fields() {
    for (test, expected) in [
        // RFC 5260 section 4.4
        ("date :value \"ge\" :originalzone \"date\" \"hour\" \"09\"", true),
        ("date :value \"lt\" :originalzone \"date\" \"hour\" \"17\"", false),
        ("anyof(date :is \"received\" \"weekday\" \"0\", date :is \"received\" \"weekday\" \"6\")", true),
        // The house is an hour east of Greenwich.
        ("date \"date\" \"date\" \"2007-07-01\"", true),
        ("date \"Date\" \"TIME\" \"07:30:00\"", true),
        ("date :originalzone \"date\" \"date\" \"2007-06-30\"", true),
        ("date :zone \"-1200\" \"date\" \"iso8601\" \"2007-06-30T18:30:00-12:00\"", true),
        ("date :zone \"+0000\" \"date\" \"iso8601\" \"2007-07-01T06:30:00Z\"", true),
        ("date :originalzone \"date\" \"zone\" \"-0700\"", true),
        ("date \"date\" \"zone\" \"+0100\"", true),
        ("date :zone \"+0000\" \"received\" \"minute\" \"31\"", true),
        ("date :comparator \"i;ascii-numeric\" \"date\" \"julian\" \"054282\"", true),
        ("date :count \"eq\" \"date\" \"year\" \"1\"", true),
        ("date :count \"eq\" \"x-odd\" \"year\" \"0\"", true),
        ("date :matches \"x-odd\" \"year\" \"*\"", false),
        ("date :matches \"x-none\" \"year\" \"*\"", false),
        // RFC 5260 section 5; it is 2023-11-14, 23:13:20 here.
        ("currentdate :is \"weekday\" \"2\"", true),
        (
            "allof(currentdate :value \"ge\" \"date\" \"2023-11-14\", currentdate :value \"le\" \"date\" \"2023-11-14\")",
            true,
        ),
        ("currentdate :is \"std11\" \"Tue, 14 Nov 2023 23:13:20 +0100\"", true),
        ("currentdate :zone \"+0900\" \"iso8601\" \"2023-11-15T07:13:20+09:00\"", true),
        ("currentdate :count \"eq\" \"hour\" \"1\"", true),
        ("currentdate :is \"hour\" [\"22\", \"24\"]", false),
    ] {
        assert_eq!(holds(test), expected, "{test}");
    }
}

#[test]
fn dates_name_mailboxes() {
    let source = "require [\"date\", \"variables\", \"fileinto\"];
        if currentdate :matches \"month\" \"*\" { set \"month\" \"${1}\"; }
        if currentdate :matches \"year\"  \"*\" { set \"year\"  \"${1}\"; }
        fileinto \"${month}-${year}\";";
    assert_eq!(World::default().told(source), "file 11-2023");
}

#[test]
fn wrong_dates_are_told() {
    for (test, part) in [
        ("date :zone \"CET\" \"date\" \"year\" \"2007\"", "time zone"),
        ("date :zone \"+0100\" :originalzone \"date\" \"year\" \"2007\"", "exclude"),
        ("date \"date\" \"century\" \"21\"", "no part"),
        ("currentdate :originalzone \"year\" \"2007\"", "originalzone"),
        ("date [\"date\", \"received\"] \"year\" \"2007\"", "field"),
    ] {
        let source = format!("require \"date\"; if {test} {{ discard; }}");
        let faults = Script::compile(source.as_bytes(), &config::Sieve::default()).unwrap_err();
        assert!(faults.iter().any(|fault| fault.what.contains(part)), "{test}: {faults:?}");
    }
    let late = "require [\"date\", \"variables\"]; set \"part\" \"century\"; if currentdate \"${part}\" \"21\" { stop; }";
    assert!(World::default().told(late).contains("no part"));
}

/// Runs a script twice and more, what it wants remembered kept in between.
fn runs(source: &str, messages: &[(&str, UnixSeconds)]) -> Vec<bool> {
    let script = compile(source);
    let mut world = World::default();
    let seen = messages.iter().map(|(message, now)| {
        world.environment.now = *now;
        let plan = world.run(&script, message);
        world.memory.extend(plan.memory.iter().map(|memory| (memory.key, memory.until)));
        plan.filings.is_empty()
    });
    seen.collect()
}

#[test]
fn duplicates() {
    let (a, b) = ("Message-ID: <a@x>\r\n\r\n", "Message-ID: <b@x>\r\nX-Event-ID: <a@x>\r\n\r\n");
    let day = 86_400;
    let by = |arguments: &str| format!("require \"duplicate\"; if duplicate {arguments} {{ discard; }}");
    for (arguments, messages, expected) in [
        (
            "",
            vec![(a, 0), (b, 0), (a, 1), (a, 7 * day - 1), (a, 7 * day)],
            vec![false, false, true, true, false],
        ),
        (":last", vec![(a, 0), (a, 6 * day), (a, 12 * day)], vec![false, true, true]),
        (":seconds 60", vec![(a, 0), (a, 59), (a, 60)], vec![false, true, false]),
        (":seconds 0", vec![(a, 0), (a, 1)], vec![false, false]),
        (":seconds 4000000000", vec![(a, 0), (a, 30 * day - 1), (a, 30 * day)], vec![false, true, false]),
        (":header \"X-Event-ID\"", vec![(a, 0), (a, 1), (b, 2), (b, 3)], vec![false, false, false, true]),
        (":header \"not a name:\"", vec![(a, 0), (a, 1)], vec![false, false]),
        (":uniqueid \"same\"", vec![(a, 0), (b, 1)], vec![false, true]),
        ("", vec![("Subject: x\r\n\r\n", 0), ("Subject: x\r\n\r\n", 1)], vec![false, false]),
    ] {
        assert_eq!(runs(&by(arguments), &messages), expected, "{arguments}");
    }
    // RFC 7352 section 3.2: an id is one whatever it was taken from, handles keep apart.
    let mixed = "require \"duplicate\"; if anyof (header :is \"x-event-id\" \"\", not duplicate) { if duplicate :header \"x-event-id\" { discard; } }";
    assert_eq!(runs(mixed, &[(a, 0), (b, 1)]), [false, true]);
    let handled = "require \"duplicate\"; if duplicate :handle \"one\" { discard; } if not exists \"x-event-id\" { stop; } if duplicate :handle \"two\" :uniqueid \"<a@x>\" { discard; }";
    assert_eq!(runs(handled, &[(a, 0), (b, 1), (b, 2)]), [false, false, true]);
    // Within one run nothing is a duplicate of itself, and a run that fails leaves nothing behind.
    assert_eq!(runs(&by("{ } if duplicate"), &[(a, 0)]), [false]);
    let failing =
        "require [\"duplicate\", \"enotify\"]; if duplicate { discard; stop; } notify \"nowhere:\";";
    assert_eq!(runs(failing, &[(a, 0), (a, 1)]), [false, false]);
}

#[test]
fn an_id_is_what_the_field_says() {
    let source = "require [\"duplicate\", \"variables\"]; if header :matches \"x-event-id\" \"*\" { set \"id\" \"${0}\"; }
        if duplicate :header \"x-event-id\" { stop; } if duplicate :uniqueid \"${id}\" { stop; }";
    let plan = World::default().run(&compile(source), DATED);
    assert_eq!(plan.memory.len(), 1);
    let faults = Script::compile(
        b"require \"duplicate\"; if duplicate :header \"x\" :uniqueid \"y\" { stop; }",
        &config::Sieve::default(),
    );
    assert!(faults.unwrap_err()[0].what.contains("exclude"));
}
