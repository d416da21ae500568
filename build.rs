//! What is the shared library called? Its soname, and that it is never unloaded.
//!
//! Only where `IRONWAL_CDYLIB` is set, as CMake does: the crate's manifest declares no cdylib (so
//! that Rust users build none), the builder asks for one with `cargo rustc --crate-type`, and
//! cargo warns about link arguments for what the manifest does not declare.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=IRONWAL_CDYLIB");
    if env::var_os("IRONWAL_CDYLIB").is_none() {
        return;
    }
    let major = env::var("CARGO_PKG_VERSION_MAJOR").expect("cargo tells the version");
    match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos" | "ios") => {
            link_arg(&format!(
                "-Wl,-install_name,@rpath/libironwal.{major}.dylib"
            ));
        }
        Ok("windows") => {}
        _ => {
            link_arg(&format!("-Wl,-soname,libironwal.so.{major}"));
            // The fork handler and the threads are code that must not vanish with dlclose.
            link_arg("-Wl,-z,nodelete");
        }
    }
}

fn link_arg(argument: &str) {
    println!("cargo::rustc-cdylib-link-arg={argument}");
}
