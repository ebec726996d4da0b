//! What may be linked, and which floor may know which: read from Cargo itself.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Every floor and all it may import of our own; nothing sideways, nothing up.
const FLOORS: [(&str, &[&str]); 6] = [
    ("types", &[]),
    ("proto", &["types"]),
    ("store", &["types"]),
    ("policy", &["types", "proto"]),
    ("service", &["types", "proto", "store", "policy"]),
    ("mailbox-daemon", &["types", "proto", "store", "policy", "service"]),
];

#[test]
fn a_floor_imports_only_floors_below() {
    let metadata = metadata();
    for package in packages(&metadata) {
        let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| package["name"] == *name) else { continue };
        for dependency in package["dependencies"].as_array().expect("cargo lists dependencies") {
            let name = dependency["name"].as_str().expect("a dependency has a name");
            let is_ours = FLOORS.iter().any(|(floor, _)| *floor == name);
            assert!(!is_ours || allowed.contains(&name), "{} must not import {name}", package["name"]);
        }
    }
}

/// What keeps the lower floors free of sockets, clocks and async: the crates they would need.
#[test]
fn the_lower_floors_have_no_sockets_and_no_runtime() {
    let metadata = metadata();
    for package in packages(&metadata) {
        let name = package["name"].as_str().expect("a package has a name");
        if !["types", "proto", "store", "policy"].contains(&name) {
            continue;
        }
        for dependency in package["dependencies"].as_array().expect("cargo lists dependencies") {
            let used = dependency["name"].as_str().expect("a dependency has a name");
            let refused = ["tokio", "rustls", "tokio-rustls", "hickory-resolver", "jiff", "tracing"];
            assert!(!refused.contains(&used), "{name} must not import {used}");
        }
    }
}

#[test]
fn nothing_banned_is_linked_and_every_licence_is_allowed() {
    let rules = rules();
    let banned = words(&rules["bans"]["deny"]);
    let allowed = words(&rules["licenses"]["allow"]);
    let ours: BTreeSet<&str> = FLOORS.iter().map(|(name, _)| *name).collect();
    let mut refused = BTreeMap::new();
    let linked = linked();
    for (name, licence) in &linked {
        if banned.contains(name) {
            refused.insert(name, "is banned");
        }
        if !ours.contains(name.as_str()) && !is_allowed(licence, &allowed) {
            refused.insert(name, licence);
        }
    }
    assert!(refused.is_empty(), "{refused:?}; .cargo/deny.toml says what is allowed");
    assert!(linked.contains_key("tokio"), "the daemon's packages are not listed at all");
}

/// An SPDX expression: one of the alternatives must hold, and in it every part. Parentheses group alternatives of one part.
fn is_allowed(licence: &str, allowed: &BTreeSet<String>) -> bool {
    let word = |text: &str| allowed.contains(text.trim());
    let alternatives = |text: &str| text.split(" OR ").flat_map(|part| part.split('/')).any(word);
    let parts = licence.replace(['(', ')'], "");
    parts.split(" AND ").all(alternatives)
}

fn words(list: &toml::Value) -> BTreeSet<String> {
    let items = list.as_array().expect("a list of words");
    items.iter().map(|item| item.as_str().expect("a word").to_owned()).collect()
}

fn rules() -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cargo/deny.toml");
    std::fs::read_to_string(path).expect("the rules are there").parse().expect("the rules are TOML")
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--offline",
            "--filter-platform",
            host().as_str(),
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo speaks JSON")
}

fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc can be run");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_owned()
}

fn packages(metadata: &Value) -> &Vec<Value> {
    metadata["packages"].as_array().expect("cargo lists packages")
}

/// Name and licence of every package the daemon is linked from, tests aside.
fn linked() -> BTreeMap<String, String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package=mailbox-daemon", "--edges=normal", "--prefix=none", "--format={p}|{l}"])
        .args(["--locked", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let package = |line: &str| {
        let (package, licence) = line.split_once('|')?;
        let name = package.split(' ').next()?;
        Some((name.to_owned(), licence.trim_end_matches(" (*)").to_owned()))
    };
    text.lines().filter_map(package).collect()
}
