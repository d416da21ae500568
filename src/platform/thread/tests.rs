//! Do helper threads leave signals to the host?

use super::*;
use std::sync::mpsc;

fn blocked_signals() -> libc::sigset_t {
    // SAFETY: plain data; with a null set pthread_sigmask only reports.
    unsafe {
        let mut mask: libc::sigset_t = std::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut mask);
        mask
    }
}

fn is_blocked(mask: &libc::sigset_t, signal: libc::c_int) -> bool {
    // SAFETY: reads a live set.
    unsafe { libc::sigismember(mask, signal) == 1 }
}

#[test]
fn a_helper_thread_blocks_the_hosts_signals_but_not_its_own_faults() {
    let (send, receive) = mpsc::channel();
    let thread = spawn("ironwal-test", move || {
        let name = std::thread::current().name().map(str::to_owned);
        send.send((name, blocked_signals())).unwrap();
    })
    .unwrap();
    thread.join().unwrap();
    let (name, mask) = receive.recv().unwrap();
    assert_eq!(name.as_deref(), Some("ironwal-test"));
    for signal in [
        libc::SIGINT,
        libc::SIGTERM,
        libc::SIGHUP,
        libc::SIGALRM,
        libc::SIGPROF,
    ] {
        assert!(is_blocked(&mask, signal), "signal {signal}");
    }
    for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE] {
        assert!(!is_blocked(&mask, signal), "signal {signal}");
    }
}

#[test]
fn spawning_leaves_the_callers_signal_mask_as_it_was() {
    assert!(!is_blocked(&blocked_signals(), libc::SIGHUP));
    spawn("ironwal-test", || {}).unwrap().join().unwrap();
    assert!(!is_blocked(&blocked_signals(), libc::SIGHUP));
}
