//! Postfix delivers to us, and takes what our queue sends; where it refuses, the sender gets a report.

use super::mail_server::{self, MailServer, self_signed};
use super::program::as_root;
use super::{Demo, Door, SmtpClient};
use crate::support::certificates::hash;
use crate::support::demo::DemoOptions;
use crate::support::dns::Dns;
use crate::support::ports::free_port;
use crate::support::wait_for;
use crate::support::wire::Wire;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
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
    fn begin(port: u16, next_hop: u16) -> Postfix {
        let folder = tempfile::Builder::new().prefix("postfix-").tempdir().unwrap();
        // Its processes give up root and still must get in here.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let postfix = Postfix { folder, port };
        self_signed(postfix.folder.path());
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
             smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {here}/cert.pem\n\
             smtpd_tls_key_file = {here}/key.pem\n\
             relay_domains = home.test\nrelay_recipient_maps =\n\
             transport_maps = inline:{{home.test=smtp:[127.0.0.1]:{next_hop}}}\n\
             smtp_tls_security_level = encrypt\nsmtp_tls_loglevel = 1\nminimal_backoff_time = 1s\n\
             virtual_mailbox_domains = postfix.test\nvirtual_mailbox_base = {here}/mail\n\
             virtual_mailbox_maps = inline:{{bob@postfix.test=bob/, jörg@postfix.test=bob/}}\nvirtual_uid_maps = static:65534\n\
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
}

impl MailServer for Postfix {
    const DOMAIN: &'static str = "postfix.test";

    fn start(port: u16, next_hop: u16) -> Postfix {
        Postfix::begin(port, next_hop)
    }

    fn port(&self) -> u16 {
        self.port
    }

    fn mail_folder(&self) -> PathBuf {
        self.path("mail/bob")
    }

    fn log(&self) -> String {
        // Root's file, in part.
        as_root("cat").arg(self.path("log")).run().stdout
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

#[test]
fn postfix_delivers_to_us() {
    mail_server::delivers_to_us::<Postfix>();
}

#[test]
fn our_queue_delivers_to_postfix() {
    mail_server::takes_our_mail::<Postfix>();
}

#[test]
fn a_refusal_by_postfix_comes_back_as_a_report() {
    mail_server::refuses::<Postfix>();
}

#[test]
fn postfix_reports_a_delivery_it_was_asked_to_report() {
    mail_server::reports_success::<Postfix>();
}

#[test]
fn postfix_and_we_know_names_beyond_ascii() {
    mail_server::knows_utf8::<Postfix>();
}

/// A TLSA record names its certificate, which nobody else vouches for. It does not know REQUIRETLS, so mail that asks for it
/// comes back (RFC 8689 section 4.2.1).
#[test]
fn postfix_proves_itself_by_dane_and_gets_no_mail_that_requires_tls_further_on() {
    let port = free_port();
    let postfix = Postfix::start(port, 1);
    let certificate = CertificateDer::from_pem_file(postfix.path("cert.pem")).unwrap();
    let tlsa = format!("_{port}._tcp.mx.postfix.test. TLSA 3 0 1 {}", hash(&certificate));
    let records = format!("postfix.test. MX 10 mx.postfix.test.\nmx.postfix.test. A 127.0.0.1\n{tlsa}");
    let dns = Dns::serve_signed(&records, &[]);
    let demo = Demo::start_with(DemoOptions::set(&[
        format!("dns.resolver={}", dns.address()),
        format!("dns.trust_anchor={}", dns.trust_anchor().display()),
        format!("outbound.mx_port={port}"),
        "inbound.authentication=false".to_owned(),
    ]));
    submit(&demo, "");
    assert_eq!(mail_server::mail_of_bob(&postfix, 1).len(), 1);
    assert!(demo.log().contains("certificate named by TLSA"), "{}", demo.log());
    submit(&demo, " REQUIRETLS");
    let report = mail_server::report_to_ana(&demo);
    assert!(report.contains("Status: 5.7.30"), "{report}");
}

fn submit(demo: &Demo, parameter: &str) {
    let mut client = SmtpClient::greet(demo.connect(Door::Submissions)).unwrap();
    client.log_in("ana@home.test").unwrap();
    for command in [&format!("MAIL FROM:<ana@home.test>{parameter}"), "RCPT TO:<bob@postfix.test>"] {
        assert_eq!(client.command(command).unwrap().code, 250, "{command}");
    }
    assert_eq!(client.command("DATA").unwrap().code, 354);
    client.send_text("From: ana@home.test\nSubject: by DANE\n\nhello\n").unwrap();
    assert_eq!(client.reply().unwrap().code, 250);
}
