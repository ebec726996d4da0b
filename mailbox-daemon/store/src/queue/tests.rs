use super::*;
use crate::disk::crash::{CrashDisk, Survival};
use proptest::prelude::*;
use types::{Address, Envelope, MailParameters, Recipient};

mod hand_over;

fn header(to: &[&str], arrived_at: UnixSeconds) -> Header {
    let address = |text: &str| Address::parse(text).unwrap();
    let recipients =
        to.iter().map(|to| Recipient { address: address(to), notify: None, original: None }).collect();
    let envelope =
        Envelope { from: Some(address("ana@home.test")), parameters: MailParameters::default(), recipients };
    Header { envelope, account: None, arrived_at }
}

fn dir() -> &'static Path {
    Path::new("/box/queue")
}

/// A queue with its own committing thread, which ends with it.
struct Opened {
    queue: Queue,
    committer: Committer,
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.committer.close();
    }
}

fn open(disk: &CrashDisk) -> Result<Opened, StoreError> {
    disk.shared().create_dir_all(Path::new("/box"))?;
    disk.shared().sync_dir(Path::new("/"))?;
    let committer = Committer::start(disk.shared(), Path::new("/box"))?;
    let queue = Queue::open(disk.shared(), dir(), committer.clone());
    match queue {
        Ok(queue) => Ok(Opened { queue, committer }),
        Err(error) => {
            committer.close();
            Err(error)
        }
    }
}

fn body(number: u64) -> Vec<u8> {
    format!("Subject: {number}\r\n\r\n{}\r\n", "text ".repeat(number as usize % 50)).into_bytes()
}

fn enqueue(queue: &Queue, number: u64, to: &[&str]) -> Result<QueueId, StoreError> {
    let mut message = queue.new_entry()?;
    message.write(&body(number))?;
    let queued = queue.enqueue(message, &header(to, 1000))?;
    queued.ticket.wait().map(|()| queued.id)
}

fn read_all(message: &QueuedMessage) -> Vec<u8> {
    let mut bytes = vec![0; message.message_bytes() as usize + 10];
    let count = message.read_at(&mut bytes, 0).unwrap();
    bytes.truncate(count);
    bytes
}

fn ids(queue: &Queue) -> Vec<QueueId> {
    queue.list(None, 1000).unwrap().into_iter().map(|listing| listing.id).collect()
}

#[test]
fn a_message_comes_in_waits_is_retried_and_goes() {
    let disk = CrashDisk::new();
    let opened = open(&disk).unwrap();
    let queue = &opened.queue;
    assert_eq!(queue.next_due(true).unwrap(), None);
    let before = queue.bell().generation();
    let id = enqueue(queue, 7, &["a@x.test", "b@y.test"]).unwrap();
    assert!(queue.bell().generation() > before);

    let mut claim = queue.claim(1000, 10, 10).unwrap().pop().unwrap();
    assert!(queue.claim(1000, 10, 10).unwrap().is_empty(), "an entry is claimed once");
    let message = claim.open().unwrap();
    assert_eq!(read_all(&message), body(7));
    message.mark_recipients(&[(1, RecipientState::Delivered)]).unwrap();
    claim.retry(Progress {
        attempts: 1,
        next_attempt_at: 1300,
        held: false,
        is_bulk: false,
        replies: vec![(0, "450".to_owned())],
    });

    assert_eq!(queue.next_due(true).unwrap(), Some(1300));
    assert!(queue.claim(1299, 10, 10).unwrap().is_empty());
    let shown = queue.show(id).unwrap().unwrap();
    assert_eq!(shown.marks.recipients, [RecipientState::Pending, RecipientState::Delivered]);
    assert_eq!(shown.progress.replies, [(0, "450".to_owned())]);

    let claim = queue.claim(1300, 10, 10).unwrap().pop().unwrap();
    assert_eq!(claim.progress().attempts, 1);
    claim.complete().unwrap().wait().unwrap();
    assert!(queue.is_empty() && ids(queue).is_empty());
    assert_eq!(disk.names(&dir().join("spool")).unwrap(), Vec::<String>::new());
}

#[test]
fn a_dropped_claim_is_due_again_and_a_dropped_ticket_takes_the_message_back() {
    let disk = CrashDisk::new();
    let opened = open(&disk).unwrap();
    let queue = &opened.queue;
    let id = enqueue(queue, 1, &["a@x.test"]).unwrap();
    drop(queue.claim(1000, 1, 1).unwrap());
    assert_eq!(queue.claim(1000, 1, 1).unwrap()[0].id(), id);

    let message = queue.new_entry().unwrap();
    drop(queue.enqueue(message, &header(&["b@x.test"], 1000)).unwrap());
    assert_eq!(ids(queue), [id]);
    assert_eq!(queue.len(), 1);
}

#[test]
fn held_entries_stay_and_deleted_ones_go_even_while_they_are_delivered() {
    let disk = CrashDisk::new();
    let opened = open(&disk).unwrap();
    let queue = &opened.queue;
    let [a, b, c] = [1, 2, 3].map(|number| enqueue(queue, number, &["a@x.test"]).unwrap());
    assert!(queue.hold(a).unwrap());
    let mut claims = queue.claim(1000, 10, 10).unwrap();
    assert_eq!(claims.iter().map(Claim::id).collect::<Vec<_>>(), [b, c]);
    assert!(queue.hold(b).unwrap() && queue.delete(c).unwrap());
    assert!(!queue.retry(b, 1000).unwrap(), "it is held");
    for claim in claims.drain(..) {
        claim.retry(Progress { attempts: 1, next_attempt_at: 0, ..Progress::default() });
    }
    assert!(queue.claim(2000, 10, 10).unwrap().is_empty());
    assert_eq!((ids(queue), queue.len()), (vec![a, b], 2));
    assert!(queue.release(a).unwrap() && queue.release(b).unwrap());
    assert_eq!(queue.claim(2000, 10, 10).unwrap().len(), 2);
    assert!(!queue.delete(c).unwrap() && !queue.hold(c).unwrap());
}

#[test]
fn retry_makes_due_and_pages_follow_one_another() {
    let disk = CrashDisk::new();
    let opened = open(&disk).unwrap();
    let queue = &opened.queue;
    let all: Vec<QueueId> = (0..7).map(|number| enqueue(queue, number, &["a@x.test"]).unwrap()).collect();
    for claim in queue.claim(1000, 10, 10).unwrap() {
        claim.retry(Progress { attempts: 3, next_attempt_at: 9000, ..Progress::default() });
    }
    assert!(queue.retry(all[2], 1500).unwrap());
    assert_eq!(queue.claim(1500, 10, 10).unwrap()[0].id(), all[2]);
    assert_eq!(queue.retry_all(1600).unwrap(), 6);
    assert_eq!(queue.claim(1600, 10, 10).unwrap().len(), 7);
    let page = |after| queue.list(after, 3).unwrap().iter().map(|listing| listing.id).collect::<Vec<_>>();
    assert_eq!(
        (page(None), page(Some(all[2])), page(Some(all[6]))),
        (all[..3].to_vec(), all[3..6].to_vec(), vec![])
    );
}

#[test]
fn first_attempts_come_before_retries_but_do_not_starve_them() {
    let disk = CrashDisk::new();
    let opened = open(&disk).unwrap();
    let queue = &opened.queue;
    let old: Vec<QueueId> = (0..20).map(|number| enqueue(queue, number, &["a@x.test"]).unwrap()).collect();
    for claim in queue.claim(1000, 20, 20).unwrap() {
        claim.retry(Progress { attempts: 1, next_attempt_at: 1000, ..Progress::default() });
    }
    let fresh: Vec<QueueId> = (0..20).map(|number| enqueue(queue, number, &["a@x.test"]).unwrap()).collect();
    let claimed: Vec<QueueId> = queue.claim(2000, 8, 8).unwrap().iter().map(Claim::id).collect();
    assert_eq!(claimed, [&old[..2], &fresh[..6]].concat());
    assert_eq!(queue.claim(2000, 100, 100).unwrap().len(), 40);
}

#[test]
fn what_cannot_be_understood_is_set_aside_and_the_rest_goes_on() {
    let disk = CrashDisk::new();
    let spool = dir().join("spool");
    let [a, b] = {
        let opened = open(&disk).unwrap();
        let two = [1, 2].map(|number| enqueue(&opened.queue, number, &["a@x.test"]).unwrap());
        opened.queue.checkpoint().unwrap();
        two
    };
    let mut bytes = disk.contents(&spool.join(a.to_string())).unwrap();
    let middle = body(1).len() + 3;
    bytes[middle] ^= 0xff;
    disk.put_file(&spool.join(a.to_string()), &bytes).unwrap();
    disk.put_file(&spool.join("0000000000001"), &bytes).unwrap();
    disk.put_file(&spool.join("0000000000002"), &bytes[..bytes.len() - 1]).unwrap();
    disk.put_file(&spool.join("notes.txt"), b"x").unwrap();

    let opened = open(&disk).unwrap();
    let recovered = opened.queue.recovered();
    assert_eq!((recovered.entries, recovered.torn, recovered.damaged), (2, 1, 2));
    assert_eq!(
        recovered.damaged_files,
        [dir().join("corrupt/notes.txt"), dir().join("corrupt/0000000000001")]
    );
    let mut claims = opened.queue.claim(1000, 10, 10).unwrap();
    assert!(matches!(claims[0].open(), Err(StoreError::Damaged { path }) if path.ends_with(a.to_string())));
    assert_eq!(read_all(&claims[1].open().unwrap()), body(2));
    drop(claims);
    assert_eq!((ids(&opened.queue), opened.queue.len()), (vec![b], 1));
}

#[test]
fn the_schedule_can_be_lost() {
    let disk = CrashDisk::new();
    let (a, b) = {
        let opened = open(&disk).unwrap();
        let two = [1, 2].map(|number| enqueue(&opened.queue, number, &["a@x.test"]).unwrap());
        opened.queue.hold(two[1]).unwrap();
        opened.queue.checkpoint().unwrap();
        (two[0], two[1])
    };
    disk.put_file(&dir().join("queue.redb"), b"garbage of some length, no database at all").unwrap();
    let opened = open(&disk).unwrap();
    assert_eq!(opened.queue.recovered().rescheduled, 2);
    let due: Vec<QueueId> = opened.queue.claim(1000, 10, 10).unwrap().iter().map(Claim::id).collect();
    assert_eq!((due, ids(&opened.queue)), (vec![a], vec![a, b]));
}

/// Whatever the length of the queue, what is held in memory is not.
#[test]
fn memory_does_not_grow_with_the_queue() {
    let disk = CrashDisk::new();
    let opened = open(&disk).unwrap();
    let queue = &opened.queue;
    for number in 0..3 * FRESH_MAX as u64 {
        enqueue(queue, number, &["a@x.test"]).unwrap();
        let state = queue.inner.state();
        assert!(state.fresh.len() <= FRESH_MAX && state.changes.len() <= FRESH_MAX);
    }
    let mut seen = 0;
    loop {
        let claims = queue.claim(1000, 100, 100).unwrap();
        if claims.is_empty() {
            break;
        }
        assert!(claims.len() <= 100);
        seen += claims.len();
        for claim in claims {
            claim.retry(Progress { attempts: 1, next_attempt_at: 9000, ..Progress::default() });
        }
        assert!(queue.inner.state().changes.len() <= 100);
    }
    assert_eq!(seen, 3 * FRESH_MAX);
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let disk = CrashDisk::new();
    let opened = open(&disk).unwrap();
    let queue = &opened.queue;
    let id = enqueue(queue, 1, &["a@x.test"]).unwrap();
    for claim in queue.claim(1000, 1, 1).unwrap() {
        claim.retry(Progress { attempts: 1, next_attempt_at: 1100, ..Progress::default() });
    }
    disk.fail_from(disk.operations() + 1, libc::ENOSPC);
    assert!(matches!(enqueue(queue, 2, &["a@x.test"]), Err(StoreError::OutOfSpace)));
    let _ = queue.checkpoint();
    disk.heal();
    assert_eq!(ids(queue), [id]);
    assert_eq!(queue.next_due(true).unwrap(), Some(1100));
    let other = enqueue(queue, 3, &["a@x.test"]).unwrap();
    assert_eq!(ids(queue), [id, other]);
}

/// What the outside world was told, and what must therefore be true after any power cut.
#[derive(Default)]
struct Promises {
    accepted: Vec<(QueueId, u64)>,
    delivered: Vec<(QueueId, usize)>,
    gone: Vec<QueueId>,
    /// Being removed when the power went: may be there or not.
    going: Vec<QueueId>,
}

/// A piece of the queue's life: two messages come in, one recipient of the first is served, the second message leaves.
fn live(disk: &CrashDisk, promises: &mut Promises) -> Result<(), StoreError> {
    let opened = open(disk)?;
    let queue = &opened.queue;
    for number in [11, 12] {
        let id = enqueue(queue, number, &["a@x.test", "b@y.test"])?;
        promises.accepted.push((id, number));
    }
    let mut claims = queue.claim(1000, 10, 10)?;
    let (mut second, mut first) = (claims.remove(1), claims.remove(0));
    let message = first.open()?;
    message.mark_recipients(&[(1, RecipientState::Delivered)])?;
    promises.delivered.push((first.id(), 1));
    message.mark_delay_reported()?;
    let id = first.id();
    first.retry(Progress { attempts: 1, next_attempt_at: 1300, ..Progress::default() });
    queue.checkpoint()?;
    second.open()?.mark_recipients(&[(0, RecipientState::Delivered), (1, RecipientState::Failed)])?;
    promises.going.push(second.id());
    let gone = second.id();
    second.complete()?.wait()?;
    promises.gone.push(gone);
    queue.hold(id)?;
    queue.release(id)?;
    let third = enqueue(queue, 13, &["c@z.test"])?;
    promises.accepted.push((third, 13));
    queue.checkpoint()
}

fn check(disk: &CrashDisk, promises: &Promises, when: &str) {
    let opened = open(disk).unwrap_or_else(|error| panic!("{when}: {error}"));
    let queue = &opened.queue;
    let listed = ids(queue);
    let mut claims = queue.claim(5000, 1000, 1000).unwrap();
    for (id, number) in &promises.accepted {
        let claim = claims.iter_mut().find(|claim| claim.id() == *id);
        match claim {
            Some(claim) => assert_eq!(read_all(&claim.open().unwrap()), body(*number), "{when}"),
            None => assert!(promises.going.contains(id), "{when}: {id} is lost"),
        }
    }
    for (id, recipient) in &promises.delivered {
        let listing = queue.show(*id).unwrap().unwrap();
        assert_eq!(
            listing.marks.recipients[*recipient],
            RecipientState::Delivered,
            "{when}: would go out twice"
        );
    }
    for id in &promises.gone {
        assert!(!listed.contains(id), "{when}: {id} is back");
    }
    for claim in &mut claims {
        assert!(claim.open().is_ok(), "{when}: {} is offered and cannot be read", claim.id());
    }
    assert_eq!(queue.len(), listed.len() as u64, "{when}");
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_and_doubles_nothing() {
    for names_ride in [true, false] {
        let whole = CrashDisk::with_names_ride(names_ride);
        live(&whole, &mut Promises::default()).unwrap();
        for number in 1..=whole.operations() {
            let disk = CrashDisk::with_names_ride(names_ride);
            disk.cut_at(number);
            let mut promises = Promises::default();
            let _ = live(&disk, &mut promises);
            let survivals = (0..4)
                .map(|seed| Survival::Chance(number * 7 + seed))
                .chain([Survival::Everything, Survival::Strict]);
            for survival in survivals {
                let when = format!(
                    "cut at {number} of {}, {survival:?}, names ride: {names_ride}",
                    whole.operations()
                );
                check(&disk.survive(survival), &promises, &when);
            }
        }
    }
}

#[test]
fn a_power_cut_while_recovering_is_recovered_from() {
    let disk = CrashDisk::new();
    let mut promises = Promises::default();
    live(&disk, &mut promises).unwrap();
    let _ = disk.put_file(&dir().join("spool/0000000000001"), b"torn");
    let crashed = disk.survive(Survival::Strict);
    let before = crashed.operations();
    drop(open(&crashed).unwrap());
    let count = crashed.operations() - before;
    for number in 1..=count {
        let again = disk.survive(Survival::Strict);
        again.cut_at(again.operations() + number);
        drop(open(&again));
        check(&again.survive(Survival::Chance(number)), &promises, &format!("cut at {number} of {count}"));
    }
}

#[test]
fn bulk_mail_goes_out_last_and_only_where_there_is_room() {
    let opened = open(&CrashDisk::new()).unwrap();
    let queue = &opened.queue;
    let all: Vec<QueueId> = (0..6).map(|number| enqueue(queue, number, &["a@x.test"]).unwrap()).collect();
    for claim in queue.claim(1000, 4, 4).unwrap() {
        claim.put_back_as_bulk();
    }
    let first: Vec<Claim> = queue.claim(1000, 10, 1).unwrap();
    let ids: Vec<QueueId> = first.iter().map(Claim::id).collect();
    assert_eq!(ids, [all[0], all[4], all[5]], "all that are not bulk, and one that is");
    assert_eq!(queue.next_due(false).unwrap(), None);
    assert_eq!(queue.next_due(true).unwrap(), Some(0));
    for claim in first {
        claim.retry(Progress { attempts: 1, next_attempt_at: 1300, ..Progress::default() });
    }
    assert_eq!(queue.claim(1000, 10, 10).unwrap().len(), 3);
}

#[test]
fn what_the_owner_holds_stays_held_over_a_power_cut() {
    let disk = CrashDisk::new();
    let opened = open(&disk).unwrap();
    enqueue(&opened.queue, 1, &["a@x.test"]).unwrap();
    opened.queue.change_held(|held| held.all = true).unwrap();
    opened.queue.change_held(|held| held.domains.extend(["x.test".to_owned()])).unwrap();
    assert!(opened.queue.claim(1000, 10, 10).unwrap().is_empty());
    assert_eq!(opened.queue.next_due(true).unwrap(), None);
    let opened = open(&disk.survive(Survival::Strict)).unwrap();
    assert!(opened.queue.held().all && opened.queue.held().domains.contains("x.test"));
    opened.queue.change_held(|held| held.all = false).unwrap();
    assert_eq!(opened.queue.claim(1000, 10, 10).unwrap().len(), 1);
}

#[derive(Clone, Debug)]
enum Act {
    Enqueue,
    Attempt { wait: i64 },
    Complete,
    Hold(usize),
    Release(usize),
    Delete(usize),
    RetryAll,
    Pass(i64),
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Enqueue),
        3 => (1i64..500).prop_map(|wait| Act::Attempt { wait }),
        2 => Just(Act::Complete),
        1 => (0usize..6).prop_map(Act::Hold),
        1 => (0usize..6).prop_map(Act::Release),
        1 => (0usize..6).prop_map(Act::Delete),
        1 => Just(Act::RetryAll),
        2 => (1i64..400).prop_map(Act::Pass),
        1 => Just(Act::Restart),
    ]
}

/// The queue as a person would describe it.
#[derive(Default)]
struct Model {
    now: UnixSeconds,
    entries: BTreeMap<QueueId, (u64, bool, UnixSeconds)>,
}

impl Model {
    fn due(&self) -> Vec<QueueId> {
        let due = self.entries.iter().filter(|(_, (_, held, at))| !held && *at <= self.now);
        due.map(|(id, _)| *id).collect()
    }

    fn pick(&self, index: usize) -> Option<QueueId> {
        self.entries.keys().nth(index).copied()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn behaves_like_its_description(acts in prop::collection::vec(act(), 1..40)) {
        let disk = CrashDisk::new();
        let mut opened = open(&disk).unwrap();
        let mut model = Model { now: 1000, ..Model::default() };
        for (number, act) in acts.into_iter().enumerate() {
            let queue = opened.queue.clone();
            match act {
                Act::Enqueue => {
                    let id = enqueue(&queue, number as u64, &["a@x.test"]).unwrap();
                    model.entries.insert(id, (number as u64, false, 0));
                }
                Act::Attempt { wait } => {
                    for claim in queue.claim(model.now, 3, 3).unwrap() {
                        let entry = model.entries.get_mut(&claim.id()).unwrap();
                        prop_assert!(!entry.1 && entry.2 <= model.now);
                        entry.2 = model.now + wait;
                        let attempts = claim.progress().attempts + 1;
                        claim.retry(Progress { attempts, next_attempt_at: model.now + wait, ..Progress::default() });
                    }
                }
                Act::Complete => {
                    for claim in queue.claim(model.now, 1, 1).unwrap() {
                        prop_assert!(model.entries.remove(&claim.id()).is_some());
                        claim.complete().unwrap().wait().unwrap();
                    }
                }
                Act::Hold(index) => if let Some(id) = model.pick(index) {
                    prop_assert!(queue.hold(id).unwrap());
                    model.entries.get_mut(&id).unwrap().1 = true;
                }
                Act::Release(index) => if let Some(id) = model.pick(index) {
                    prop_assert!(queue.release(id).unwrap());
                    let entry = model.entries.get_mut(&id).unwrap();
                    (entry.1, entry.2) = (false, 0);
                }
                Act::Delete(index) => if let Some(id) = model.pick(index) {
                    prop_assert!(queue.delete(id).unwrap());
                    model.entries.remove(&id);
                }
                Act::RetryAll => {
                    queue.retry_all(model.now).unwrap();
                    let waiting = model.entries.values_mut().filter(|(_, held, _)| !held);
                    waiting.for_each(|(_, _, at)| *at = model.now.min(*at));
                }
                Act::Pass(seconds) => model.now += seconds,
                Act::Restart => {
                    queue.checkpoint().unwrap();
                    drop(queue);
                    opened = open(&disk).unwrap();
                }
            }
            let queue = &opened.queue;
            prop_assert_eq!(queue.len(), model.entries.len() as u64);
            prop_assert_eq!(ids(queue), model.entries.keys().copied().collect::<Vec<_>>());
            let mut due: Vec<QueueId> = queue.claim(model.now, 1000, 1000).unwrap().iter().map(Claim::id).collect();
            due.sort_unstable();
            prop_assert_eq!(due, model.due());
        }
    }
}
