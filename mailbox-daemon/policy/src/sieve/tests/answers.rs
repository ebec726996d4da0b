use super::*;

const LETTER: &str = "From: Ana <ana@example.org>\r\nTo: bob@home.test\r\nSubject: Lunch?\r\nMessage-ID: <2@a.test>\r\nReferences: <1@a.test>\r\n\r\nhi\r\n";

fn world() -> World {
    World { own_addresses: vec![Address::parse("robert@home.test").unwrap()], ..World::default() }
}

fn plan(source: &str, message: &str) -> Plan {
    world().run(&compile(source), message)
}

/// The answer, as text.
fn answer(source: &str, message: &str) -> Option<String> {
    let plan = plan(source, message);
    assert_eq!(plan.trouble, None, "{source}");
    plan.replies.first().map(|reply| String::from_utf8(reply.message.clone()).unwrap())
}

fn field<'m>(message: &'m str, name: &str) -> Option<&'m str> {
    message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

const AWAY: &str = "require \"vacation\"; vacation \"I'm away\";";

#[test]
fn an_answer_is_written() {
    let reply = answer(AWAY, LETTER).unwrap();
    for (name, value) in [
        ("From", "bob@home.test"),
        ("To", "Ana@example.org"),
        ("Subject", "Auto: Lunch?"),
        ("In-Reply-To", "<2@a.test>"),
        ("References", "<1@a.test> <2@a.test>"),
        ("Auto-Submitted", "auto-replied (vacation)"),
        ("Content-Type", "text/plain; charset=utf-8"),
    ] {
        assert_eq!(field(&reply, name), Some(value), "{reply}");
    }
    assert!(reply.ends_with("\r\n\r\nI'm away\r\n"));
    assert!(plan(AWAY, LETTER).filings.len() == 1);
    for (source, name, value) in [
        ("vacation :subject \"Gone fishing\" \"x\";", "Subject", "Gone fishing"),
        ("vacation :subject \"Größe\" \"x\";", "Subject", "=?utf-8?B?R3LDtsOfZQ==?="),
        ("vacation :from \"Bob B <b@elsewhere.test>\" \"x\";", "From", "\"Bob B\" <b@elsewhere.test>"),
        ("vacation :mime \"Content-Type: text/html\n\n<p>x</p>\";", "Content-Type", "text/html"),
    ] {
        let reply = answer(&format!("require \"vacation\"; {source}"), LETTER).unwrap();
        assert_eq!(field(&reply, name), Some(value), "{reply}");
    }
    let nameless = answer(AWAY, "To: bob@home.test\r\n\r\n").unwrap();
    assert_eq!(field(&nameless, "Subject"), Some("Automated reply"));
    assert_eq!(field(&nameless, "In-Reply-To"), None);
}

#[test]
fn not_everybody_is_answered() {
    for (header, is_answered) in [
        ("To: bob@home.test", true),
        ("Cc: Bob <BOB@Home.Test>", true),
        ("Bcc: robert+x@home.test", true),
        ("Resent-To: bob+news@home.test", true),
        ("To: team: eve@x.test, bob@home.test;", true),
        ("To: eve@x.test", false),
        ("Subject: bob@home.test", false),
        ("To: bob@home.test\r\nList-Id: <l.x.test>", false),
        ("To: bob@home.test\r\nList-Unsubscribe: <mailto:l@x.test>", false),
        ("To: bob@home.test\r\nPrecedence: Bulk", false),
        ("To: bob@home.test\r\nPrecedence: first-class", true),
        ("To: bob@home.test\r\nAuto-Submitted: auto-generated", false),
        ("To: bob@home.test\r\nAuto-Submitted: auto-replied (vacation)", false),
        ("To: bob@home.test\r\nAuto-Submitted: NO", true),
        ("To: bob@home.test\r\nX-Auto-Response-Suppress: DR, OOF", false),
    ] {
        assert_eq!(answer(AWAY, &format!("{header}\r\n\r\n")).is_some(), is_answered, "{header}");
    }
    for (sender, is_answered) in [
        (None, false),
        (Some("ana@example.org"), true),
        (Some("postmaster@example.org"), true),
        (Some("bob@home.test"), false),
        (Some("Robert+tag@home.test"), false),
        (Some("MAILER-DAEMON@example.org"), false),
        (Some("owner-list@example.org"), false),
        (Some("list-request@example.org"), false),
        (Some("list-bounces@example.org"), false),
        (Some("no-reply@example.org"), false),
        (Some("noreply-7@example.org"), false),
        (Some("listserv@example.org"), false),
        (Some("tjs@example.edu"), false),
    ] {
        let mut world = world();
        world.envelope.from = sender.map(|sender| Address::parse(sender).unwrap());
        let script =
            compile("require \"vacation\"; vacation :addresses [\"TJS@example.edu\", \"no address\"] \"x\";");
        assert_eq!(world.run(&script, LETTER).replies.len(), usize::from(is_answered), "{sender:?}");
    }
    let script = "require \"vacation\"; vacation :addresses \"Tim <tjs@example.edu>\" \"x\";";
    let reply = answer(script, "To: TJS@example.edu\r\n\r\n").unwrap();
    assert_eq!(field(&reply, "From"), Some("TJS@example.edu"));
}

#[test]
fn what_the_site_takes_for_spam_is_not_answered() {
    let junk = MailboxName::parse("Junk").unwrap();
    let plan = World { keep_in: junk.clone(), ..world() }.run(&compile(AWAY), LETTER);
    assert_eq!((plan.replies.len(), plan.memory.len(), plan.trouble), (0, 0, None));
    assert_eq!(plan.filings[0].target.mailbox, junk);
}

/// Runs scripts one after the other, what they remember kept; whether each answers.
fn answers(runs: &[(&str, &str, UnixSeconds)]) -> Vec<bool> {
    let mut world = world();
    let answered = runs.iter().map(|(source, message, now)| {
        world.environment.now = *now;
        let plan = world.run(&compile(source), message);
        assert_eq!(plan.trouble, None, "{source}");
        world.memory.extend(plan.memory.iter().map(|memory| (memory.key, memory.until)));
        !plan.replies.is_empty()
    });
    answered.collect()
}

#[test]
fn the_same_is_answered_once_in_a_while() {
    let day = 86_400;
    let by = |arguments: &str| {
        format!("require [\"vacation\", \"vacation-seconds\"]; vacation {arguments} \"away\";")
    };
    for (arguments, kept_s) in [
        ("", 7 * day),
        (":days 1", day),
        (":days 0", 60),
        (":days 99999999999", 365 * day),
        (":seconds 1800", 1800),
        (":seconds 5", 60),
    ] {
        let source = by(arguments);
        let runs = [(&*source, LETTER, 0), (&*source, LETTER, kept_s - 1), (&*source, LETTER, kept_s)];
        assert_eq!(answers(&runs), [true, false, true], "{arguments}");
    }
    let everytime =
        compile("require \"vacation-seconds\"; vacation :handle \"auto-resp\" :seconds 0 \"received\";");
    let limits = config::Sieve { vacation_interval_s_min: 0, ..config::Sieve::default() };
    let plan = World { limits, ..world() }.run(&everytime, LETTER);
    assert_eq!((plan.replies.len(), plan.memory.len()), (1, 0));
}

#[test]
fn answers_are_told_apart_as_they_are_written() {
    let lunch = "To: bob@home.test\r\nSubject: lunch?\r\n\r\n";
    let dinner = "To: bob@home.test\r\nSubject: dinner?\r\n\r\n";
    // RFC 5230 section 4.2
    let two = "require \"vacation\"; if header :contains \"subject\" \"lunch\" { vacation \"I'm out -- send mail to cyrus-bugs\"; }
        else { vacation \"I'm out -- call me at +1 304 555 0123\"; }";
    assert_eq!(answers(&[(two, lunch, 0), (two, dinner, 0), (two, lunch, 0)]), [true, true, false]);
    let variables = "require [\"vacation\", \"variables\"]; if header :matches \"subject\" \"*\" {
        vacation :subject \"Automatic response to: ${1}\" \"I'm away -- send mail to foo in my absence\"; }";
    assert_eq!(answers(&[(variables, lunch, 0), (variables, dinner, 0)]), [true, false]);
    let handle = "require \"vacation\"; if header :contains \"subject\" \"lunch\" { vacation :handle \"ran-away\" \"I'm out and can't meet for lunch\"; }
        else { vacation :handle \"ran-away\" \"I'm out\"; }";
    assert_eq!(answers(&[(handle, dinner, 0), (handle, lunch, 0)]), [true, false]);
    let away = |arguments: &str| format!("require \"vacation\"; vacation {arguments} \"\r\nx\";");
    let (plain, subject, mime) = (away(""), away(":subject \"x\""), away(":mime"));
    assert_eq!(answers(&[(&plain, lunch, 0), (&subject, lunch, 0), (&mime, lunch, 0)]), [true, true, true]);
}

#[test]
fn wrong_answers_are_told() {
    for (source, part) in [
        ("vacation :days 1 :seconds 1 \"x\";", "exclude"),
        ("vacation :from \"nobody\" \"x\";", "`:from`"),
        ("vacation :mime \"I'm away\";", "MIME"),
        ("vacation :fcc \"a//b\" \"x\";", ""),
        ("vacation :create \"x\";", "`:create`"),
        ("vacation;", "lacks"),
    ] {
        let source = format!("require [\"vacation-seconds\", \"fcc\", \"mailbox\"]; {source}");
        let faults = Script::compile(source.as_bytes(), &config::Sieve::default()).unwrap_err();
        assert!(faults.iter().any(|fault| fault.what.contains(part)), "{source}: {faults:?}");
    }
    for source in [
        "require \"vacation\"; vacation \"x\"; vacation \"x\";",
        "require [\"vacation\", \"reject\"]; vacation \"x\"; reject \"no\";",
        "require [\"vacation\", \"ereject\"]; ereject \"no\"; vacation \"x\";",
    ] {
        let plan = plan(source, LETTER);
        assert!(plan.trouble.is_some() && plan.replies.is_empty() && plan.memory.is_empty(), "{source}");
    }
}

#[test]
fn copies_are_kept() {
    // RFC 8580 sections 5 and 6, RFC 9042 section 5
    let plan = plan(
        "require [\"vacation\", \"fcc\", \"mailbox\", \"special-use\", \"imap4flags\", \"enotify\", \"mailboxid\"];
        vacation :days 7 :from \"hemingway@example.com\" :specialuse \"\\\\Sent\" :create :fcc \"Sent\" :flags [\"\\\\Seen\"] \"Gone Fishin'\";
        notify :fcc \"Sent\" :mailboxid \"F6352ae03\" :message \"You got mail!\" \"mailto:ken@example.com\";",
        LETTER,
    );
    assert_eq!(plan.trouble, None);
    let copies = [plan.replies[0].copy_in.clone(), plan.notifications[0].copy_in.clone()];
    let copies = Plan { filings: copies.into_iter().flatten().collect(), ..Plan::default() };
    assert_eq!(told(&copies), "file Sent use \\Sent create \\Seen; file Sent id F6352ae03");
}

fn notifications(source: &str, message: &str) -> Vec<String> {
    let plan = plan(&format!("require [\"enotify\", \"variables\"]; {source}"), message);
    assert_eq!(plan.trouble, None, "{source}");
    let texts = plan
        .notifications
        .iter()
        .map(|notification| String::from_utf8(notification.message.clone()).unwrap());
    texts.collect()
}

#[test]
fn notifications_are_written() {
    // RFC 5436 section 3
    let knitting = "Received: from mail.example.com; Wed, 7 Dec 2005 05:08:02 -0500\r\nPrecedence: list\r\nList-Id: Knitting Mailing List <knitting.example.com>\r\n\
        From: \"Jeff Smith\" <jeff@hobbies.example.com>\r\nTo: \"Knitting Mailing List\" <knitting@example.com>\r\nSubject: [Knitting] A new sweater\r\n\r\nI just finished a great new sweater!\r\n";
    let script = "if header :contains \"list-id\" \"knitting.example.com\" { if header :matches \"Subject\" \"[*] *\" {
        notify :message \"From ${1} list: ${2}\" :importance \"3\" \"mailto:0123456789@sms.example.net?to=backup@example.com\"; } }";
    let told = notifications(script, knitting).remove(0);
    for (name, value) in [
        ("Auto-Submitted", "auto-notified; owner-email=\"bob@home.test\""),
        ("From", "bob+news@home.test"),
        ("To", "0123456789@sms.example.net, backup@example.com"),
        ("Subject", "From Knitting list: A new sweater"),
        ("Importance", "Low"),
        ("X-Priority", "5 (Lowest)"),
    ] {
        assert_eq!(field(&told, name), Some(value), "{told}");
    }
    for (source, name, value) in [
        ("notify \"mailto:alm@example.com\";", "Subject", "Lunch?"),
        ("notify \"mailto:alm@example.com?subject=Hey%20you\";", "Subject", "Hey you"),
        ("notify :message \"this\" \"mailto:alm@example.com?subject=that\";", "Subject", "this"),
        ("notify :importance \"1\" \"mailto:alm@example.com\";", "Importance", "High"),
        (
            "notify :from \"Robert <robert@home.test>\" \"mailto:alm@example.com\";",
            "From",
            "\"Robert\" <robert@home.test>",
        ),
        ("notify :from \"boss@elsewhere.test\" \"mailto:alm@example.com\";", "From", "bob+news@home.test"),
        ("notify \"mailto:alm@example.com?from=x@y.test&cc=c@d.test\";", "Cc", "c@d.test"),
        ("notify :options [\"a=b\"] \"mailto:alm@example.com?x-kind=y\";", "X-kind", "y"),
    ] {
        let told = notifications(source, LETTER).remove(0);
        assert_eq!(field(&told, name), Some(value), "{told}");
    }
    // RFC 5435 section 6
    let body = notifications(
        "set :encodeurl \"body_param\" \"Safe body&evil=evilbody\"; notify \"mailto:tim@example.com?body=${body_param}\";",
        LETTER,
    );
    assert!(body[0].ends_with("\r\n\r\nSafe body&evil=evilbody\r\n"), "{}", body[0]);
}

#[test]
fn notifications_do_not_go_round() {
    let notify = "notify \"mailto:alm@example.com\";";
    assert_eq!(notifications(notify, &format!("Auto-Submitted: auto-notified\r\n{LETTER}")).len(), 0);
    assert_eq!(notifications(notify, &format!("Auto-Submitted: no\r\n{LETTER}")).len(), 1);
    assert_eq!(notifications(&notify.repeat(9), LETTER).len(), 1);
    let twice = "notify \"mailto:a@b.test%2cc@d.test?cc=c@d.test\"; notify \"mailto:e@f.test?cc=a@b.test\"; notify :message \"x\" \"mailto:a@b.test\";";
    let twice = notifications(twice, LETTER);
    let told: Vec<_> = twice.iter().map(|told| (field(told, "To"), field(told, "Cc"))).collect();
    assert_eq!(
        told,
        [(Some("a@b.test, c@d.test"), None), (Some("e@f.test"), None), (Some("a@b.test"), None)]
    );
    assert_eq!(notifications("notify \"mailto:\";", LETTER).len(), 0);
    let many: Vec<String> = (0..5).map(|number| format!("notify \"mailto:a{number}@b.test\";")).collect();
    let plan = plan(&format!("require \"enotify\"; {}", many.concat()), LETTER);
    assert!(plan.trouble.is_some() && plan.notifications.is_empty());
}

#[test]
fn ways_to_notify() {
    assert_holds(
        "require [\"enotify\", \"relational\"];",
        &[
            ("valid_notify_method \"mailto:alm@example.com\"", true),
            ("valid_notify_method [\"mailto:\", \"http://gw.example.net/notify?test\"]", false),
            ("notify_method_capability \"mailto:alm@example.com\" \"Online\" [\"YES\", \"maybe\"]", true),
            ("notify_method_capability \"mailto:\" \"fcc\" \"yes\"", true),
            ("notify_method_capability :count \"eq\" \"mailto:\" \"online\" \"1\"", true),
            ("notify_method_capability \"mailto:\" \"unheard\" \"\"", false),
            (
                "notify_method_capability \"xmpp:tim@example.com?message;subject=SIEVE\" \"Online\" \"yes\"",
                false,
            ),
            ("notify_method_capability \"mailto:not one\" \"online\" \"maybe\"", false),
        ],
    );
    let world = World::default();
    for source in
        ["notify \"tel:+14085551212\";", "set \"uri\" \"mailto:a@b.test?subject=x%0Ay\"; notify \"${uri}\";"]
    {
        let told = world.told(&format!("require [\"enotify\", \"variables\"]; {source}"));
        assert!(told.starts_with("file INBOX; trouble line 1"), "{told}");
    }
    for source in [
        "notify \"mailto:a@b.test?subject=x%0Ay\";",
        "notify :importance \"4\" \"mailto:a@b.test\";",
        "notify :options \"x\" \"mailto:a@b.test\";",
    ] {
        let source = format!("require \"enotify\"; {source}");
        assert!(Script::compile(source.as_bytes(), &config::Sieve::default()).is_err(), "{source}");
    }
}

#[test]
fn modifiers_quote() {
    let source = "require [\"variables\", \"enotify\", \"regex\"]; set :encodeurl \"url\" \"a ä/b~\"; set :quoteregex \"re\" \"a.b*\";
        if allof (string \"${url}\" \"a%20%C3%A4%2Fb~\", string :regex \"xa.b*\" \"x${re}$\", not string :regex \"aab\" \"^${re}$\") { discard; }";
    assert_eq!(World::default().told(source), "nothing");
}
