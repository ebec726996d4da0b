//! Mail servers that cannot be installed beside one another: their packages lie unpacked, and each runs in mounts and processes
//! of its own, where it finds its users and an empty spool. Nothing of it outlives the test, however that ends.

use super::mail_server::self_signed;
use super::program::{Conversation, as_root};
use crate::support::wait_for;
use crate::support::wire::Wire;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Ends with the line it reads from the test, or the end of the test itself, and takes all of its processes along.
const CAGE: &str = r#"
set -e
unpacked=$1 here=$2
shift 2
exec >>"$here/log" 2>&1
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/unpacked
mount --bind "$unpacked" /run/unpacked
for file in passwd group; do mount --bind "$here/$file" "/etc/$file"; done
for folder in /var/spool /var/lib /usr/libexec; do mount -t tmpfs -o mode=755 tmpfs "$folder"; done
[ ! -d /run/unpacked/usr/libexec ] || ln -s /run/unpacked/usr/libexec/* /usr/libexec/
mkdir -p /var/lib/opensmtpd/empty
"$@" </dev/null &
read -r _ || true
"#;
/// Numbers no user of this machine has.
const FIRST_USER: u32 = 64_901;

/// A server from an unpacked package.
pub struct Unpacked {
    keeper: Option<Conversation>,
    folder: TempDir,
    /// Where it listens.
    pub port: u16,
}

impl Unpacked {
    /// A folder with a certificate, in which each of these users and bob has a folder of his own.
    pub fn prepare(port: u16, users: &[&str]) -> Unpacked {
        let folder = tempfile::Builder::new().prefix("unpacked-").tempdir().unwrap();
        // Its processes give up root and still must get in here.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let unpacked = Unpacked { keeper: None, folder, port };
        unpacked.make_users(users);
        self_signed(unpacked.folder.path());
        as_root("chown").arg("0").arg(unpacked.path("key.pem")).succeed();
        unpacked
    }

    fn make_users(&self, users: &[&str]) {
        let mut passwd = fs::read_to_string("/etc/passwd").unwrap();
        let mut group = fs::read_to_string("/etc/group").unwrap();
        for (user, id) in users.iter().chain(&["bob"]).zip(FIRST_USER..) {
            let home = self.path(user);
            fs::create_dir(&home).unwrap();
            let _ = writeln!(passwd, "{user}:x:{id}:{id}::{}:/bin/sh", home.display());
            let _ = writeln!(group, "{user}:x:{id}:");
            as_root("chown").arg(format!("{id}:{id}")).arg(home).succeed();
        }
        fs::write(self.path("passwd"), passwd).unwrap();
        fs::write(self.path("group"), group).unwrap();
    }

    /// A file or folder of the server's.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a program of a package with this configuration and waits until it listens.
    pub fn run(&mut self, package: &str, configuration: &str, command: &[&str]) {
        fs::write(self.path("configuration"), configuration).unwrap();
        let own = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", CAGE, "sh"];
        let keeper = as_root("unshare").args(own).arg(package_folder(package)).arg(self.folder.path());
        self.keeper = Some(keeper.args(command).converse());
        let port = self.port;
        wait_for(package, || Wire::try_connect(port).ok());
    }

    /// What it wrote to standard output and error, and to a log of its own.
    pub fn log(&self) -> String {
        as_root("sh")
            .args(["-c", "cat \"$0/log\" \"$0\"/*/*log 2>/dev/null"])
            .arg(self.folder.path())
            .run()
            .stdout
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the other server's log ---\n{}\n---", self.log());
        }
        self.keeper = None;
        // Files of its own users, which only root can remove.
        let _ = as_root("find").arg(self.folder.path()).args(["-mindepth", "1", "-delete"]).run();
    }
}

/// Where `debian/install.sh` lays the files of a package.
fn package_folder(package: &str) -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let folder = cache.or(home).unwrap_or_default().join("mailbox-daemon/unpacked").join(package);
    assert!(
        folder.is_dir(),
        "{package} is not unpacked: `sh mailbox-daemon/debian/install.sh test`, or `make test`, which does it"
    );
    folder
}
