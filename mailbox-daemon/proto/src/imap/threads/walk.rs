//! Step 6: siblings by date, and the walk through the threads in the order they are told.

use super::subjects::Tree;
use super::{Message, NONE};

/// Threads in their order, told step by step.
pub struct Forest {
    /// What each message is called.
    numbers: Vec<u32>,
    /// Where the children of each item begin in `children`; one more entry for the end.
    begins: Vec<u32>,
    /// All messages that are children, those of one parent together and in order.
    children: Vec<u32>,
    /// What is still to be told, the next one last: item and depth.
    ahead: Vec<(u32, u32)>,
    /// For each open depth, whether there are several siblings.
    branches: Vec<bool>,
}

/// One step of the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A thread begins whose top message is missing.
    Headless,
    /// A message.
    Message {
        /// 0 at the top of a thread.
        depth: usize,
        /// Whether it has siblings below the same parent.
        branches: bool,
        /// What it is called.
        number: u32,
    },
}

impl Forest {
    /// Sorts siblings by date, threads by that of their first message or, with `newest`, of their newest.
    pub(super) fn new(tree: &Tree, messages: &[Message], newest: bool) -> Forest {
        let mut by_date: Vec<u32> = (0..messages.len() as u32).collect();
        by_date.sort_unstable_by_key(|message| (messages[*message as usize].sent, *message));
        let (begins, children) = group_by_parent(tree, &by_date);
        let mut roots = tree.roots();
        let heads = tree.heads(messages);
        match newest {
            true => {
                let newest = newest_below(tree, messages);
                roots.sort_by_cached_key(|root| (newest[*root as usize], heads[*root as usize]));
            }
            false => roots.sort_by_cached_key(|root| {
                let head = heads[*root as usize];
                (messages[head as usize].sent, head)
            }),
        }
        roots.reverse();
        Forest {
            numbers: messages.iter().map(|message| message.number).collect(),
            begins,
            children,
            ahead: roots.into_iter().map(|root| (root, 0)).collect(),
            branches: Vec::new(),
        }
    }

    fn children(&self, item: u32) -> std::ops::Range<usize> {
        self.begins[item as usize] as usize..self.begins[item as usize + 1] as usize
    }
}

impl Iterator for Forest {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let (item, depth) = self.ahead.pop()?;
        self.branches.truncate(depth as usize);
        let children = self.children(item);
        let branches = depth > 0 && self.branches.last() == Some(&true);
        self.branches.push(children.len() > 1);
        self.ahead.extend(self.children[children].iter().rev().map(|child| (*child, depth + 1)));
        Some(match self.numbers.get(item as usize) {
            None => Step::Headless,
            Some(number) => Step::Message { depth: depth as usize, branches, number: *number },
        })
    }
}

/// A counting sort: messages of one parent come together and keep the order they have.
fn group_by_parent(tree: &Tree, by_date: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut begins = vec![0_u32; tree.items() + 1];
    let parent = |message: &u32| Some(tree.parent(*message)).filter(|parent| *parent != NONE);
    for parent in by_date.iter().filter_map(parent) {
        begins[parent as usize + 1] += 1;
    }
    for item in 1..begins.len() {
        begins[item] += begins[item - 1];
    }
    let mut next = begins.clone();
    let mut children = vec![0; begins.last().map_or(0, |end| *end as usize)];
    for message in by_date {
        if let Some(parent) = parent(message) {
            let place = &mut next[parent as usize];
            children[*place as usize] = *message;
            *place += 1;
        }
    }
    (begins, children)
}

/// The latest date in each thread, at the place of its top.
fn newest_below(tree: &Tree, messages: &[Message]) -> Vec<i64> {
    let mut newest = vec![i64::MIN; tree.items()];
    let mut tops: Vec<u32> = (0..tree.items() as u32).collect();
    let up = |item: u32| if tree.is_dummy(item) { NONE } else { tree.parent(item) };
    for (message, facts) in messages.iter().enumerate() {
        // `tops` leads upwards, further with every climb.
        let mut top = message as u32;
        while tops[top as usize] != top || up(top) != NONE {
            top = if tops[top as usize] == top { up(top) } else { tops[top as usize] };
        }
        let mut at = message as u32;
        while at != top {
            let next = if tops[at as usize] == at { up(at) } else { tops[at as usize] };
            tops[at as usize] = top;
            at = next;
        }
        newest[top as usize] = newest[top as usize].max(facts.sent);
    }
    newest
}
