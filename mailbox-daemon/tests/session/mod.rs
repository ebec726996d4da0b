//! Clients that believe what they are told, and what they should believe.

pub mod belief;
pub mod client;
pub mod model;
pub mod worker;
pub mod world;

/// The next step is anybody's guess, and the same one for the same seed.
pub struct Random(u64);

impl Random {
    /// Seeds that differ by one have nothing else in common.
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`, which is above 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }

    /// True this many times in a hundred.
    pub fn percent(&mut self, of_hundred: usize) -> bool {
        self.below(100) < of_hundred
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Up to `most` of these, in their order.
    pub fn some<T: Copy>(&mut self, all: &[T], most: usize) -> Vec<T> {
        let mut picked: Vec<usize> =
            (0..self.below(most + 1)).filter(|_| !all.is_empty()).map(|_| self.below(all.len())).collect();
        picked.sort_unstable();
        picked.dedup();
        picked.into_iter().map(|at| all[at]).collect()
    }
}
