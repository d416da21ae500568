//! Making a stream durable: rounds of group commit, the durable point, waiting for it.

pub mod background;
pub mod durable_point;
pub mod round;
pub mod wait;
