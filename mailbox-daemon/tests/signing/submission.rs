//! Mail people here send.

use super::keys::records;
use super::support::demo::{Demo, Door};
use super::support::dns::Dns;
use super::support::smtp::SmtpClient;
use super::support::wait_for;
use super::verify::verify;
use std::path::Path;

const EVERY_SIGNATURE: [&str; 2] = ["pass rsa-sha256 home.test", "pass ed25519-sha256 home.test"];

/// The only message in a mailbox, as it lies there.
pub fn only_message(maildir: &Path) -> Vec<u8> {
    let files = || std::fs::read_dir(maildir.join("new")).unwrap().map(|file| file.unwrap().path());
    wait_for("a message", || files().next());
    let files: Vec<_> = files().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    std::fs::read(&files[0]).unwrap()
}

/// Ana sends Ben a message.
pub fn submit(demo: &Demo, message: &str) {
    let mut client = SmtpClient::connect(demo, Door::Submissions).unwrap();
    assert_eq!(client.log_in("ana@home.test").unwrap().code, 235);
    let reply = client.send_mail("ana@home.test", &["ben@home.test"], message).unwrap();
    assert_eq!(reply.code, 250, "{reply:?}");
}

#[test]
fn others_can_check_what_people_here_send() {
    let big = format!("Subject: big\r\n\r\n{}", "a line of the body\r\n".repeat(20_000));
    for message in [
        "Subject: one\r\n\r\nhello\r\n",
        "Subject: folded\r\n\tand odd \r\nTo: ben@home.test,\r\n  Ana <ana@home.test>\r\nBcc: x@y.test\r\n\r\n \t\r\n\r\n\r\n",
        "Subject: =?utf-8?q?=C3=A9?=\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\né\r\n.\r\n",
        "Subject: no body\r\n\r\n",
        big.as_str(),
    ] {
        let demo = Demo::start();
        let dns = Dns::serve(&records(&demo), &[]);
        submit(&demo, &format!("From: Ana <ana@home.test>\r\n{message}"));
        let stored = only_message(&demo.maildir("ben"));
        let text = String::from_utf8_lossy(&stored);
        let head = &text[..text.len().min(3000)];
        assert_eq!(verify(&dns, &["dkim"], &stored), EVERY_SIGNATURE, "{head}");
        // What was not there cannot be added, what was there cannot be changed.
        for (from, to) in
            [("From: Ana", "Reply-To: x@evil.test\r\nFrom: Ana"), ("Subject: ", "Subject: not ")]
        {
            let changed = text.replacen(from, to, 1);
            let said = verify(&dns, &["dkim"], changed.as_bytes());
            assert!(said.len() == 2 && said.iter().all(|line| line.starts_with("fail")), "{said:?}");
        }
    }
}
