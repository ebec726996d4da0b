use data_encoding::BASE32_DNSSEC;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use types::UnixSeconds;

/// A name for one message: in its `Received:` field, in the 250, in the log. Thirteen characters, sorted by time.
pub(crate) fn new(now: UnixSeconds) -> String {
    static COUNTER: OnceLock<AtomicU32> = OnceLock::new();
    // Begins somewhere else after each start, so that two starts within a second do not give the same names.
    let counter = COUNTER.get_or_init(|| AtomicU32::new(std::process::id().wrapping_mul(0x9e37_79b9)));
    let number = counter.fetch_add(1, Ordering::Relaxed);
    let [seconds, number] = [now as u32, number].map(u32::to_be_bytes);
    BASE32_DNSSEC.encode(&[seconds, number].concat())
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_differ() {
        let (first, second) = (super::new(1_800_000_000), super::new(1_800_000_000));
        assert_ne!(first, second);
        assert_eq!(first.len(), 13);
    }
}
