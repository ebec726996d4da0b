use thiserror::Error;

/// What one run may still do: steps and octets of memory.
#[derive(Clone, Debug)]
pub struct Work {
    steps: u64,
    memory_bytes: usize,
}

/// A run used up what it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Spent {
    /// Too many steps.
    #[error("the script takes too long for one message")]
    Steps,
    /// Too much memory.
    #[error("the script needs too much memory for one message")]
    Memory,
}

impl Work {
    /// The allowance of one run.
    pub fn new(steps: u64, memory_bytes: usize) -> Work {
        Work { steps, memory_bytes }
    }

    /// Spends steps; a step is about one octet looked at.
    pub fn spend(&mut self, steps: usize) -> Result<(), Spent> {
        self.steps = self.steps.checked_sub(steps as u64).ok_or(Spent::Steps)?;
        Ok(())
    }

    /// Takes memory that is kept until the run ends.
    pub fn take(&mut self, bytes: usize) -> Result<(), Spent> {
        self.memory_bytes = self.memory_bytes.checked_sub(bytes).ok_or(Spent::Memory)?;
        Ok(())
    }

    /// Whether memory is there that is given back at once.
    pub fn afford(&self, bytes: usize) -> Result<(), Spent> {
        if bytes <= self.memory_bytes { Ok(()) } else { Err(Spent::Memory) }
    }

    /// Spends steps of its own but takes the memory of another, whose it stays.
    pub fn with_memory_of<T>(&mut self, other: &Work, what: impl FnOnce(&mut Work) -> T) -> T {
        let memory_bytes = std::mem::replace(&mut self.memory_bytes, other.memory_bytes);
        let made = what(self);
        self.memory_bytes = memory_bytes;
        made
    }

    /// Gives back the memory that `what` took. What it made must not be kept.
    pub fn briefly<T>(&mut self, what: impl FnOnce(&mut Work) -> T) -> T {
        let memory_bytes = self.memory_bytes;
        let made = what(self);
        self.memory_bytes = memory_bytes;
        made
    }
}
