//! How is a command line parsed?

use std::ffi::OsString;
use std::time::Duration;

use lexopt::Arg::Long;
use lexopt::Arg::Short;
use lexopt::Arg::Value;
use lexopt::Error;
use lexopt::Parser;

use super::arguments::Args;
use super::arguments::ExportFormat;
use super::arguments::Format;
use super::arguments::UsageError;
use super::arguments::Watch;
use super::command_spec::Command;
use super::command_spec::Opt;
use super::command_spec::Spec;
use super::commands;
use super::completions;
use super::help;
use super::man;
use super::option_values::parse_color;
use super::option_values::parse_count;
use super::option_values::parse_export_format;
use super::option_values::parse_hex;
use super::option_values::parse_id;
use super::option_values::parse_interval;
use super::option_values::parse_key;
use super::option_values::parse_lines;
use super::option_values::parse_shards;

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

#[cfg(test)]
mod tests {
    use super::super::command_spec::Takes;
    use super::super::commands::COMMANDS;
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
}
