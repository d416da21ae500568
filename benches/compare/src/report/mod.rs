//! How is what was measured told? As JSON with all samples, as tables in markdown, as plots, and
//! held against the goals.

pub mod goals;
pub mod json;
pub mod machine;
pub mod markdown;
pub mod numbers;
pub mod plots;
pub mod statistics;
mod svg;
