//! The allocator's settings: the one place of this crate with `unsafe`.

/// Blocks from this size on are given back to the kernel when freed: message buffers, password hashing.
const MMAP_THRESHOLD_BYTES: libc::c_int = 128 * 1024;

/// Keeps glibc from holding freed memory: two arenas, a fixed threshold for big blocks, an eager trim.
pub fn stay_small() {
    #[cfg(target_env = "gnu")]
    for (parameter, value) in [
        (libc::M_ARENA_MAX, 2),
        (libc::M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES),
        (libc::M_TRIM_THRESHOLD, 2 * MMAP_THRESHOLD_BYTES),
    ] {
        // SAFETY: mallopt takes two integers and is called before any other thread exists.
        #[allow(unsafe_code)]
        unsafe {
            libc::mallopt(parameter, value);
        }
    }
}
