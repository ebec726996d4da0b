/// Runs store work, which may wait for the disk, without holding up other sessions of this worker thread.
pub fn disk<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}
