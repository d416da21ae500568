//! What does the command line ask for?

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::Arg::Long;
use lexopt::Arg::Short;
use lexopt::Arg::Value;
use lexopt::Error;
use lexopt::Parser;

use super::color::ColorWhen;
use super::commands;
use super::commands::Command;
use super::commands::Opt;
use super::commands::Spec;
use super::completions;
use super::help;
use super::man;

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
    fn new(command: Command) -> Self {
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

    fn help(text: String) -> Self {
        Args {
            text,
            ..Args::new(Command::Help)
        }
    }
}

/// Parses the arguments behind the program's name.
pub fn parse(arguments: impl Iterator<Item = OsString> + 'static) -> Result<Args, UsageError> {
    let mut parser = Parser::from_args(arguments);
    let mut spec = None;
    parse_all(&mut parser, &mut spec).map_err(|error| UsageError {
        message: error.to_string(),
        spec,
    })
}

fn parse_all(parser: &mut Parser, spec: &mut Option<&'static Spec>) -> Result<Args, Error> {
    let name = match parser.next()? {
        None => return Err("no command".into()),
        Some(Short('V') | Long("version")) => return Ok(Args::help(help::VERSION.to_owned())),
        Some(Short('h') | Long("help")) => "help".into(),
        Some(Value(name)) => name,
        Some(option) => return Err(option.unexpected()),
    };
    let called = command_named(&name)?;
    *spec = Some(called);
    parse_command(parser, called)
}

fn command_named(name: &OsString) -> Result<&'static Spec, Error> {
    let spec = name.to_str().and_then(commands::named);
    spec.ok_or_else(|| format!("no such command: {}", name.to_string_lossy()).into())
}

fn parse_command(parser: &mut Parser, spec: &'static Spec) -> Result<Args, Error> {
    let mut args = Args::new(spec.command);
    let mut operands = Vec::new();
    let (mut is_watched, mut count, mut is_hex) = (false, None, false);
    let mut shown = None;
    while let Some(argument) = parser.next()? {
        let has = |found: &dyn Fn(&Opt) -> bool| spec.all_options().find(|option| found(option));
        let option = match &argument {
            Value(operand) => {
                if operands.len() == spec.operands.len() {
                    let last = spec.operands.last().map_or("nothing", |last| last.name);
                    return Err(format!("more arguments than {last}").into());
                }
                operands.push(operand.clone());
                continue;
            }
            Short('h') | Long("help") => return Ok(Args::help(help::of(spec))),
            Long(name) => has(&|option| option.long == *name),
            Short(letter) => has(&|option| option.short == Some(*letter)),
        };
        let Some(option) = option else {
            return Err(argument.unexpected());
        };
        match (option.long, spec.command) {
            ("stream", _) => {
                let key = parser.value()?.into_string();
                args.stream = Some(key.map_err(|_| "the key of a stream is UTF-8")?);
            }
            ("from", _) => args.from_id = parse_id("--from", parser)?,
            ("to", Command::Repair) => args.copy = Some(parser.value()?.into()),
            ("to", _) => args.end_id = Some(parse_id("--to", parser)?),
            ("json", _) => args.format = chosen(args.format, Format::Json)?,
            ("prometheus", _) => args.format = chosen(args.format, Format::Prometheus)?,
            ("progress", _) => args.progress = true,
            ("compress", _) => args.compress = true,
            ("properties", _) => args.properties = true,
            ("quiet", _) => args.quiet = true,
            ("show", _) => shown = Some(parser.value()?),
            ("segments", _) => args.segments = true,
            ("html", _) => args.page = Some(parser.value()?.into()),
            ("watch", _) => is_watched = true,
            ("interval", _) => args.interval = Some(parse_interval(parser)?),
            ("count", Command::Grep) => args.counts_matches = true,
            ("count", _) => count = Some(parse_count(parser)?),
            ("copy", _) => args.copies_all = true,
            ("key", _) => {
                let (name, key) = parse_key(parser)?;
                if args.keys.insert(name, key).is_some() {
                    return Err("--key names a stream twice".into());
                }
            }
            ("shards", _) => args.shards = Some(parse_shards(parser)?),
            ("lines", _) => args.lines = parse_lines(parser)?,
            ("follow", _) => args.follows = true,
            ("durable", _) => args.durable = true,
            ("hex", _) => is_hex = true,
            ("ignore-case", _) => args.ignores_case = true,
            ("invert-match", _) => args.inverts_match = true,
            ("format", _) => args.export_format = parse_export_format(parser)?,
            ("text", _) => args.as_text = true,
            ("color", _) => args.color = parse_color(parser)?,
            (unknown, _) => return Err(format!("--{unknown} is not there yet").into()),
        }
    }
    set_operands(&mut args, spec, operands, is_hex)?;
    if args.command == Command::Checkpoints && is_hex && shown.is_none() {
        return Err("--hex belongs to --show".into());
    }
    args.shown = match (shown, is_hex) {
        (Some(id), true) => Some(parse_hex(&id)?),
        (shown, _) => shown.map(OsString::into_encoded_bytes),
    };
    check(&args, is_watched, count)?;
    if is_watched {
        let interval = args.interval.unwrap_or(Duration::from_secs(1));
        args.watch = Some(Watch { interval, count });
    }
    Ok(args)
}

/// Puts the operands where they belong.
fn set_operands(
    args: &mut Args,
    spec: &'static Spec,
    operands: Vec<OsString>,
    is_hex: bool,
) -> Result<(), Error> {
    let mut needed = spec.operands.iter().filter(|operand| !operand.is_optional);
    if let Some(missing) = needed.nth(operands.len()) {
        return Err(format!("{} is missing", missing.name).into());
    }
    let mut operands = operands.into_iter();
    let first = operands.next();
    let second = operands.next();
    if spec.command == Command::Help {
        args.text = match first {
            Some(name) => help::of(command_named(&name)?),
            None => help::overview(),
        };
        return Ok(());
    }
    if spec.command == Command::Generate {
        let what = first.unwrap_or_default();
        let generated = match what.to_str() {
            Some("man") => Some(man::page()),
            Some(shell) => completions::script(shell),
            None => None,
        };
        args.text = generated.ok_or_else(|| {
            let what = what.to_string_lossy();
            format!("generate takes man, bash, zsh or fish, not {what}")
        })?;
        return Ok(());
    }
    args.directory = first.unwrap_or_default().into();
    match (spec.command, second) {
        (Command::Snapshot | Command::Import, Some(new)) => args.copy = Some(new.into()),
        (Command::Load, Some(file)) if file != "-" => args.source = Some(file.into()),
        (Command::Grep, Some(text)) => {
            args.wanted = match is_hex {
                true => parse_hex(&text)?,
                false => text.into_encoded_bytes(),
            }
        }
        _ => {}
    }
    Ok(())
}

/// Checks what goes together.
fn check(args: &Args, is_watched: bool, count: Option<u64>) -> Result<(), Error> {
    if args.end_id.is_some_and(|end| end < args.from_id) {
        return Err("--from is above --to: no id is in that range".into());
    }
    if args.properties && (args.from_id > 0 || args.end_id.is_some()) {
        return Err("--properties goes by changes, not by ids: leave out --from and --to".into());
    }
    if args.command == Command::Repair && args.copy.is_none() {
        return Err("repair needs --to and a new directory".into());
    }
    if args.command == Command::Report && args.page.is_none() {
        return Err("report needs --html and a file".into());
    }
    if args.quiet && args.format == Format::Json {
        return Err("--quiet is for people: of --json take what you need".into());
    }
    if args.segments && (is_watched || args.format == Format::Prometheus) {
        return Err("--segments lists files, once: leave out --watch and --prometheus".into());
    }
    let has_interval = args.interval.is_some();
    if args.command == Command::Stat && !is_watched && (has_interval || count.is_some()) {
        return Err("--interval and --count belong to --watch".into());
    }
    if args.command == Command::Tail && !args.follows && has_interval {
        return Err("--interval belongs to --follow".into());
    }
    if is_watched && args.format == Format::Prometheus {
        return Err("--prometheus prints one look: let the server ask again".into());
    }
    let is_json = args.export_format == ExportFormat::Json;
    if args.as_text && !is_json {
        return Err("--text belongs to --format json".into());
    }
    if !is_json && args.stream.is_none() {
        return Err("--format raw and lines hold one stream: name it with --stream".into());
    }
    if args.command == Command::Load && is_json && args.stream.is_some() {
        return Err("the export says which streams there are: leave out --stream".into());
    }
    Ok(())
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

fn parse_lines(parser: &mut Parser) -> Result<u64, Error> {
    let value = parser.value()?;
    let count = value.to_str().and_then(|text| text.parse().ok());
    count.ok_or_else(|| format!("--lines takes a number, not {}", value.to_string_lossy()).into())
}

fn parse_export_format(parser: &mut Parser) -> Result<ExportFormat, Error> {
    let value = parser.value()?;
    match value.to_str() {
        Some("json") => Ok(ExportFormat::Json),
        Some("raw") => Ok(ExportFormat::Raw),
        Some("lines") => Ok(ExportFormat::Lines),
        _ => {
            let value = value.to_string_lossy();
            Err(format!("--format takes json, raw or lines, not {value}").into())
        }
    }
}

fn parse_color(parser: &mut Parser) -> Result<ColorWhen, Error> {
    let value = parser.value()?;
    match value.to_str() {
        Some("auto") => Ok(ColorWhen::Auto),
        Some("always") => Ok(ColorWhen::Always),
        Some("never") => Ok(ColorWhen::Never),
        _ => {
            let value = value.to_string_lossy();
            Err(format!("--color takes auto, always or never, not {value}").into())
        }
    }
}

/// Bytes from pairs of hexadecimal digits.
fn parse_hex(text: &OsString) -> Result<Vec<u8>, Error> {
    let digits = text.as_encoded_bytes();
    let value = |digit: &u8| char::from(*digit).to_digit(16);
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some((value(high)? * 16 + value(low)?) as u8),
        _ => None,
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    bytes.ok_or_else(|| {
        let text = text.to_string_lossy();
        format!("--hex takes pairs of hexadecimal digits, not {text}").into()
    })
}

#[cfg(test)]
mod tests {
    use super::super::commands::COMMANDS;
    use super::super::commands::Takes;
    use super::*;

    /// A value that every option takes that takes one of this kind.
    fn value_of(option: &Opt) -> &'static str {
        match (option.takes, option.long) {
            (Takes::OneOf(words), _) => words[words.len() - 1],
            (_, "key") => "a=b",
            _ => "1",
        }
    }

    #[test]
    fn every_option_of_the_table_is_parsed_and_sets_something() {
        for spec in COMMANDS {
            for option in spec.all_options() {
                let mut others: Vec<OsString> = vec![spec.name.into()];
                others.extend(spec.operands.iter().map(|_| "10".into()));
                // Options that need another one.
                others.extend(match (spec.name, option.long) {
                    ("stat", "interval" | "count") => vec!["--watch".into()],
                    ("tail", "interval") => vec!["--follow".into()],
                    ("repair", "compress" | "json" | "progress" | "color") => vec!["--to=2".into()],
                    ("report", "stream" | "progress" | "color") => vec!["--html=2".into()],
                    ("checkpoints", "hex") => vec!["--show=10".into()],
                    ("load", "stream") => vec!["--format=raw".into()],
                    (_, "format") => vec!["--stream=s".into()],
                    _ => vec![],
                });
                let mut given = others.clone();
                given.push(format!("--{}", option.long).into());
                if option.takes != Takes::Nothing {
                    given.push(value_of(option).into());
                }
                let parsed = parse(given.clone().into_iter());
                let parsed = parsed.unwrap_or_else(|error| panic!("{given:?}: {}", error.message));
                if let Ok(without) = parse(others.into_iter()) {
                    assert_ne!(format!("{parsed:?}"), format!("{without:?}"), "{given:?}");
                }
            }
        }
    }

    #[test]
    fn bytes_are_read_from_hexadecimal_digits_and_nothing_else() {
        let read = |text: &str| parse_hex(&text.into()).ok();
        assert_eq!(read("00fF7a"), Some(vec![0, 255, 0x7a]));
        assert_eq!(read(""), Some(vec![]));
        assert_eq!((read("0"), read("0x"), read("é")), (None, None, None));
    }
}
