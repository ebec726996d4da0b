//! The tree of messages, and step 5 of REFERENCES: threads with the same base subject become one.

use super::links::{Above, Links};
use super::{Message, NONE};
use std::collections::HashMap;

/// The parent of every message and dummy. Items below the number of messages are messages, the others dummies; dummies have
/// two children at least and are always at the top.
pub(super) struct Tree {
    messages: u32,
    /// The parent of each message, as the links say.
    parents: Vec<u32>,
    /// For each dummy the one that took its children over; itself while it has them.
    dummies: Vec<u32>,
}

impl Tree {
    /// ORDEREDSUBJECT: the earliest message of each base subject is the parent of the others.
    pub(super) fn by_subject(messages: &[Message]) -> Tree {
        let mut earliest = HashMap::new();
        for (index, message) in messages.iter().enumerate() {
            let first = earliest.entry(message.subject).or_insert(index);
            if message.sent < messages[*first].sent {
                *first = index;
            }
        }
        let parent = |(index, message): (usize, &Message)| match earliest[&message.subject] {
            first if first == index => NONE,
            first => first as u32,
        };
        let parents = messages.iter().enumerate().map(parent).collect();
        Tree { messages: messages.len() as u32, parents, dummies: Vec::new() }
    }

    /// REFERENCES after its third step: a dummy at the top stays only above several messages.
    pub(super) fn by_links(links: Links, messages: usize) -> Tree {
        let above = links.into_parents(messages);
        let mut children: HashMap<u32, u32> = HashMap::new();
        for above in &above {
            if let Above::Dummy(dummy) = above {
                *children.entry(*dummy).or_default() += 1;
            }
        }
        let mut tree = Tree { messages: messages as u32, parents: Vec::new(), dummies: Vec::new() };
        let mut kept = HashMap::new();
        for above in above {
            let parent = match above {
                Above::Message(parent) => parent,
                Above::Dummy(dummy) if children[&dummy] > 1 => {
                    *kept.entry(dummy).or_insert_with(|| tree.add_dummy())
                }
                Above::Dummy(_) | Above::Nothing => NONE,
            };
            tree.parents.push(parent);
        }
        tree
    }

    /// Steps 4 and 5.
    pub(super) fn gather_subjects(&mut self, messages: &[Message]) {
        let heads = self.heads(messages);
        let mut roots = self.roots();
        let head = |item: u32| heads[item as usize];
        roots.sort_unstable_by_key(|root| (messages[head(*root) as usize].sent, head(*root)));
        let subject = |item: u32| messages[head(item) as usize].subject;
        let is_reply = |item: u32| messages.get(item as usize).is_some_and(|message| message.is_reply);
        roots.retain(|root| subject(*root) != 0);
        let mut table: HashMap<u32, u32> = HashMap::new();
        for &root in &roots {
            let known = table.entry(subject(root)).or_insert(root);
            let replaces = self.is_dummy(root) || is_reply(*known) && !is_reply(root);
            if !self.is_dummy(*known) && replaces {
                *known = root;
            }
        }
        for root in roots {
            let known = table[&subject(root)];
            if known == root {
                continue;
            }
            if self.is_dummy(root) {
                // Whoever shares a subject with a dummy has a dummy in the table.
                self.dummies[(root - self.messages) as usize] = known;
            } else if self.is_dummy(known) || is_reply(root) && !is_reply(known) {
                self.parents[root as usize] = known;
            } else {
                let dummy = self.add_dummy();
                self.parents[root as usize] = dummy;
                self.parents[known as usize] = dummy;
                table.insert(subject(root), dummy);
            }
        }
    }

    /// The parent of a message; [`NONE`] at the top.
    pub(super) fn parent(&self, message: u32) -> u32 {
        match self.parents[message as usize] {
            NONE => NONE,
            parent if self.is_dummy(parent) => self.dummies[(parent - self.messages) as usize],
            parent => parent,
        }
    }

    /// Messages and dummies.
    pub(super) fn items(&self) -> usize {
        self.messages as usize + self.dummies.len()
    }

    /// Everything at the top, in no order.
    pub(super) fn roots(&self) -> Vec<u32> {
        let messages = (0..self.messages).filter(|message| self.parents[*message as usize] == NONE);
        let dummies = (self.messages..).zip(&self.dummies).filter(|(dummy, keeper)| dummy == *keeper);
        messages.chain(dummies.map(|(dummy, _)| dummy)).collect()
    }

    /// The message that stands for each item when it is sorted: itself or, of a dummy, the first child by date.
    pub(super) fn heads(&self, messages: &[Message]) -> Vec<u32> {
        let mut heads: Vec<u32> = (0..self.messages).collect();
        heads.resize(self.items(), NONE);
        for message in 0..self.messages {
            let parent = self.parent(message);
            if parent == NONE || !self.is_dummy(parent) {
                continue;
            }
            let head = &mut heads[parent as usize];
            if *head == NONE || messages[message as usize].sent < messages[*head as usize].sent {
                *head = message;
            }
        }
        heads
    }

    pub(super) fn is_dummy(&self, item: u32) -> bool {
        item >= self.messages
    }

    fn add_dummy(&mut self) -> u32 {
        let dummy = self.items() as u32;
        self.dummies.push(dummy);
        dummy
    }
}
