//! How are results written to standard output, and what happens when that closes early?

use std::io;
use std::io::BufWriter;
use std::io::Stdout;
use std::io::Write;
use std::ops::ControlFlow;

use super::color::Palette;

/// Standard output. The first failed write is reported at the end. A reader that closes its end of
/// the pipe is no failure.
pub struct Output {
    target: BufWriter<Stdout>,
    failure: Option<io::Error>,
    pub palette: Palette,
}

impl Output {
    /// Standard output, in these colours.
    pub fn new(palette: Palette) -> Self {
        Output {
            palette,
            target: BufWriter::with_capacity(64 << 10, io::stdout()),
            failure: None,
        }
    }

    /// False once a write has failed.
    pub fn is_open(&self) -> bool {
        self.failure.is_none()
    }

    /// A reader that closed the pipe wants no more.
    pub fn go_on(&self) -> ControlFlow<()> {
        match self.is_open() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    }

    /// Writes bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        if self.failure.is_none() {
            self.failure = self.target.write_all(bytes).err();
        }
    }

    /// Writes a line.
    pub fn line(&mut self, text: &str) {
        if self.failure.is_none() {
            self.failure = writeln!(self.target, "{text}").err();
        }
    }

    /// Writes what is buffered. False once a write has failed.
    pub fn flush(&mut self) -> bool {
        if self.failure.is_none() {
            self.failure = self.target.flush().err();
        }
        self.is_open()
    }

    /// Writes a line of JSON.
    pub fn json(&mut self, line: io::Result<String>) {
        match line {
            Ok(line) => self.line(&line),
            Err(error) => self.failure = self.failure.take().or(Some(error)),
        }
    }

    /// Flushes, and returns the first failure.
    pub fn finish(mut self) -> io::Result<()> {
        let flushed = self.target.flush();
        let failure = self.failure.take().or(flushed.err());
        match failure {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}
