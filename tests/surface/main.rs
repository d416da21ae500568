//! Do the sources, the C header, the documents and the public interfaces agree, and does the source
//! keep its own rules?

mod capi_table;
#[cfg(feature = "compression")]
mod compat;
mod header;
mod misuse;
mod readme;
mod third_party;
mod tidy;
