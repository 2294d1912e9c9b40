//! Tells our own failure to look from the failure of what we look at.
//!
//! Without a file descriptor or a route no target can be reached, and none of them is at fault.

use std::io::{Error, ErrorKind};

/// Linux: the process, or the whole system, has no file descriptor left.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;
/// Linux: the network stack has no memory left.
const ENOBUFS: i32 = 105;

/// Whether the cause lies on this machine. A host that does not answer ARP (`EHOSTUNREACH`) is
/// not: that is how a dead machine on our own segment looks.
pub(crate) fn is_own_fault(error: &Error) -> bool {
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE | ENOBUFS))
        || matches!(
            error.kind(),
            ErrorKind::NetworkUnreachable
                | ErrorKind::NetworkDown
                | ErrorKind::AddrNotAvailable
                | ErrorKind::PermissionDenied
                | ErrorKind::OutOfMemory
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_route_is_ours_and_a_refusal_is_theirs() {
        for ours in
            [EMFILE, ENFILE, ENOBUFS, 101 /* ENETUNREACH */, 99 /* EADDRNOTAVAIL */]
        {
            assert!(is_own_fault(&Error::from_raw_os_error(ours)), "{ours}");
        }
        for theirs in
            [111 /* ECONNREFUSED */, 113 /* EHOSTUNREACH */, 104 /* ECONNRESET */]
        {
            assert!(!is_own_fault(&Error::from_raw_os_error(theirs)), "{theirs}");
        }
    }
}
