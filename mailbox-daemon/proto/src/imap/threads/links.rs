//! Steps 1 to 3 of REFERENCES: parents by the ids in References and In-Reply-To.

use super::{HashTable, NONE};

/// Ids that are only spoken of. What comes beyond is passed over; no household's mailbox gets there.
const DUMMIES_MAX: usize = 1_000_000;
/// Steps upwards in search of loops, all together. A mailbox made to need more loses some links and no time.
const STEPS_MAX: u64 = 50_000_000;

/// An id, with its message or only spoken of.
struct Node {
    /// The message; [`NONE`] for a dummy.
    message: u32,
    parent: u32,
    /// Union-find: nodes of different groups were never linked, so linking them makes no loop.
    group: u32,
}

/// All ids and the links between them.
#[derive(Default)]
pub(super) struct Links {
    nodes: Vec<Node>,
    by_id: HashTable,
    dummies: usize,
    steps: u64,
}

impl Links {
    /// The node of a message with that id; of several messages with one id only the first gets it.
    pub(super) fn place(&mut self, id: Option<u64>, message: u32) -> u32 {
        let Some(id) = id else { return self.add(message) };
        match self.by_id.get(&id) {
            Some(node) if self.nodes[*node as usize].message == NONE => {
                self.nodes[*node as usize].message = message;
                self.dummies -= 1;
                *node
            }
            Some(_) => self.add(message),
            None => {
                let node = self.add(message);
                self.by_id.insert(id, node);
                node
            }
        }
    }

    /// The node of an id that is spoken of; `None` beyond [`DUMMIES_MAX`].
    pub(super) fn of_id(&mut self, id: u64) -> Option<u32> {
        if let Some(node) = self.by_id.get(&id) {
            return Some(*node);
        }
        (self.dummies < DUMMIES_MAX).then(|| {
            self.dummies += 1;
            let node = self.add(NONE);
            self.by_id.insert(id, node);
            node
        })
    }

    /// Step 1.A: makes `parent` the parent, unless there is one already or a loop would come of it.
    pub(super) fn link(&mut self, parent: u32, child: u32) {
        if self.nodes[child as usize].parent == NONE && !self.is_below(parent, child) {
            self.nodes[child as usize].parent = parent;
            let (above, below) = (self.group(parent), self.group(child));
            self.nodes[below as usize].group = above;
        }
    }

    /// Step 1.B: the same, but what the message itself says counts more than what others said before.
    pub(super) fn move_below(&mut self, parent: u32, child: u32) {
        self.nodes[child as usize].parent = NONE;
        if parent != NONE {
            self.link(parent, child);
        }
    }

    /// Steps 2 and 3: for each message the nearest message above it or, where there are only dummies, the topmost of them.
    pub(super) fn into_parents(mut self, messages: usize) -> Vec<Above> {
        let mut above = vec![Above::Nothing; messages];
        for node in 0..self.nodes.len() as u32 {
            let message = self.nodes[node as usize].message;
            if message != NONE {
                above[message as usize] = self.above(node);
            }
        }
        above
    }

    fn above(&mut self, node: u32) -> Above {
        let first = self.nodes[node as usize].parent;
        let (mut at, mut top) = (first, NONE);
        while at != NONE && self.nodes[at as usize].message == NONE {
            top = at;
            at = self.nodes[at as usize].parent;
        }
        // Whoever comes by next need not climb again.
        let end = if at == NONE { top } else { at };
        let mut passed = first;
        while passed != end {
            passed = std::mem::replace(&mut self.nodes[passed as usize].parent, end);
        }
        match (at, top) {
            (NONE, NONE) => Above::Nothing,
            (NONE, dummy) => Above::Dummy(dummy),
            (real, _) => Above::Message(self.nodes[real as usize].message),
        }
    }

    fn add(&mut self, message: u32) -> u32 {
        let node = self.nodes.len() as u32;
        self.nodes.push(Node { message, parent: NONE, group: node });
        node
    }

    /// Whether `node` is `ancestor` or somewhere below it.
    fn is_below(&mut self, node: u32, ancestor: u32) -> bool {
        if node == ancestor {
            return true;
        }
        if self.group(node) != self.group(ancestor) {
            return false;
        }
        let mut at = self.nodes[node as usize].parent;
        while at != NONE && at != ancestor {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                return true;
            }
            at = self.nodes[at as usize].parent;
        }
        at != NONE
    }

    fn group(&mut self, mut node: u32) -> u32 {
        loop {
            let group = self.nodes[node as usize].group;
            if group == node {
                return node;
            }
            let next = self.nodes[group as usize].group;
            self.nodes[node as usize].group = next;
            node = next;
        }
    }
}

/// What stands above a message once dummies are pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Above {
    /// A dummy at the top, by some number of its own.
    Dummy(u32),
    /// A message.
    Message(u32),
    /// It is at the top.
    Nothing,
}
