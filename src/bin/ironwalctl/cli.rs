//! What does the command line ask for?

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::Arg::Long;
use lexopt::Arg::Short;
use lexopt::Arg::Value;
use lexopt::Error;
use lexopt::Parser;

use super::help;

/// What the tool does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Print this text.
    Help(&'static str),
    Verify,
    Stat,
    Dump,
    Repair,
    Snapshot,
    Import,
}

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
    /// The log's directory.
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
}

impl Args {
    fn new(command: Command) -> Self {
        Args {
            command,
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
        }
    }

    fn help(text: &'static str) -> Self {
        Args::new(Command::Help(text))
    }
}

/// Parses the arguments behind the program's name. The error is a message for the user.
pub fn parse(arguments: impl Iterator<Item = OsString> + 'static) -> Result<Args, String> {
    let mut parser = Parser::from_args(arguments);
    parse_all(&mut parser).map_err(|error| error.to_string())
}

fn parse_all(parser: &mut Parser) -> Result<Args, Error> {
    match parser.next()? {
        None => Err("no command".into()),
        Some(Short('V') | Long("version")) => Ok(Args::help(help::VERSION)),
        Some(Short('h') | Long("help")) => parse_help(parser),
        Some(Value(name)) if name == "help" => parse_help(parser),
        Some(Value(name)) => parse_command(parser, command_named(&name)?),
        Some(option) => Err(option.unexpected()),
    }
}

fn parse_help(parser: &mut Parser) -> Result<Args, Error> {
    match parser.next()? {
        None => Ok(Args::help(help::HELP)),
        Some(Value(name)) => Ok(Args::help(help_on(command_named(&name)?))),
        Some(option) => Err(option.unexpected()),
    }
}

fn parse_command(parser: &mut Parser, command: Command) -> Result<Args, Error> {
    use Command::*;

    let mut args = Args::new(command);
    let mut directory = None;
    let (mut is_watched, mut interval, mut count) = (false, None, None);
    while let Some(argument) = parser.next()? {
        match (argument, command) {
            (Value(path), _) if directory.is_none() => directory = Some(PathBuf::from(path)),
            (Value(path), Snapshot | Import) if args.copy.is_none() => {
                args.copy = Some(path.into())
            }
            (Value(_), _) => return Err("more than one directory".into()),
            (Long("copy"), Snapshot) => args.copies_all = true,
            (Long("stream"), Verify | Stat | Dump) => {
                let key = parser.value()?.into_string();
                args.stream = Some(key.map_err(|_| "the key of a stream is UTF-8")?);
            }
            (Long("from"), Dump) => args.from_id = parse_id("--from", parser)?,
            (Long("to"), Dump) => args.end_id = Some(parse_id("--to", parser)?),
            (Long("to"), Repair) => args.copy = Some(parser.value()?.into()),
            (Long("key"), Import) => {
                let (name, key) = parse_key(parser)?;
                if args.keys.insert(name, key).is_some() {
                    return Err("--key names a stream twice".into());
                }
            }
            (Long("shards"), Import) => args.shards = Some(parse_shards(parser)?),
            (Long("compress"), Repair | Import) => args.compress = true,
            (Long("properties"), Dump) => args.properties = true,
            (Long("json"), _) => args.format = chosen(args.format, Format::Json)?,
            (Long("prometheus"), Stat) => args.format = chosen(args.format, Format::Prometheus)?,
            (Long("watch"), Stat) => is_watched = true,
            (Long("interval"), Stat) => interval = Some(parse_interval(parser)?),
            (Long("count"), Stat) => count = Some(parse_count(parser)?),
            (Long("progress"), Verify | Repair | Snapshot | Import) => args.progress = true,
            (Short('h') | Long("help"), _) => return Ok(Args::help(help_on(command))),
            (option, _) => return Err(option.unexpected()),
        }
    }
    args.directory = directory.ok_or("the directory of a log is missing")?;
    if args.properties && (args.from_id > 0 || args.end_id.is_some()) {
        return Err("--properties goes by changes, not by ids: leave out --from and --to".into());
    }
    if command == Repair && args.copy.is_none() {
        return Err("repair needs --to and a new directory".into());
    }
    if !is_watched && (interval.is_some() || count.is_some()) {
        return Err("--interval and --count belong to --watch".into());
    }
    if is_watched && args.format == Format::Prometheus {
        return Err("--prometheus prints one look: let the server ask again".into());
    }
    let interval = interval.unwrap_or(Duration::from_secs(1));
    args.watch = is_watched.then_some(Watch { interval, count });
    if command == Snapshot && args.copy.is_none() {
        return Err("snapshot needs a new directory".into());
    }
    if command == Import && args.copy.is_none() {
        return Err("import needs the old directory and a new one".into());
    }
    Ok(args)
}

fn chosen(before: Format, format: Format) -> Result<Format, Error> {
    match before == Format::Text || before == format {
        true => Ok(format),
        false => Err("--json and --prometheus exclude each other".into()),
    }
}

fn parse_interval(parser: &mut Parser) -> Result<Duration, Error> {
    let value = parser.value()?;
    let seconds = value.to_str().and_then(|text| text.parse::<f64>().ok());
    // A millisecond to a day: more often the tool would only look, more rarely it is a timer's work.
    let seconds = seconds.filter(|seconds| (0.001..=86_400.0).contains(seconds));
    let seconds = seconds.ok_or_else(|| {
        let value = value.to_string_lossy();
        format!("--interval takes seconds from 0.001 to 86400, not {value}")
    })?;
    Ok(Duration::from_secs_f64(seconds))
}

fn parse_count(parser: &mut Parser) -> Result<u64, Error> {
    let value = parser.value()?;
    let count = value.to_str().and_then(|text| text.parse().ok());
    let count = count.filter(|count| *count > 0);
    count.ok_or_else(|| format!("--count takes a number, not {}", value.to_string_lossy()).into())
}

/// The name of a directory, and the key of its stream.
fn parse_key(parser: &mut Parser) -> Result<(String, String), Error> {
    let value = parser.value()?.into_string();
    let value = value.map_err(|_| "the key of a stream is UTF-8")?;
    let pair = value.split_once('=');
    let (name, key) = pair.ok_or("--key takes DIRECTORY=KEY")?;
    Ok((name.to_owned(), key.to_owned()))
}

fn parse_shards(parser: &mut Parser) -> Result<u16, Error> {
    let value = parser.value()?;
    let count = value.to_str().and_then(|text| text.parse().ok());
    let count = count.filter(|count| *count > 0);
    count.ok_or_else(|| "--shards takes a number from 1 to 65535".into())
}

fn parse_id(option: &str, parser: &mut Parser) -> Result<u64, Error> {
    let value = parser.value()?;
    let id = value.to_str().and_then(|text| text.parse().ok());
    id.ok_or_else(|| format!("{option} takes an id, not {}", value.to_string_lossy()).into())
}

fn command_named(name: &OsStr) -> Result<Command, Error> {
    match name.to_str() {
        Some("verify") => Ok(Command::Verify),
        Some("stat") => Ok(Command::Stat),
        Some("dump") => Ok(Command::Dump),
        Some("repair") => Ok(Command::Repair),
        Some("snapshot") => Ok(Command::Snapshot),
        Some("import") => Ok(Command::Import),
        _ => Err(format!("no such command: {}", name.to_string_lossy()).into()),
    }
}

fn help_on(command: Command) -> &'static str {
    match command {
        Command::Help(text) => text,
        Command::Verify => help::VERIFY,
        Command::Stat => help::STAT,
        Command::Dump => help::DUMP,
        Command::Repair => help::REPAIR,
        Command::Snapshot => help::SNAPSHOT,
        Command::Import => help::IMPORT,
    }
}
