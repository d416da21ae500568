//! What must hold: `decide` answers every row of the table in `docs/FORMAT.md` as written there,
//! never panics, and never contradicts itself.

mod facts;
mod properties;
mod rows_of_cuts;
mod rows_of_damage;
mod rows_of_evidence;
mod rows_of_properties;
mod rows_of_tails;
mod table;
