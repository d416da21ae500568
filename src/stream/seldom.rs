//! How does what few streams have at a time take no slot in all the others?

/// A value that is there only where somebody needs it; elsewhere it takes a pointer.
pub struct Seldom<T>(Option<Box<T>>);

impl<T> Default for Seldom<T> {
    fn default() -> Self {
        Seldom(None)
    }
}

impl<T: Default> Seldom<T> {
    /// The value, where it was needed since it was taken last.
    pub fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }

    /// The value, to be changed.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }

    /// Takes the value and leaves none.
    pub fn take(&mut self) -> T {
        self.0.take().map(|value| *value).unwrap_or_default()
    }
}

impl<T> From<T> for Seldom<T> {
    fn from(value: T) -> Self {
        Seldom(Some(Box::new(value)))
    }
}
