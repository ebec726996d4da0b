//! The one door to the disk. Everything the store does to files goes through [`Disk`] and [`DiskFile`], so that a twin
//! in memory ([`crash::CrashDisk`]) can cut the power at any operation.

#[cfg(any(test, feature = "crash"))]
pub mod crash;
mod real;
mod view;

pub use view::FileView;

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

/// What a path or directory entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// Anything else: a socket, a device, a symbolic link.
    Other,
}

/// What the disk knows of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStat {
    /// What it is.
    pub kind: FileKind,
    /// Length of a file in bytes.
    pub bytes: u64,
    /// When its contents last changed, in nanoseconds since 1970; for a directory, when a name in it last changed.
    pub modified_ns: i64,
}

/// A tree of files that may lose power. Paths are absolute. Nothing is durable before a sync says so.
pub trait Disk: Send + Sync + 'static {
    /// Opens an existing file for reading.
    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens a directory, so that files in it are opened without walking the path again. It stays the same directory when it is
    /// renamed.
    fn open_dir(&self, dir: &Path) -> io::Result<Box<dyn Directory>>;
    /// Opens a file for reading and writing in place, making it first when `create` is set.
    fn open_update(&self, path: &Path, create: bool) -> io::Result<Arc<dyn DiskFile>>;
    /// A new file in `dir` without a name: it vanishes with its last handle unless [`Spool::link`] names it.
    fn create_spool(&self, dir: &Path) -> io::Result<Box<dyn Spool>>;
    /// Gives a file a second name. Fails with `AlreadyExists` when the name is taken.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Renames a file or directory; a file called `to` is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file's name.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Makes a directory and its missing parents, readable by the owner only.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty directory.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Calls `visit` for every entry of a directory but `.` and `..`, in no order.
    fn read_dir(&self, dir: &Path, visit: &mut dyn FnMut(&OsStr, FileKind)) -> io::Result<()>;
    /// What a path is; symbolic links are followed.
    fn stat(&self, path: &Path) -> io::Result<FileStat>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes everything written so far on the file system of `path` durable.
    fn sync_file_system(&self, path: &Path) -> io::Result<()>;
    /// Whether syncing a file makes the names it was linked or renamed to durable with it, as ext4, XFS and Btrfs do.
    fn names_ride_on_file_sync(&self, path: &Path) -> bool;
    /// A directory whose time is older than this has not changed since: twice the step its file system's times take.
    fn times_settle_ns(&self, path: &Path) -> i64;
    /// The clock of the file system's times, in nanoseconds since 1970.
    fn now_ns(&self) -> i64;
    /// Whether paths mean the same to the kernel, so that inotify can watch them.
    fn is_real(&self) -> bool;
}

/// An open file. Reads and writes name their offset, so a handle can be shared between threads.
pub trait DiskFile: Send + Sync {
    /// Reads at an offset; fewer bytes than asked for only at the end, 0 beyond it.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all bytes at an offset, growing the file as needed.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// All of it in one piece. Nobody may write to the file or cut it while the view is there.
    fn view(&self) -> io::Result<FileView>;
    /// Length in bytes.
    fn bytes(&self) -> io::Result<u64>;
    /// Cuts or grows (with zeros) the file.
    fn set_bytes(&self, bytes: u64) -> io::Result<()>;
    /// Sets the modification time, in seconds since 1970.
    fn set_modified(&self, seconds: i64) -> io::Result<()>;
    /// Makes contents and metadata durable, and on some file systems the file's names ([`Disk::names_ride_on_file_sync`]).
    fn sync(&self) -> io::Result<()>;
    /// Makes contents and length durable; names and times may wait.
    fn sync_data(&self) -> io::Result<()>;
}

/// An open directory.
pub trait Directory: Send + Sync {
    /// Opens an existing file in it for reading.
    fn open_read(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
}

/// A file that has no name yet.
pub trait Spool: Send + Sync {
    /// The file behind it.
    fn file(&self) -> &Arc<dyn DiskFile>;
    /// Names the file. Fails with `AlreadyExists` when the name is taken. To be called once.
    fn link(&self, to: &Path) -> io::Result<()>;
}

/// The machine's own disk.
pub fn real() -> Arc<dyn Disk> {
    Arc::new(real::RealDisk)
}

/// Reads a whole small file, at most `bytes_max` of it.
pub fn read_small(disk: &dyn Disk, path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let file = disk.open_read(path)?;
    let mut bytes = vec![0; (file.bytes()?).min(bytes_max as u64) as usize];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Whether a file has a block of nothing but zeros. A power cut can leave a file with its name and full length before its
/// content came: ext4 then shows zeros in whole blocks. Mail has none.
pub(crate) fn has_empty_block(disk: &dyn Disk, path: &Path) -> io::Result<bool> {
    /// The smallest block a file system here has.
    const BLOCK_BYTES: usize = 1024;
    let file = disk.open_read(path)?;
    let mut buffer = vec![0; 64 * BLOCK_BYTES];
    let mut offset = 0;
    loop {
        let count = file.read_at(&mut buffer, offset)?;
        if buffer[..count].chunks(BLOCK_BYTES).any(|block| block.iter().all(|byte| *byte == 0)) {
            return Ok(true);
        }
        offset += count as u64;
        if count < buffer.len() {
            return Ok(false);
        }
    }
}

/// Replaces a small file as a whole: whoever looks, even after a power cut, finds the old or the new contents. The new
/// contents are durable once the directory is synced.
pub fn replace_small(disk: &dyn Disk, path: &Path, contents: &[u8]) -> io::Result<()> {
    replace(disk, path, b"", contents)
}

/// The same for a file of any size that has a head.
pub fn replace(disk: &dyn Disk, path: &Path, head: &[u8], contents: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("replacing");
    let file = disk.open_update(&temporary, true)?;
    file.set_bytes(0)?;
    if !head.is_empty() {
        file.write_at(head, 0)?;
    }
    file.write_at(contents, head.len() as u64)?;
    file.sync()?;
    drop(file);
    disk.rename(&temporary, path)
}

/// Makes a folder, and its name durable, where there is none.
pub fn make_dir(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    match disk.stat(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            disk.create_dir_all(dir)?;
            disk.sync_dir(dir.parent().unwrap_or(Path::new("/")))
        }
        stat => stat.map(|_| ()),
    }
}

/// Removes a directory and everything in it.
pub fn remove_tree(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    let mut entries = Vec::new();
    disk.read_dir(dir, &mut |name, kind| entries.push((name.to_owned(), kind)))?;
    for (name, kind) in entries {
        let path = dir.join(name);
        match kind {
            FileKind::Directory => remove_tree(disk, &path)?,
            FileKind::File | FileKind::Other => disk.remove_file(&path)?,
        }
    }
    disk.remove_dir(dir)
}
