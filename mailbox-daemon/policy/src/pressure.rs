//! Whether the box has room for mail from outside: memory by its control group, disk by what is free.

use types::Limits;

/// What is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// Memory: strangers wait until it is over.
    Memory,
    /// Disk: what is left is kept for the people who live here.
    Disk,
}

/// What the kernel says about memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryFacts {
    /// Bytes in use that only ending something gives back: page cache is not among them.
    pub used_bytes: u64,
    /// Bytes the control group may use.
    pub limit_bytes: u64,
    /// Of the last moments, the percentage in which everything waited for memory (PSI, `full`).
    pub stalled_percent: u64,
}

/// What the file system says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskFacts {
    /// Bytes that can still be written.
    pub free_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

/// Memory that was short is enough again only when this much more of it is free, so that answers do not flap.
const RELIEF_BYTES: u64 = 2 << 20;

/// What is short now, memory before disk. `was` is the last answer; what the kernel does not tell is never short.
pub fn shortage(
    memory: Option<MemoryFacts>,
    disk: Option<DiskFacts>,
    was: Option<Shortage>,
    limits: &Limits,
) -> Option<Shortage> {
    let relief_bytes = if was == Some(Shortage::Memory) { RELIEF_BYTES } else { 0 };
    if memory.is_some_and(|facts| is_memory_short(facts, limits, relief_bytes)) {
        return Some(Shortage::Memory);
    }
    disk.is_some_and(|facts| facts.free_bytes < disk_reserve_bytes(facts.total_bytes, limits))
        .then_some(Shortage::Disk)
}

/// Below this much free space, mail from outside waits: the smaller of the two limits, so that neither a small card nor a
/// large disk is called full too early.
pub fn disk_reserve_bytes(total_bytes: u64, limits: &Limits) -> u64 {
    (total_bytes / 100).saturating_mul(limits.disk_free_percent_min).min(limits.disk_free_bytes_min)
}

fn is_memory_short(facts: MemoryFacts, limits: &Limits, relief_bytes: u64) -> bool {
    let free_bytes = facts.limit_bytes.saturating_sub(facts.used_bytes);
    free_bytes < limits.memory_free_bytes_min.saturating_add(relief_bytes)
        || facts.stalled_percent >= limits.memory_stalled_percent_max
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn memory(used_mib: u64, stalled_percent: u64) -> MemoryFacts {
        MemoryFacts { used_bytes: used_mib * MIB, limit_bytes: 100 * MIB, stalled_percent }
    }

    fn disk(free_mib: u64, total_mib: u64) -> DiskFacts {
        DiskFacts { free_bytes: free_mib * MIB, total_bytes: total_mib * MIB }
    }

    #[test]
    fn what_is_not_known_is_not_short() {
        assert_eq!(shortage(None, None, Some(Shortage::Memory), &Limits::default()), None);
    }

    #[test]
    fn what_is_short() {
        let (fine, enough) = (memory(50, 0), disk(1000, 32_000));
        for (facts, was, expected) in [
            ((fine, enough), None, None),
            ((memory(76, 0), enough), None, None),
            ((memory(77, 0), enough), None, Some(Shortage::Memory)),
            ((memory(75, 0), enough), Some(Shortage::Memory), Some(Shortage::Memory)),
            ((memory(74, 0), enough), Some(Shortage::Memory), None),
            ((memory(20, 40), enough), None, Some(Shortage::Memory)),
            ((fine, disk(190, 32_000)), None, Some(Shortage::Disk)),
            ((fine, disk(201, 32_000)), None, None),
            ((fine, disk(40, 1000)), None, Some(Shortage::Disk)),
            ((fine, disk(60, 1000)), None, None),
            ((memory(99, 0), disk(0, 1000)), None, Some(Shortage::Memory)),
        ] {
            let found = shortage(Some(facts.0), Some(facts.1), was, &Limits::default());
            assert_eq!(found, expected, "{facts:?} after {was:?}");
        }
    }
}
