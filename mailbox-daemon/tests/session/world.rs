//! What several clients do in turn, and the model of what then is there.

use super::Random;
use super::belief::{Flags, set, write_set};
use super::client::{Client, Speaks, status, uid_code};
use super::model::{Mailbox, Model, store};
use crate::support::demo::Demo;

const CLIENTS: usize = 5;
const FOLDERS: [&str; 3] = ["Work", "Play", "Old"];
/// Flags clients set.
pub const FLAGS: [&str; 5] = ["\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "$Work"];

/// A box, its clients and what they should find.
pub struct World {
    random: Random,
    demo: Demo,
    model: Model,
    clients: Vec<Client>,
    appended: u32,
}

/// Messages a client means, as it would name them.
struct Target {
    /// `UID ` or nothing.
    prefix: &'static str,
    set: String,
    uids: Vec<u32>,
}

impl World {
    /// An empty box.
    pub fn new(seed: u64) -> World {
        let demo = Demo::start();
        let clients = (0..CLIENTS).map(|number| {
            Client::new(&demo, &format!("client {number}"), Speaks::ALL[number % Speaks::ALL.len()])
        });
        let clients = clients.collect();
        let model = ["INBOX", "Archive"].map(|name| (name.to_owned(), Mailbox::default()));
        World { random: Random::new(seed), demo, model: model.into(), clients, appended: 0 }
    }

    /// One client does something, and must believe what is then there.
    pub fn step(&mut self) {
        let at = self.random.below(self.clients.len());
        if self.clients[at].idling.is_some() {
            if self.random.percent(40) {
                self.clients[at].done();
                self.check(at, true);
            }
            return;
        }
        let Some(open) = self.clients[at].open.clone() else {
            match self.random.below(10) {
                0..3 => self.append(at),
                3..5 => self.folders(at),
                _ => self.select(at),
            }
            return;
        };
        match self.random.below(100) {
            0..14 => self.append(at),
            14..36 if !open.read_only => self.store(at),
            36..44 if !open.read_only => self.expunge(at),
            44..51 => self.copy(at, false),
            51..57 if !open.read_only => self.copy(at, true),
            57..66 => self.fetch(at),
            66..73 => self.search(at),
            73..80 => self.noop(at),
            80..86 => self.clients[at].idle(),
            86..93 => self.select(at),
            93..95 => self.close(at),
            95..97 => self.clients[at].reconnect(&self.demo),
            97..99 => self.folders(at),
            _ => self.status(at),
        }
    }

    fn names(&self) -> Vec<String> {
        self.model.keys().cloned().collect()
    }

    fn open_mailbox(&mut self, at: usize) -> &mut Mailbox {
        let name = self.clients[at].open.as_ref().unwrap().mailbox.clone();
        self.model.get_mut(&name).unwrap()
    }

    fn some_flags(&mut self) -> Flags {
        self.random.some(&FLAGS, 3).into_iter().map(str::to_owned).collect()
    }

    /// Some messages the client believes in.
    fn target(&mut self, at: usize) -> Option<Target> {
        let client = &self.clients[at];
        let seqs: Vec<u32> = (1..=client.belief.messages.len() as u32).collect();
        let seqs = self.random.some(&seqs, 6);
        let uid_of = |seq: &u32| client.belief.messages[*seq as usize - 1].uid;
        let uids: Vec<u32> = seqs.iter().filter_map(uid_of).collect();
        if uids.is_empty() || uids.len() < seqs.len() {
            return None;
        }
        let by_uid = client.speaks == Speaks::UidOnly || self.random.percent(50);
        Some(match by_uid {
            true => Target { prefix: "UID ", set: write_set(&uids), uids },
            false => Target { prefix: "", set: write_set(&seqs), uids },
        })
    }

    /// After a command: the client learns what is new, and its belief must be right.
    fn check(&mut self, at: usize, is_all_told: bool) {
        let client = &mut self.clients[at];
        if client.open.is_none() {
            return;
        }
        client.learn();
        let open = client.open.as_ref().unwrap();
        let wrong = self.model[&open.mailbox].contradicts(&client.belief, !is_all_told);
        if let Some(wrong) = wrong {
            panic!("{wrong}: {}", self.clients[at].report());
        }
    }

    fn append(&mut self, at: usize) {
        let names = self.names();
        let mailbox = self.random.pick(&names).clone();
        let flags = self.some_flags();
        let words: Vec<&str> = flags.iter().map(String::as_str).collect();
        self.appended += 1;
        let message = format!("Subject: number {}\r\n\r\nhello\r\n", self.appended);
        let answer = self.clients[at].append(&mailbox, &words.join(" "), &message).ok();
        let code = uid_code(&answer, "APPENDUID").unwrap();
        let (validity, uid) = (code[0].parse().unwrap(), code[1].parse().unwrap());
        self.model.get_mut(&mailbox).unwrap().arrive(validity, uid, flags);
        self.check(at, true);
    }

    fn store(&mut self, at: usize) {
        let Some(target) = self.target(at) else { return };
        let named = self.some_flags();
        let mode = *self.random.pick(&["+", "-", ""]);
        let silent = self.random.percent(50);
        let client = &mut self.clients[at];
        let is_conditional = client.speaks == Speaks::Qresync && self.random.percent(50);
        let is_told = is_conditional && self.random.percent(50);
        if is_told {
            client.command("NOOP").ok();
            // Numbers may have moved.
            client.learn();
        }
        let condition = match is_conditional {
            true => format!("(UNCHANGEDSINCE {}) ", client.belief.modseq),
            false => String::new(),
        };
        let uid_set = write_set(&target.uids);
        let (prefix, messages) = if is_told { ("UID ", &uid_set) } else { (target.prefix, &target.set) };
        let flags = named.iter().cloned().collect::<Vec<_>>().join(" ");
        let answer = client.command(&format!(
            "{prefix}STORE {messages} {condition}{mode}FLAGS{} ({flags})",
            if silent { ".SILENT" } else { "" }
        ));
        let modified: Vec<u32> = answer.verdict.find("[MODIFIED ").map_or_else(Vec::new, |begin| {
            let code = &answer.verdict[begin + "[MODIFIED ".len()..];
            set(&code[..code.find(']').unwrap()])
        });
        assert!(answer.is_ok() || is_conditional, "{}", client.report());
        assert!(!is_told || modified.is_empty(), "{}", client.report());
        let modified: Vec<u32> = match prefix {
            "" => {
                let uid_of = |seq: &u32| client.belief.messages[*seq as usize - 1].uid;
                modified.iter().filter_map(uid_of).collect()
            }
            _ => modified,
        };
        let stored: Vec<u32> = target.uids.into_iter().filter(|uid| !modified.contains(uid)).collect();
        if silent {
            for uid in &stored {
                if let Some(message) = client.belief.by_uid(*uid) {
                    store(&mut message.flags, mode, &named);
                }
            }
        }
        let mailbox = self.open_mailbox(at);
        for uid in &stored {
            if let Some(flags) = mailbox.messages.get_mut(uid) {
                store(flags, mode, &named);
            }
        }
        self.check(at, prefix == "UID ");
    }

    fn expunge(&mut self, at: usize) {
        // EXPUNGE takes what the client knows; it is told of everything before.
        self.noop(at);
        let picked = if self.random.percent(50) { self.target(at) } else { None };
        let command = picked
            .as_ref()
            .map_or("EXPUNGE".to_owned(), |target| format!("UID EXPUNGE {}", write_set(&target.uids)));
        self.clients[at].command(&command).ok();
        let mailbox = self.open_mailbox(at);
        for uid in mailbox.with_flag("\\Deleted") {
            if picked.as_ref().is_none_or(|target| target.uids.contains(&uid)) {
                mailbox.messages.remove(&uid);
            }
        }
        self.check(at, true);
    }

    /// COPY, or MOVE.
    fn copy(&mut self, at: usize, is_move: bool) {
        let Some(target) = self.target(at) else { return };
        let source = self.clients[at].open.as_ref().unwrap().mailbox.clone();
        let names: Vec<String> =
            self.names().into_iter().filter(|name| !is_move || *name != source).collect();
        let to = self.random.pick(&names).clone();
        let command = if is_move { "MOVE" } else { "COPY" };
        let answer = self.clients[at].command(&format!("{}{command} {} {to}", target.prefix, target.set));
        let there: Vec<u32> =
            target.uids.into_iter().filter(|uid| self.model[&source].messages.contains_key(uid)).collect();
        let Some(code) = uid_code(&answer, "COPYUID") else {
            assert!(there.is_empty(), "{}", self.clients[at].report());
            return self.check(at, true);
        };
        assert_eq!(set(code[1]), there, "{}", self.clients[at].report());
        for (from, uid) in there.iter().zip(set(code[2])) {
            let flags = self.model[&source].messages[from].clone();
            self.model.get_mut(&to).unwrap().arrive(code[0].parse().unwrap(), uid, flags);
            if is_move {
                self.model.get_mut(&source).unwrap().messages.remove(from);
            }
        }
        self.check(at, true);
    }

    fn fetch(&mut self, at: usize) {
        let Some(target) = self.target(at) else { return };
        let reads = self.random.percent(50);
        let items = if reads { "BODY[TEXT]" } else { "(UID FLAGS)" };
        self.clients[at].command(&format!("{}FETCH {} {items}", target.prefix, target.set));
        if reads && !self.clients[at].open.as_ref().unwrap().read_only {
            let mailbox = self.open_mailbox(at);
            for uid in &target.uids {
                if let Some(flags) = mailbox.messages.get_mut(uid) {
                    flags.insert("\\Seen".to_owned());
                }
            }
        }
        self.check(at, target.prefix == "UID ");
    }

    fn search(&mut self, at: usize) {
        let flag = self.random.pick(&FLAGS).to_owned();
        let by_uid = self.clients[at].speaks == Speaks::UidOnly || self.random.percent(50);
        let believed = self.clients[at].belief.clone();
        let prefix = if by_uid { "UID " } else { "" };
        let key = if flag.starts_with('$') { format!("KEYWORD {flag}") } else { flag[1..].to_owned() };
        let answer = self.clients[at].command(&format!("{prefix}SEARCH {key}")).ok();
        let line = answer.untagged.iter().find(|line| line.starts_with("* SEARCH")).unwrap();
        let found: Vec<u32> = line.split(' ').skip(2).map(|number| number.parse().unwrap()).collect();
        let has = self.open_mailbox(at).with_flag(flag);
        let numbered = believed.messages.iter().enumerate().filter_map(|(at, message)| {
            let uid = message.uid.filter(|uid| has.contains(uid))?;
            Some(if by_uid { uid } else { at as u32 + 1 })
        });
        let expected: Vec<u32> = numbered.collect();
        assert_eq!(found, expected, "{}", self.clients[at].report());
        self.check(at, by_uid);
    }

    fn noop(&mut self, at: usize) {
        let command = *self.random.pick(&["NOOP", "CHECK"]);
        self.clients[at].command(command).ok();
        self.check(at, true);
    }

    fn select(&mut self, at: usize) {
        let names = self.names();
        let mailbox = self.random.pick(&names).clone();
        let read_only = self.random.percent(20);
        assert!(self.clients[at].select(&mailbox, read_only), "{}", self.clients[at].report());
        self.check(at, true);
    }

    fn close(&mut self, at: usize) {
        let open = self.clients[at].open.clone().unwrap();
        let unselects = self.random.percent(40);
        // CLOSE takes no message its session was not told of.
        self.noop(at);
        self.clients[at].command(if unselects { "UNSELECT" } else { "CLOSE" }).ok();
        self.clients[at].forget_open();
        if !unselects && !open.read_only {
            let mailbox = self.model.get_mut(&open.mailbox).unwrap();
            mailbox.messages.retain(|_, flags| !flags.contains("\\Deleted"));
        }
    }

    /// A folder is made, renamed or deleted.
    fn folders(&mut self, at: usize) {
        let name = (*self.random.pick(&FOLDERS)).to_owned();
        let other = (*self.random.pick(&FOLDERS)).to_owned();
        match (self.model.contains_key(&name), self.random.percent(50)) {
            (false, _) => {
                self.clients[at].command(&format!("CREATE {name}")).ok();
                self.model.insert(name, Mailbox::default());
            }
            (true, true) if !self.model.contains_key(&other) => self.rename(at, &name, &other),
            (true, _) => self.delete(at, &name),
        }
        self.check(at, true);
    }

    /// Whoever has the folder open keeps it, unless the new name had a later generation of UIDs before.
    fn rename(&mut self, at: usize, name: &str, to: &str) {
        let is_open = |client: &Client| client.open.as_ref().is_some_and(|open| open.mailbox == name);
        if is_open(&self.clients[at]) {
            return;
        }
        let before = self.clients[at].command(&format!("STATUS {name} (UIDVALIDITY)")).ok();
        self.clients[at].command(&format!("RENAME {name} {to}")).ok();
        let after = self.clients[at].command(&format!("STATUS {to} (UIDVALIDITY)")).ok();
        let mut moved = self.model.remove(name).unwrap();
        let is_same = status(&before, "UIDVALIDITY") == status(&after, "UIDVALIDITY");
        if !is_same {
            moved.uid_validity = status(&after, "UIDVALIDITY");
        }
        self.model.insert(to.to_owned(), moved);
        for client in self.clients.iter_mut().filter(|client| is_open(client)) {
            match (is_same, &mut client.open) {
                (true, Some(open)) => to.clone_into(&mut open.mailbox),
                _ => client.reconnect(&self.demo),
            }
        }
    }

    /// Whoever has the folder open loses it.
    fn delete(&mut self, at: usize, name: &str) {
        self.clients[at].command(&format!("DELETE {name}")).ok();
        self.model.remove(name);
        for (index, client) in self.clients.iter_mut().enumerate() {
            if client.open.as_ref().is_some_and(|open| open.mailbox == name) {
                match index == at {
                    true => client.forget_open(),
                    false => client.reconnect(&self.demo),
                }
            }
        }
    }

    fn status(&mut self, at: usize) {
        let names = self.names();
        let mailbox = self.random.pick(&names).clone();
        let answer = self.clients[at].command(&format!("STATUS {mailbox} (MESSAGES UNSEEN DELETED)")).ok();
        let model = &self.model[&mailbox];
        let seen = model.with_flag("\\Seen").len();
        assert_eq!(status(&answer, "MESSAGES"), Some(model.messages.len() as u64));
        assert_eq!(status(&answer, "UNSEEN"), Some((model.messages.len() - seen) as u64));
        assert_eq!(status(&answer, "DELETED"), Some(model.with_flag("\\Deleted").len() as u64));
        self.check(at, true);
    }

    /// The daemon stops or is killed, and every second time finds no index when it starts again.
    pub fn stop_and_start(&mut self, time: usize) {
        match time % 3 {
            0 => self.demo.kill(),
            _ => drop(self.demo.terminate()),
        }
        if time.is_multiple_of(2) {
            std::fs::remove_dir_all(self.demo.state_dir().join("index")).unwrap();
        }
        self.demo.start_again();
        for client in &mut self.clients {
            client.reconnect(&self.demo);
        }
    }

    /// In the end everybody looks at everything once more.
    pub fn settle(&mut self) {
        for at in 0..self.clients.len() {
            self.clients[at].done();
            for name in self.names() {
                assert!(self.clients[at].select(&name, true));
                self.check(at, true);
            }
        }
    }
}
