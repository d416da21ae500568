//! What does the manual page say? It is made of the table of commands, in the macros of man(7).

use super::command_spec::Opt;
use super::command_spec::Piece;
use super::command_spec::Spec;
use super::commands::COMMANDS;
use super::commands::EXIT_CODES;
use super::help::SUMMARY;

/// The page, without a date: the same source gives the same page.
pub fn page() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut page =
        String::from(".\\\" Made by ironwalctl itself: see tests/ironwalctl/generated_files.rs.\n");
    page += &format!(".TH IRONWALCTL 1 \"\" \"ironwal {version}\" \"User Commands\"\n");
    // Words with dashes are typed as they stand: no hyphens in lines, and no second spaces.
    page += ".nh\n.ad l\n.SH NAME\n";
    page += &format!("ironwalctl \\- {}\n", escaped(SUMMARY));
    page += ".SH SYNOPSIS\n.nf\n";
    for synopsis in COMMANDS.iter().flat_map(|spec| spec.synopses) {
        page += &format!("\\fBironwalctl\\fR {}\n", escaped(synopsis));
    }
    page += "\\fBironwalctl\\fR \\-\\-version\n.fi\n";
    page += ".SH DESCRIPTION\n";
    page += &text(
        "DIR is the directory of a log. verify, stat, report, checkpoints, dump, tail, grep, export and snapshot change nothing in it and \
         take no lock: the log may be in use. Results go to standard output, errors and progress to standard error.",
    );
    page += ".SH COMMANDS\n";
    for spec in COMMANDS {
        page += &section(spec);
    }
    page += ".SH EXIT STATUS\n";
    for (code, meaning) in EXIT_CODES {
        page += &row(&code.to_string(), meaning);
    }
    page += ".SH SIGNALS\n";
    page += &text(
        "SIGINT and SIGTERM end tail -f and stat --watch between two lines, with the exit status of what they had \
         found. A second one, and any to other commands, ends the process.",
    );
    page += ".SH SEE ALSO\n";
    page += &text(
        "The fields of machine-readable output, and what each command promises, are in docs/IRONWALCTL.md.",
    );
    page
}

fn section(spec: &Spec) -> String {
    let mut page = format!(".SS {}\n", escaped(spec.name));
    for synopsis in spec.synopses {
        page += &format!(".B ironwalctl {}\n.br\n", escaped(synopsis));
    }
    let summary = format!("{}.", spec.summary);
    page += &format!(".PP\n{}", text(&capitalised(&summary)));
    for piece in spec.description {
        match piece {
            Piece::Paragraph(words) => page += &format!(".PP\n{}", text(words)),
            Piece::Row(word, meaning) => page += &row(word, meaning),
        }
    }
    for option in spec.all_options() {
        page += &row_in_bold(option);
    }
    page += ".PP\nExit status:\n";
    for (code, meaning) in spec.exit_codes {
        page += &row(&code.to_string(), meaning);
    }
    page
}

fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn row_in_bold(option: &Opt) -> String {
    let short = option
        .short
        .map_or(String::new(), |letter| format!("\\fB\\-{letter}\\fR, "));
    let long = format!("\\fB\\-\\-{}\\fR", escaped(option.long));
    let value = match option.value {
        "" => String::new(),
        value => format!(" \\fI{}\\fR", escaped(value)),
    };
    format!(".TP\n{short}{long}{value}\n{}", text(option.help))
}

fn row(word: &str, meaning: &str) -> String {
    format!(".TP\n\\fB{}\\fR\n{}", escaped(word), text(meaning))
}

/// A line of text.
fn text(words: &str) -> String {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = escaped(&words);
    // A line that began with these would be a request.
    match line.starts_with(['.', '\'']) {
        true => format!("\\&{line}\n"),
        false => format!("{line}\n"),
    }
}

/// Text in which nothing is markup: backslashes, and hyphens that must stay ASCII.
fn escaped(words: &str) -> String {
    words.replace('\\', "\\e").replace('-', "\\-")
}
