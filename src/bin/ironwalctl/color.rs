//! Which words are coloured, and where?
//!
//! Colours say nothing that the words do not say. Only words of the tool are coloured, never text from outside.

use std::io::IsTerminal;

/// When there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorWhen {
    /// On a terminal that shows them, unless `NO_COLOR` is set (no-color.org).
    Auto,
    Always,
    Never,
}

/// The colours of one output.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    is_on: bool,
}

impl ColorWhen {
    /// The colours of an output.
    pub fn on(self, output: &impl IsTerminal) -> Palette {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = || std::env::var_os("TERM").is_none_or(|value| value == "dumb");
        let is_on = match self {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => output.is_terminal() && !is_set("NO_COLOR") && !is_dumb(),
        };
        Palette { is_on }
    }
}

impl Palette {
    /// Nothing is wrong.
    pub fn good(self, words: &str) -> String {
        self.paint("32", words)
    }

    /// Something to know.
    pub fn note(self, words: &str) -> String {
        self.paint("36", words)
    }

    /// Something is damaged or lost.
    pub fn bad(self, words: &str) -> String {
        self.paint("1;31", words)
    }

    /// A sequence of ECMA-48, "select graphic rendition".
    fn paint(self, color: &str, words: &str) -> String {
        match self.is_on {
            true => format!("\x1b[{color}m{words}\x1b[0m"),
            false => words.to_owned(),
        }
    }
}
