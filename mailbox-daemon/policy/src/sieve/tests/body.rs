use super::*;

const PARTS: &str = "Content-Type: multipart/mixed; boundary=x\n\nprologue\n--x\n\nsay \"missile\"\n--x\nContent-Type: text/html\n\n<b>mark</b>up &amp; more\n\
    --x\nContent-Type: audio/mp3\nContent-Transfer-Encoding: base64\n\nSUQz\n--x\nContent-Type: message/rfc822\n\nSubject: inside\n\ndeep\n--x--\nepilogue\n";

/// Whether each test holds for a message.
fn assert_body(message: &str, table: &[(&str, bool)]) {
    let message = message.replace('\n', "\r\n");
    for (test, holds) in table {
        let source = format!(
            "require [\"body\", \"relational\", \"regex\", \"variables\"];\nif body {test} {{ discard; }}"
        );
        let plan = World::default().run(&compile(&source), &message);
        assert_eq!(told(&plan), if *holds { "nothing" } else { "file INBOX" }, "{test}");
    }
}

#[test]
fn bodies() {
    assert_body(
        PARTS,
        &[
            (":raw :contains \"content-type: audio\"", true),
            (":raw :contains \"multipart/mixed\"", false),
            (":raw :contains \"SUQz\"", true),
            (":content \"text\" :contains [\"coordinates\", \"missile\"]", true),
            (":content \"audio/mp3\" :contains \"\"", true),
            (":content \"audio/mp3\" :is \"ID3\"", true),
            (":content \"audio\" :comparator \"i;octet\" :is \"id3\"", false),
            (":content \"image\" :contains \"\"", false),
            (":content \"multipart\" :is \"prologue\"", true),
            (":content \"multipart\" :is \"epilogue\r\n\"", true),
            (":content \"multipart\" :contains \"missile\"", false),
            (":content \"message/rfc822\" :is \"subject: inside\r\n\"", true),
            (":content [\"image\", \"text/html\"] :contains \"<b>mark\"", true),
            (":content \"\" :matches \"*deep\"", true),
            (":content \"text/\" :contains \"\"", false),
            (":text :contains \"markup & more\"", true),
            (":text :contains \"<b>\"", false),
            (":contains \"missile\"", true),
            ("\"missile\"", false),
            (":content \"text\" :count \"eq\" \"3\"", true),
            (":raw :count \"eq\" \"1\"", true),
            (":text :regex \"miss(i|e)le\"", true),
        ],
    );
    assert_body("A: b\n\n", &[(":raw :is \"\"", true), (":raw :contains \"x\"", false)]);
}

#[test]
fn what_wildcards_stood_for_is_not_kept() {
    let source = "require [\"body\", \"variables\", \"fileinto\"]; if header :matches \"subject\" \"*from*\" { \
        if body :raw :matches \"*od*\" { fileinto \"x${2}\"; } }";
    assert_told(&World::default(), &[(source, "file x Ana")]);
}

#[test]
fn transforms_exclude_each_other() {
    for source in
        ["body :raw :text \"x\"", "body :content \"a\" :raw \"x\"", "body :content \"x\"", "body :raw"]
    {
        let source = format!("require \"body\"; if {source} {{ keep; }}");
        assert!(Script::compile(source.as_bytes(), &config::Sieve::default()).is_err(), "{source}");
    }
}
