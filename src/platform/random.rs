//! Bytes that no other call gives, here or on another machine.

#![allow(unsafe_code)]

use std::hash::BuildHasher;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use crate::platform::HashKeys;

/// Sixteen random bytes. Names a log; nothing else is random here.
pub fn random_bytes() -> [u8; 16] {
    from_the_system().unwrap_or_else(from_the_process)
}

/// By the number of the call: the function of the C library is younger than what Rust itself asks for.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
fn from_the_system() -> Option<[u8; 16]> {
    let mut bytes = [0u8; 16];
    let (at, len, flags) = (bytes.as_mut_ptr(), bytes.len(), 0);
    // SAFETY: writes at most these 16 bytes, which are ours.
    let call = || unsafe { libc::syscall(libc::SYS_getrandom, at, len, flags) };
    // Before the system has gathered enough, the call waits, and a signal interrupts it.
    let filled = crate::platform::retry::retry_call(call).ok()?;
    (filled == bytes.len() as libc::c_long).then_some(bytes)
}

#[cfg(any(not(any(target_os = "linux", target_os = "android")), miri))]
fn from_the_system() -> Option<[u8; 16]> {
    None
}

/// From the seed of the standard library's hash tables, the process and the time: where the system
/// gives nothing better. A forked child has its parent's seed, but another number.
fn from_the_process() -> [u8; 16] {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.map_or(0, |since| since.as_nanos());
    let half = |which: u8| HashKeys::default().hash_one((which, std::process::id(), now));
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half(0).to_le_bytes());
    bytes[8..].copy_from_slice(&half(1).to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_calls_give_the_same_bytes() {
        let calls = [random_bytes, from_the_process];
        for call in calls {
            let [one, two] = [call(), call()];
            assert_ne!(one, two);
        }
    }
}
