use super::*;

/// Parts within parts: 0 mixed, 1 alternative, 2 plain, 3 html, 4 pdf, 5 a message, 6 what it says.
const NESTED: &str = "From: boss@example.org\nSubject: many\nContent-Type: multipart/mixed; boundary=AA\nX-Test: A\n\n--AA\n\
    Content-Type: multipart/alternative; boundary=BB\nX-Test: B\n\n--BB\nContent-Type: text/plain; charset=iso-8859-1\n\
    Content-Transfer-Encoding: quoted-printable\nX-Test: C\nContent-From: Tim <tim@example.com>\n\nGr=FC=DFe an alle\n--BB\nContent-Type: text/html\nX-Test: D\n\n<p>Hello\n--BB--\n--AA\n\
    Content-Type: Application/PDF; name=a.pdf\nContent-Disposition: Attachment; filename*0=\"impor\"; filename*1=\"tant.pdf\"; size=3\nX-Test: E\nContent-MD5: x\n\npdf\n--AA\n\
    Content-Type: message/rfc822\nX-Test: F\n\nX-Test: G\nX-Test: H\n\ndeep\n--AA--\n";

fn run(source: &str) -> Plan {
    let source = format!(
        "require [\"mime\", \"foreverypart\", \"extracttext\", \"replace\", \"enclose\", \"variables\", \"relational\", \"index\", \"fileinto\", \"vnd.dovecot.debug\"];\n{source}"
    );
    World::default().run(&compile(&source), &NESTED.replace('\n', "\r\n"))
}

/// What a script logs.
fn logged(source: &str) -> String {
    let plan = run(source);
    assert_eq!(plan.trouble, None, "{source}");
    plan.log.join(" ")
}

/// The message a script leaves behind for the implicit keep, with line feeds.
fn after(source: &str) -> String {
    let plan = run(source);
    assert_eq!(plan.trouble, None, "{source}");
    let Content::Changed { header, body: Body::Changed(body) } = &plan.filings[0].content else {
        panic!("{plan:?}")
    };
    let text = [&header[..], b"\r\n", body].concat();
    String::from_utf8(text).unwrap().replace("\r\n", "\n")
}

#[test]
fn tests_look_at_parts() {
    for (test, holds) in [
        ("header :mime :type \"Content-Type\" \"multipart\"", true),
        ("header :mime :type \"Content-Type\" \"application\"", false),
        ("header :mime :anychild :contenttype \"Content-Type\" \"text/html\"", true),
        ("header :mime :anychild :subtype \"Content-Type\" \"pdf\"", true),
        ("header :mime :anychild :type \"Content-Disposition\" \"attachment\"", true),
        ("header :mime :anychild :contenttype \"Content-Disposition\" \"attachment\"", true),
        ("header :mime :anychild :subtype \"Content-Disposition\" \"attachment\"", false),
        ("header :mime :anychild :param \"filename\" :contains \"Content-Disposition\" \"important\"", true),
        (
            "header :mime :anychild :param [\"NAME\", \"filename\"] :matches [\"Content-Type\", \"Content-Disposition\"] \"a.*\"",
            true,
        ),
        (
            "header :mime :anychild :param [\"filename\", \"size\"] :count \"eq\" \"Content-Disposition\" \"2\"",
            true,
        ),
        ("header :mime :anychild :type :count \"eq\" \"Content-Type\" \"6\"", true),
        ("header :mime :type \"Subject\" \"\"", true),
        ("header :mime :anychild \"X-Test\" [\"E\"]", true),
        ("header :mime \"X-Test\" [\"E\"]", false),
        ("header \"X-Test\" [\"E\"]", false),
        ("header :mime :anychild :index 2 \"X-Test\" \"B\"", true),
        ("header :mime :anychild :index 1 :last \"X-Test\" \"H\"", true),
        ("address :mime :anychild :is :all \"content-from\" \"tim@example.com\"", true),
        ("address :mime :is :all \"content-from\" \"tim@example.com\"", false),
        ("address :mime :localpart \"from\" \"boss\"", true),
        ("exists :mime :anychild \"content-md5\"", true),
        ("exists :mime :anychild [\"content-md5\", \"from\"]", true),
        ("exists :mime [\"content-md5\"]", false),
        ("exists [\"content-md5\"]", false),
    ] {
        let told = told(&run(&format!("if {test} {{ discard; }}")));
        assert_eq!(told, if holds { "nothing" } else { "file INBOX" }, "{test}");
    }
}

#[test]
fn the_second_date_is_tested_as_rfc_5260_shows() {
    let source = "require [\"date\", \"relational\", \"index\"]; if date :value \"gt\" :index 2 :zone \"-0500\" \"received\" \"iso8601\" \"2007-02-26T09:00:00-05:00\" \
        { redirect \"aftercutoff@example.org\"; }";
    for (dates, expected) in [([28, 27, 1], "redirect aftercutoff@example.org"), ([28, 25, 27], "file INBOX")]
    {
        let header: String =
            dates.map(|day| format!("Received: by x; {day} Feb 2007 12:00:00 +0000\r\n")).concat();
        let plan = World::default().run(&compile(source), &format!("{header}A: b\r\n\r\n"));
        assert_eq!(told(&plan), expected);
    }
}

#[test]
fn loops_visit_parts() {
    let see = "if header :mime :matches \"X-Test\" \"*\" { debug_log \"${1}\"; }";
    for (source, expected) in [
        (format!("foreverypart {{ {see} }}"), "A B C D E F G"),
        (
            format!("foreverypart {{ {see} foreverypart {{ {see} }} debug_log \"-\"; }}"),
            "A B C D E F G - B C D - C - D - E - F G - G -",
        ),
        (
            format!(
                "foreverypart {{ {see} if header :mime \"X-Test\" \"C\" {{ break; }} }} debug_log \"end\";"
            ),
            "A B C end",
        ),
        (
            format!(
                "foreverypart :name \"out\" {{ foreverypart :name \"in\" {{ {see} if header :mime \"X-Test\" \"C\" {{ break :name \"out\"; }} }} }}"
            ),
            "B C",
        ),
        (
            format!("foreverypart :name \"x\" {{ foreverypart :name \"x\" {{ {see} break :name \"x\"; }} }}"),
            "B C G",
        ),
        (format!("foreverypart {{ {see} stop; }} debug_log \"end\";"), "A"),
        (
            "foreverypart { if header :mime :anychild \"X-Test\" \"D\" { debug_log \"has D\"; } }".to_owned(),
            "has D has D has D",
        ),
        ("foreverypart { if header \"X-Test\" \"A\" { debug_log \"top\"; break; } }".to_owned(), "top"),
    ] {
        assert_eq!(logged(&source), expected, "{source}");
    }
}

#[test]
fn text_is_extracted() {
    for (source, expected) in [
        (
            "foreverypart { extracttext \"t\"; debug_log \"<${t}>\"; }",
            "<> <> <Grüße an alle> <\u{a}Hello> <> <> <deep>",
        ),
        (
            "foreverypart { if header :mime :type :is \"Content-Type\" \"text\" { extracttext :first 4 \"t\"; debug_log \"${t}\"; break; } }",
            "Grüß",
        ),
        ("foreverypart { extracttext :length :first 100 \"t\"; debug_log \"${t}\"; }", "0 0 13 6 0 0 4"),
        ("foreverypart { extracttext :upper :first 1 \"t\"; debug_log \"${t}\"; }", "  G \u{a}   D"),
    ] {
        assert_eq!(
            logged(source).replace("  ", " ").trim(),
            expected.replace('\n', " ").replace("  ", " ").trim(),
            "{source}"
        );
    }
}

#[test]
fn executables_are_replaced_as_rfc_5703_shows() {
    let text = after(
        "foreverypart { if anyof (header :mime :contenttype :is \"Content-Type\" \"application/exe\", \
         header :mime :param \"filename\" :matches [\"Content-Type\", \"Content-Disposition\"] \"*.pdf\") \
         { replace \"Executable attachment removed by user filter\"; } }",
    );
    let expected = "\n--AA\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit\n\n\
        Executable attachment removed by user filter\n--AA\nContent-Type: message/rfc822\n";
    assert!(text.contains(expected), "{text}");
    assert!(
        text.starts_with(
            "From: boss@example.org\nSubject: many\nContent-Type: multipart/mixed; boundary=AA\n"
        ),
        "{text}"
    );
}

#[test]
fn the_whole_message_is_replaced() {
    let text = after(
        "replace :subject \"gone: ü\" :from \"Box <box@home.test>\" \"nothing left\";"
            .replace("addheader_is_not_needed;", "debug_log \"seen\";")
            .as_str(),
    );
    assert_eq!(
        text,
        "X-Test: A\nOriginal-Subject: many\nSubject: =?utf-8?B?Z29uZTogw7w=?=\nOriginal-From: boss@example.org\nFrom: Box <box@home.test>\n\
        MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit\n\nnothing left"
    );
    let text = after("replace :mime text:\nContent-Type: text/html\n\n<p>new\n.\n;");
    assert_eq!(
        text,
        "From: boss@example.org\nSubject: many\nX-Test: A\nMIME-Version: 1.0\nContent-Type: text/html\n\n<p>new\n"
    );
    let text = after("set \"f\" \"nobody\"; replace :from \"${f}\" \"x\";");
    assert!(text.starts_with("From: boss@example.org\n"), "{text}");
}

#[test]
fn a_warning_encloses_as_rfc_5703_shows() {
    let source = "foreverypart { if header :mime :param \"filename\" :matches [\"Content-Type\", \"Content-Disposition\"] [\"*.com\", \"*.pdf\"] \
        { enclose :subject \"Warning\" text:\nWARNING! The enclosed message contains attachments.\n.\n; break; } } \
        redirect \"a@b.test\"; keep; if header :mime :type \"content-type\" \"multipart\" { debug_log \"outer\"; }";
    let plan = run(source);
    assert_eq!(plan.redirects[0].content, Content::Unchanged);
    let text = after(source);
    assert!(text.starts_with("Subject: Warning\nFrom: bob@home.test\nDate: Tue, 14 Nov 2023 23:13:20 +0100\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"enclosed-"), "{text}");
    assert!(text.contains(&format!("\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 7bit\nContent-Disposition: inline\n\n{NESTED}\n--enclosed-")), "{text}");
}

#[test]
fn what_cannot_be_is_told() {
    for (source, faults) in [
        ("if header :anychild \"a\" \"b\" { keep; }", 1),
        ("if header :type \"a\" \"b\" { keep; }", 1),
        ("if header :param \"x\" \"a\" \"b\" { keep; }", 1),
        ("if header :mime :type :subtype \"a\" \"b\" { keep; }", 1),
        ("if header :mime :param 13 \"a\" \"b\" { keep; }", 1),
        ("if address :anychild \"to\" \"b\" { keep; }", 1),
        ("if exists :mime :type \"a\" { keep; }", 1),
        ("if header :last \"a\" \"b\" { keep; }", 1),
        ("break;", 1),
        ("foreverypart { break :name \"x\"; }", 1),
        ("foreverypart :name \"a\" { foreverypart :name \"b\" { break :name \"c\"; } }", 1),
        ("foreverypart;", 1),
        ("extracttext \"x\";", 1),
        ("foreverypart { extracttext :first \"x\"; }", 1),
        ("foreverypart { extracttext \"0\"; }", 1),
        ("foreverypart { foreverypart { foreverypart { foreverypart { foreverypart { keep; } } } } }", 1),
        ("replace :mime :subject \"x\" \"y\";", 1),
        ("replace :from \"nobody\" \"y\";", 1),
        ("enclose :headers 1 \"x\";", 1),
    ] {
        let source = format!(
            "require [\"mime\", \"foreverypart\", \"extracttext\", \"replace\", \"enclose\", \"variables\", \"index\"]; {source}"
        );
        let found = Script::compile(source.as_bytes(), &config::Sieve::default()).unwrap_err();
        assert_eq!(found.len(), faults, "{source} {found:?}");
    }
}

#[test]
fn a_message_too_large_to_write_anew_is_kept_as_it_came() {
    let script = compile("require [\"enclose\", \"fileinto\"]; fileinto \"x\"; enclose \"y\";");
    let message = format!("A: b\r\n\r\n{}", "x".repeat(5_000_000));
    let plan = World::default().run(&script, &message);
    assert_eq!(told(&plan), "file INBOX; trouble the script needs too much memory for one message");
    assert_eq!(plan.filings[0].content, Content::Unchanged);
}

#[test]
fn many_rules_on_many_parts_end() {
    let message = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n{}\r\n{}",
        "A:\r\n".repeat(50_000),
        "--b\r\n\r\n".repeat(2000)
    );
    for rule in [
        "if exists :mime :anychild \"x\" { keep; }",
        "if body :content \"image\" \"x\" { keep; }",
        "if exists [\"a\", \"b\"] { keep; }",
        "if header \"a\" \"b\" { keep; }",
        "foreverypart { foreverypart { foreverypart { foreverypart { break; } } } }",
        "addheader \"X\" \"y\";",
    ] {
        let source =
            format!("require [\"mime\", \"body\", \"foreverypart\", \"editheader\"]; {}", rule.repeat(200));
        let script = compile(&source);
        let plan = World::default().run(&script, &message);
        let spent = plan.trouble.as_ref().is_some_and(|trouble| matches!(trouble, Trouble::Spent(_)));
        assert!(spent || plan.trouble.is_none(), "{rule} {:?}", plan.trouble);
        assert_eq!(plan.filings.len(), 1);
    }
}
