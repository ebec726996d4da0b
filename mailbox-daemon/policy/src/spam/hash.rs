/// FNV-1a, piece by piece.
pub const START: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The state behind some more octets.
pub fn continued(state: u64, octets: &[u8]) -> u64 {
    octets.iter().fold(state, |state, octet| (state ^ u64::from(*octet)).wrapping_mul(PRIME))
}

/// Spreads what differs over all bits.
pub fn stirred(mut state: u64) -> u64 {
    state ^= state >> 32;
    state = state.wrapping_mul(0xd6e8_feb8_6659_fd93);
    state ^= state >> 32;
    state = state.wrapping_mul(0xd6e8_feb8_6659_fd93);
    state ^ state >> 32
}
