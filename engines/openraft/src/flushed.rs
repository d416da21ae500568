//! A callback of an engine that is completed exactly once, whatever happens to its owner.

use std::io;

/// Completes the callback with an error when it is dropped without a result: on a panic, on an error
/// in front of the registration, when a log is closed.
pub(crate) struct Flushed<F: FnOnce(io::Result<()>)>(Option<F>);

impl<F: FnOnce(io::Result<()>)> Flushed<F> {
    pub(crate) fn new(complete: F) -> Self {
        Flushed(Some(complete))
    }

    pub(crate) fn complete(mut self, result: io::Result<()>) {
        if let Some(complete) = self.0.take() {
            complete(result);
        }
    }
}

impl<F: FnOnce(io::Result<()>)> Drop for Flushed<F> {
    fn drop(&mut self) {
        if let Some(complete) = self.0.take() {
            complete(Err(io::Error::other("the append was given up")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_is_completed_once_with_its_result_or_with_an_error_when_dropped() {
        let mut results = Vec::new();
        Flushed::new(|result: io::Result<()>| results.push(result.is_ok())).complete(Ok(()));
        drop(Flushed::new(|result: io::Result<()>| {
            results.push(result.is_ok())
        }));
        assert_eq!(results, [true, false]);
    }
}
