//! Port bases that no other test on this machine uses at the same time.

use std::fs::{File, create_dir_all};
use std::net::{Ipv4Addr, TcpListener};

/// What the demo box adds to its port base.
pub const OFFSETS: [u16; 8] = [25, 80, 143, 190, 443, 465, 587, 993];

/// Below the ports the kernel hands to clients.
const FIRST_BASE: u16 = 10_000;
const BASES: u16 = 20;
/// Bases this close to one another still share no port: the smallest difference of two offsets is 22, the largest 968.
const NEIGHBOURS: u16 = 20;

/// A port base held for this test by a lock that ends with the process.
#[derive(Debug)]
pub struct PortBase {
    base: u16,
    _lock: File,
}

impl PortBase {
    /// Takes a free base.
    pub fn take() -> PortBase {
        let folder = std::env::temp_dir().join("mailbox-daemon-test-ports");
        create_dir_all(&folder).expect("the temporary folder takes a folder");
        for neighbour in 0..NEIGHBOURS {
            for thousand in 0..BASES {
                let base = FIRST_BASE + 1000 * thousand + neighbour;
                let Ok(lock) = File::create(folder.join(base.to_string())) else { continue };
                if lock.try_lock().is_ok() && all_free(base) {
                    return PortBase { base, _lock: lock };
                }
            }
        }
        panic!("no free port base between {FIRST_BASE} and {}", FIRST_BASE + 1000 * BASES);
    }

    /// The base.
    pub fn get(&self) -> u16 {
        self.base
    }
}

/// A port nobody listens on right now, for a server of the test's own.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

fn all_free(base: u16) -> bool {
    OFFSETS.iter().all(|offset| TcpListener::bind((Ipv4Addr::LOCALHOST, base + offset)).is_ok())
}
