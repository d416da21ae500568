//! What do the help texts say? They are made of the table of commands.

use super::command_spec::Opt;
use super::command_spec::Piece;
use super::command_spec::Spec;
use super::commands::COMMANDS;
use super::commands::EXIT_CODES;

pub const VERSION: &str = concat!("ironwalctl ", env!("CARGO_PKG_VERSION"));

pub const SUMMARY: &str = "inspect an ironwal log, search and copy it, make a healthy copy of a damaged one, import one of ironwal 0.6";

/// Texts are broken where a line would be longer.
const WIDTH: usize = 96;

/// The text on all commands.
pub fn overview() -> String {
    let mut text = wrapped(&format!("ironwalctl - {SUMMARY}"), "");
    text += "\n";
    text += &usage();
    text += "\n";
    text += &wrapped(
        "DIR is the directory of a log. verify, stat, report, checkpoints, dump, tail, grep, export and snapshot change nothing in it and \
         take no lock: the log may be in use. ironwalctl help COMMAND describes a command and its options.",
        "",
    );
    text += "\n";
    let width = COMMANDS.iter().map(|spec| spec.name.len()).max();
    for spec in COMMANDS {
        text += &row(spec.name, width.unwrap_or(0), spec.summary);
    }
    text += "\nexit codes:\n";
    text += &exit_codes(EXIT_CODES);
    text.trim_end().to_owned()
}

/// How each command is called.
pub fn usage() -> String {
    let mut text = String::new();
    for synopsis in COMMANDS.iter().flat_map(|spec| spec.synopses) {
        text += &usage_line(text.is_empty(), synopsis);
    }
    text += &usage_line(false, "--version");
    text
}

/// How one command is called.
pub fn usage_of(spec: &Spec) -> String {
    let mut text = String::new();
    for synopsis in spec.synopses {
        text += &usage_line(text.is_empty(), synopsis);
    }
    text
}

fn usage_line(is_first: bool, synopsis: &str) -> String {
    let begin = match is_first {
        true => "usage:",
        false => "      ",
    };
    format!("{begin} ironwalctl {synopsis}\n")
}

/// The text on one command.
pub fn of(spec: &Spec) -> String {
    let mut text = format!("ironwalctl {} - {}\n\n", spec.name, spec.summary);
    text += &usage_of(spec);
    let rows = spec.description.iter().filter_map(|piece| match piece {
        Piece::Row(word, _) => Some(word.len()),
        Piece::Paragraph(_) => None,
    });
    let width = rows.max().unwrap_or(0);
    let mut behind_row = false;
    for piece in spec.description {
        let is_row = matches!(piece, Piece::Row(..));
        if !(is_row && behind_row) {
            text += "\n";
        }
        behind_row = is_row;
        match piece {
            Piece::Paragraph(words) => text += &wrapped(words, ""),
            Piece::Row(word, meaning) => text += &row(word, width, meaning),
        }
    }
    if spec.all_options().next().is_some() {
        text += "\n";
    }
    let width = spec.all_options().map(|option| signature(option).len());
    let width = width.max().unwrap_or(0);
    for option in spec.all_options() {
        text += &row(&signature(option), width, option.help);
    }
    text += "\nexit codes:\n";
    text += &exit_codes(spec.exit_codes);
    text.trim_end().to_owned()
}

/// An option as it is written: `-n, --lines N`.
pub fn signature(option: &Opt) -> String {
    let mut text = match option.short {
        Some(letter) => format!("-{letter}, --{}", option.long),
        None => format!("--{}", option.long),
    };
    if !option.value.is_empty() {
        text += " ";
        text += option.value;
    }
    text
}

fn exit_codes(codes: &[(u8, &str)]) -> String {
    let rows = codes
        .iter()
        .map(|(code, meaning)| row(&code.to_string(), 1, meaning));
    rows.collect()
}

/// A word, and its meaning in a column of its own.
fn row(word: &str, width: usize, meaning: &str) -> String {
    let indent = " ".repeat(width + 4);
    let text = wrapped(meaning, &indent);
    format!("  {word:width$}  {}", &text[indent.len()..])
}

/// A paragraph, each of its lines behind the indent.
fn wrapped(words: &str, indent: &str) -> String {
    let mut text = String::new();
    let mut line = String::new();
    for word in words.split_whitespace() {
        if !line.is_empty() && indent.len() + line.len() + 1 + word.len() > WIDTH {
            text += &format!("{indent}{line}\n");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    text + &format!("{indent}{line}\n")
}
