//! Which commands are there?
//!
//! The command line is parsed by this table (`cli`), and the help texts (`help`), the manual page (`man`) and the
//! completions of shells (`completions`) are made of it.

use super::command_spec::Command;
use super::command_spec::Piece::Paragraph;
use super::command_spec::Spec;
use super::command_spec::Takes;
use super::command_spec::operand;
use super::command_spec::optional;
use super::commands_that_copy::EXPORT;
use super::commands_that_copy::IMPORT;
use super::commands_that_copy::LOAD;
use super::commands_that_copy::REPAIR;
use super::commands_that_copy::SNAPSHOT;
use super::commands_that_read::CHECKPOINTS;
use super::commands_that_read::DUMP;
use super::commands_that_read::GREP;
use super::commands_that_read::REPORT;
use super::commands_that_read::STAT;
use super::commands_that_read::TAIL;
use super::commands_that_read::VERIFY;

/// What `generate` prints.
const GENERATED: &[&str] = &["man", "bash", "zsh", "fish"];

const GENERATE: Spec = Spec {
    command: Command::Generate,
    name: "generate",
    synopses: &["generate man|bash|zsh|fish"],
    summary: "prints the manual page, or the completions of a shell",
    operands: &[operand("WHAT", Takes::OneOf(GENERATED))],
    options: &[],
    description: &[Paragraph(
        "For installations without these files. Bash reads its completions from \
         ~/.local/share/bash-completion/completions/ironwalctl, zsh from a file _ironwalctl in a directory of its \
         fpath, fish from ~/.config/fish/completions/ironwalctl.fish.",
    )],
    exit_codes: &[(0, "it was printed"), (2, "usage")],
};

const HELP: Spec = Spec {
    command: Command::Help,
    name: "help",
    synopses: &["help [COMMAND]"],
    summary: "prints this text, or that of a command",
    operands: &[optional("COMMAND", Takes::CommandName)],
    options: &[],
    description: &[],
    exit_codes: &[(0, "the text was printed"), (2, "usage")],
};

/// All commands, in the order of texts.
pub const COMMANDS: &[Spec] = &[
    VERIFY,
    STAT,
    REPORT,
    CHECKPOINTS,
    DUMP,
    TAIL,
    GREP,
    EXPORT,
    LOAD,
    REPAIR,
    SNAPSHOT,
    IMPORT,
    GENERATE,
    HELP,
];

/// What the exit codes mean, whatever the command.
pub const EXIT_CODES: &[(u8, &str)] = &[
    (0, "nothing is wrong"),
    (1, "damage was found, or entries are lost"),
    (2, "the command line is not valid"),
    (
        3,
        "the command failed: no such log, no permission, in use, a read error",
    ),
    (4, "grep: no entry matched"),
];

/// The name of a command.
pub fn name_of(command: Command) -> &'static str {
    let mut of_command = COMMANDS.iter().filter(|spec| spec.command == command);
    of_command.next().map_or("", |spec| spec.name)
}

/// The command of that name.
pub fn named(name: &str) -> Option<&'static Spec> {
    COMMANDS.iter().find(|spec| spec.name == name)
}

#[cfg(test)]
mod tests {
    use super::super::command_spec::Opt;
    use super::*;

    #[test]
    fn every_option_of_a_synopsis_is_in_the_table_and_back() {
        for spec in COMMANDS {
            let synopses = spec.synopses.join(" ");
            let words: Vec<&str> = synopses
                .split(|c: char| c.is_whitespace() || "[]|.".contains(c))
                .collect();
            for option in spec.options {
                let long = format!("--{}", option.long);
                let short = option.short.map(|letter| format!("-{letter}"));
                let is_named = words
                    .iter()
                    .any(|word| *word == long || Some(*word) == short.as_deref());
                assert!(is_named, "{long} of {}", spec.name);
            }
            for word in words.iter().filter(|word| word.starts_with('-')) {
                let has = |option: &Opt| {
                    format!("--{}", option.long) == **word
                        || option
                            .short
                            .is_some_and(|letter| format!("-{letter}") == **word)
                };
                assert!(spec.options.iter().any(has), "{word} of {}", spec.name);
            }
        }
    }
}
