//! A fast sum over bytes: tells what was written whole from what was not. Not for keeping anybody out.

const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;

/// The sum of some bytes and their number.
pub(crate) fn of(bytes: &[u8]) -> u64 {
    // Four lanes, so that the multiplications do not wait for each other.
    let mut lanes = [PRIME, !PRIME, PRIME.rotate_left(21), PRIME.rotate_left(42)];
    let mut blocks = bytes.chunks_exact(32);
    for block in &mut blocks {
        for (lane, word) in lanes.iter_mut().zip(block.chunks_exact(8)) {
            *lane = mix(*lane, word_of(word));
        }
    }
    let mut words = blocks.remainder().chunks_exact(8);
    for (lane, word) in lanes.iter_mut().zip(&mut words) {
        *lane = mix(*lane, word_of(word));
    }
    let last = words.remainder().iter().fold(1u64, |word, byte| (word << 8) | u64::from(*byte));
    lanes.iter().fold(mix(last, bytes.len() as u64), |sum, lane| mix(sum, *lane))
}

fn word_of(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("chunks of eight"))
}

fn mix(lane: u64, word: u64) -> u64 {
    let product = u128::from(lane ^ word) * u128::from(PRIME);
    (product as u64 ^ (product >> 64) as u64).wrapping_add(word.rotate_left(29))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_bit_and_every_cut_shows() {
        let bytes: Vec<u8> = (0..100).map(|n| n as u8).collect();
        let sum = of(&bytes);
        for bit in 0..800 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(of(&other), sum, "bit {bit}");
        }
        for length in 0..100 {
            assert_ne!(of(&bytes[..length]), sum);
            assert_ne!(of(&vec![0; length]), of(&vec![0; length + 1]));
        }
    }
}
