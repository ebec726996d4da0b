//! Every fuzz target over its corpus and over simple mutations of it: the same bytes in every run, a few seconds in all.
//! `make fuzz` looks further.

#[path = "../fuzz/targets/mod.rs"]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Mutations of all seeds of one target together.
const MUTATIONS: usize = if cfg!(debug_assertions) { 20_000 } else { 100_000 };
const BYTES_MAX: usize = 4096;

#[test]
fn no_input_breaks_a_promise() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut failures = Vec::new();
    for (name, target) in targets::ALL {
        let seeds = seeds(&corpus.join(name));
        assert!(!seeds.is_empty(), "{name} has no seeds in {}", corpus.display());
        let mut mutator = Mutator::new(name);
        let mutations = (0..MUTATIONS).map(|turn| mutator.mutate(&seeds, turn));
        let broken = seeds.iter().cloned().chain(mutations).find(|input| !holds(*target, input));
        if let Some(input) = broken {
            failures.push(format!("{name}: \"{}\"", input.escape_ascii()));
        }
    }
    assert!(failures.is_empty(), "the panics above came from:\n{}", failures.join("\n"));
}

fn holds(target: targets::Target, input: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| target(input))).is_ok()
}

fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<_> = files.map(|file| file.expect("the corpus can be read").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("the corpus can be read")).collect()
}

/// Mutates without looking at coverage; its chance is the same in every run.
struct Mutator(u64);

impl Mutator {
    fn new(name: &str) -> Mutator {
        Mutator(name.bytes().fold(0x9E37_79B9_7F4A_7C15, |state, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        }))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound.max(1)
    }

    fn mutate(&mut self, seeds: &[Vec<u8>], turn: usize) -> Vec<u8> {
        let mut input = seeds[turn % seeds.len()].clone();
        for _ in 0..=self.below(4) {
            self.change(&mut input, seeds);
        }
        input.truncate(BYTES_MAX);
        input
    }

    /// One of: other byte, insertion of something telling, removal, repetition, another seed's piece.
    fn change(&mut self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        const TELLING: [&[u8]; 18] = [
            b"\r\n",
            b"\n",
            b"\r",
            b"\r\n.\r\n",
            b"\n.\n",
            b".",
            b"\0",
            b"\xFF",
            b"\"",
            b"\\",
            b"{3}\r\n",
            b"{99999999999999999999+}\r\n",
            b"(",
            b")",
            b"--",
            b"=",
            b"&AOk-",
            b"\xC3\xA9",
        ];
        let at = self.below(input.len() + 1);
        let end = (at + 1 + self.below(12)).min(input.len());
        match self.below(6) {
            0 if at < input.len() => input[at] = self.below(256) as u8,
            1 => {
                let word = TELLING[self.below(TELLING.len())];
                input.splice(at..at, word.iter().copied());
            }
            2 => drop(input.drain(at.min(end)..end)),
            3 => {
                let piece = input[at.min(end)..end].to_vec();
                input.splice(at..at, piece.repeat(1 + self.below(5)));
            }
            4 => {
                let other = &seeds[self.below(seeds.len())];
                let from = self.below(other.len() + 1);
                let to = (from + self.below(40)).min(other.len());
                input.splice(at..at, other[from..to].iter().copied());
            }
            _ => input.truncate(at),
        }
    }
}
