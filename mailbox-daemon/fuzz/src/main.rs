//! One binary for all targets: the variable TARGET names the one to run.
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

use std::sync::LazyLock;

static CHOSEN: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("TARGET").unwrap_or_default();
    let found = targets::ALL.iter().find(|(target, _)| *target == name);
    let names: Vec<_> = targets::ALL.iter().map(|(target, _)| *target).collect();
    found.unwrap_or_else(|| panic!("TARGET is {name:?}, but must be one of {names:?}")).1
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| CHOSEN(data));
