use super::*;

#[test]
fn actions() {
    assert_told(
        &World::default(),
        &[
            ("", "file INBOX"),
            ("keep;", "file INBOX"),
            ("discard;", "nothing"),
            ("discard; keep;", "file INBOX"),
            ("keep; keep; discard;", "file INBOX"),
            ("stop; discard;", "file INBOX"),
            ("require \"fileinto\"; fileinto \"a/b\"; fileinto \"a/b\"; fileinto \"c\";", "file a/b; file c"),
            ("require [\"fileinto\", \"copy\"]; fileinto :copy \"a\";", "file a; file INBOX"),
            ("require [\"fileinto\", \"mailbox\"]; fileinto :create \"Grüße/x\";", "file Grüße/x create"),
            (
                "require [\"fileinto\", \"special-use\"]; fileinto :specialuse \"\\\\junk\" \"Spam\";",
                "file Spam use \\Junk",
            ),
            ("require [\"fileinto\", \"mailboxid\"]; fileinto :mailboxid \"F1\" \"x\";", "file x id F1"),
            ("redirect \"a@b.test\"; redirect \"a@B.TEST\";", "redirect a@b.test"),
            ("redirect \" more  @  example.com  \";", "redirect more@example.com"),
            ("redirect \"..a...b.@example.com\";", "redirect \"..a...b.\"@example.com"),
            ("redirect \"rüdiger@bücher.test\";", "redirect rüdiger@xn--bcher-kva.test"),
            (
                "require \"redirect-dsn\"; redirect :notify \"failure,Success\" :ret \"hdrs\" \"a@b.test\";",
                "redirect a@b.test notify 110 ret Headers",
            ),
            (
                "require \"redirect-dsn\"; redirect :notify \"NEVER\" \"a@b.test\";",
                "redirect a@b.test notify 000",
            ),
            ("redirect \"Ana <a@b.test>\"; keep;", "file INBOX; redirect a@b.test"),
            ("require \"copy\"; redirect :copy \"a@b.test\";", "file INBOX; redirect a@b.test"),
            ("require \"reject\"; reject \"no\";", "Reject no"),
            ("require \"ereject\"; ereject text:\nno\n..more\n.\n; discard;", "Ereject no\r\n.more\r\n"),
            (
                "require \"reject\"; keep; reject \"no\";",
                "file INBOX; trouble line 1: the message is refused, but it was filed before",
            ),
            (
                "require \"ereject\";\nereject \"no\";\nkeep;",
                "file INBOX; trouble line 3: the script files a message that it refused before",
            ),
            ("require \"vnd.dovecot.debug\"; debug_log \"a\\\r\nb\";", "file INBOX; log a  b"),
        ],
    );
}

#[test]
fn choices() {
    assert_told(
        &World::default(),
        &[
            ("if true { discard; } else { keep; }", "nothing"),
            ("if false { keep; } elsif true { discard; } elsif true { keep; } else { keep; }", "nothing"),
            ("if false { keep; } elsif false { keep; } else { discard; }", "nothing"),
            ("if not true { discard; }", "file INBOX"),
            ("IF AllOf (TRUE, not false, anyof (false, true)) { DISCARD; }", "nothing"),
            ("if true { if true { stop; } } discard;", "file INBOX"),
        ],
    );
}

#[test]
fn tests_of_the_base() {
    assert_holds(
        "",
        &[
            ("header \"subject\" \"GRÜßE from ana\"", false),
            ("header \"subject\" \"Grüße from Ana\"", true),
            ("header :comparator \"i;octet\" \"subject\" \"grüße from ana\"", false),
            ("header :contains [\"x-none\", \"x-empty\"] \"\"", true),
            ("header :contains \"x-none\" \"\"", false),
            ("header :is \"x-empty\" \"\"", true),
            ("header :matches \"cc\" \"?*\"", true),
            ("header \"from:\" \"\"", false),
            ("exists [\"from\", \"TO\"]", true),
            ("exists [\"from\", \"x-none\"]", false),
            ("address \"from\" \"ana@example.org\"", true),
            ("address :localpart \"to\" [\"x\", \"CY\"]", true),
            ("address :domain \"cc\" \"x.test\"", true),
            ("address :all :contains \"from\" \"Example <\"", false),
            ("address :localpart \"x-empty\" \"\"", false),
            ("size :over 1", true),
            ("size :over 1K", false),
            ("size :under 1G", true),
        ],
    );
}
