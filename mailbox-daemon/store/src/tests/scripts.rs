//! Scripts of accounts: found however they came, kept whole through power cuts.

use super::support::*;
use crate::disk::Disk;
use crate::disk::crash::{CrashDisk, Survival};
use crate::{AccountMail, ScriptError, ScriptLimits};
use std::path::Path;

const LIMITS: ScriptLimits = ScriptLimits { count_max: 3, bytes_max: 4000, total_bytes_max: 9000 };

fn put(account: &AccountMail, name: &str, contents: &str) -> Result<(), ScriptError> {
    account.put_script(name, contents.as_bytes(), LIMITS)
}

fn names(account: &AccountMail) -> Vec<String> {
    account.scripts().unwrap().into_iter().map(|script| script.name).collect()
}

fn active(account: &AccountMail) -> Option<String> {
    account.active_script().unwrap().map(|(name, _)| name)
}

fn contents_of(account: &AccountMail, name: &str) -> Option<String> {
    account.script(name, LIMITS.bytes_max).ok().map(|contents| String::from_utf8(contents).unwrap())
}

#[test]
fn scripts_are_put_listed_renamed_and_deleted() {
    let rig = Rig::new();
    let account = &rig.account;
    assert_eq!((names(account), active(account)), (Vec::new(), None));
    assert!(matches!(account.activate_script(Some("main")), Err(ScriptError::NotThere)));
    account.activate_script(None).unwrap();
    let long = "a/ä".repeat(128);
    put(account, "main", "keep;").unwrap();
    put(account, &long, "discard;").unwrap();
    account.activate_script(Some(&long)).unwrap();
    assert_eq!(names(account), [long.clone(), "main".to_owned()]);
    assert!(matches!(account.delete_script(&long), Err(ScriptError::Active)));
    assert!(matches!(account.rename_script("main", &long), Err(ScriptError::Exists)));
    account.rename_script(&long, "..").unwrap();
    let rig = rig.restart();
    let account = &rig.account;
    assert_eq!(
        (names(account), active(account)),
        (vec!["..".to_owned(), "main".to_owned()], Some("..".to_owned()))
    );
    account.activate_script(None).unwrap();
    account.delete_script("..").unwrap();
    assert!(matches!(account.delete_script(".."), Err(ScriptError::NotThere)));
    assert!(matches!(account.script("..", 10), Err(ScriptError::NotThere)));
    assert_eq!(rig.disk.names(&root().join("sieve")).unwrap(), ["main.sieve"]);
    assert!(!account.list().unwrap().iter().any(|entry| entry.name.as_str().contains("sieve")));
}

#[test]
fn what_was_put_there_by_hand_is_a_script() {
    let rig = Rig::new();
    let folder = root().join("sieve");
    rig.disk.create_dir_all(&folder.join("directory.sieve")).unwrap();
    for (file, contents) in [
        ("100%.sieve", "keep;"),
        ("huge.sieve", &"#".repeat(5000)),
        ("notes.txt", "x"),
        ("active", "100%\r\n"),
    ] {
        rig.disk.put_file(&folder.join(file), contents.as_bytes()).unwrap();
    }
    let account = &rig.account;
    assert_eq!(names(account), ["100%", "huge"]);
    assert_eq!(active(account).as_deref(), Some("100%"));
    assert_eq!(contents_of(account, "100%").as_deref(), Some("keep;"));
    assert!(matches!(account.script("huge", 4000), Err(ScriptError::TooLong)));
    put(account, "100%", "stop;").unwrap();
    assert_eq!(rig.disk.contents(&folder.join("100%.sieve")).unwrap(), b"stop;");
    rig.disk.put_file(&folder.join("active"), b"gone\n").unwrap();
    assert_eq!(active(account), None);
    rig.disk.put_file(&folder.join("active"), &[0xff; 2000]).unwrap();
    assert_eq!(active(account), None);
}

#[test]
fn limits_hold_and_leave_what_was_there() {
    let rig = Rig::new();
    let account = &rig.account;
    for name in ["", &"x".repeat(513)] {
        assert!(matches!(put(account, name, "keep;"), Err(ScriptError::NameUnfit)));
    }
    put(account, "a", "keep;").unwrap();
    assert!(matches!(put(account, "a", &"#".repeat(4001)), Err(ScriptError::TooLong)));
    assert_eq!(contents_of(account, "a").as_deref(), Some("keep;"));
    put(account, "b", &"#".repeat(4000)).unwrap();
    put(account, "c", &"#".repeat(4000)).unwrap();
    assert!(matches!(put(account, "d", "keep;"), Err(ScriptError::TooMany)));
    assert!(matches!(put(account, "a", &"#".repeat(2000)), Err(ScriptError::TooLongTogether)));
    put(account, "a", &"#".repeat(1000)).unwrap();
}

#[test]
fn a_version_lasts_until_something_changes() {
    let rig = Rig::new();
    let account = &rig.account;
    put(account, "a", "keep;").unwrap();
    account.activate_script(Some("a")).unwrap();
    let first = account.active_script().unwrap();
    assert_eq!(account.active_script().unwrap(), first);
    put(account, "a", "stop;").unwrap();
    let second = account.active_script().unwrap();
    assert_ne!(second, first);
    rig.disk.advance_s(1);
    rig.disk.put_file(&root().join("sieve/a.sieve"), b"keep;").unwrap();
    assert_ne!(account.active_script().unwrap(), second);
    assert_eq!(account.script_version("b").unwrap(), None);
}

#[test]
fn scripts_go_with_their_account() {
    let rig = Rig::new();
    put(&rig.account, "a", "keep;").unwrap();
    rig.store.remove_account(&ana()).unwrap();
    assert!(rig.disk.stat(Path::new("/state/mail/home.test/ana")).is_err());
    assert!(put(&rig.account, "b", "keep;").is_err());
    assert!(rig.disk.stat(Path::new("/state/mail/home.test/ana")).is_err());
    let removed = rig.disk.names(Path::new("/state/removed/home.test")).unwrap();
    let kept = Path::new("/state/removed/home.test").join(&removed[0]).join("sieve/a.sieve");
    assert_eq!(rig.disk.contents(&kept).unwrap(), b"keep;");
}

/// What was acknowledged before the power went: how many of the steps below.
fn steps(account: &AccountMail) -> usize {
    let (old, new) = ("o".repeat(3000), "n".repeat(2000));
    type Step<'a> = &'a dyn Fn() -> Result<(), ScriptError>;
    let steps: [Step<'_>; 6] = [
        &|| put(account, "a", &old),
        &|| account.activate_script(Some("a")),
        &|| put(account, "a", &new),
        &|| account.rename_script("a", &"b".repeat(400)),
        &|| account.activate_script(None),
        &|| account.delete_script(&"b".repeat(400)),
    ];
    steps.iter().take_while(|step| step().is_ok()).count()
}

/// The states that may be left after so many steps: of each script what it holds, and which is active.
fn check(account: &AccountMail, done: usize, context: &str) {
    let long = "b".repeat(400);
    let [a, b] = ["a", &long].map(|name| contents_of(account, name).map(|contents| contents.as_bytes()[0]));
    let is_active = active(account);
    let state = (a, b, is_active.as_deref());
    let (o, n) = (Some(b'o'), Some(b'n'));
    let after: [&[_]; 7] = [
        &[(None, None, None)],
        &[(o, None, None)],
        &[(o, None, Some("a"))],
        &[(n, None, Some("a"))],
        &[(None, n, Some(long.as_str())), (n, n, Some("a")), (n, n, Some(long.as_str()))],
        &[(None, n, None)],
        &[(None, None, None)],
    ];
    // What was begun may have happened, the rename also in part; what was acknowledged has.
    let begun = after.get(done + 1).copied().unwrap_or_default();
    let is_whole = |state: &&(Option<u8>, Option<u8>, Option<&str>)| done != 4 || state.0.is_none();
    assert!(
        after[done].iter().filter(is_whole).chain(begun).any(|possible| *possible == state),
        "{context}: {state:?} after {done} steps"
    );
    for script in account.scripts().unwrap() {
        assert!([2000, 3000].contains(&script.bytes), "{context}: {script:?}");
    }
}

#[test]
fn a_power_cut_leaves_what_was_acknowledged() {
    for names_ride in [true, false] {
        let disk = || {
            let rig = Rig::on(CrashDisk::with_names_ride(names_ride));
            rig.store.committer().submit_folder(Path::new("/state")).wait().unwrap();
            rig
        };
        let rig = disk();
        let before = rig.disk.operations();
        assert_eq!(steps(&rig.account), 6);
        let total = rig.disk.operations() - before;
        for cut in 1..=total + 1 {
            let rig = disk();
            rig.disk.cut_at(rig.disk.operations() + cut);
            let done = steps(&rig.account);
            for survival in (0..6).map(Survival::Chance).chain([Survival::Strict, Survival::Everything]) {
                let after = Rig::on(rig.disk.survive(survival));
                check(&after.account, done, &format!("cut {cut} {survival:?}"));
            }
        }
    }
}

#[test]
fn a_full_disk_leaves_the_old_script() {
    let rig = Rig::new();
    put(&rig.account, "a", "keep;").unwrap();
    rig.disk.fail_from(rig.disk.operations() + 1, libc::ENOSPC);
    assert!(put(&rig.account, "a", "discard;").is_err());
    rig.disk.heal();
    assert_eq!(contents_of(&rig.account, "a").as_deref(), Some("keep;"));
    put(&rig.account, "a", "discard;").unwrap();
}
