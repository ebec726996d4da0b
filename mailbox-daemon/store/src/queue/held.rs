//! What the owner keeps from going out beyond single entries: everything, or all mail to some domains.

use super::Queue;
use crate::disk::{Disk, read_small, replace_small};
use crate::error::StoreError;
use crate::locked;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Larger was never written by us.
const FILE_BYTES_MAX: usize = 1024 * 1024;
/// The line that stands for everything.
const ALL: &str = "*";

/// What is held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Everything.
    pub all: bool,
    /// Recipients of these domains.
    pub domains: BTreeSet<String>,
}

impl Held {
    /// Reads the file, one domain a line; nothing is held where there is none.
    pub(super) fn read(disk: &dyn Disk, path: &Path) -> Result<Held, StoreError> {
        let bytes = match read_small(disk, path, FILE_BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Held::default()),
            bytes => bytes?,
        };
        let text = String::from_utf8_lossy(&bytes);
        let mut domains: BTreeSet<String> =
            text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        let all = domains.remove(ALL);
        Ok(Held { all, domains })
    }

    fn text(&self) -> String {
        let all = self.all.then_some(ALL);
        all.into_iter().chain(self.domains.iter().map(String::as_str)).flat_map(|line| [line, "\n"]).collect()
    }
}

impl Queue {
    /// What the owner holds now.
    pub fn held(&self) -> Arc<Held> {
        Arc::clone(&locked(&self.inner.held))
    }

    /// Changes what is held; durable when this returns.
    pub fn change_held(&self, change: impl FnOnce(&mut Held)) -> Result<(), StoreError> {
        let mut current = locked(&self.inner.held);
        let mut held = Held::clone(&current);
        change(&mut held);
        let path = self.inner.held_file();
        replace_small(&*self.inner.disk, &path, held.text().as_bytes())?;
        path.parent().map_or(Ok(()), |dir| self.inner.disk.sync_dir(dir))?;
        *current = Arc::new(held);
        drop(current);
        self.inner.bell.ring();
        Ok(())
    }
}
