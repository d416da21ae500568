//! Does damage to files stay what it is: reported with its position, never served, confined to its
//! stream, and without an id given twice? Files of others are refused and left alone.

#![cfg_attr(not(feature = "compression"), allow(dead_code))]

#[cfg(feature = "simulation")]
mod cut_streams;
// Some of the entries are compressed.
#[cfg(feature = "compression")]
mod cuts;
#[cfg(all(feature = "simulation", feature = "sharded"))]
mod every_bit;
#[cfg(feature = "compression")]
mod flips;
#[cfg(feature = "compression")]
mod forged;
mod format_twin;
#[cfg(feature = "compression")]
mod only;
#[cfg(feature = "compression")]
mod sample;
mod unrecognised_files;
