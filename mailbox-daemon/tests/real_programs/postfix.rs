//! Postfix delivers to us, and takes what our queue sends; where it refuses, the sender gets a report.

use super::program::Program;
use super::{Demo, Door, ImapClient, SmtpClient, subjects, whole_message};
use crate::support::demo::DemoOptions;
use crate::support::ports::free_port;
use crate::support::wait_for;
use crate::support::wire::Wire;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tempfile::TempDir;

/// A Postfix of the test's own: its configuration, queue and port, nothing of the system's.
struct Postfix {
    folder: TempDir,
    port: u16,
}

impl Postfix {
    /// Starts one that sends mail for home.test to `next_hop` and delivers mail for postfix.test into a Maildir.
    fn start(next_hop: u16) -> Postfix {
        let folder = tempfile::Builder::new().prefix("postfix-").tempdir().unwrap();
        // Its processes give up root and still must get in here.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let postfix = Postfix { folder, port: free_port() };
        postfix.write_configuration(next_hop);
        let here = postfix.path("");
        as_root("sh")
            .args(["-c", "cd \"$0\" && mkdir -p data mail && chown postfix data && chown nobody mail"])
            .arg(here)
            .succeed();
        postfix.control("start");
        wait_for("Postfix", || Wire::try_connect(postfix.port).ok());
        postfix
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write_configuration(&self, next_hop: u16) {
        let here = self.folder.path().display();
        let main = format!(
            "compatibility_level = 3.6\nmyhostname = mx.postfix.test\nmydestination =\ninet_interfaces = 127.0.0.1\n\
             inet_protocols = ipv4\nmynetworks = 127.0.0.0/8\nqueue_directory = {here}/queue\ndata_directory = {here}/data\n\
             command_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\nmail_owner = postfix\n\
             setgid_group = postdrop\nmaillog_file = {here}/log\nmaillog_file_prefixes = /\nalias_maps =\n\
             alias_database =\nlocal_recipient_maps =\nbiff = no\nappend_dot_mydomain = no\nsmtputf8_enable = yes\n\
             relay_domains = home.test\nrelay_recipient_maps =\n\
             transport_maps = inline:{{home.test=smtp:[127.0.0.1]:{next_hop}}}\n\
             smtp_tls_security_level = encrypt\nsmtp_tls_loglevel = 1\nminimal_backoff_time = 1s\n\
             virtual_mailbox_domains = postfix.test\nvirtual_mailbox_base = {here}/mail\n\
             virtual_mailbox_maps = inline:{{bob@postfix.test=bob/}}\nvirtual_uid_maps = static:65534\n\
             virtual_gid_maps = static:65534\nvirtual_minimum_uid = 100\nmessage_size_limit = 30000000\n\
             virtual_mailbox_limit = 0\nsmtpd_client_connection_rate_limit = 0\n"
        );
        let services = [
            ("pickup", "unix n - n 60 1"),
            ("cleanup", "unix n - n - 0"),
            ("qmgr", "unix n - n 300 1"),
            ("rewrite", "unix - - n - -"),
            ("bounce", "unix - - n - 0"),
            ("defer", "unix - - n - 0"),
            ("trace", "unix - - n - 0"),
            ("verify", "unix - - n - 1"),
            ("flush", "unix n - n 1000? 0"),
            ("smtp", "unix - - n - -"),
            ("relay", "unix - - n - -"),
            ("error", "unix - - n - -"),
            ("retry", "unix - - n - -"),
            ("discard", "unix - - n - -"),
            ("virtual", "unix - n n - -"),
            ("anvil", "unix - - n - 1"),
            ("scache", "unix - - n - 1"),
            ("tlsmgr", "unix - - n 1000? 1"),
            ("postlog", "unix-dgram n - n - 1"),
            ("proxymap", "unix - - n - -"),
        ];
        let program = |name: &str| match name {
            "rewrite" => "trivial-rewrite".to_owned(),
            "defer" | "trace" => "bounce".to_owned(),
            "relay" => "smtp".to_owned(),
            "retry" => "error".to_owned(),
            "postlog" => "postlogd".to_owned(),
            _ => name.to_owned(),
        };
        let door = format!("127.0.0.1:{} inet n - n - - smtpd\n", self.port);
        let lines = services.map(|(name, columns)| format!("{name} {columns} {}\n", program(name)));
        let master = door + &lines.concat();
        fs::create_dir_all(self.path("etc")).unwrap();
        fs::create_dir_all(self.path("queue")).unwrap();
        fs::write(self.path("etc/main.cf"), main).unwrap();
        fs::write(self.path("etc/master.cf"), master).unwrap();
    }

    fn control(&self, word: &str) {
        let outcome = as_root("postfix").arg("-c").arg(self.path("etc")).arg(word).run();
        assert!(outcome.success, "postfix {word}: {outcome:?}\n{}", self.log());
    }

    fn log(&self) -> String {
        // Root's file, in part.
        as_root("cat").arg(self.path("log")).run().stdout
    }

    /// The Maildir files bob has, waiting for that many.
    fn mail_of_bob(&self, count: usize) -> Vec<String> {
        let folder = self.path("mail/bob/new");
        wait_for("bob's mail", || {
            let listed =
                as_root("sh").args(["-c", "cat \"$0\"/* | grep -c ^Return-Path:"]).arg(&folder).run().stdout;
            (listed.trim().parse() == Ok(count)).then_some(())
        });
        let text = as_root("sh")
            .args(["-c", "for f in \"$0\"/*; do cat \"$f\"; printf '\\036'; done"])
            .arg(&folder)
            .succeed()
            .stdout;
        text.split_terminator('\u{1e}').map(str::to_owned).collect()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- Postfix's log ---\n{}\n---", self.log());
        }
        let _ = as_root("postfix").arg("-c").arg(self.path("etc")).arg("abort").run();
        // Files of its own users, which only root can remove.
        let _ = as_root("find").arg(self.folder.path()).args(["-mindepth", "1", "-delete"]).run();
    }
}

/// A program as root: Postfix starts only so, and changes to its own users by itself.
fn as_root(name: &str) -> Program {
    match nix::unistd::geteuid().is_root() {
        true => Program::new(name, "postfix"),
        false => Program::new("sudo", "sudo").arg("env").arg("PATH=/usr/sbin:/usr/bin:/sbin:/bin").arg(name),
    }
}

fn submit(demo: &Demo, to: &str, message: &str) {
    let mut client = SmtpClient::connect(demo, Door::Submission).unwrap();
    assert_eq!(client.log_in("ana@home.test").unwrap().code, 235);
    let reply = client.send_mail("ana@home.test", &[to], message).unwrap();
    assert_eq!(reply.code, 250, "{reply:?}");
}

#[test]
fn postfix_delivers_to_us() {
    let demo = Demo::start();
    let postfix = Postfix::start(demo.port(Door::Smtp));
    let big = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n".repeat(32_000);
    let bodies =
        ["dots\n.one\n..two\n", "umlauts äöü in eight bits\n", &format!("{}\n", "long".repeat(240)), &big];
    let mut client = SmtpClient::connect_to(postfix.port).unwrap();
    for (number, body) in bodies.iter().enumerate() {
        let message = format!("From: bob@postfix.test\nSubject: body {number}\n\n{body}");
        let reply =
            client.send_mail("bob@postfix.test", &["ana@home.test", "ben@home.test"], &message).unwrap();
        assert_eq!(reply.code, 250, "{reply:?}");
    }
    for account in ["ana@home.test", "ben@home.test"] {
        wait_for("Postfix's mail", || {
            (subjects(&demo, account, "INBOX").len() == bodies.len()).then_some(())
        });
        for (number, body) in bodies.iter().enumerate() {
            let message = whole_message(&demo, account, &format!("body {number}"));
            let expected = format!("\r\n\r\n{})", body.replace('\n', "\r\n"));
            assert!(message.ends_with(&expected), "body {number} for {account} came changed");
        }
    }
    assert!(postfix.log().contains("TLS connection established to 127.0.0.1"), "{}", postfix.log());
}

#[test]
fn our_queue_delivers_to_postfix() {
    let (demo, postfix) = box_with_postfix();
    let big = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n".repeat(32_000);
    for (number, body) in ["dots\n.one\n..two\n", &big, "the last\n"].iter().enumerate() {
        submit(&demo, "bob@postfix.test", &format!("From: ana@home.test\nSubject: body {number}\n\n{body}"));
    }
    let mail = postfix.mail_of_bob(3);
    for (number, body) in ["dots\n.one\n..two\n", &big, "the last\n"].iter().enumerate() {
        let subject = format!("\nSubject: body {number}\n");
        let message = mail.iter().find(|message| message.contains(&subject)).expect("every message arrived");
        assert!(message.ends_with(&format!("\n\n{body}")), "body {number} came changed");
        assert!(
            message.starts_with("Return-Path: <ana@home.test>"),
            "{}",
            &message[..200.min(message.len())]
        );
    }
    let queue = demo.cli(&["queue", "list", "--json"]).output().unwrap();
    assert!(
        !String::from_utf8_lossy(&queue.stdout).contains("bob@postfix.test"),
        "delivered mail leaves the queue"
    );
}

#[test]
fn a_refusal_by_postfix_comes_back_as_a_report() {
    let (demo, _postfix) = box_with_postfix();
    submit(&demo, "nobody@postfix.test", "From: ana@home.test\nSubject: to nobody\n\nhello\n");
    wait_for("the report", || (!subjects(&demo, "ana@home.test", "INBOX").is_empty()).then_some(()));
    let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    imap.command("EXAMINE INBOX").unwrap().ok();
    let report = imap.command("FETCH 1 BODY.PEEK[]").unwrap().ok().untagged.concat();
    for part in [
        "Return-Path: <>",
        "multipart/report",
        "report-type=delivery-status",
        "message/delivery-status",
        "Final-Recipient: rfc822; nobody@postfix.test",
        "Action: failed",
        "Status: 5.1.1",
        "Remote-MTA: dns;",
        "Diagnostic-Code: smtp; 550 5.1.1",
        "Subject: to nobody",
    ] {
        assert!(report.contains(part), "{part:?} is not in the report:\n{report}");
    }
}

fn box_with_postfix() -> (Demo, Postfix) {
    // Postfix is told a port nobody listens on: nothing here goes back through it.
    let postfix = Postfix::start(1);
    let demo = Demo::start_with(DemoOptions::set(&[format!(
        "outbound.route.postfix.test=127.0.0.1:{}",
        postfix.port
    )]));
    (demo, postfix)
}
