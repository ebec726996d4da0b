//! Start, stop, reload and supervision, seen from outside: what systemd, an administrator and a full disk see.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use data_encoding::BASE64;
use nix::sys::signal::Signal;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use support::demo::{Demo, DemoOptions, Door, binary};
use support::imap::ImapClient;
use support::smtp::SmtpClient;
use support::wire::Wire;
use support::{PATIENCE, wait_for};

#[test]
fn a_second_daemon_on_the_same_folder_is_refused() {
    let demo = Demo::start();
    let before = fs::read_to_string(demo.dir().join("config.toml")).unwrap();
    let (status, said) = demo.start_second();
    assert_eq!(status.code(), Some(1), "{said}");
    let wanted = format!("another mailbox-daemon (process {}) is running on", demo.pid());
    assert!(said.contains(&wanted), "{said}");
    // The refused one leaves the first one's files alone.
    assert!(demo.dir().join("demo.json").exists());
    assert_eq!(fs::read_to_string(demo.dir().join("config.toml")).unwrap(), before);
    deliver(&demo, "still served");
}

#[test]
fn sigterm_lets_mail_in_flight_finish_and_says_goodbye_to_the_idle() {
    let mut demo = Demo::start();
    let mut sender = SmtpClient::connect(&demo, Door::Smtp).unwrap();
    for command in ["MAIL FROM:<friend@example.org>", "RCPT TO:<ana@home.test>"] {
        assert_eq!(sender.command(command).unwrap().code, 250);
    }
    assert_eq!(sender.command("DATA").unwrap().code, 354);
    sender.wire().send(b"Subject: in flight\r\n\r\nfirst half\r\n").unwrap();
    let mut idle_smtp = SmtpClient::connect(&demo, Door::Smtp).unwrap();
    let mut idle_imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    let mut waiting = ImapClient::log_in(&demo, "ben@home.test").unwrap();
    waiting.command("SELECT INBOX").unwrap().ok();
    waiting.send("IDLE").unwrap();
    assert!(waiting.read_response().unwrap().starts_with('+'));

    demo.signal(Signal::SIGTERM);
    assert_eq!(idle_smtp.reply().unwrap().code, 421);
    assert_eq!(idle_smtp.wire().read_line().unwrap(), None);
    for client in [&mut idle_imap, &mut waiting] {
        let goodbye = client.read_response().unwrap();
        assert!(goodbye.starts_with("* BYE"), "{goodbye}");
        assert_eq!(client.wire().read_line().unwrap(), None);
    }
    assert!(demo.is_running(), "it waits for the mail in flight");
    sender.wire().send(b"second half\r\n.\r\n").unwrap();
    assert_eq!(sender.reply().unwrap().code, 250);
    assert_eq!(sender.reply().unwrap().code, 421);
    assert!(demo.wait_for_exit().success());

    demo.start_again();
    assert_eq!(subjects(&demo, "ana@home.test"), ["in flight"]);
}

#[test]
fn no_connection_is_taken_once_stopping() {
    let mut demo = Demo::start();
    let mut sender = SmtpClient::connect(&demo, Door::Smtp).unwrap();
    sender.command("MAIL FROM:<friend@example.org>").unwrap();
    sender.command("RCPT TO:<ana@home.test>").unwrap();
    sender.command("DATA").unwrap();
    let mut idle = SmtpClient::connect(&demo, Door::Smtp).unwrap();
    demo.signal(Signal::SIGTERM);
    assert_eq!(idle.reply().unwrap().code, 421);
    wait_for("the listener to close", || match Wire::try_connect(demo.port(Door::Smtp)) {
        Err(_) => Some(()),
        // Taken by the kernel's queue before the socket closed: nobody greets.
        Ok(mut wire) => wire.read_line().ok().flatten().is_none().then_some(()),
    });
    sender.wire().send(b"Subject: last\r\n\r\n.\r\n").unwrap();
    assert_eq!(sender.reply().unwrap().code, 250);
    assert!(demo.wait_for_exit().success());
}

#[test]
fn sighup_shows_the_new_certificate_and_keeps_sessions() {
    let (demo, other) = (Demo::start(), Demo::start());
    let mut session = ImapClient::connect(&demo, Door::Imaps).unwrap();
    session.command("LOGIN ana@home.test demo-password").unwrap().ok();
    let old = demo.connect(Door::Imaps).server_certificate();
    for file in ["cert.pem", "key.pem"] {
        fs::copy(other.dir().join("tls").join(file), demo.dir().join("tls").join(file)).unwrap();
    }
    demo.signal(Signal::SIGHUP);
    let new = wait_for("the new certificate", || {
        let wire = Wire::connect(demo.port(Door::Imaps)).try_start_tls(&other.ca_file()).ok()?;
        Some(wire.server_certificate())
    });
    assert_ne!(old, new);
    session.command("NOOP").unwrap().ok();
}

#[test]
fn a_wrong_certificate_on_sighup_leaves_the_old_one_in_force() {
    let demo = Demo::start();
    fs::write(demo.dir().join("tls/cert.pem"), "this is no certificate\n").unwrap();
    demo.signal(Signal::SIGHUP);
    wait_for("the refusal in the log", || demo.log().contains("refused").then_some(()));
    assert!(demo.log().contains("tls/cert.pem"), "the file is named");
    demo.connect(Door::Imaps);
}

#[test]
fn a_broken_configuration_on_sighup_leaves_the_old_one_in_force() {
    let demo = Demo::start();
    let file = demo.dir().join("config.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}\n[limits]\nmesage_bytes_max = 1000\n")).unwrap();
    demo.signal(Signal::SIGHUP);
    let line = text.lines().count() + 3;
    let wanted = format!("line {line}: ");
    wait_for("the refusal in the log", || demo.log().contains(&wanted).then_some(()));
    assert!(demo.log().contains("did you mean `message_bytes_max`"), "{}", demo.log());
    deliver(&demo, "served as before");
}

#[test]
fn a_changed_limit_comes_into_force_on_sighup() {
    let demo = Demo::start();
    let file = demo.dir().join("config.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}\n[limits]\nmessage_bytes_max = 123456\n")).unwrap();
    demo.signal(Signal::SIGHUP);
    wait_for("the new SIZE", || {
        let mut client = SmtpClient::connect(&demo, Door::Smtp).unwrap();
        client.command("EHLO client.example.net").unwrap().text.contains("SIZE 123456").then_some(())
    });
}

#[test]
fn a_missing_certificate_is_named_at_start() {
    let mut demo = Demo::start();
    demo.terminate();
    let certificate = demo.dir().join("tls/cert.pem");
    fs::remove_file(&certificate).unwrap();
    let output =
        Command::new(binary()).arg("run").arg("--config").arg(demo.dir().join("config.toml")).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(certificate.to_str().unwrap()), "{said}");
}

#[test]
fn a_port_in_use_is_named_at_start() {
    let mut demo = Demo::start();
    demo.terminate();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, demo.port(Door::Imap))).unwrap();
    let output =
        Command::new(binary()).arg("run").arg("--config").arg(demo.dir().join("config.toml")).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&taken.local_addr().unwrap().to_string()), "{said}");
}

#[test]
fn systemd_hands_over_sockets_by_name() {
    let mut demo = Demo::start();
    demo.terminate();
    let imap = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let smtp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let ports = (imap.local_addr().unwrap().port(), smtp.local_addr().unwrap().port());
    // The shell becomes the daemon, so `$$` is the daemon's process number; its standard streams carry the sockets.
    let script =
        "exec 3<&0 4<&1 </dev/null >&2; LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=imap:smtp exec \"$@\"";
    let child = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(binary())
        .arg("run")
        .arg("--config")
        .arg(demo.dir().join("config.toml"))
        .stdin(Stdio::from(OwnedFd::from(imap)))
        .stdout(Stdio::from(OwnedFd::from(smtp)))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _child = KilledAtEnd(child);
    for (port, greeting) in [(ports.0, "* OK"), (ports.1, "220 ")] {
        let line = Wire::connect(port).read_line().unwrap().unwrap();
        assert!(line.starts_with(greeting.as_bytes()), "{}", String::from_utf8_lossy(&line));
    }
    let own = Wire::try_connect(demo.port(Door::Smtp));
    assert!(own.is_err(), "handed sockets stand in place of [listen]");
}

#[test]
fn systemd_is_told_of_every_turn_of_life() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let env = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "400000")];
    let env = env.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let mut demo = Demo::start_with(DemoOptions { env, ..DemoOptions::default() });
    wait_for_word(&socket, "READY=1");
    wait_for_word(&socket, "WATCHDOG=1");
    wait_for_word(&socket, "WATCHDOG=1");
    demo.signal(Signal::SIGHUP);
    let reloading = wait_for_word(&socket, "RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    wait_for_word(&socket, "READY=1");
    demo.signal(Signal::SIGTERM);
    wait_for_word(&socket, "STOPPING=1");
    assert!(demo.wait_for_exit().success());
}

#[test]
fn passwords_never_reach_the_log() {
    let relay =
        ["outbound.relay=127.0.0.1:1", "outbound.relay_user=me", "outbound.relay_password=relay-secret"];
    let options =
        DemoOptions { env: vec![("RUST_LOG".to_owned(), "trace".to_owned())], ..DemoOptions::set(&relay) };
    let demo = Demo::start_with(options);
    // The demo prints its accounts' password for the newcomer; this account has one of its own.
    let mut add = demo.cli(&["account", "add", "carl@home.test", "--password-stdin"]);
    let mut add = add.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    add.stdin.take().unwrap().write_all(b"carls-secret\n").unwrap();
    assert!(add.wait().unwrap().success());
    let plain = BASE64.encode(b"\0carl@home.test\0carls-secret");
    let mut smtp = SmtpClient::connect(&demo, Door::Submission).unwrap();
    assert_eq!(smtp.command(&format!("AUTH PLAIN {plain}")).unwrap().code, 235);
    let mut imap = ImapClient::connect(&demo, Door::Imap).unwrap();
    assert!(!imap.command("LOGIN carl@home.test wrong-secret").unwrap().is_ok());
    imap.command("LOGIN carl@home.test carls-secret").unwrap().ok();
    let log = demo.log();
    assert!(log.contains("carl@home.test"), "who logged in is told");
    for secret in ["carls-secret", "wrong-secret", "relay-secret", &plain] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn uids_outlive_the_index() {
    let mut demo = Demo::start();
    for number in 0..3 {
        deliver(&demo, &format!("message {number}"));
    }
    let seen = |demo: &Demo| {
        let mut imap = ImapClient::log_in(demo, "ana@home.test").unwrap();
        let selected = imap.command("SELECT INBOX").unwrap().ok();
        (ImapClient::number_after(&selected, "UIDVALIDITY "), imap.fetch_field("SUBJECT").unwrap())
    };
    {
        let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
        imap.command("SELECT INBOX").unwrap().ok();
        imap.command("STORE 2 +FLAGS (\\Deleted)").unwrap().ok();
        imap.command("EXPUNGE").unwrap().ok();
    }
    let before = seen(&demo);
    assert_eq!(before.1.len(), 2);
    demo.terminate();
    fs::remove_dir_all(demo.state_dir().join("index")).unwrap();
    demo.start_again();
    assert_eq!(seen(&demo), before);
}

/// What a client sees when the disk under the mail is full, and that nothing acknowledged is lost over it.
#[test]
fn a_full_disk_is_a_temporary_answer_and_never_half_a_message() {
    let demo = Demo::start_with(on_small_disk("mail", "size=4m"));
    let body = "0123456789abcdef".repeat(4).repeat(1024 * 4);
    let message = |number: u32| format!("Subject: number {number}\n\n{}\n", wrap(&body));
    let mut smtp = SmtpClient::connect(&demo, Door::Smtp).unwrap();
    let mut accepted = Vec::new();
    let refusal = (0..100).find_map(|number| {
        let reply = smtp.send_mail("friend@example.org", &["ana@home.test"], &message(number)).unwrap();
        if reply.code == 250 {
            accepted.push(format!("number {number}"));
            return None;
        }
        Some(reply)
    });
    let refusal = refusal.expect("4 MiB are full long before the hundredth message");
    assert_eq!(refusal.code, 452, "{refusal:?}");
    assert!(!accepted.is_empty());
    // The session goes on after the refusal.
    assert_eq!(smtp.command("RSET").unwrap().code, 250);

    let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    // What is kept back from strangers is there for those who live here, to the last byte.
    let verdict = (1000..1100).find_map(|number| {
        let verdict = imap.append("INBOX", "", &message(number).replace('\n', "\r\n")).unwrap().verdict;
        if verdict.starts_with("OK ") {
            accepted.push(format!("number {number}"));
            return None;
        }
        Some(verdict)
    });
    assert!(verdict.as_ref().is_some_and(|verdict| verdict.starts_with("NO ")), "{verdict:?}");
    imap.command("SELECT INBOX").unwrap().ok();
    let found: Vec<String> =
        imap.fetch_field("SUBJECT").unwrap().into_iter().map(|message| message.field).collect();
    assert_eq!(found, accepted);
    let whole = imap.command("FETCH 1:* (BODY.PEEK[TEXT])").unwrap().ok();
    let expected = wrap(&body).replace('\n', "\r\n");
    for response in &whole.untagged {
        assert!(response.contains(&expected), "a message came back cut");
    }

    // Room again: mail comes in again.
    imap.command("STORE 1:* +FLAGS.SILENT (\\Deleted)").unwrap().ok();
    imap.command("EXPUNGE").unwrap().ok();
    let reply = smtp.send_mail("friend@example.org", &["ana@home.test"], &message(2000)).unwrap();
    assert_eq!(reply.code, 250, "{reply:?}");
    imap.command("NOOP").unwrap().ok();
    assert_eq!(imap.fetch_field("SUBJECT").unwrap().len(), 1);
}

/// A script that wants a message in several mailboxes gets it into all of them or into none.
#[test]
fn a_full_disk_leaves_no_message_in_some_of_its_mailboxes() {
    let demo = Demo::start_with(on_small_disk("mail", "size=6m"));
    let script = "require \"fileinto\"; fileinto \"Archive\"; fileinto \"Drafts\"; keep;";
    // The disk is the daemon's own.
    let seen_by_daemon = format!("/proc/{}/root{}/sieve", demo.pid(), demo.maildir("ana").display());
    fs::create_dir_all(&seen_by_daemon).unwrap();
    fs::write(format!("{seen_by_daemon}/main.sieve"), script).unwrap();
    fs::write(format!("{seen_by_daemon}/active"), "main\n").unwrap();
    let mut smtp = SmtpClient::connect(&demo, Door::Smtp).unwrap();
    let message = format!("Subject: big\n\n{}\n", wrap(&"x".repeat(300 * 1024)));
    let mut accepted = 0;
    let refusal = (0..100).find_map(|_| {
        let reply = smtp.send_mail("friend@example.org", &["ana@home.test"], &message).unwrap();
        accepted += u64::from(reply.code == 250);
        (reply.code != 250).then_some(reply)
    });
    assert_eq!(refusal.expect("6 MiB are soon full").code, 452);
    assert!(accepted > 0);
    let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    for mailbox in ["INBOX", "Archive", "Drafts"] {
        let status = imap.command(&format!("STATUS {mailbox} (MESSAGES)")).unwrap().ok();
        assert_eq!(ImapClient::number_after(&status, "MESSAGES "), Some(accepted), "{mailbox}");
    }
}

#[test]
fn a_full_disk_under_the_queue_is_a_temporary_answer() {
    let mut options = on_small_disk("queue", "size=4m");
    options.set.push("outbound.route.away.test=127.0.0.1:1".to_owned());
    let demo = Demo::start_with(options);
    let mut smtp = SmtpClient::connect(&demo, Door::Submission).unwrap();
    assert_eq!(smtp.log_in("ana@home.test").unwrap().code, 235);
    let message = format!("From: ana@home.test\nSubject: big\n\n{}\n", wrap(&"x".repeat(256 * 1024)));
    let refusal = (0..100).find_map(|_| {
        let reply = smtp.send_mail("ana@home.test", &["friend@away.test"], &message).unwrap();
        (reply.code != 250).then_some(reply)
    });
    assert_eq!(refusal.expect("4 MiB are soon full").code, 452);
    // Mail for this house goes elsewhere and is none the worse.
    deliver(&demo, "room here");
}

#[test]
fn a_read_only_disk_serves_readers_and_refuses_mail_for_now() {
    // The demo is made first; the second start finds its mail on a disk that has turned read-only.
    let mut demo = Demo::start();
    deliver(&demo, "from before");
    demo.terminate();
    let script =
        "mount --bind \"$0\"/mail \"$0\"/mail && mount -o remount,bind,ro \"$0\"/mail && exec \"$@\"";
    let dir = demo.dir();
    let mut through = namespace();
    through.extend(["sh", "-c", script, dir.to_str().unwrap()].map(str::to_owned));
    demo.start_again_with(DemoOptions { through, ..DemoOptions::default() });
    let mut smtp = SmtpClient::connect(&demo, Door::Smtp).unwrap();
    let reply = smtp.send_mail("friend@example.org", &["ana@home.test"], "Subject: no\n\nno\n").unwrap();
    assert!((400..500).contains(&reply.code), "{reply:?}");
    let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    let verdict = imap.append("INBOX", "", "Subject: no\r\n\r\nno\r\n").unwrap().verdict;
    assert!(verdict.starts_with("NO "), "{verdict}");
    assert_eq!(subjects(&demo, "ana@home.test"), ["from before"]);
}

/// A demo whose folder of that name lies on a tmpfs of its own.
fn on_small_disk(folder: &str, mount_options: &str) -> DemoOptions {
    // The daemon's own arguments tell the folder: ... demo --dir DIR ...
    let script = format!(
        "dir=; for word; do [ \"$dir\" != next ] || {{ dir=\"$word\"; break; }}; [ \"$word\" != --dir ] || dir=next; done; \
         mkdir -p \"$dir/{folder}\" && mount -t tmpfs -o {mount_options} tmpfs \"$dir/{folder}\" && exec \"$@\""
    );
    let mut through = namespace();
    through.extend(["sh", "-c", &script, "sh"].map(str::to_owned));
    DemoOptions { through, ..DemoOptions::default() }
}

/// Starts a program where it may mount what nobody else sees: root's own way, or a user's.
fn namespace() -> Vec<String> {
    let words: &[&str] = match nix::unistd::geteuid().is_root() {
        true => &["unshare", "--mount"],
        false => &["unshare", "--map-root-user", "--mount"],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn wrap(text: &str) -> String {
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join("\n")
}

fn deliver(demo: &Demo, subject: &str) {
    let mut client = SmtpClient::connect(demo, Door::Smtp).unwrap();
    let message = format!("Subject: {subject}\n\nhello\n");
    let reply = client.send_mail("friend@example.org", &["ana@home.test"], &message).unwrap();
    assert_eq!(reply.code, 250, "{reply:?}");
}

fn subjects(demo: &Demo, account: &str) -> Vec<String> {
    let mut imap = ImapClient::log_in(demo, account).unwrap();
    imap.command("SELECT INBOX").unwrap().ok();
    imap.fetch_field("SUBJECT").unwrap().into_iter().map(|message| message.field).collect()
}

/// The next message that says this, passing over others.
fn wait_for_word(socket: &UnixDatagram, word: &str) -> String {
    let mut buffer = [0; 4096];
    loop {
        let count = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("{word} never came: {error}"));
        let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
        if text.lines().any(|line| line == word) {
            return text;
        }
    }
}

struct KilledAtEnd(Child);

impl Drop for KilledAtEnd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
