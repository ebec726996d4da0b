use crate::sieve::text::Variable;
use crate::sieve::work::{Spent, Work};
use std::collections::BTreeMap;

/// Longest value of a variable, in octets: 4000 characters of any script (RFC 5229 section 6). What is longer is cut off.
pub const VARIABLE_BYTES_MAX: usize = 16_000;
/// Last match variable, `${32}`.
pub const MATCHED_MAX: usize = 32;

/// The variables of a run (RFC 5229).
#[derive(Debug, Default)]
pub struct Variables {
    /// Of the script that runs now.
    local: BTreeMap<Box<str>, String>,
    /// Shared by scripts that include each other (RFC 6609 section 3.4).
    global: BTreeMap<Box<str>, String>,
    matched: Vec<String>,
}

/// What a script has of its own while it runs: put aside when another is included.
#[derive(Debug, Default)]
pub struct Own {
    local: BTreeMap<Box<str>, String>,
    matched: Vec<String>,
}

impl Variables {
    /// What a variable holds; an unknown one is empty.
    pub fn value(&self, variable: &Variable) -> &str {
        let space = if variable.is_global { &self.global } else { &self.local };
        space.get(&variable.name).map_or("", String::as_str)
    }

    /// What `${index}` stands for; empty beyond the last.
    pub fn matched(&self, index: usize) -> &str {
        self.matched.get(index).map_or("", String::as_str)
    }

    /// Sets a variable. A value that is too long is cut off between characters. Memory is taken for what the variable grows by.
    pub fn set(&mut self, variable: &Variable, mut value: String, work: &mut Work) -> Result<(), Spent> {
        value.truncate(value.floor_char_boundary(VARIABLE_BYTES_MAX));
        let space = if variable.is_global { &mut self.global } else { &mut self.local };
        match space.get_mut(&variable.name) {
            Some(old) => {
                work.take(value.len().saturating_sub(old.capacity()))?;
                old.clear();
                old.push_str(&value);
            }
            None => {
                work.take(value.len() + variable.name.len() + ENTRY_BYTES)?;
                space.insert(variable.name.clone(), value);
            }
        }
        Ok(())
    }

    /// Sets the match variables, after a match that has some.
    pub fn set_matched(&mut self, matched: Vec<String>) {
        self.matched = matched;
    }

    /// Makes room for an included script's own variables (RFC 6609 section 3.4).
    pub fn begin(&mut self) -> Own {
        Own { local: std::mem::take(&mut self.local), matched: std::mem::take(&mut self.matched) }
    }

    /// Goes back to the variables of the script that included.
    pub fn end(&mut self, own: Own) {
        self.local = own.local;
        self.matched = own.matched;
    }
}

/// What one more variable takes apart from its name and value.
const ENTRY_BYTES: usize = 64;
