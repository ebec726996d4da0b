//! A name server of the test's own: knot, answering for the whole of DNS from one zone.

use super::ports::free_port;
use super::wait_for;
use std::fs;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A running name server; dropping it ends it.
pub struct Dns {
    folder: TempDir,
    port: u16,
    server: Child,
}

impl Dns {
    /// Serves these records, in zone file form with absolute names (`a.test. MX 10 mx.a.test.`). Every other name does not
    /// exist, and names in `broken` domains cannot be asked: SERVFAIL.
    pub fn serve(records: &str, broken: &[&str]) -> Dns {
        Dns::start(records, broken, "")
    }

    /// What `dns.resolver` is to be set to.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn start(records: &str, broken: &[&str], zone_options: &str) -> Dns {
        let folder = tempfile::tempdir().expect("the temporary folder takes a folder");
        let port = free_port();
        let path = folder.path().display();
        let mut zones = format!("  - domain: .\n    file: root.zone\n{zone_options}");
        for domain in broken {
            zones = zones + "  - domain: " + domain + "\n    file: not-there.zone\n";
        }
        let config = format!(
            "server:\n  listen: 127.0.0.1@{port}\n  rundir: {path}\n  udp-workers: 1\n  tcp-workers: 1\n\
             \x20 background-workers: 1\ndatabase:\n  storage: {path}\nlog:\n  - target: stderr\n    any: warning\n\
             template:\n  - id: default\n    storage: {path}\n    journal-content: none\nzone:\n{zones}"
        );
        let zone = format!(
            "$TTL 60\n. SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60\n. NS ns.invalid.\n\
             ns.invalid. A 127.0.0.1\n{records}\n"
        );
        fs::write(folder.path().join("root.zone"), zone).expect("the folder can be written");
        fs::write(folder.path().join("knot.conf"), config).expect("the folder can be written");
        let log = fs::File::create(folder.path().join("knot.log")).expect("the folder can be written");
        let server = Command::new("/usr/sbin/knotd")
            .arg("-c")
            .arg(folder.path().join("knot.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            .spawn()
            .expect("`knotd` is missing: `apt-get install knot`, or `make test`, which installs it");
        let dns = Dns { folder, port, server };
        wait_for("the name server's first answer", || dns.answers().then_some(()));
        dns
    }

    /// Whether it serves the root zone: asks for its SOA.
    fn answers(&self) -> bool {
        let asked = || -> std::io::Result<bool> {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.set_read_timeout(Some(Duration::from_millis(200)))?;
            socket.connect(("127.0.0.1", self.port))?;
            socket.send(&[0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1])?;
            let mut reply = [0; 512];
            let bytes = socket.recv(&mut reply)?;
            let (is_error_free, answers) = (reply[3] % 16 == 0, reply[7]);
            Ok(bytes > 12 && is_error_free && answers == 1)
        };
        asked().unwrap_or(false)
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("knot.log")).unwrap_or_default();
            eprintln!("the name server said:\n{log}");
        }
    }
}
