use super::plan::MemoryKey;
use aws_lc_rs::digest::{Context, SHA256};

/// What stands for something to be remembered: a hash of its parts, which tells them apart whatever is in them (RFC 5230 section 4.2).
pub fn key(kind: &str, parts: &[&[u8]]) -> MemoryKey {
    let mut hash = Context::new(&SHA256);
    for part in [kind.as_bytes()].iter().chain(parts) {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let hash = hash.finish();
    let mut key = MemoryKey::default();
    let length = key.len();
    key.copy_from_slice(&hash.as_ref()[..length]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        assert_eq!(key("a", &[b"b"]), key("a", &[b"b"]));
        assert_ne!(key("a", &[b"b"]), key("b", &[b"a"]));
        assert_ne!(key("a", &[b"bc", b""]), key("a", &[b"b", b"c"]));
        assert_ne!(key("a", &[b""]), key("a", &[]));
    }
}
