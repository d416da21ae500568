//! What is the shared library called? Its soname, and that it is never unloaded.
//!
//! Only where `IRONWAL_CDYLIB` is set: the crate's manifest declares no cdylib (so that Rust users build none), the
//! builder asks for one with `cargo rustc --crate-type`, and cargo warns about link arguments for what the manifest
//! does not declare. On ELF systems CMake links the shared library from the static one instead, to give its symbols
//! a version (`cmake/IronwalCargo.cmake`); cargo-c passes a soname of its own, and needs the
//! variable for the rest (`docs/PACKAGING.md`).

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=IRONWAL_CDYLIB");
    if env::var_os("IRONWAL_CDYLIB").is_none() {
        return;
    }
    let abi = abi_version();
    match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos" | "ios") => {
            link_arg(&format!("-Wl,-install_name,@rpath/libironwal.{abi}.dylib"));
        }
        Ok("windows") => {}
        _ => {
            link_arg(&format!("-Wl,-soname,libironwal.so.{abi}"));
            // The fork handler and the threads are code that must not vanish with dlclose.
            link_arg("-Wl,-z,nodelete");
        }
    }
}

/// The part of the version that binary compatibility depends on: 0.7 for 0.7.3, 1 for 1.2.0.
fn abi_version() -> String {
    let number = |name: &str| env::var(name).expect("cargo sets the version");
    let major = number("CARGO_PKG_VERSION_MAJOR");
    if major == "0" {
        format!("0.{}", number("CARGO_PKG_VERSION_MINOR"))
    } else {
        major
    }
}

fn link_arg(argument: &str) {
    println!("cargo::rustc-cdylib-link-arg={argument}");
}
