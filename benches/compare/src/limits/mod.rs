//! What is the least that any log must do? Each limit takes the same entries and does one part of
//! a log's work: rows to hold all others against.

mod durable;
mod mapped;
mod memory;
mod read;
mod write;

use crate::log::Contender;
use crate::log::Failure;
use crate::log::Kind;
use crate::log::Log;
use crate::log::Setup;

pub use durable::ONE_FOR_ALL;

/// The limits, in groups.
pub fn groups() -> [&'static [Contender]; 5] {
    [
        memory::CONTENDERS,
        mapped::CONTENDERS,
        write::CONTENDERS,
        durable::CONTENDERS,
        read::CONTENDERS,
    ]
}

const fn row(
    name: &'static str,
    works: &'static [&'static str],
    means: &'static str,
    open: fn(&Setup) -> Result<Box<dyn Log>, Failure>,
) -> Contender {
    Contender {
        name,
        kind: Kind::Limit,
        works,
        async_means: means,
        strict_means: means,
        open,
    }
}

/// Bytes of our frame header: what a log adds to an entry where a limit frames.
const HEADER_LEN: usize = 36;
