//! Replicas: how frames leave one stream and get into another as they are.
//!
//! | file | what it answers |
//! |---|---|
//! | `export` | which frames does a replica get next? |
//! | `packet_start` | where does the packet for a replica begin? |
//! | `export_source` | from what are frames read, and how far may they leave? |
//! | `checked_packet` | are the frames of a packet whole, and do they follow each other? |
//! | `apply_packet` | where do the frames of a packet go, and what else does it change? |
//! | `apply_cut` | how does a replica take over a cut, a reset, or its first segment? |
//!
//! Both sides work on one stream: its segments and its tail. `docs/decisions/0022` says why.

pub mod apply_cut;
pub mod apply_packet;
pub mod checked_packet;
pub mod export;
pub mod export_source;
pub mod packet_start;
