use super::{Directory, Disk, DiskFile, FileKind, FileStat, FileView, Spool};
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, open, openat};
use nix::sys::stat::Mode;
use nix::sys::statfs::{BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, statfs};
use nix::unistd::{linkat, syncfs};
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The machine's disk, through std and nix.
pub(super) struct RealDisk;

const FILE_MODE: u32 = 0o600;
const DIR_MODE: u32 = 0o700;

impl Disk for RealDisk {
    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(RealFile(File::open(path)?)))
    }

    fn open_dir(&self, dir: &Path) -> io::Result<Box<dyn Directory>> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Box::new(RealDirectory(open(dir, flags, Mode::empty())?)))
    }

    fn open_update(&self, path: &Path, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .mode(FILE_MODE)
            .open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn create_spool(&self, dir: &Path) -> io::Result<Box<dyn Spool>> {
        let nameless =
            OpenOptions::new().read(true).write(true).custom_flags(libc::O_TMPFILE).mode(FILE_MODE).open(dir);
        match nameless {
            Ok(file) => {
                let fd_path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
                Ok(Box::new(NamelessSpool { file: Arc::new(RealFile(file)), fd_path }))
            }
            // Not every file system has nameless files (NFS, some FUSE): a named one does, start-up removes leftovers.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR)) => {
                NamedSpool::create(dir)
            }
            Err(error) => Err(error),
        }
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(DIR_MODE).create(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn read_dir(&self, dir: &Path, visit: &mut dyn FnMut(&OsStr, FileKind)) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            // File systems without a type in the entry cost std one stat here.
            let kind = entry.file_type().map_or(FileKind::Other, kind_of);
            visit(&entry.file_name(), kind);
        }
        Ok(())
    }

    fn stat(&self, path: &Path) -> io::Result<FileStat> {
        let metadata = fs::metadata(path)?;
        Ok(FileStat {
            kind: kind_of(metadata.file_type()),
            bytes: metadata.len(),
            modified_ns: metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()),
        })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn sync_file_system(&self, path: &Path) -> io::Result<()> {
        Ok(syncfs(File::open(path)?)?)
    }

    fn names_ride_on_file_sync(&self, path: &Path) -> bool {
        is_journaling(path)
    }

    fn times_settle_ns(&self, path: &Path) -> i64 {
        // ext4, XFS and Btrfs take the time of the kernel's last tick, 10 ms apart at the most; old formats count in 2 s.
        if is_journaling(path) { 50_000_000 } else { 4_000_000_000 }
    }

    fn now_ns(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64)
    }

    fn is_real(&self) -> bool {
        true
    }
}

/// ext4, XFS or Btrfs.
fn is_journaling(path: &Path) -> bool {
    statfs(path).is_ok_and(|answer| {
        let kind = answer.filesystem_type();
        kind == EXT4_SUPER_MAGIC || kind == XFS_SUPER_MAGIC || kind == BTRFS_SUPER_MAGIC
    })
}

fn kind_of(kind: fs::FileType) -> FileKind {
    match (kind.is_dir(), kind.is_file()) {
        (true, _) => FileKind::Directory,
        (false, true) => FileKind::File,
        (false, false) => FileKind::Other,
    }
}

struct RealDirectory(OwnedFd);

impl Directory for RealDirectory {
    fn open_read(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = openat(&self.0, name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        Ok(Arc::new(RealFile(File::from(file))))
    }
}

struct RealFile(File);

impl DiskFile for RealFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.0.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn view(&self) -> io::Result<FileView> {
        FileView::map(&self.0)
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_bytes(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn set_modified(&self, seconds: i64) -> io::Result<()> {
        let distance = Duration::from_secs(seconds.unsigned_abs());
        let time = match seconds >= 0 {
            true => UNIX_EPOCH.checked_add(distance),
            false => UNIX_EPOCH.checked_sub(distance),
        };
        self.0.set_modified(time.ok_or(ErrorKind::InvalidInput)?)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// A file made with `O_TMPFILE`.
struct NamelessSpool {
    file: Arc<dyn DiskFile>,
    fd_path: PathBuf,
}

impl Spool for NamelessSpool {
    fn file(&self) -> &Arc<dyn DiskFile> {
        &self.file
    }

    fn link(&self, to: &Path) -> io::Result<()> {
        // Through /proc, because AT_EMPTY_PATH needs a capability the daemon does not have.
        Ok(linkat(AT_FDCWD, &self.fd_path, AT_FDCWD, to, AtFlags::AT_SYMLINK_FOLLOW)?)
    }
}

/// The stand-in where `O_TMPFILE` is unknown: a name nobody looks at, removed when it was not linked.
struct NamedSpool {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    linked: AtomicBool,
}

/// Counts the named spool files of this process.
static NAMED_SPOOLS: AtomicU64 = AtomicU64::new(0);

impl NamedSpool {
    fn create(dir: &Path) -> io::Result<Box<dyn Spool>> {
        let number = NAMED_SPOOLS.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("spool-{}-{number}", std::process::id()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(&path)?;
        Ok(Box::new(NamedSpool { file: Arc::new(RealFile(file)), path, linked: AtomicBool::new(false) }))
    }
}

impl Spool for NamedSpool {
    fn file(&self) -> &Arc<dyn DiskFile> {
        &self.file
    }

    fn link(&self, to: &Path) -> io::Result<()> {
        fs::hard_link(&self.path, to)?;
        self.linked.store(true, Ordering::Relaxed);
        fs::remove_file(&self.path)
    }
}

impl Drop for NamedSpool {
    fn drop(&mut self) {
        if !self.linked.load(Ordering::Relaxed) {
            // A leftover is removed by the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names = Vec::new();
        RealDisk.read_dir(dir, &mut |name, _| names.push(name.to_string_lossy().into_owned())).unwrap();
        names
    }

    #[test]
    fn a_file_without_a_name_gets_one_or_vanishes() {
        let dir = tempfile::tempdir().unwrap();
        for create in [|dir: &Path| RealDisk.create_spool(dir), NamedSpool::create] {
            let spool = create(dir.path()).unwrap();
            spool.file().write_at(b"mail", 0).unwrap();
            drop(spool);
            assert!(names(dir.path()).is_empty());
            let spool = create(dir.path()).unwrap();
            spool.file().write_at(b"mail", 0).unwrap();
            let to = dir.path().join("linked");
            fs::write(&to, "another").unwrap();
            assert_eq!(spool.link(&to).unwrap_err().kind(), ErrorKind::AlreadyExists);
            fs::remove_file(&to).unwrap();
            spool.link(&to).unwrap();
            spool.file().sync().unwrap();
            drop(spool);
            assert_eq!(names(dir.path()), ["linked"]);
            assert_eq!(fs::read(&to).unwrap(), b"mail");
            RealDisk.remove_file(&to).unwrap();
        }
    }
}
