//! Which version is linked.

#![allow(unsafe_code)]

use std::ffi::c_char;

/// The version as one number, composed as IRONWAL_VERSION_NUMBER is.
const VERSION_NUMBER: u32 = decimal(env!("CARGO_PKG_VERSION_MAJOR")) * 1_000_000
    + decimal(env!("CARGO_PKG_VERSION_MINOR")) * 1_000
    + decimal(env!("CARGO_PKG_VERSION_PATCH"));

const fn decimal(text: &str) -> u32 {
    let digits = text.as_bytes();
    let mut value = 0;
    let mut at = 0;
    while at < digits.len() {
        value = value * 10 + (digits[at] - b'0') as u32;
        at += 1;
    }
    value
}

/// The version of the library that is linked; compare with IRONWAL_VERSION_NUMBER, the version of
/// the header: major * 1000000 + minor * 1000 + patch.
#[unsafe(no_mangle)]
pub extern "C" fn ironwal_version_number() -> u32 {
    VERSION_NUMBER
}

/// The version of the library that is linked as text, such as "0.7.0".
///
/// - Owns: the text is static, never free it.
/// - NULL: never returned.
#[unsafe(no_mangle)]
pub extern "C" fn ironwal_version_string() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
