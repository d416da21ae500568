//! What does a valid command line ask for?

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::color::ColorWhen;
use super::command_spec::Command;
use super::command_spec::Spec;

/// The reader for which results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For a Prometheus server.
    Prometheus,
}

/// The form of exported entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// One object a line, of all streams.
    Json,
    /// Ids, lengths and bytes of one stream.
    Raw,
    /// The bytes of one stream, each entry a line.
    Lines,
}

/// How often to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// From the beginning of one look to that of the next.
    pub interval: Duration,
    /// How many looks; `None`: until the end.
    pub count: Option<u64>,
}

/// A valid command line.
#[derive(Debug)]
pub struct Args {
    pub command: Command,
    /// Of `help` and `generate`: the text.
    pub text: String,
    /// The log's directory; of `load`, the new one.
    pub directory: PathBuf,
    pub stream: Option<String>,
    pub from_id: u64,
    /// Exclusive.
    pub end_id: Option<u64>,
    /// The directory in which a repair, a snapshot or an import makes the new log.
    pub copy: Option<PathBuf>,
    /// A snapshot copies everything.
    pub copies_all: bool,
    /// Of an import: keys of streams by the names of their directories.
    pub keys: BTreeMap<String, String>,
    /// Of an import: the number of shards.
    pub shards: Option<u16>,
    pub compress: bool,
    /// A dump shows the properties instead of the entries.
    pub properties: bool,
    pub format: Format,
    /// Look again and again.
    pub watch: Option<Watch>,
    /// Show progress where standard error is no terminal, too.
    pub progress: bool,
    /// Of `tail`: how many entries of each stream, and whether it goes on.
    pub lines: u64,
    pub follows: bool,
    /// Of `tail`: durable entries only.
    pub durable: bool,
    /// From one look to the next.
    pub interval: Option<Duration>,
    /// Of `grep`: what entries are searched for.
    pub wanted: Vec<u8>,
    pub ignores_case: bool,
    pub inverts_match: bool,
    pub counts_matches: bool,
    /// Of `export` and `load`.
    pub export_format: ExportFormat,
    /// Of `export`: text where entries are text.
    pub as_text: bool,
    /// Of `load`: what is read; `None`: standard input.
    pub source: Option<PathBuf>,
    /// Of `stat`: each segment.
    pub segments: bool,
    /// Of `verify`: notes and the summary are left out.
    pub quiet: bool,
    /// Of `checkpoints`: the id of the one to show.
    pub shown: Option<Vec<u8>>,
    /// Of `report`: the page.
    pub page: Option<PathBuf>,
    pub color: ColorWhen,
}

/// What is wrong with a command line.
#[derive(Debug)]
pub struct UsageError {
    pub message: String,
    /// The command that was called, where that is known.
    pub spec: Option<&'static Spec>,
}

impl Args {
    /// What a command line asks for that names nothing but the command.
    pub fn new(command: Command) -> Self {
        Args {
            command,
            text: String::new(),
            directory: PathBuf::new(),
            stream: None,
            from_id: 0,
            end_id: None,
            copy: None,
            copies_all: false,
            keys: BTreeMap::new(),
            shards: None,
            compress: false,
            properties: false,
            format: Format::Text,
            watch: None,
            progress: false,
            lines: 10,
            follows: false,
            durable: false,
            interval: None,
            wanted: Vec::new(),
            ignores_case: false,
            inverts_match: false,
            counts_matches: false,
            export_format: ExportFormat::Json,
            as_text: false,
            source: None,
            segments: false,
            quiet: false,
            shown: None,
            page: None,
            color: ColorWhen::Auto,
        }
    }

    /// A text, and nothing else.
    pub fn help(text: String) -> Self {
        Args {
            text,
            ..Args::new(Command::Help)
        }
    }
}
