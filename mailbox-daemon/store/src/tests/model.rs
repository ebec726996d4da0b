//! Mailboxes and views against a simple model, under random work with restarts, lost indexes and other programs in between.

use super::support::*;
use crate::disk::Disk;
use crate::disk::crash::Survival;
use crate::{Expunges, FlagChange, Mailbox, View};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use types::{Flags, ModSeq, SequenceSet, SystemFlag};

const NAMES: [&str; 2] = ["INBOX", "Archive"];
/// Sessions at a time: even ones look at the first mailbox, odd ones at the second.
const SESSIONS: usize = 5;

#[derive(Clone, Debug)]
enum Step {
    Deliver(usize),
    DeliverTogether(usize, u8),
    Flags(usize, Picks, FlagChange, u32),
    Copy(usize, Picks),
    Move(usize, Picks),
    Expunge(usize, Picks, bool),
    Sync(usize, Expunges),
    ComeBack(usize),
    Restart,
    Kill,
    LoseIndex,
    TimePasses,
    ForeignDrop(usize),
    ForeignRemove(usize, u8),
    ForeignFlags(usize, u8),
}

/// Which of the messages there are.
type Picks = Vec<u8>;

fn step() -> impl Strategy<Value = Step> {
    let mailbox = 0..2usize;
    let picks = || prop::collection::vec(any::<u8>(), 0..5);
    let change = prop_oneof![Just(FlagChange::Add), Just(FlagChange::Remove), Just(FlagChange::Replace)];
    let expunges = prop_oneof![Just(Expunges::Announce), Just(Expunges::Hold)];
    prop_oneof![
        6 => mailbox.clone().prop_map(Step::Deliver),
        2 => (mailbox.clone(), 1..6u8).prop_map(|(m, n)| Step::DeliverTogether(m, n)),
        4 => (mailbox.clone(), picks(), change, 0..32u32).prop_map(|(m, p, c, f)| Step::Flags(m, p, c, f)),
        2 => (mailbox.clone(), picks()).prop_map(|(m, p)| Step::Copy(m, p)),
        2 => (mailbox.clone(), picks()).prop_map(|(m, p)| Step::Move(m, p)),
        3 => (mailbox.clone(), picks(), any::<bool>()).prop_map(|(m, p, d)| Step::Expunge(m, p, d)),
        8 => (0..SESSIONS, expunges).prop_map(|(s, e)| Step::Sync(s, e)),
        3 => mailbox.clone().prop_map(Step::ComeBack),
        1 => Just(Step::Restart),
        1 => Just(Step::Kill),
        1 => Just(Step::LoseIndex),
        1 => Just(Step::TimePasses),
        1 => mailbox.clone().prop_map(Step::ForeignDrop),
        1 => (mailbox.clone(), any::<u8>()).prop_map(|(m, n)| Step::ForeignRemove(m, n)),
        1 => (mailbox, any::<u8>()).prop_map(|(m, n)| Step::ForeignFlags(m, n)),
    ]
}

/// A mailbox as it should be: bodies and flags by UID.
type Model = BTreeMap<u32, (String, Flags)>;

/// A session as it should be: the UIDs it believes in and the flags it was told.
struct Session {
    view: View,
    believes: Vec<u32>,
    told: BTreeMap<u32, Flags>,
}

/// A program that comes and goes: what it knew of a mailbox when it last was there (RFC 7162 section 3.2.5).
#[derive(Default)]
struct Visitor {
    knows: BTreeMap<u32, Flags>,
    modseq: ModSeq,
}

struct World {
    rig: Option<Rig>,
    models: [Model; 2],
    highest: [u32; 2],
    sessions: Vec<Session>,
    visitors: [Visitor; 2],
    /// The highest modification sequences seen.
    modseqs: [ModSeq; 2],
    counter: u32,
}

impl World {
    fn new() -> World {
        let mut world = World {
            rig: Some(Rig::new()),
            models: Default::default(),
            highest: [0; 2],
            sessions: Vec::new(),
            visitors: Default::default(),
            modseqs: Default::default(),
            counter: 0,
        };
        world.begin_sessions();
        world
    }

    fn rig(&self) -> &Rig {
        self.rig.as_ref().unwrap()
    }

    fn mailbox(&self, which: usize) -> Arc<Mailbox> {
        self.rig().mailbox(NAMES[which])
    }

    fn begin_sessions(&mut self) {
        self.sessions = (0..SESSIONS)
            .map(|session| {
                let which = session % 2;
                let view = View::open(self.mailbox(which)).unwrap();
                let told = self.models[which].iter().map(|(uid, (_, flags))| (*uid, *flags)).collect();
                Session { view, believes: self.models[which].keys().copied().collect(), told }
            })
            .collect();
    }

    fn body(&mut self) -> String {
        self.counter += 1;
        format!("message {}", self.counter)
    }

    fn arrived(&mut self, which: usize, uid: u32, body: String, flags: Flags) {
        assert!(uid > self.highest[which], "UID {uid} after {}", self.highest[which]);
        self.highest[which] = uid;
        self.models[which].insert(uid, (body, flags));
    }

    fn pick(&self, which: usize, picks: &Picks) -> SequenceSet {
        let all: Vec<u32> = self.models[which].keys().copied().collect();
        let picked = picks.iter().filter_map(|pick| all.get(usize::from(*pick) % all.len().max(1)));
        uids(&picked.copied().collect::<Vec<_>>())
    }

    fn folder(which: usize) -> std::path::PathBuf {
        if which == 0 { root() } else { root().join(".Archive") }
    }

    /// Some message's file: its directory and name.
    fn some_file(&self, which: usize, pick: u8) -> Option<(&'static str, String)> {
        let mut files = Vec::new();
        for dir in ["cur", "new"] {
            let names = self.rig().disk.names(&Self::folder(which).join(dir)).unwrap();
            files.extend(names.into_iter().map(|name| (dir, name)));
        }
        let at = usize::from(pick) % files.len().max(1);
        files.get(at).cloned()
    }

    fn restart(&mut self, again: impl FnOnce(Rig) -> Rig) {
        self.sessions.clear();
        let rig = again(self.rig.take().unwrap());
        self.rig = Some(rig);
        self.begin_sessions();
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Deliver(which) => {
                let body = self.body();
                let uid = self.rig().deliver(&self.mailbox(which), &body).unwrap();
                self.arrived(which, uid, body, Flags::NONE);
            }
            Step::DeliverTogether(which, count) => {
                let bodies: Vec<String> = (0..count).map(|_| self.body()).collect();
                let mailbox = self.mailbox(which);
                let begun: Vec<_> =
                    bodies.iter().map(|body| self.rig().begin(&mailbox, body).unwrap()).collect();
                for ((uid, ticket), body) in begun.into_iter().zip(bodies) {
                    ticket.wait().unwrap();
                    self.arrived(which, uid.get(), body, Flags::NONE);
                }
            }
            Step::Flags(which, picks, change, bits) => {
                let picked = self.pick(which, &picks);
                let flags = Flags::from_bits(bits.into());
                let stored = self.mailbox(which).store_flags(&picked, change, flags, &[], None).unwrap();
                let mut changed = SequenceSet::new();
                for uid in picked.iter() {
                    let (_, before) = self.models[which].get_mut(&uid).unwrap();
                    let after = match change {
                        FlagChange::Add => before.with(flags),
                        FlagChange::Remove => before.without(flags),
                        FlagChange::Replace | FlagChange::ReplaceOf(_) => flags,
                    };
                    if after != *before {
                        changed.push(uid);
                        *before = after;
                    }
                }
                assert_eq!(stored.changed, changed);
            }
            Step::Copy(which, picks) => {
                let picked = self.pick(which, &picks);
                let copied = self.mailbox(which).copy(&picked, &self.mailbox(1 - which)).unwrap();
                copied.ticket.wait().unwrap();
                for (source, target) in copied.source.iter().zip(&copied.target) {
                    let (body, flags) = self.models[which][&source.get()].clone();
                    self.arrived(1 - which, target.get(), body, flags);
                }
                assert_eq!(copied.source.len() as u64, picked.count());
            }
            Step::Move(which, picks) => {
                let picked = self.pick(which, &picks);
                let moved = self.mailbox(which).move_to(&picked, &self.mailbox(1 - which)).unwrap();
                moved.ticket.wait().unwrap();
                for (source, target) in moved.source.iter().zip(&moved.target) {
                    let (body, flags) = self.models[which].remove(&source.get()).unwrap();
                    self.arrived(1 - which, target.get(), body, flags);
                }
                assert_eq!(moved.source.len() as u64, picked.count());
            }
            Step::Expunge(which, picks, only_deleted) => {
                let picked = self.pick(which, &picks);
                let expunged = self.mailbox(which).expunge(&picked, only_deleted).unwrap();
                expunged.ticket.wait().unwrap();
                let deleted = |uid: &u32| !only_deleted || self.models[which][uid].1.has(SystemFlag::Deleted);
                let expected: Vec<u32> = picked.iter().filter(deleted).collect();
                assert_eq!(expunged.uids, uids(&expected));
                self.models[which].retain(|uid, _| !expected.contains(uid));
            }
            Step::Sync(session, expunges) => self.sync(session, expunges),
            Step::ComeBack(which) => self.come_back(which),
            Step::Restart => self.restart(Rig::restart),
            Step::Kill => self.restart(|rig| rig.crash(Survival::Everything)),
            Step::LoseIndex => self.restart(Rig::lose_index),
            Step::TimePasses => self.rig().disk.advance_s(5),
            Step::ForeignDrop(which) => {
                let body = self.body();
                let path = Self::folder(which).join("new").join(format!("{}.dropped", self.counter));
                self.rig().disk.put_file(&path, body.as_bytes()).unwrap();
                let mailbox = self.mailbox(which);
                mailbox.rescan().unwrap();
                let uid = uids_in(&mailbox).into_iter().max().unwrap();
                self.arrived(which, uid, body, Flags::NONE);
            }
            Step::ForeignRemove(which, pick) => {
                let Some((dir, file)) = self.some_file(which, pick) else { return };
                self.rig().disk.remove_file(&Self::folder(which).join(dir).join(&file)).unwrap();
                let uid = crate::maildir::FileName::parse(&file).uid.unwrap();
                self.models[which].remove(&uid).unwrap();
                self.mailbox(which).rescan().unwrap();
            }
            Step::ForeignFlags(which, pick) => {
                let Some((dir, file)) = self.some_file(which, pick) else { return };
                let parsed = crate::maildir::FileName::parse(&file);
                let folder = Self::folder(which);
                let renamed = folder.join("cur").join(format!("{}:2,S", parsed.base));
                self.rig().disk.rename(&folder.join(dir).join(&file), &renamed).unwrap();
                let entry = self.models[which].get_mut(&parsed.uid.unwrap()).unwrap();
                entry.1 = flag(SystemFlag::Seen);
                self.mailbox(which).rescan().unwrap();
            }
        }
    }

    /// The visitor is told what changed since it was here; then it knows what there is.
    fn come_back(&mut self, which: usize) {
        let view = View::open(self.mailbox(which)).unwrap();
        let visitor = &mut self.visitors[which];
        let knows = uids(&visitor.knows.keys().copied().collect::<Vec<_>>());
        let vanished = view.vanished_since(&knows, visitor.modseq);
        let there = &self.models[which];
        assert!(vanished.iter().all(|uid| !there.contains_key(&uid)), "{vanished} is told to have vanished");
        visitor.knows.retain(|uid, _| !vanished.contains(*uid));
        let changed = view.changed_since(&everything(), visitor.modseq);
        view.for_each_row(&changed, &mut |_, row| {
            assert!(row.modseq > visitor.modseq && row.modseq <= view.told_modseq());
            visitor.knows.insert(row.uid.get(), row.flags);
        });
        visitor.modseq = view.told_modseq();
        assert!(visitor.knows.iter().eq(there.iter().map(|(uid, (_, flags))| (uid, flags))));
    }

    fn sync(&mut self, session: usize, expunges: Expunges) {
        let which = session % 2;
        self.mailbox(which).rescan().unwrap();
        let session = &mut self.sessions[session];
        let told_before = session.view.told_modseq();
        loop {
            let changes = session.view.sync(expunges);
            let mut vanished = Vec::new();
            for seq in &changes.expunged {
                vanished.push(session.believes.remove(*seq as usize - 1));
            }
            assert_eq!(uids(&vanished), changes.vanished);
            for (seq, row) in &changes.flags {
                assert_eq!(session.believes[*seq as usize - 1], row.uid.get());
                session.told.insert(row.uid.get(), row.flags);
            }
            if let Some(exists) = changes.exists {
                let highest = session.believes.last().copied().unwrap_or(0);
                let arrived = self.models[which].range(highest + 1..);
                for (uid, (_, flags)) in arrived {
                    session.believes.push(*uid);
                    session.told.insert(*uid, *flags);
                }
                assert_eq!(exists as usize, session.believes.len());
            }
            if !changes.more {
                break;
            }
        }
        assert!(session.view.told_modseq() >= told_before);
        if expunges == Expunges::Announce {
            assert_eq!(session.view.told_modseq(), session.view.mailbox().status().highest_modseq);
            assert!(session.believes.iter().eq(self.models[which].keys()));
        }
        for uid in &session.believes {
            if let Some((_, flags)) = self.models[which].get(uid) {
                assert_eq!(session.told[uid], *flags, "flags of {uid}");
            }
        }
    }

    fn check(&mut self) {
        for which in 0..2 {
            let modseq = self.mailbox(which).status().highest_modseq;
            assert!(modseq >= self.modseqs[which], "{modseq:?} after {:?}", self.modseqs[which]);
            self.modseqs[which] = modseq;
        }
        for (which, session) in self.sessions.iter().enumerate() {
            let which = which % 2;
            let view = &session.view;
            let believed: Vec<u32> = seqs_by_uid(view).into_iter().map(|(_, uid)| uid).collect();
            assert_eq!(believed, session.believes);
            for (at, uid) in believed.iter().enumerate() {
                assert_eq!(view.seq_of(types::Uid::new(*uid).unwrap()), Some(at as u32 + 1));
            }
            let mut there = Vec::new();
            view.for_each_row(&everything(), &mut |seq, row| there.push((seq, row.uid.get())));
            let known = &self.models[which];
            let expected: Vec<(u32, u32)> = believed
                .iter()
                .enumerate()
                .filter(|(_, uid)| known.contains_key(uid))
                .map(|(at, uid)| (at as u32 + 1, *uid))
                .collect();
            assert_eq!(there, expected);
        }
    }

    fn check_contents(&self) {
        for which in 0..2 {
            let mailbox = self.mailbox(which);
            mailbox.rescan().unwrap();
            let model = &self.models[which];
            let expected: Vec<(u32, String)> =
                model.iter().map(|(uid, (body, _))| (*uid, body.clone())).collect();
            assert_eq!(contents(&mailbox), expected);
            assert!(rows(&mailbox).iter().all(|row| row.flags == model[&row.uid.get()].1));
            let status = mailbox.status();
            let unseen = model.values().filter(|(_, flags)| !flags.has(SystemFlag::Seen)).count();
            let deleted = model.values().filter(|(_, flags)| flags.has(SystemFlag::Deleted)).count();
            let bytes: usize = model.values().map(|(body, _)| body.len()).sum();
            assert_eq!(
                (
                    status.messages as usize,
                    status.unseen as usize,
                    status.deleted as usize,
                    status.bytes as usize
                ),
                (model.len(), unseen, deleted, bytes)
            );
            assert!(status.uid_next > self.highest[which]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn mailboxes_and_views_do_what_the_model_does(steps in prop::collection::vec(step(), 1..50)) {
        let mut world = World::new();
        for step in steps {
            world.run(step);
            world.check();
        }
        world.check_contents();
        world.restart(Rig::restart);
        world.check_contents();
        world.come_back(0);
        world.come_back(1);
    }
}
