use memmap2::Mmap;
use std::fs::File;
use std::io;
use std::ops::Deref;

/// A file's contents in one piece.
pub struct FileView(Contents);

enum Contents {
    /// Pages of the file itself: the kernel brings and drops them, they are nobody's memory.
    Mapped(Mmap),
    /// A copy, where the disk is a twin in memory.
    Copied(Vec<u8>),
}

impl FileView {
    /// Shows a file that nobody writes to, or cuts, while the view is there.
    #[allow(unsafe_code)]
    pub(super) fn map(file: &File) -> io::Result<FileView> {
        // SAFETY: what a map shows must not change while it is borrowed. Files that are viewed have no name, so this process
        // alone can change them, and `NewMessage::view` borrows the one handle that writes for as long as the view lives.
        // Where files without names are unknown the name lies in a folder that is the daemon's alone.
        let map = unsafe { Mmap::map(file)? };
        Ok(FileView(Contents::Mapped(map)))
    }
}

impl From<Vec<u8>> for FileView {
    fn from(contents: Vec<u8>) -> FileView {
        FileView(Contents::Copied(contents))
    }
}

impl Deref for FileView {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Contents::Mapped(map) => map,
            Contents::Copied(bytes) => bytes,
        }
    }
}
