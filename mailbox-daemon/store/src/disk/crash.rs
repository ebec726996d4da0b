//! The disk's twin in memory, for tests: it loses power on command and keeps only what a real disk must keep.
//!
//! Contents and names live twice, as programs see them and as they are on disk. Syncs carry the one over to the other;
//! [`CrashDisk::survive`] throws the first away.

mod world;

use super::{Directory, Disk, DiskFile, FileKind, FileStat, FileView, Spool};
use crate::locked;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use world::{Body, Fault, FaultKind, Inode, Names, Node, Operation, ROOT, World, code};

/// A disk in memory. Clones are the same disk.
#[derive(Clone)]
pub struct CrashDisk {
    world: Arc<Mutex<World>>,
}

/// What is left after a power cut, besides what was synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// Some of it, chosen by the seed: names in the order of a journal or at random, contents whole, in part or not at all.
    Chance(u64),
    /// All of it, as after `kill -9`.
    Everything,
    /// Nothing of it.
    Strict,
}

impl Default for CrashDisk {
    fn default() -> CrashDisk {
        CrashDisk::new()
    }
}

impl CrashDisk {
    /// An empty disk on which names ride on file syncs, as on ext4.
    pub fn new() -> CrashDisk {
        CrashDisk::with_names_ride(true)
    }

    /// An empty disk; `names_ride` says whether syncing a file makes its names durable.
    pub fn with_names_ride(names_ride: bool) -> CrashDisk {
        let mut inodes = HashMap::new();
        inodes.insert(ROOT, Node { modified_ns: 0, body: Body::empty_directory() });
        let world = World {
            inodes,
            pending: Vec::new(),
            names_ride,
            operations: 0,
            directory_reads: 0,
            faults: Vec::new(),
            is_off: false,
            clock_ns: 1_700_000_000_000_000_000,
        };
        CrashDisk { world: Arc::new(Mutex::new(world)) }
    }

    /// The disk as the trait object the store takes.
    pub fn shared(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }

    /// Operations so far that change something or sync.
    pub fn operations(&self) -> u64 {
        locked(&self.world).operations
    }

    /// Cuts the power when operation `number` (as [`CrashDisk::operations`] counts, from 1) is about to happen.
    pub fn cut_at(&self, number: u64) {
        locked(&self.world).faults.push(Fault { at: number, kind: FaultKind::Cut });
    }

    /// Cuts the power now.
    pub fn cut(&self) {
        locked(&self.world).is_off = true;
    }

    /// Whether the power is off.
    pub fn is_cut(&self) -> bool {
        locked(&self.world).is_off
    }

    /// Lets operation `number` fail with an error code of `libc`.
    pub fn fail_at(&self, number: u64, code: i32) {
        let kind = FaultKind::Fail { code, is_lasting: false };
        locked(&self.world).faults.push(Fault { at: number, kind });
    }

    /// Lets operation `number` and all later ones fail until [`CrashDisk::heal`]; a full disk still removes and syncs.
    pub fn fail_from(&self, number: u64, code: i32) {
        let kind = FaultKind::Fail { code, is_lasting: true };
        locked(&self.world).faults.push(Fault { at: number, kind });
    }

    /// Forgets all faults that were asked for.
    pub fn heal(&self) {
        locked(&self.world).faults.clear();
    }

    /// How many directories were read so far.
    pub fn directory_reads(&self) -> u64 {
        locked(&self.world).directory_reads
    }

    /// Lets time pass.
    pub fn advance_s(&self, seconds: i64) {
        locked(&self.world).clock_ns += seconds * 1_000_000_000;
    }

    /// A new disk with what a power cut now would leave of this one.
    pub fn survive(&self, survival: Survival) -> CrashDisk {
        let world = locked(&self.world).survive(survival);
        CrashDisk { world: Arc::new(Mutex::new(world)) }
    }

    /// Replaces or makes a file as another program would.
    pub fn put_file(&self, path: &Path, contents: &[u8]) -> io::Result<()> {
        let file = self.open_update(path, true)?;
        file.set_bytes(0)?;
        file.write_at(contents, 0)
    }

    /// A file's contents.
    pub fn contents(&self, path: &Path) -> io::Result<Vec<u8>> {
        let world = locked(&self.world);
        match &world.node(world.resolve(path)?)?.body {
            Body::File { contents, .. } => Ok(contents.clone()),
            Body::Directory { .. } => Err(code(libc::EISDIR)),
        }
    }

    /// The names in a directory, sorted.
    pub fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        self.read_dir(dir, &mut |name, _| names.push(name.to_string_lossy().into_owned()))?;
        Ok(names)
    }

    fn change<T>(
        &self,
        operation: Operation,
        work: impl FnOnce(&mut World) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut world = locked(&self.world);
        world.begin(operation)?;
        work(&mut world)
    }

    fn open(&self, inode: Inode) -> Arc<dyn DiskFile> {
        Arc::new(CrashFile { disk: self.clone(), inode })
    }
}

/// A directory by its path: a renamed one is not followed.
struct CrashDirectory {
    disk: CrashDisk,
    path: PathBuf,
}

impl Directory for CrashDirectory {
    fn open_read(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open_read(&self.path.join(name))
    }
}

impl Disk for CrashDisk {
    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let inode = locked(&self.world).resolve_file(path)?;
        Ok(self.open(inode))
    }

    fn open_dir(&self, dir: &Path) -> io::Result<Box<dyn Directory>> {
        Ok(Box::new(CrashDirectory { disk: self.clone(), path: dir.to_owned() }))
    }

    fn open_update(&self, path: &Path, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        let found = locked(&self.world).resolve_file(path);
        match found {
            Err(error) if create && error.kind() == ErrorKind::NotFound => {
                let inode = self.change(Operation::Grow, |world| {
                    let place = world.place(path)?;
                    let inode = world.add(Body::empty_file());
                    world.rename_nodes(inode, None, Some(place))?;
                    Ok(inode)
                })?;
                Ok(self.open(inode))
            }
            found => Ok(self.open(found?)),
        }
    }

    fn create_spool(&self, dir: &Path) -> io::Result<Box<dyn Spool>> {
        let inode = self.change(Operation::Grow, |world| {
            world.names(world.resolve(dir)?)?;
            Ok(world.add(Body::empty_file()))
        })?;
        Ok(Box::new(CrashSpool { disk: self.clone(), inode, file: self.open(inode) }))
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(Operation::Grow, |world| {
            let inode = world.resolve_file(from)?;
            world.link(inode, to)
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(Operation::Shrink, |world| {
            let inode = world.resolve(from)?;
            let (from, to) = (world.place(from)?, world.place(to)?);
            if let Some(replaced) = world.names(to.0)?.get(&to.1)
                && !world.names(*replaced).unwrap_or(&Names::new()).is_empty()
            {
                return Err(code(libc::ENOTEMPTY));
            }
            world.rename_nodes(inode, Some(from), Some(to))
        })
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.change(Operation::Shrink, |world| {
            let inode = world.resolve_file(path)?;
            let place = world.place(path)?;
            world.rename_nodes(inode, Some(place), None)
        })
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let ancestors: Vec<&Path> = path.ancestors().collect();
        for dir in ancestors.into_iter().rev() {
            let found = locked(&self.world).resolve(dir).map(drop);
            match found {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.change(Operation::Grow, |world| {
                        let place = world.place(dir)?;
                        let inode = world.add(Body::empty_directory());
                        world.rename_nodes(inode, None, Some(place))
                    })?;
                }
                Err(error) => return Err(error),
            }
        }
        let world = locked(&self.world);
        world.names(world.resolve(path)?).map(drop)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.change(Operation::Shrink, |world| {
            let inode = world.resolve(path)?;
            if !world.names(inode)?.is_empty() {
                return Err(code(libc::ENOTEMPTY));
            }
            let place = world.place(path)?;
            world.rename_nodes(inode, Some(place), None)
        })
    }

    fn read_dir(&self, dir: &Path, visit: &mut dyn FnMut(&OsStr, FileKind)) -> io::Result<()> {
        let entries: Vec<(OsString, FileKind)> = {
            let mut world = locked(&self.world);
            world.directory_reads += 1;
            let names = world.names(world.resolve(dir)?)?;
            names.iter().map(|(name, inode)| (name.clone(), world.kind(*inode))).collect()
        };
        for (name, kind) in entries {
            visit(&name, kind);
        }
        Ok(())
    }

    fn stat(&self, path: &Path) -> io::Result<FileStat> {
        let world = locked(&self.world);
        let inode = world.resolve(path)?;
        let node = world.node(inode)?;
        let bytes = match &node.body {
            Body::File { contents, .. } => contents.len() as u64,
            Body::Directory { .. } => 0,
        };
        Ok(FileStat { kind: world.kind(inode), bytes, modified_ns: node.modified_ns })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.change(Operation::Sync, |world| {
            let inode = world.resolve(dir)?;
            world.names(inode)?;
            world.carry_names(|change| {
                [&change.from, &change.to].into_iter().flatten().any(|(parent, _)| *parent == inode)
            });
            Ok(())
        })
    }

    fn sync_file_system(&self, _path: &Path) -> io::Result<()> {
        self.change(Operation::Sync, |world| {
            for node in world.inodes.values_mut() {
                node.carry_contents();
            }
            world.carry_names(|_| true);
            Ok(())
        })
    }

    fn times_settle_ns(&self, _path: &Path) -> i64 {
        2_000_000_000
    }

    fn names_ride_on_file_sync(&self, _path: &Path) -> bool {
        locked(&self.world).names_ride
    }

    fn now_ns(&self) -> i64 {
        locked(&self.world).clock_ns
    }

    fn is_real(&self) -> bool {
        false
    }
}

struct CrashFile {
    disk: CrashDisk,
    inode: Inode,
}

impl CrashFile {
    fn change(&self, operation: Operation, work: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        self.disk.change(operation, |world| {
            let now = world.clock_ns;
            let node = world.inodes.get_mut(&self.inode).ok_or(ErrorKind::NotFound)?;
            node.modified_ns = now;
            match &mut node.body {
                Body::File { contents, .. } => work(contents),
                Body::Directory { .. } => return Err(code(libc::EISDIR)),
            }
            Ok(())
        })
    }

    fn sync_contents(&self, with_names: bool) -> io::Result<()> {
        self.disk.change(Operation::Sync, |world| {
            if let Some(node) = world.inodes.get_mut(&self.inode) {
                node.carry_contents();
            }
            if with_names && world.names_ride {
                world.carry_names(|change| change.inode == self.inode);
            }
            Ok(())
        })
    }
}

impl DiskFile for CrashFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let world = locked(&self.disk.world);
        match &world.node(self.inode)?.body {
            Body::File { contents, .. } => {
                let rest = contents.get(offset as usize..).unwrap_or_default();
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                Ok(count)
            }
            Body::Directory { .. } => Err(code(libc::EISDIR)),
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.change(Operation::Grow, |contents| {
            let end = offset as usize + bytes.len();
            contents.resize(contents.len().max(end), 0);
            contents[offset as usize..end].copy_from_slice(bytes);
        })
    }

    fn view(&self) -> io::Result<FileView> {
        let world = locked(&self.disk.world);
        match &world.node(self.inode)?.body {
            Body::File { contents, .. } => Ok(contents.clone().into()),
            Body::Directory { .. } => Err(code(libc::EISDIR)),
        }
    }

    fn bytes(&self) -> io::Result<u64> {
        let world = locked(&self.disk.world);
        match &world.node(self.inode)?.body {
            Body::File { contents, .. } => Ok(contents.len() as u64),
            Body::Directory { .. } => Err(code(libc::EISDIR)),
        }
    }

    fn set_bytes(&self, bytes: u64) -> io::Result<()> {
        self.change(Operation::Grow, |contents| contents.resize(bytes as usize, 0))
    }

    fn set_modified(&self, seconds: i64) -> io::Result<()> {
        self.disk.change(Operation::Shrink, |world| {
            let node = world.inodes.get_mut(&self.inode).ok_or(ErrorKind::NotFound)?;
            node.modified_ns = seconds.saturating_mul(1_000_000_000);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_contents(true)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync_contents(false)
    }
}

struct CrashSpool {
    disk: CrashDisk,
    inode: Inode,
    file: Arc<dyn DiskFile>,
}

impl Spool for CrashSpool {
    fn file(&self) -> &Arc<dyn DiskFile> {
        &self.file
    }

    fn link(&self, to: &Path) -> io::Result<()> {
        self.disk.change(Operation::Grow, |world| world.link(self.inode, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> CrashDisk {
        let disk = CrashDisk::new();
        disk.create_dir_all(Path::new("/a")).unwrap();
        disk.sync_file_system(Path::new("/")).unwrap();
        disk
    }

    fn spooled(disk: &CrashDisk, contents: &[u8]) -> Box<dyn Spool> {
        let spool = disk.create_spool(Path::new("/a")).unwrap();
        spool.file().write_at(contents, 0).unwrap();
        spool
    }

    #[test]
    fn a_linked_file_survives_its_sync_only_where_names_ride() {
        for names_ride in [true, false] {
            let disk = CrashDisk::with_names_ride(names_ride);
            disk.create_dir_all(Path::new("/a")).unwrap();
            disk.sync_dir(Path::new("/")).unwrap();
            let spool = spooled(&disk, b"mail");
            spool.link(Path::new("/a/m")).unwrap();
            assert_eq!(disk.survive(Survival::Strict).names(Path::new("/a")).unwrap(), [""; 0]);
            spool.file().sync().unwrap();
            let left = disk.survive(Survival::Strict).contents(Path::new("/a/m"));
            assert_eq!(left.is_ok(), names_ride);
            disk.sync_dir(Path::new("/a")).unwrap();
            assert_eq!(disk.survive(Survival::Strict).contents(Path::new("/a/m")).unwrap(), b"mail");
        }
    }

    #[test]
    fn an_unsynced_rename_is_all_or_nothing() {
        let disk = tree();
        disk.put_file(Path::new("/a/m"), b"mail").unwrap();
        disk.sync_file_system(Path::new("/")).unwrap();
        disk.rename(Path::new("/a/m"), Path::new("/a/n")).unwrap();
        for seed in 0..50 {
            let names = disk.survive(Survival::Chance(seed)).names(Path::new("/a")).unwrap();
            assert!(names == ["m"] || names == ["n"], "{names:?}");
        }
        assert_eq!(disk.survive(Survival::Strict).names(Path::new("/a")).unwrap(), ["m"]);
    }

    #[test]
    fn after_the_cut_nothing_works() {
        let disk = tree();
        disk.cut_at(disk.operations() + 2);
        let spool = disk.create_spool(Path::new("/a")).unwrap();
        assert!(spool.file().write_at(b"x", 0).is_err());
        assert!(disk.stat(Path::new("/a")).is_err());
        assert!(disk.survive(Survival::Everything).stat(Path::new("/a")).is_ok());
    }

    #[test]
    fn a_full_disk_still_removes() {
        let disk = tree();
        disk.put_file(Path::new("/a/m"), b"mail").unwrap();
        disk.fail_from(disk.operations() + 1, libc::ENOSPC);
        assert_eq!(disk.put_file(Path::new("/a/n"), b"x").unwrap_err().raw_os_error(), Some(libc::ENOSPC));
        disk.remove_file(Path::new("/a/m")).unwrap();
        disk.heal();
        disk.put_file(Path::new("/a/n"), b"x").unwrap();
    }

    #[test]
    fn unsynced_contents_are_torn_in_every_way() {
        let disk = tree();
        disk.put_file(Path::new("/a/m"), &[7; 1000]).unwrap();
        disk.sync_dir(Path::new("/a")).unwrap();
        let lengths: Vec<usize> = (0..50)
            .map(|seed| disk.survive(Survival::Chance(seed)).contents(Path::new("/a/m")).unwrap().len())
            .collect();
        assert!(lengths.contains(&0) && lengths.contains(&1000));
        assert!(lengths.iter().any(|length| (1..1000).contains(length)));
    }
}
