//! `mailbox-daemon doctor` on a running and on a stopped box.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use support::demo::{Demo, Door};
use support::imap::ImapClient;
use support::smtp::SmtpClient;

fn deliver(demo: &Demo, subject: &str) {
    let message = format!("From: friend@example.org\r\nSubject: {subject}\r\n\r\ntext\r\n");
    let mut client = SmtpClient::connect(demo, Door::Smtp).unwrap();
    let reply = client.send_mail("friend@example.org", &["ana@home.test"], &message).unwrap();
    assert_eq!(reply.code, 250);
}

/// Exit code and what was printed, errors included.
fn doctor(demo: &Demo, words: &[&str]) -> (i32, String) {
    let words = [&["doctor"], words].concat();
    let output = demo.cli(&words).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8_lossy(&said).into_owned())
}

fn messages(inbox: &Path) -> Vec<PathBuf> {
    let files = ["new", "cur"].iter().flat_map(|dir| fs::read_dir(inbox.join(dir)).unwrap());
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn it_tells_and_mends_and_its_exit_code_says_so() {
    let mut demo = Demo::start();
    for subject in ["one", "two", "three"] {
        deliver(&demo, subject);
    }
    let (code, said) = doctor(&demo, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("All mail is in order.") && said.contains("The daemon is running"), "{said}");

    let inbox = demo.state_dir().join("mail/home.test/ana");
    let files = messages(&inbox);
    fs::write(&files[0], "cut").unwrap();
    let (code, said) = doctor(&demo, &["--repair"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("stop it first"), "{said}");

    assert!(demo.terminate().success());
    // The daemon itself would give a copy a number of its own.
    let copy = files[1].file_name().unwrap().to_string_lossy().replacen('1', "2", 1);
    fs::copy(&files[1], inbox.join("new").join(copy)).unwrap();
    let (code, said) = doctor(&demo, &["--json"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("The end of this message is lost") && said.contains("Two files claim"), "{said}");
    let (code, said) = doctor(&demo, &["--repair"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("was set aside here"), "{said}");
    for file in fs::read_dir(inbox.join("quarantine")).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    let (code, said) = doctor(&demo, &[]);
    assert_eq!((code, said.as_str()), (0, "All mail is in order.\n"));

    demo.start_again();
    let mut client = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    client.command("SELECT INBOX").unwrap().ok();
    assert_eq!(client.fetch_field("Subject").unwrap().len(), 3);
}
