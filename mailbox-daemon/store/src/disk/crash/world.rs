//! The inside of the disk in memory: contents and names, as seen and as durable.

use super::{FileKind, Survival};
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Component, Path};

pub(super) type Inode = u64;
pub(super) const ROOT: Inode = 1;
pub(super) const SECTOR_BYTES: usize = 512;

pub(super) struct World {
    pub(super) inodes: HashMap<Inode, Node>,
    /// Changes of names that no sync has carried over yet, oldest first.
    pub(super) pending: Vec<NameChange>,
    pub(super) names_ride: bool,
    pub(super) operations: u64,
    pub(super) directory_reads: u64,
    pub(super) faults: Vec<Fault>,
    pub(super) is_off: bool,
    pub(super) clock_ns: i64,
}

pub(super) struct Node {
    pub(super) modified_ns: i64,
    pub(super) body: Body,
}

pub(super) enum Body {
    Directory { names: Names, durable: Names },
    File { contents: Vec<u8>, durable: Vec<u8> },
}

pub(super) type Names = BTreeMap<OsString, Inode>;
pub(super) type Place = (Inode, OsString);

#[derive(Clone)]
pub(super) struct NameChange {
    pub(super) inode: Inode,
    pub(super) from: Option<Place>,
    pub(super) to: Option<Place>,
}

pub(super) struct Fault {
    pub(super) at: u64,
    pub(super) kind: FaultKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultKind {
    Cut,
    Fail { code: i32, is_lasting: bool },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// May need room.
    Grow,
    /// Frees room or needs none.
    Shrink,
    Sync,
}

impl Body {
    pub(super) fn empty_directory() -> Body {
        Body::Directory { names: Names::new(), durable: Names::new() }
    }

    pub(super) fn empty_file() -> Body {
        Body::File { contents: Vec::new(), durable: Vec::new() }
    }
}

impl Node {
    pub(super) fn carry_contents(&mut self) {
        if let Body::File { contents, durable } = &mut self.body
            && contents != durable
        {
            durable.clone_from(contents);
        }
    }
}

impl World {
    pub(super) fn begin(&mut self, operation: Operation) -> io::Result<()> {
        self.check_power()?;
        self.operations += 1;
        self.clock_ns += 1000;
        let number = self.operations;
        let is_due = |fault: &&Fault| match fault.kind {
            FaultKind::Fail { code, is_lasting } => {
                let spares = is_lasting && code == libc::ENOSPC && operation != Operation::Grow;
                (fault.at == number || is_lasting && fault.at <= number) && !spares
            }
            FaultKind::Cut => fault.at == number,
        };
        match self.faults.iter().find(is_due).map(|fault| fault.kind) {
            None => Ok(()),
            Some(FaultKind::Fail { code: number, .. }) => Err(code(number)),
            Some(FaultKind::Cut) => {
                self.is_off = true;
                self.check_power()
            }
        }
    }

    pub(super) fn check_power(&self) -> io::Result<()> {
        match self.is_off {
            true => Err(io::Error::other("the power is cut")),
            false => Ok(()),
        }
    }

    pub(super) fn node(&self, inode: Inode) -> io::Result<&Node> {
        self.check_power()?;
        self.inodes.get(&inode).ok_or(ErrorKind::NotFound.into())
    }

    pub(super) fn names(&self, inode: Inode) -> io::Result<&Names> {
        match &self.node(inode)?.body {
            Body::Directory { names, .. } => Ok(names),
            Body::File { .. } => Err(code(libc::ENOTDIR)),
        }
    }

    pub(super) fn kind(&self, inode: Inode) -> FileKind {
        match self.inodes.get(&inode).map(|node| &node.body) {
            Some(Body::Directory { .. }) => FileKind::Directory,
            Some(Body::File { .. }) => FileKind::File,
            None => FileKind::Other,
        }
    }

    pub(super) fn resolve(&self, path: &Path) -> io::Result<Inode> {
        let mut inode = ROOT;
        for component in path.components() {
            if let Component::Normal(name) = component {
                inode = *self.names(inode)?.get(name).ok_or(ErrorKind::NotFound)?;
            }
        }
        self.check_power().map(|()| inode)
    }

    pub(super) fn resolve_file(&self, path: &Path) -> io::Result<Inode> {
        let inode = self.resolve(path)?;
        match self.kind(inode) {
            FileKind::File => Ok(inode),
            _ => Err(code(libc::EISDIR)),
        }
    }

    pub(super) fn place(&self, path: &Path) -> io::Result<Place> {
        let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
        let parent = self.resolve(path.parent().ok_or(ErrorKind::InvalidInput)?)?;
        self.names(parent)?;
        Ok((parent, name.to_owned()))
    }

    pub(super) fn add(&mut self, body: Body) -> Inode {
        let inode = ROOT + self.inodes.len() as Inode;
        self.inodes.insert(inode, Node { modified_ns: self.clock_ns, body });
        inode
    }

    pub(super) fn link(&mut self, inode: Inode, to: &Path) -> io::Result<()> {
        let place = self.place(to)?;
        if self.names(place.0)?.contains_key(&place.1) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.rename_nodes(inode, None, Some(place))
    }

    pub(super) fn rename_nodes(
        &mut self,
        inode: Inode,
        from: Option<Place>,
        to: Option<Place>,
    ) -> io::Result<()> {
        let now = self.clock_ns;
        for (is_new, place) in [(false, &from), (true, &to)] {
            let Some((parent, name)) = place else { continue };
            let node = self.inodes.get_mut(parent).ok_or(ErrorKind::NotFound)?;
            node.modified_ns = now;
            if let Body::Directory { names, .. } = &mut node.body {
                match is_new {
                    true => drop(names.insert(name.clone(), inode)),
                    false => drop(names.remove(name)),
                }
            }
        }
        self.pending.push(NameChange { inode, from, to });
        Ok(())
    }

    /// Makes those pending changes durable that `concerns` picks, and with each what happened to the same file before: no file
    /// system forgets the first name of a file it remembers the second of.
    pub(super) fn carry_names(&mut self, concerns: impl Fn(&NameChange) -> bool) {
        let pending = std::mem::take(&mut self.pending);
        let mut last = HashMap::new();
        for (index, change) in pending.iter().enumerate().filter(|(_, change)| concerns(change)) {
            last.insert(change.inode, index);
        }
        for (index, change) in pending.into_iter().enumerate() {
            match last.get(&change.inode).is_some_and(|last| index <= *last) {
                true => self.carry(&change),
                false => self.pending.push(change),
            }
        }
    }

    pub(super) fn carry(&mut self, change: &NameChange) {
        if let Some((parent, name)) = &change.from {
            let Some(names) = self.durable_names(*parent) else { return };
            // What an earlier lost change was to put there cannot move on.
            if names.get(name) != Some(&change.inode) {
                return;
            }
            names.remove(name);
        }
        if let Some((parent, name)) = &change.to
            && let Some(names) = self.durable_names(*parent)
        {
            names.insert(name.clone(), change.inode);
        }
    }

    pub(super) fn durable_names(&mut self, inode: Inode) -> Option<&mut Names> {
        match &mut self.inodes.get_mut(&inode)?.body {
            Body::Directory { durable, .. } => Some(durable),
            Body::File { .. } => None,
        }
    }

    pub(super) fn survive(&mut self, survival: Survival) -> World {
        let mut image = World {
            inodes: HashMap::new(),
            pending: self.pending.clone(),
            names_ride: self.names_ride,
            operations: 0,
            directory_reads: 0,
            faults: Vec::new(),
            is_off: false,
            clock_ns: self.clock_ns + 60_000_000_000,
        };
        let mut dice = Dice(match survival {
            Survival::Chance(seed) => seed,
            Survival::Everything | Survival::Strict => 0,
        });
        let mut inodes: Vec<(&Inode, &Node)> = self.inodes.iter().collect();
        inodes.sort_unstable_by_key(|(inode, _)| **inode);
        for (inode, node) in inodes {
            let body = match &node.body {
                Body::Directory { durable, .. } => {
                    Body::Directory { names: Names::new(), durable: durable.clone() }
                }
                Body::File { contents, durable } => {
                    let left = match survival {
                        Survival::Chance(_) => dice.contents(durable, contents),
                        Survival::Everything => contents.clone(),
                        Survival::Strict => durable.clone(),
                    };
                    Body::File { contents: left.clone(), durable: left }
                }
            };
            image.inodes.insert(*inode, Node { modified_ns: node.modified_ns, body });
        }
        let pending = std::mem::take(&mut image.pending);
        let in_order = dice.next().is_multiple_of(2);
        let cut_off = dice.below(pending.len() as u64 + 1);
        for (index, change) in pending.iter().enumerate() {
            let is_kept = match survival {
                Survival::Chance(_) if in_order => (index as u64) < cut_off,
                Survival::Chance(_) => dice.next().is_multiple_of(2),
                Survival::Everything => true,
                Survival::Strict => false,
            };
            if is_kept {
                image.carry(change);
            }
        }
        for node in image.inodes.values_mut() {
            if let Body::Directory { names, durable } = &mut node.body {
                names.clone_from(durable);
            }
        }
        image
    }
}

/// Small reproducible randomness (SplitMix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Old and new contents mixed as a disk mixes them: by sectors, and cut anywhere in what was appended.
    pub(super) fn contents(&mut self, old: &[u8], new: &[u8]) -> Vec<u8> {
        match self.below(4) {
            _ if old == new => old.to_vec(),
            0 => old.to_vec(),
            1 => new.to_vec(),
            _ => {
                let (short, long) = (old.len().min(new.len()), old.len().max(new.len()));
                let length = short + self.below((long - short) as u64 + 1) as usize;
                let mut left =
                    if new.len() >= old.len() { new[..length].to_vec() } else { old[..length].to_vec() };
                for start in (0..short).step_by(SECTOR_BYTES) {
                    let end = (start + SECTOR_BYTES).min(short);
                    let source = if self.next().is_multiple_of(2) { old } else { new };
                    left[start..end].copy_from_slice(&source[start..end]);
                }
                left
            }
        }
    }
}

pub(super) fn code(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}
