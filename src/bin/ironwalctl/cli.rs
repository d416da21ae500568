//! What does the command line ask for?

use std::ffi::OsString;
use std::path::PathBuf;

use super::help;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Print this.
    Help(&'static str),
    Verify,
    Stat,
    Dump,
    Repair,
}

/// A command line that makes sense.
#[derive(Debug)]
pub struct Args {
    pub command: Command,
    /// The log's directory.
    pub directory: PathBuf,
    pub stream: Option<String>,
    pub from_id: u64,
    /// Exclusive.
    pub end_id: Option<u64>,
    /// Where a repair makes its copy.
    pub copy: Option<PathBuf>,
    pub compress: bool,
    pub json: bool,
    /// Also where standard error is no terminal.
    pub progress: bool,
}

impl Args {
    fn of(command: Command) -> Self {
        Args {
            command,
            directory: PathBuf::new(),
            stream: None,
            from_id: 0,
            end_id: None,
            copy: None,
            compress: false,
            json: false,
            progress: false,
        }
    }
}

/// Reads the arguments. An error says what is wrong with them.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Args, String> {
    let mut arguments = arguments;
    let Some(first) = arguments.next() else {
        return Err("no command".to_owned());
    };
    let command = match first.to_str() {
        Some("verify") => Command::Verify,
        Some("stat") => Command::Stat,
        Some("dump") => Command::Dump,
        Some("repair") => Command::Repair,
        Some("--version" | "-V") => return Ok(Args::of(Command::Help(help::VERSION))),
        Some("help" | "--help" | "-h") => {
            let about = arguments.next().map(|about| help_on(&about)).transpose()?;
            return Ok(Args::of(Command::Help(about.unwrap_or(help::HELP))));
        }
        _ => return Err(format!("no such command: {}", first.to_string_lossy())),
    };
    let mut args = Args::of(command);
    let mut directory = None;
    let mut only_names = false;
    while let Some(argument) = arguments.next() {
        let option = argument.to_str().filter(|text| {
            // A directory may begin with a dash behind `--`.
            !only_names && text.starts_with('-') && text.len() > 1
        });
        let Some(option) = option else {
            if directory.replace(PathBuf::from(argument)).is_some() {
                return Err("more than one directory".to_owned());
            }
            continue;
        };
        let (option, inline) = match option.split_once('=') {
            Some((option, value)) => (option.to_owned(), Some(OsString::from(value))),
            None => (option.to_owned(), None),
        };
        let given = inline.is_some();
        let mut value = || {
            let value = inline.clone().or_else(|| arguments.next());
            value.ok_or_else(|| format!("{option} needs a value"))
        };
        match (option.as_str(), command) {
            ("--stream", Command::Verify | Command::Stat | Command::Dump) => {
                let key = value()?;
                let key = key.into_string().map_err(|_| "a key is UTF-8")?;
                args.stream = Some(key);
            }
            ("--from", Command::Dump) => args.from_id = id(&option, &value()?)?,
            ("--to", Command::Dump) => args.end_id = Some(id(&option, &value()?)?),
            ("--to", Command::Repair) => args.copy = Some(PathBuf::from(value()?)),
            (_, _) if given => return Err(format!("{option} is unknown here, or takes no value")),
            ("--compress", Command::Repair) => args.compress = true,
            ("--json", _) => args.json = true,
            ("--progress", Command::Verify | Command::Repair) => args.progress = true,
            ("--help" | "-h", _) => return Ok(Args::of(Command::Help(help_on(&first)?))),
            ("--", _) => only_names = true,
            _ => return Err(format!("{option} is unknown here")),
        }
    }
    let name = first.to_string_lossy();
    args.directory = directory.ok_or_else(|| format!("{name} needs a directory"))?;
    if command == Command::Repair && args.copy.is_none() {
        return Err("repair needs --to and a new directory".to_owned());
    }
    Ok(args)
}

fn help_on(command: &OsString) -> Result<&'static str, String> {
    match command.to_str() {
        Some("verify") => Ok(help::VERIFY),
        Some("stat") => Ok(help::STAT),
        Some("dump") => Ok(help::DUMP),
        Some("repair") => Ok(help::REPAIR),
        _ => Err(format!("no such command: {}", command.to_string_lossy())),
    }
}

fn id(option: &str, value: &OsString) -> Result<u64, String> {
    let number = value.to_str().and_then(|text| text.parse().ok());
    number.ok_or_else(|| format!("{option} takes an id, not {}", value.to_string_lossy()))
}
