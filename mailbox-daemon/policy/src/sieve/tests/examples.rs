//! Examples of the RFCs, on messages they speak of.

use super::*;

fn message(fields: &str) -> String {
    format!("{fields}\r\n\r\nbody\r\n")
}

/// RFC 5228 section 9.
const EXTENDED: &str = r#"
require ["fileinto"];
if header :is "Sender" "owner-ietf-mta-filters@imc.org"
        {
        fileinto "filter";  # move to "filter" mailbox
        }
elsif address :DOMAIN :is ["From", "To"] "example.com"
        {
        keep;               # keep in "In" mailbox
        }
elsif anyof (NOT address :all :contains
               ["To", "Cc", "Bcc"] "me@example.com",
             header :matches "subject"
               ["*make*money*fast*", "*university*dipl*mas*"])
        {
        fileinto "spam";   # move to "spam" mailbox
        }
else
        {
        fileinto "personal";
        }
"#;

#[test]
fn the_extended_example_of_rfc_5228() {
    let script = compile(EXTENDED);
    for (fields, expected) in [
        ("Sender: owner-ietf-mta-filters@imc.org\r\nFrom: a@example.com", "file filter"),
        ("From: a@Example.COM\r\nTo: b@c.test", "file INBOX"),
        ("From: a@b.test\r\nTo: c@d.test", "file spam"),
        ("From: a@b.test\r\nTo: <me@example.com>", "file INBOX"),
        (
            "From: a@b.test\r\nTo: c@d.test\r\nBcc: me@example.com\r\nSubject: MAKE some Money fast!!!",
            "file spam",
        ),
        ("From: a@b.test\r\nTo: c@d.test\r\nBcc: me@example.com\r\nSubject: hello", "file personal"),
    ] {
        assert_eq!(told(&World::default().run(&script, &message(fields))), expected, "{fields}");
    }
}

#[test]
fn the_mailing_lists_of_rfc_5229() {
    let script = compile(
        "require [\"fileinto\", \"variables\"]; if header :matches \"List-ID\" \"*<*@*\" { fileinto \"INBOX.lists.${2}\"; stop; } \
         if header :matches \"Subject\" \"[*] *\" { fileinto \"INBOX.lists.${1}\"; stop; } \
         if address :matches [\"To\", \"Cc\"] [\"coyote@**.com\", \"wile@**.com\"] { fileinto \"INBOX.business.${2}\"; stop; }",
    );
    for (fields, expected) in [
        ("List-ID: Dovecot <dovecot@example.net>", "file INBOX.lists.dovecot"),
        ("Subject: [acme-users] [fwd] version 1.0 is out", "file INBOX.lists.acme-users"),
        ("To: coyote@ACME.Example.COM", "file INBOX.business.ACME.Example"),
        ("To: coyote@acme.test", "file INBOX"),
    ] {
        assert_eq!(told(&World::default().run(&script, &message(fields))), expected, "{fields}");
    }
}

#[test]
fn the_subroutine_of_rfc_6609() {
    let world = World::with_scripts(&[(
        "subject_tests",
        "require [\"include\", \"variables\"]; global [\"test\", \"test_mailbox\"];
         if header :contains \"Subject\" \"${test}\" { set \"test_mailbox\" \"spam-${test}\"; }",
    )]);
    let script = compile(
        "require [\"fileinto\", \"include\", \"variables\", \"relational\"];
         global \"test\"; global \"test_mailbox\";
         set \"test\" \"$$\"; include \"subject_tests\"; set \"test\" \"Make money\"; include \"subject_tests\";
         if string :count \"eq\" \"${test_mailbox}\" \"1\" { fileinto \"${test_mailbox}\"; stop; }",
    );
    for (fields, expected) in [
        ("Subject: $$ for you", "file spam-$$"),
        ("Subject: make money $$", "file spam-Make money"),
        ("Subject: hello", "file INBOX"),
    ] {
        assert_eq!(told(&world.run(&script, &message(fields))), expected, "{fields}");
    }
}

#[test]
fn the_sorting_of_rfc_5231() {
    let script = compile(
        "require [\"relational\", \"comparator-i;ascii-numeric\", \"fileinto\"];
         if header :value \"lt\" :comparator \"i;ascii-numeric\" [\"x-priority\"] [\"3\"] { fileinto \"Priority\"; }
         elsif address :count \"gt\" :comparator \"i;ascii-numeric\" [\"to\"] [\"5\"] { fileinto \"SPAM\"; }
         elsif address :value \"gt\" :all :comparator \"i;ascii-casemap\" [\"from\"] [\"M\"] { fileinto \"From N-Z\"; }
         else { fileinto \"From A-M\"; }
         if allof (address :count \"eq\" :comparator \"i;ascii-numeric\" [\"to\", \"cc\"] [\"1\"],
                   address :all :comparator \"i;ascii-casemap\" [\"to\", \"cc\"] [\"me@foo.example.com\"]) { fileinto \"Only me\"; }",
    );
    for (fields, expected) in [
        ("X-Priority: 1\r\nFrom: a@b.test", "file Priority"),
        ("From: zoe@b.test\r\nTo: me@foo.example.com", "file From N-Z; file Only me"),
        ("From: ana@b.test\r\nTo: me@foo.example.com, x@y.test", "file From A-M"),
        ("From: a@b.test\r\nTo: a@b, a@c, a@d, a@e, a@f, a@g", "file SPAM"),
    ] {
        assert_eq!(told(&World::default().run(&script, &message(fields))), expected, "{fields}");
    }
}
