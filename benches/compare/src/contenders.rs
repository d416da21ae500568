//! Who takes part? Ours first, then the peers, then the limits: the order in which each round runs.

use crate::limits;
use crate::log::Contender;
use crate::ours;
use crate::peers;

/// Every row that was built.
pub fn all() -> impl Iterator<Item = &'static Contender> {
    let groups = [ours::CONTENDERS, ours::C_CONTENDERS].into_iter();
    let groups = groups.chain(peers::groups()).chain(limits::groups());
    groups.flatten()
}

/// The row of this name.
pub fn find(name: &str) -> Option<&'static Contender> {
    all().find(|contender| contender.name == name)
}
