//! Group commit: many callers, one sync. Knows no files.
