//! Who comes in, how often, and who is shut out: a box that takes loopback's addresses for strangers'.

#![allow(clippy::unwrap_used)]

mod support;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use support::demo::{Demo, DemoOptions, Door};
use support::dns::Dns;
use support::imap::ImapClient;
use support::smtp::{Reply, SmtpClient};
use support::wire::Wire;

const MESSAGE: &str = "Subject: hello\n\nhello\n";

/// A box for which nobody is at home.
fn among_strangers(set: &[&str]) -> Demo {
    let set: Vec<&str> = set.iter().copied().chain(["access.loopback_is_stranger=true"]).collect();
    Demo::start_with(DemoOptions::set(&set))
}

fn host(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, number)
}

/// What a command of the command line prints; it must succeed.
fn cli(demo: &Demo, arguments: &[&str]) -> String {
    let output = demo.cli(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What is said to mail from a sender to a recipient, up to RCPT.
fn ask(demo: &Demo, source: Ipv4Addr, from: &str, to: &str) -> Reply {
    let mut client = SmtpClient::connect_from(demo, Door::Smtp, source).unwrap();
    assert_eq!(client.command(&format!("MAIL FROM:<{from}>")).unwrap().code, 250);
    client.command(&format!("RCPT TO:<{to}>")).unwrap()
}

#[test]
fn the_unwanted_are_refused_until_they_are_wanted() {
    let mut demo = Demo::start_with(DemoOptions::set(&[r#"access.block=["spam.example"]"#]));
    let code = |demo: &Demo, number, from, to| ask(demo, host(number), from, to).code;
    assert_eq!(code(&demo, 1, "a@mx.spam.example", "ana@home.test"), 550);
    assert_eq!(code(&demo, 1, "a@other.example", "ana@home.test"), 250);
    cli(&demo, &["block", "add", "Nag@other.example"]);
    cli(&demo, &["block", "add", "127.0.0.8/29"]);
    cli(&demo, &["allow", "add", "good.spam.example"]);
    // A power cut takes back nothing that was answered.
    demo.kill();
    demo.start_again();
    for (number, from, expected) in [
        (1, "nag+1@other.example", 550),
        (1, "a@other.example", 250),
        (1, "a@good.spam.example", 250),
        (9, "a@other.example", 550),
        (16, "a@other.example", 250),
        (9, "a@good.spam.example", 250),
        (9, "", 550),
    ] {
        assert_eq!(code(&demo, number, from, "ana@home.test"), expected, "{number} {from}");
    }
    let refusal = ask(&demo, host(1), "nag@other.example", "ana@home.test").text;
    assert!(refusal.starts_with("5.7.1 ") && refusal.contains("nag@other.example"), "{refusal}");
    assert!(refusal.contains("postmaster@home.test"), "{refusal}");
    assert_eq!(code(&demo, 9, "a@spam.example", "postmaster@home.test"), 250);
    assert_eq!(code(&demo, 9, "a@spam.example", "Postmaster"), 250);

    let listed = cli(&demo, &["block", "list", "--json"]);
    assert!(
        listed.contains(r#""entry": "127.0.0.8/29""#) && listed.contains("nag@other.example"),
        "{listed}"
    );
    cli(&demo, &["block", "remove", "127.0.0.8/29"]);
    assert_eq!(code(&demo, 9, "a@other.example", "ana@home.test"), 250);
    for wrong in
        [["block", "add", "1.2.3"], ["block", "remove", "nobody.example"], ["ban", "lift", "192.0.2.1"]]
    {
        let output = demo.cli(&wrong).output().unwrap();
        assert!(!output.status.success() && !output.stderr.is_empty(), "{wrong:?}");
    }
}

/// Offers thirty messages at once; how many may begin.
fn offer(demo: &Demo, source: Ipv4Addr) -> usize {
    let mut client = SmtpClient::connect_from(demo, Door::Smtp, source).unwrap();
    client.wire().send("MAIL FROM:<a@example.org>\r\nRSET\r\n".repeat(30).as_bytes()).unwrap();
    let replies = (0..60).map(|_| client.reply().unwrap());
    let to_mail: Vec<Reply> = replies.step_by(2).collect();
    assert!(to_mail.iter().all(|reply| reply.code == 250 || reply.text.starts_with("4.7.1 ")), "{to_mail:?}");
    to_mail.iter().filter(|reply| reply.code == 250).count()
}

#[test]
fn nobody_hands_in_more_than_his_share() {
    let demo = among_strangers(&["limits.smtp_messages_per_s=1", "limits.smtp_messages_burst=5"]);
    let taken = offer(&demo, host(2));
    assert!((5..30).contains(&taken), "{taken}");
    assert!(offer(&demo, host(3)) >= 5, "somebody else has a share of his own");
    cli(&demo, &["allow", "add", "127.0.0.4"]);
    assert_eq!(offer(&demo, host(4)), 30);
    let at_home = Demo::start();
    assert_eq!(offer(&at_home, host(2)), 30, "loopback is not counted");
}

#[test]
fn guessing_passwords_shuts_out() {
    let mut demo = among_strangers(&["limits.ban_failures=3", "limits.login_failures_max=10"]);
    let door = Door::Submission;
    let (guesser, phone) = (host(5), host(6));
    // The phone is known here.
    assert_eq!(
        SmtpClient::connect_from(&demo, door, phone).unwrap().log_in("ana@home.test").unwrap().code,
        235
    );
    let mut old = SmtpClient::connect_from(&demo, door, guesser).unwrap();
    for _ in 0..4 {
        let reply = old.log_in_with("ana@home.test", "the old one").unwrap();
        assert_eq!(reply.code, 535, "the same again is no guess: {reply:?}");
    }
    let mut imap = ImapClient::connect_from(&demo, guesser).unwrap();
    assert!(imap.command("LOGIN ana@home.test guess-1").unwrap().verdict.starts_with("NO"));
    let reply = old.log_in_with("nobody", "guess-2").unwrap();
    assert_eq!((reply.code, &reply.text[..6]), (421, "4.7.0 "), "{reply:?}");

    // Nor is the session believed that was there before, even with the right password.
    assert!(imap.command("LOGIN ana@home.test demo-password").is_err());
    let bye = ImapClient::connect_from(&demo, guesser).err().unwrap().to_string();
    assert!(bye.starts_with("* BYE [UNAVAILABLE] Too many failed logins"), "{bye}");
    for door in [Door::Smtp, Door::Submission] {
        let refused = SmtpClient::connect_from(&demo, door, guesser).err().unwrap().to_string();
        assert!(refused.starts_with("421 4.7.0"), "{refused}");
    }
    assert!(demo.log().contains("banned for guessing passwords"), "the log says who");

    let mut mistaken = SmtpClient::connect_from(&demo, door, phone).unwrap();
    for number in 0..8 {
        assert_eq!(mistaken.log_in_with("ana@home.test", &format!("typo-{number}")).unwrap().code, 535);
    }
    demo.kill();
    demo.start_again();
    assert!(SmtpClient::connect_from(&demo, door, guesser).is_err(), "a ban outlives the daemon");
    assert!(SmtpClient::connect_from(&demo, door, phone).is_ok());
    let listed = cli(&demo, &["ban", "list", "--json"]);
    assert!(
        listed.contains(r#""address": "127.0.0.5""#) && listed.contains(r#""tried": "nobody""#),
        "{listed}"
    );
    cli(&demo, &["ban", "lift", "127.0.0.5"]);
    let mut forgiven = SmtpClient::connect_from(&demo, door, guesser).unwrap();
    assert_eq!(forgiven.log_in("ana@home.test").unwrap().code, 235);
    assert_eq!(cli(&demo, &["ban", "list"]).trim(), "(none)");
}

#[test]
fn networks_that_are_never_banned() {
    let demo = among_strangers(&["limits.ban_failures=2", r#"access.never_ban=["127.0.0.64/26"]"#]);
    for (source, expected) in [(70, true), (20, false)] {
        let mut client = SmtpClient::connect_from(&demo, Door::Submission, host(source)).unwrap();
        for number in 0..2 {
            client.log_in_with("ana@home.test", &format!("guess-{number}")).unwrap();
        }
        assert_eq!(SmtpClient::connect_from(&demo, Door::Submission, host(source)).is_ok(), expected);
    }
}

#[test]
fn one_address_and_one_network_have_so_many_places() {
    let demo = among_strangers(&["limits.smtp_sessions_per_network_max=12"]);
    let port = demo.port(Door::Smtp);
    let greet =
        |source| Wire::try_connect_from(source, port).and_then(|mut wire| Ok((wire.read_line()?, wire)));
    let is_in = |source| {
        let (greeting, wire) = greet(source).unwrap();
        let greeting = String::from_utf8(greeting.unwrap()).unwrap();
        assert!(greeting.starts_with("220 ") || greeting.starts_with("421 4.3.2"), "{greeting}");
        greeting.starts_with("220 ").then_some(wire)
    };
    let crowd: Vec<Option<Wire>> = (0..15).map(|_| is_in(host(2))).collect();
    assert_eq!(crowd.iter().flatten().count(), 10);
    let near: Vec<Option<Wire>> = (3..8).map(|number| is_in(host(number))).collect();
    assert_eq!(near.iter().flatten().count(), 2);
    assert!(is_in(Ipv4Addr::new(127, 0, 1, 1)).is_some());
    drop(crowd);
    support::wait_for("a place", || is_in(host(2)));
}

/// Whoever lets his messages drip in keeps nobody else from sending.
#[test]
fn one_network_never_has_all_places_for_messages() {
    let demo = among_strangers(&["limits.receiving_per_network_max=2", "limits.receiving_max=3"]);
    let begin = |source| {
        let mut client = SmtpClient::connect_from(&demo, Door::Smtp, source).unwrap();
        client.command("MAIL FROM:<a@example.org>").unwrap();
        client.command("RCPT TO:<ana@home.test>").unwrap();
        (client.command("DATA").unwrap().code, client)
    };
    let dripping = [begin(host(2)), begin(host(3))];
    assert!(dripping.iter().all(|(code, _)| *code == 354));
    assert_eq!(begin(host(4)).0, 451);
    assert_eq!(begin(Ipv4Addr::new(127, 0, 1, 1)).0, 354);
    drop(dripping);
    support::wait_for("a place", || (begin(host(4)).0 == 354).then_some(()));
}

/// A thousand connections say nothing, each from another address or all from this machine: who has something to say is heard.
#[test]
fn a_thousand_who_say_nothing_keep_nobody_out() {
    let demo = among_strangers(&[]);
    flood(&demo, |number| Ipv4Addr::new(127, 1 + (number % 250) as u8, (number / 250) as u8, 1));
    let at_home = Demo::start();
    flood(&at_home, |_| Ipv4Addr::LOCALHOST);
}

fn flood(demo: &Demo, source: impl Fn(usize) -> Ipv4Addr) {
    let port = demo.port(Door::Smtp);
    let mut silent = Vec::new();
    for number in 0..1000 {
        silent.push(Wire::try_connect_from(source(number), port).unwrap());
        if number % 250 == 249 {
            let mut friend = SmtpClient::connect_from(demo, Door::Smtp, Ipv4Addr::new(127, 9, 9, 9)).unwrap();
            let reply = friend.send_mail("friend@example.org", &["ana@home.test"], MESSAGE).unwrap();
            assert_eq!(reply.code, 250, "{reply:?}");
        }
    }
    let mut imap = ImapClient::log_in(demo, "ana@home.test").unwrap();
    assert!(imap.command("STATUS INBOX (MESSAGES)").unwrap().ok().untagged[0].contains("MESSAGES 4"));
    // Those who had to go were told, the latest are still there.
    assert!(silent[0].read_line().unwrap().unwrap().starts_with(b"220"));
    assert!(silent[0].read_line().unwrap().unwrap().starts_with(b"421 4.3.2"));
    let mut last = silent.pop().unwrap();
    last.read_line().unwrap();
    last.send_line("EHLO late.example.org").unwrap();
    assert!(last.read_line().unwrap().unwrap().starts_with(b"250"));
}

/// What is said to a whole message.
fn bring(demo: &Demo, source: Ipv4Addr, from: &str, to: &str) -> Reply {
    let mut client = SmtpClient::connect_from(demo, Door::Smtp, source).unwrap();
    let message = format!("From: <{from}>\nTo: <{to}>\n{MESSAGE}");
    client.send_mail(from, &[to], &message).unwrap()
}

#[test]
fn a_stranger_has_to_come_twice_and_is_known_then() {
    // A client that comes back is let in at once, so that nobody has to wait here.
    let mut demo =
        Demo::start_with(DemoOptions::set(&["inbound.greylist=true", "inbound.greylist_wait_s=0"]));
    let (one, neighbour, other) = (host(2), host(3), Ipv4Addr::new(127, 0, 1, 2));
    let put_off = bring(&demo, one, "a@example.org", "ana@home.test");
    assert_eq!((put_off.code, &put_off.text[..6]), (451, "4.7.1 "), "{put_off:?}");
    assert_eq!(bring(&demo, one, "b@example.org", "ana@home.test").code, 451, "another sender");
    assert_eq!(bring(&demo, one, "a@example.org", "postmaster@home.test").code, 250, "always arrives");
    assert_eq!(bring(&demo, one, "a@example.org", "ana@home.test").code, 250);
    assert_eq!(bring(&demo, neighbour, "c@example.org", "ben@home.test").code, 250, "its servers take turns");

    assert_eq!(bring(&demo, other, "friend@far.example", "ana@home.test").code, 451);
    assert_eq!(bring(&demo, other, "x@far.example", "ana@home.test").code, 451);
    cli(&demo, &["allow", "add", "x@far.example"]);
    assert_eq!(bring(&demo, other, "x@far.example", "ben@home.test").code, 250);
    let mut ana = SmtpClient::connect(&demo, Door::Submission).unwrap();
    ana.log_in("ana@home.test").unwrap();
    let letter = format!("From: ana@home.test\n{MESSAGE}");
    assert_eq!(ana.send_mail("ana@home.test", &["pal@far.example"], &letter).unwrap().code, 250);
    assert_eq!(bring(&demo, other, "pal@far.example", "ana@home.test").code, 250, "she wrote to him");
    assert_eq!(bring(&demo, other, "pal@far.example", "ben@home.test").code, 451, "but not ben");

    assert!(demo.terminate().success());
    demo.start_again();
    assert_eq!(bring(&demo, one, "d@example.org", "ben@home.test").code, 250, "known again");
    assert_eq!(bring(&demo, other, "pal@far.example", "ben@home.test").code, 250, "come again");
}

#[test]
fn who_passes_dmarc_is_not_put_off_and_who_is_wanted_not_looked_up_in_lists() {
    let dns = Dns::serve(
        "good.test. MX 10 mx.good.test.\nmx.good.test. A 127.0.0.2\n\
         good.test. TXT \"v=spf1 ip4:127.0.0.0/8 -all\"\n_dmarc.good.test. TXT \"v=DMARC1; p=reject\"\n\
         plain.test. MX 10 mx.good.test.\nstrict.test. MX 10 mx.good.test.\n\
         _dmarc.strict.test. TXT \"v=DMARC1; p=reject\"\n9.0.0.127.bl.test. A 127.0.0.2",
        &[],
    );
    let resolver = format!("dns.resolver={}", dns.address());
    let list = r#"inbound.dnsbl=[{ zone = "bl.test", weight = 2 }]"#;
    let demo = Demo::start_with(DemoOptions::set(&[resolver.as_str(), list, "inbound.greylist=true"]));
    assert_eq!(bring(&demo, host(2), "a@good.test", "ana@home.test").code, 250);
    assert_eq!(bring(&demo, host(2), "a@plain.test", "ana@home.test").code, 451);
    let refusal = bring(&demo, host(9), "a@good.test", "ana@home.test");
    assert_eq!(refusal.code, 550, "{refusal:?}");
    cli(&demo, &["allow", "add", "127.0.0.9"]);
    assert_eq!(bring(&demo, host(9), "a@plain.test", "ana@home.test").code, 250);
    // Being wanted is no licence to forge.
    let forged = bring(&demo, host(9), "a@strict.test", "ana@home.test");
    assert_eq!(forged.code, 550, "{forged:?}");
}

#[test]
fn mistakes_are_answered_slowly_but_never_those_of_people_who_live_here() {
    let demo = among_strangers(&["limits.tarpit_s=60"]);
    let mut stranger = SmtpClient::connect_from(&demo, Door::Smtp, host(2)).unwrap();
    let began = Instant::now();
    stranger.command("MAIL FROM:<a@example.org>").unwrap();
    for name in ["info", "sales", "admin", "test"] {
        assert_eq!(stranger.command(&format!("RCPT TO:<{name}@home.test>")).unwrap().code, 550);
    }
    assert!(began.elapsed() >= Duration::from_millis(1500), "{:?}", began.elapsed());

    // Ten mistakes of a stranger would take four minutes, more than the client's patience.
    let mut ana = SmtpClient::connect_from(&demo, Door::Submission, host(2)).unwrap();
    assert_eq!(ana.log_in("ana@home.test").unwrap().code, 235);
    for _ in 0..10 {
        assert_eq!(ana.command("NONSENSE").unwrap().code, 500);
    }
}
