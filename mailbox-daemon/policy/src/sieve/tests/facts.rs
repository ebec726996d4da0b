use super::*;
use types::SpecialUse;

#[test]
fn the_environment() {
    let requires = "require [\"environment\", \"relational\"];";
    let mut world = World::default();
    world.environment.remote_ip = Some("2001:db8::1".parse().unwrap());
    for (test, holds) in [
        ("environment \"domain\" \"home.test\"", true),
        ("environment \"host\" \"MX.home.test\"", true),
        ("environment \"location\" \"MDA\"", true),
        ("environment \"phase\" \"during\"", true),
        ("environment \"name\" \"mailbox-daemon\"", true),
        ("environment :matches \"version\" \"?*\"", true),
        ("environment \"REMOTE-IP\" \"IPv6:2001:db8::1\"", true),
        ("environment \"remote-host\" \"\"", true),
        ("environment :count \"eq\" \"remote-host\" \"0\"", true),
        ("environment :count \"eq\" \"remote-ip\" \"1\"", true),
        ("environment :contains \"item\" \"\"", false),
        ("environment :contains \"vnd.acme.rocket\" \"\"", false),
        ("environment \"imap.cause\" \"\"", true),
        ("environment \"imap.user\" \"\"", true),
    ] {
        assert_eq!(world.holds(requires, test), holds, "{test}");
    }
    world.environment.imap = Some(ImapFacts {
        user: world.account.clone(),
        cause: "FLAG".to_owned(),
        mailbox: MailboxName::parse("a/b").unwrap(),
        changed_flags: vec!["\\Seen".to_owned(), "$Work".to_owned()],
        flags: Vec::new(),
    });
    for (test, holds) in [
        ("environment \"location\" \"MS\"", true),
        ("environment \"phase\" \"post\"", true),
        ("environment \"imap.cause\" \"FLAG\"", true),
        ("environment \"imap.mailbox\" \"a/b\"", true),
        ("environment \"imap.email\" \"bob@home.test\"", true),
        ("environment :contains \"imap.changedflags\" \"\\\\seen\"", true),
    ] {
        assert_eq!(world.holds(requires, test), holds, "{test}");
    }
    assert!(world.told("require \"vacation\"; vacation \"x\";").contains("trouble"));
    assert!(world.told("require \"duplicate\"; if duplicate { stop; }").contains("trouble"));
}

#[test]
fn scores() {
    let requires =
        "require [\"spamtestplus\", \"virustest\", \"relational\", \"comparator-i;ascii-numeric\"];";
    for (spam_percent, virus, test, holds) in [
        (None, 0, "spamtest \"0\"", true),
        (None, 0, "spamtest :count \"eq\" \"0\"", true),
        (None, 0, "spamtest :percent :count \"eq\" \"0\"", true),
        (None, 0, "spamtest :percent \"0\"", true),
        (Some(0), 0, "spamtest \"1\"", true),
        (Some(0), 0, "spamtest :percent :count \"eq\" \"1\"", true),
        (Some(36), 0, "spamtest :percent :value \"lt\" :comparator \"i;ascii-numeric\" \"37\"", true),
        (Some(37), 0, "spamtest :percent :value \"lt\" :comparator \"i;ascii-numeric\" \"37\"", false),
        (Some(50), 0, "spamtest :value \"ge\" :comparator \"i;ascii-numeric\" \"3\"", true),
        (Some(100), 0, "spamtest \"10\"", true),
        (None, 0, "virustest \"0\"", true),
        (None, 0, "virustest :count \"eq\" \"0\"", true),
        (None, 5, "virustest :value \"ge\" :comparator \"i;ascii-numeric\" \"4\"", true),
        (None, 5, "virustest :count \"eq\" \"1\"", true),
    ] {
        let world = World { spam: SpamFacts { spam_percent, virus }, ..World::default() };
        assert_eq!(world.holds(requires, test), holds, "{test} {spam_percent:?}");
    }
    let needs = |source: &str| compile(source).needs().spam;
    assert!(needs("require \"spamtest\"; if spamtest \"1\" { stop; }"));
    assert!(!needs("require \"virustest\"; if virustest \"1\" { stop; }"));
    for source in [
        "if spamtest \"1\" { stop; }",
        "require \"spamtest\"; if spamtest :percent \"1\" { stop; }",
        "require \"spamtest\"; if spamtest [\"1\", \"2\"] { stop; }",
    ] {
        assert!(Script::compile(source.as_bytes(), &config::Sieve::default()).is_err(), "{source}");
    }
}

fn with_mailboxes() -> World {
    let mailbox =
        |name: &str, id: &str, special_uses: &[SpecialUse], annotations: &[(&str, &str)]| MailboxFacts {
            name: MailboxName::parse(name).unwrap(),
            special_uses: special_uses.to_vec(),
            id: id.to_owned(),
            annotations: annotations
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
                .collect(),
        };
    World {
        mailboxes: vec![
            mailbox("INBOX", "F1", &[], &[("/private/vendor/vendor.isode/auto-replies", "on")]),
            mailbox("Old", "F2", &[SpecialUse::Archive, SpecialUse::Junk], &[("/shared/comment", "")]),
            mailbox("Grüße/x", "F3", &[], &[]),
        ],
        server_annotations: BTreeMap::from([(
            "/private/vendor/x/uri".to_owned(),
            b"mailto:a@b.test".to_vec(),
        )]),
        ..World::default()
    }
}

#[test]
fn mailboxes() {
    let requires = "require [\"mailbox\", \"mailboxid\", \"special-use\"];";
    let world = with_mailboxes();
    for (test, holds) in [
        ("mailboxexists \"Old\"", true),
        ("mailboxexists [\"inbox\", \"Grüße/x\"]", true),
        ("mailboxexists [\"Old\", \"Partners\"]", false),
        ("mailboxexists \"old\"", false),
        ("mailboxexists \"\"", false),
        ("mailboxidexists [\"F1\", \"F3\"]", true),
        ("mailboxidexists [\"F1\", \"F4\"]", false),
        ("mailboxidexists \"f1\"", false),
        ("specialuse_exists \"\\\\archive\"", true),
        ("specialuse_exists [\"\\\\Archive\", \"\\\\Sent\"]", false),
        ("specialuse_exists \"Old\" [\"\\\\Archive\", \"\\\\Junk\"]", true),
        ("specialuse_exists \"INBOX\" \"\\\\Archive\"", false),
        ("specialuse_exists \"None\" \"\\\\Archive\"", false),
        ("specialuse_exists \"\\\\Unheard\"", false),
    ] {
        assert_eq!(world.holds(requires, test), holds, "{test}");
    }
    assert!(compile("require \"mailbox\"; if mailboxexists \"a\" { stop; }").needs().mailboxes);
}

#[test]
fn annotations() {
    let requires = "require [\"mboxmetadata\", \"servermetadata\", \"relational\"];";
    let world = with_mailboxes();
    for (test, holds) in [
        ("metadata :is \"INBOX\" \"/private/vendor/vendor.isode/auto-replies\" \"on\"", true),
        ("metadata \"INBOX\" \"/PRIVATE/vendor/vendor.isode/auto-replies\" [\"off\", \"ON\"]", true),
        ("metadata \"INBOX\" \"/private/comment\" \"\"", false),
        ("metadata \"None\" \"/private/comment\" \"\"", false),
        ("metadata \"Old\" \"/shared/comment\" \"\"", true),
        ("metadata :count \"eq\" \"Old\" \"/private/comment\" \"0\"", true),
        ("metadataexists \"Old\" [\"/shared/comment\"]", true),
        ("metadataexists \"Old\" [\"/shared/comment\", \"/private/comment\"]", false),
        ("servermetadata :matches \"/private/vendor/x/uri\" \"mailto:*\"", true),
        ("servermetadata \"/private/vendor/y\" \"\"", false),
        ("servermetadataexists [\"/private/vendor/x/uri\"]", true),
        ("servermetadataexists [\"/private/vendor/x/uri\", \"/shared/admin\"]", false),
    ] {
        assert_eq!(world.holds(requires, test), holds, "{test}");
    }
    assert!(
        compile("require \"servermetadata\"; if servermetadataexists \"/a\" { stop; }").needs().annotations
    );
}

#[test]
fn the_address_book() {
    let requires = "require [\"extlists\", \"envelope\", \"variables\"];";
    let contacts = vec![Address::parse("ana@EXAMPLE.org").unwrap(), Address::parse("dee@x.test").unwrap()];
    let world = World { contacts, ..World::default() };
    for (test, holds) in [
        ("header :list \"from\" \":addrbook:default\"", true),
        ("address :list \"from\" \":addrbook:default\"", true),
        ("address :list [\"to\", \"cc\"] \"urn:ietf:params:sieve:addrbook:default\"", false),
        ("envelope :list \"from\" \":AddrBook:%44%65%66ault\"", true),
        ("string :list \"DEE@x.test\" \":addrbook:default\"", true),
        ("string :list \"dee\" \":addrbook:default\"", false),
        ("allof (string :list \"DEE@x.test\" \":addrbook:default\", string \"${0}\" \"dee@x.test\")", true),
        ("valid_ext_list [\":addrbook:default\"]", true),
        ("valid_ext_list [\":addrbook:default\", \"tag:example.com,2010-05-28:mylist\"]", false),
    ] {
        assert_eq!(world.holds(requires, test), holds, "{test}");
    }
    let lists =
        "require \"extlists\"; if header :list \"from\" \"tag:example.com,2010-05-28:mylist\" { discard; }";
    assert!(world.told(lists).contains("trouble line 1: there is no list"));
    let everybody = "require \"extlists\"; redirect :list \":addrbook:default\";";
    assert!(world.told(everybody).contains("file INBOX; trouble"));
    assert!(compile(lists).needs().contacts);
    for test in [
        "header :list :comparator \"i;octet\" \"from\" \":addrbook:default\"",
        "hasflag :list \":addrbook:default\"",
        "currentdate :list \"date\" \"tag:example.com,2011-01-01:localHolidays\"",
    ] {
        let source = format!("require [\"extlists\", \"imap4flags\", \"date\"]; if {test} {{ stop; }}");
        assert!(Script::compile(source.as_bytes(), &config::Sieve::default()).is_err(), "{test}");
    }
}
