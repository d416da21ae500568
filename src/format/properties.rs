//! Which properties does a stream have, and how does their map lie in bytes?
//!
//! A frame of kind `ManyWithProperties` holds the whole map behind its entries, and a frontier slot
//! may repeat it. The keys are sorted and unique, so equal maps have equal bytes:
//!
//! ```text
//!   0              2                4
//!   ┌──────────────┬────────────────┬──────┬───────┐
//!   │ key length   │ value length   │ key  │ value │  … the next key
//!   │ u16          │ u16            │      │       │
//!   └──────────────┴────────────────┴──────┴───────┘
//! ```
//!
//! The empty map has no bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::format::fields::u16_at;

const KEY_LEN_AT: usize = 0;
const VALUE_LEN_AT: usize = KEY_LEN_AT + 2;
const KEY_AT: usize = VALUE_LEN_AT + 2;

/// The longest key, in bytes. The shortest has one.
pub const MAX_PROPERTY_KEY_LEN: usize = 255;
/// The longest value, in bytes.
pub const MAX_PROPERTY_VALUE_LEN: usize = 4000;
/// The longest map, in bytes as it is stored.
pub const MAX_PROPERTIES_LEN: usize = 4096;

/// A change of a map: a key, and its new value. `None` removes the key.
pub type PropertyChange<'a> = (&'a [u8], Option<&'a [u8]>);

/// A map of properties, as it is stored. Cheap to clone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties {
    /// `None`: the map is empty, as in most streams; that takes no memory.
    encoded: Option<Arc<[u8]>>,
}

/// Why a map cannot be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyFault {
    /// A key is empty, or longer than [`MAX_PROPERTY_KEY_LEN`]; its length.
    Key(usize),
    /// A value is longer than [`MAX_PROPERTY_VALUE_LEN`]; its length.
    Value(usize),
    /// The map is longer than [`MAX_PROPERTIES_LEN`]; its length.
    Map(usize),
}

impl Properties {
    /// The map in `bytes`. `None`: no writer stores them.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_PROPERTIES_LEN {
            return None;
        }
        let mut rest = bytes;
        let mut before: Option<&[u8]> = None;
        while !rest.is_empty() {
            let (key, value, behind) = split_first(rest)?;
            let in_order = before.is_none_or(|before| before < key);
            if !in_order || key.is_empty() || key.len() > MAX_PROPERTY_KEY_LEN {
                return None;
            }
            if value.len() > MAX_PROPERTY_VALUE_LEN {
                return None;
            }
            (before, rest) = (Some(key), behind);
        }
        Some(Self::of_bytes(bytes))
    }

    /// The map with exactly these keys and values; of a key given twice the last value counts.
    pub fn of(pairs: &[(&[u8], &[u8])]) -> Result<Self, PropertyFault> {
        let changes = pairs.iter().map(|(key, value)| (*key, Some(*value)));
        Properties::default().changed(changes)
    }

    /// The map with these changes made, in their order.
    pub fn with(&self, changes: &[PropertyChange<'_>]) -> Result<Self, PropertyFault> {
        self.changed(changes.iter().copied())
    }

    fn changed<'a>(
        &'a self,
        changes: impl Iterator<Item = PropertyChange<'a>>,
    ) -> Result<Self, PropertyFault> {
        let mut map: BTreeMap<&[u8], &[u8]> = self.iter().collect();
        for (key, value) in changes {
            if key.is_empty() || key.len() > MAX_PROPERTY_KEY_LEN {
                return Err(PropertyFault::Key(key.len()));
            }
            match value {
                Some(value) if value.len() > MAX_PROPERTY_VALUE_LEN => {
                    return Err(PropertyFault::Value(value.len()));
                }
                Some(value) => map.insert(key, value),
                None => map.remove(key),
            };
        }
        let len = map.iter().fold(0, |sum: usize, (key, value)| {
            sum.saturating_add(KEY_AT + key.len() + value.len())
        });
        if len > MAX_PROPERTIES_LEN {
            return Err(PropertyFault::Map(len));
        }
        let mut bytes = Vec::with_capacity(len);
        for (key, value) in map {
            // Both are below 2^16: they were bounded above.
            bytes.extend_from_slice(&(key.len() as u16).to_le_bytes());
            bytes.extend_from_slice(&(value.len() as u16).to_le_bytes());
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(value);
        }
        Ok(Self::of_bytes(&bytes))
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        Properties {
            encoded: (!bytes.is_empty()).then(|| Arc::from(bytes)),
        }
    }

    /// The bytes to store.
    pub fn encoded(&self) -> &[u8] {
        self.encoded.as_deref().unwrap_or_default()
    }

    /// Whether there is no property.
    pub fn is_empty(&self) -> bool {
        self.encoded.is_none()
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let mut pairs = self.iter();
        pairs.find(|pair| pair.0 == key).map(|(_, value)| value)
    }

    /// All keys and values, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = self.encoded();
        std::iter::from_fn(move || {
            let (key, value, behind) = split_first(rest)?;
            rest = behind;
            Some((key, value))
        })
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.iter().map(|(key, value)| {
            (
                key.escape_ascii().to_string(),
                value.escape_ascii().to_string(),
            )
        });
        f.debug_map().entries(pairs).finish()
    }
}

/// The first key and value of a map, and the bytes behind them.
fn split_first(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (lens, rest) = bytes.split_at_checked(KEY_AT)?;
    let key_len = usize::from(u16_at(lens, KEY_LEN_AT));
    let (key, rest) = rest.split_at_checked(key_len)?;
    let value_len = usize::from(u16_at(lens, VALUE_LEN_AT));
    let (value, rest) = rest.split_at_checked(value_len)?;
    Some((key, value, rest))
}
