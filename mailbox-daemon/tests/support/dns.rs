//! A name server of the test's own: knot, answering for the whole of DNS from one zone.

use super::ports::free_port;
use super::wait_for;
use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// A running name server; dropping it ends it.
pub struct Dns {
    folder: TempDir,
    port: u16,
    server: Option<Process>,
}

/// A zone below a signed root.
#[derive(Clone, Copy, Debug)]
pub struct Child<'a> {
    /// Its name.
    pub domain: &'a str,
    /// Its records, with absolute names.
    pub records: &'a str,
    /// How it hangs from the root.
    pub trust: Trust,
}

/// What a resolver finds out about a zone's signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// They hold.
    Signed,
    /// There are none, and the root says so.
    Unsigned,
    /// They were valid until some weeks ago.
    Expired,
    /// They are by another key than the root says.
    Bogus,
}

impl Dns {
    /// Serves these records, in zone file form with absolute names (`a.test. MX 10 mx.a.test.`). Every other name does not
    /// exist, and names in `broken` domains cannot be asked: SERVFAIL.
    pub fn serve(records: &str, broken: &[&str]) -> Dns {
        Dns::start(records, broken)
    }

    /// Serves these records signed, and zones below them; [`Dns::trust_anchor`] is what a resolver must trust.
    pub fn serve_signed(records: &str, children: &[Child<'_>]) -> Dns {
        let dns = Dns::prepare();
        let mut root = records.to_owned();
        let options = children.iter().map(|child| dns.add(child, &mut root)).collect::<Vec<_>>().concat();
        let signed = "    dnssec-signing: on\n    dnssec-policy: manual\n";
        dns.write_root(&root, &format!("{signed}{options}"));
        dns.keymgr(&[".", "generate", "algorithm=ecdsap256sha256", "ksk=yes", "zsk=yes"]);
        fs::write(dns.trust_anchor(), dns.keymgr(&[".", "dnskey"])).expect("the folder can be written");
        dns.run()
    }

    /// What `dns.resolver` is to be set to.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What `dns.trust_anchor` is to be set to where the zone is signed.
    pub fn trust_anchor(&self) -> PathBuf {
        self.folder.path().join("anchor")
    }

    fn start(records: &str, broken: &[&str]) -> Dns {
        let dns = Dns::prepare();
        let mut zones = String::new();
        for domain in broken {
            zones = zones + "  - domain: " + domain + "\n    file: not-there.zone\n";
        }
        dns.write_root(records, &zones);
        dns.run()
    }

    fn prepare() -> Dns {
        let folder = tempfile::tempdir().expect("the temporary folder takes a folder");
        Dns { folder, port: free_port(), server: None }
    }

    /// The root zone and the configuration, in which `options` follow the root zone's.
    fn write_root(&self, records: &str, options: &str) {
        let path = self.folder.path().display();
        let config = format!(
            "server:\n  listen: 127.0.0.1@{}\n  rundir: {path}\n  udp-workers: 1\n  tcp-workers: 1\n\
             \x20 background-workers: 1\ndatabase:\n  storage: {path}\nlog:\n  - target: stderr\n    any: warning\n\
             policy:\n  - id: manual\n    manual: on\n\
             template:\n  - id: default\n    storage: {path}\n    journal-content: none\n\
             zone:\n  - domain: .\n    file: root.zone\n{options}",
            self.port
        );
        self.write("knot.conf", &config);
        self.write_zone(".", records);
    }

    fn write_zone(&self, domain: &str, records: &str) {
        let origin = if domain == "." { String::new() } else { domain.to_owned() };
        let zone = format!(
            "$TTL 60\n{origin}. SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60\n{origin}. NS ns.invalid.\n"
        );
        let own = if domain == "." { "ns.invalid. A 127.0.0.1\n" } else { "" };
        let name = if domain == "." { "root" } else { domain };
        self.write(&format!("{name}.zone"), &format!("{zone}{own}{records}\n"));
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("the folder can be written");
    }

    /// A zone below the root: its file, its delegation, its part of the configuration.
    fn add(&self, child: &Child<'_>, root: &mut String) -> String {
        let Child { domain, records, trust } = child;
        root.extend(["\n", domain, ". NS ns.invalid.\n"]);
        self.write_zone(domain, records);
        if *trust == Trust::Unsigned {
            return format!("  - domain: {domain}\n    file: {domain}.zone\n");
        }
        // Its signatures are made beforehand, as of the day they were valid from.
        let signing = format!(
            "  - domain: {domain}\n    file: {domain}.zone\n    dnssec-signing: on\n    dnssec-policy: manual\n"
        );
        self.write_root("", &signing);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let day = if *trust == Trust::Expired { now - 60 * 24 * 60 * 60 } else { now };
        let times = ["created", "publish", "ready", "active"].map(|what| format!("{what}={day}"));
        let mut generate = vec![*domain, "generate", "algorithm=ecdsap256sha256", "ksk=yes", "zsk=yes"];
        generate.extend(times.iter().map(String::as_str));
        self.keymgr(&generate);
        let out = self.folder.path().join("signed");
        fs::create_dir_all(&out).expect("the folder can be written");
        self.tool("kzonesign", &["-t", &day.to_string(), "-o", &out.display().to_string(), domain]);
        let ds = self.keymgr(&[domain, "ds"]);
        match trust {
            // Another key's.
            Trust::Bogus => root.extend([domain, ". DS 1 13 2 ", &"ab".repeat(32), "\n"]),
            _ => root.push_str(&ds),
        }
        format!("  - domain: {domain}\n    file: signed/{domain}.zone\n")
    }

    fn keymgr(&self, arguments: &[&str]) -> String {
        self.tool("keymgr", arguments)
    }

    /// What one of knot's tools prints.
    fn tool(&self, name: &str, arguments: &[&str]) -> String {
        let folders = ["/usr/sbin", "/usr/bin"].map(|folder| Path::new(folder).join(name));
        let program = folders.iter().find(|path| path.exists()).unwrap_or_else(|| {
            panic!("`{name}` is missing: `apt-get install knot knot-dnssecutils`, or `make test`, which installs it")
        });
        let config = self.folder.path().join("knot.conf");
        let output = Command::new(program).arg("-c").arg(config).args(arguments).output();
        let output = output.expect("the program can be run");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} {arguments:?}: {complaint}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn run(mut self) -> Dns {
        let log = fs::File::create(self.folder.path().join("knot.log")).expect("the folder can be written");
        let server = Command::new("/usr/sbin/knotd")
            .arg("-c")
            .arg(self.folder.path().join("knot.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            .spawn()
            .expect("`knotd` is missing: `apt-get install knot`, or `make test`, which installs it");
        self.server = Some(server);
        wait_for("the name server's first answer", || self.answers().then_some(()));
        self
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
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("knot.log")).unwrap_or_default();
            eprintln!("the name server said:\n{log}");
        }
    }
}
