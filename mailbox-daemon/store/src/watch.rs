/// Lets the kernel tell about other programs' changes to a mailbox, as long as it lives.
pub struct WatchGuard {}
