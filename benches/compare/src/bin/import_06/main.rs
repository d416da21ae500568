//! Does `ironwalctl import` bring over all that the crate ironwal 0.6.9 keeps?
//!
//! Roots are written by that crate itself, over its options, and by a process that is killed while it
//! appends. The crate reads them back, the library imports them, and both have to agree on every entry,
//! id and checkpoint.
//!
//! ```sh
//! cargo run --release --no-default-features --features import --bin import_06             # 40 roots
//! cargo run --release --no-default-features --features import --bin import_06 -- prove 400
//! cargo run --release --no-default-features --features import --bin import_06 -- fixtures /path/without/dots
//! ```

mod compare;
mod facts;
mod fixtures;
mod write;

use std::path::Path;
use std::process::ExitCode;

pub type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        [] => compare::prove(40),
        ["prove", count] => count
            .parse()
            .map_err(Failure::from)
            .and_then(compare::prove),
        ["fixtures", dir] => fixtures::write_all(Path::new(dir)),
        ["append-until-killed", dir, seed] => seed
            .parse()
            .map_err(Failure::from)
            .and_then(|seed| write::append_until_killed(Path::new(dir), seed)),
        _ => Err("arguments: nothing, prove COUNT, or fixtures DIR".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("import_06: {error}");
            ExitCode::FAILURE
        }
    }
}
