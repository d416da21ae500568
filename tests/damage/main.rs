//! What must hold: whatever happens to the files, no wrong byte is ever served, what is not damaged
//! stays readable, damage is told with its place, ids are not given twice, streams do not share fate.

// Some of the entries are compressed.
#![cfg(feature = "compression")]

#[cfg(feature = "simulation")]
mod cut_streams;
mod cuts;
mod disk;
#[cfg(all(feature = "simulation", feature = "sharded"))]
mod every_bit;
mod flips;
mod forged;
mod only;
mod sample;
