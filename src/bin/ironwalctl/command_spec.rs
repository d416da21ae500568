//! What is a command: its operands, options, texts and exit codes? Which options do several commands have?

/// What the tool does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Verify,
    Stat,
    Report,
    Checkpoints,
    Dump,
    Tail,
    Grep,
    Export,
    Load,
    Repair,
    Snapshot,
    Import,
    Generate,
    Help,
}

/// What an operand or the value of an option is, so that shells can complete it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// An option without a value.
    Nothing,
    Text,
    File,
    Directory,
    OneOf(&'static [&'static str]),
    CommandName,
}

/// An argument by its place.
#[derive(Debug)]
pub struct Operand {
    pub name: &'static str,
    pub takes: Takes,
    pub is_optional: bool,
}

/// An option of one command.
#[derive(Debug)]
pub struct Opt {
    pub long: &'static str,
    pub short: Option<char>,
    /// The word for its value in texts.
    pub value: &'static str,
    pub takes: Takes,
    pub help: &'static str,
}

/// A piece of a description.
#[derive(Debug)]
pub enum Piece {
    Paragraph(&'static str),
    /// A word and what it means.
    Row(&'static str, &'static str),
}

/// A command.
#[derive(Debug)]
pub struct Spec {
    pub command: Command,
    pub name: &'static str,
    /// How it is called, behind the program's name.
    pub synopses: &'static [&'static str],
    pub summary: &'static str,
    pub operands: &'static [Operand],
    pub options: &'static [Opt],
    pub description: &'static [Piece],
    pub exit_codes: &'static [(u8, &'static str)],
}

/// An option without a value.
pub const fn flag(long: &'static str, help: &'static str) -> Opt {
    Opt {
        long,
        short: None,
        value: "",
        takes: Takes::Nothing,
        help,
    }
}

/// An option with a value.
pub const fn with(
    long: &'static str,
    value: &'static str,
    takes: Takes,
    help: &'static str,
) -> Opt {
    Opt {
        long,
        short: None,
        value,
        takes,
        help,
    }
}

/// The option, with a letter.
pub const fn short(short: char, option: Opt) -> Opt {
    Opt {
        short: Some(short),
        ..option
    }
}

/// An operand that must be there.
pub const fn operand(name: &'static str, takes: Takes) -> Operand {
    Operand {
        name,
        takes,
        is_optional: false,
    }
}

/// An operand that may be left out.
pub const fn optional(name: &'static str, takes: Takes) -> Operand {
    Operand {
        name,
        takes,
        is_optional: true,
    }
}

pub const DIR: Operand = operand("DIR", Takes::Directory);
pub const NEWDIR: Operand = operand("NEWDIR", Takes::Directory);
pub const JSON: Opt = flag(
    "json",
    "machine-readable output; docs/IRONWALCTL.md describes the fields",
);
pub const STREAM: Opt = with("stream", "KEY", Takes::Text, "this stream only");
pub const FROM: Opt = with("from", "ID", Takes::Text, "entries from this id on");
pub const TO: Opt = with("to", "ID", Takes::Text, "entries below this id");
pub const PROGRESS: Opt = flag(
    "progress",
    "progress on standard error, also where that is not a terminal",
);
pub const COMPRESS: Opt = flag("compress", "compress the entries of the new log with LZ4");
pub const FORMAT: Opt = with(
    "format",
    "FORMAT",
    Takes::OneOf(&["json", "raw", "lines"]),
    "json (the default), raw or lines",
);

/// Options of every command that looks at a log.
const GENERAL: &[Opt] = &[with(
    "color",
    "WHEN",
    Takes::OneOf(&["auto", "always", "never"]),
    "auto (the default: on a terminal, unless NO_COLOR is set), always or never",
)];

impl Spec {
    /// All options of the command, those of every command last.
    pub fn all_options(&self) -> impl Iterator<Item = &'static Opt> + use<> {
        let general = match self.command {
            Command::Generate | Command::Help => &[],
            _ => GENERAL,
        };
        self.options.iter().chain(general)
    }
}
