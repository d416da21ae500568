//! How does a shell complete a command line? The scripts are made of the table of commands.

use super::command_spec::Opt;
use super::command_spec::Spec;
use super::command_spec::Takes;
use super::commands::COMMANDS;

const MADE: &str = "# Made by ironwalctl itself: see tests/ironwalctl/generated_files.rs.\n";

/// The script for a shell; `None`: there is none.
pub fn script(shell: &str) -> Option<String> {
    match shell {
        "bash" => Some(bash()),
        "zsh" => Some(zsh()),
        "fish" => Some(fish()),
        _ => None,
    }
}

fn names() -> Vec<&'static str> {
    COMMANDS.iter().map(|spec| spec.name).collect()
}

/// The options of a command as words.
fn words_of(spec: &Spec) -> Vec<String> {
    let mut words = Vec::new();
    for option in spec.all_options() {
        words.extend(option.short.map(|letter| format!("-{letter}")));
        words.push(format!("--{}", option.long));
    }
    words.push("--help".to_owned());
    words
}

/// An option as a pattern of `case`: `-n|--lines`.
fn pattern(option: &Opt) -> String {
    match option.short {
        Some(letter) => format!("-{letter}|--{}", option.long),
        None => format!("--{}", option.long),
    }
}

fn bash() -> String {
    let mut text = String::from(MADE);
    text += "_ironwalctl() {\n";
    text += "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n";
    text += "    local command=${COMP_WORDS[1]} options= takes=directory\n";
    text += "    COMPREPLY=()\n";
    text += "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n";
    let names = names().join(" ");
    text +=
        &format!("        COMPREPLY=($(compgen -W \"{names} --help --version\" -- \"$word\"))\n");
    text += "        return\n    fi\n";
    text += "    case $command in\n";
    for spec in COMMANDS {
        text += &format!("    {})\n", spec.name);
        let options = words_of(spec).join(" ");
        text += &format!("        options=\"{options}\"\n");
        if let Some(last) = spec.operands.last().filter(|_| spec.operands.len() == 1) {
            text += &format!("        takes={}\n", bash_kind(last.takes));
        } else if spec
            .operands
            .iter()
            .any(|operand| operand.takes == Takes::File)
        {
            text += "        takes=file\n";
        }
        let with_values: Vec<&Opt> = spec
            .all_options()
            .filter(|option| option.takes != Takes::Nothing)
            .collect();
        if !with_values.is_empty() {
            text += "        case $before in\n";
            for option in with_values {
                let kind = bash_kind(option.takes);
                let pattern = pattern(option);
                text += &format!("        {pattern}) options= takes={kind} ;;\n");
            }
            text += "        esac\n";
        }
        text += "        ;;\n";
    }
    text += "    *) return ;;\n    esac\n";
    text += "    if [ -n \"$options\" ] && [ \"${word#-}\" != \"$word\" ]; then\n";
    text += "        COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n";
    text += "        return\n    fi\n";
    text += "    case $takes in\n";
    text += "    directory) compopt -o filenames 2>/dev/null; local IFS=$'\\n'; COMPREPLY=($(compgen -d -- \"$word\")) ;;\n";
    text += "    file) compopt -o filenames 2>/dev/null; local IFS=$'\\n'; COMPREPLY=($(compgen -f -- \"$word\")) ;;\n";
    text += &format!("    command) COMPREPLY=($(compgen -W \"{names}\" -- \"$word\")) ;;\n");
    text += "    nothing) ;;\n";
    text += "    *) COMPREPLY=($(compgen -W \"${takes//,/ }\" -- \"$word\")) ;;\n";
    text += "    esac\n}\n";
    text += "complete -F _ironwalctl ironwalctl\n";
    text
}

fn bash_kind(takes: Takes) -> String {
    match takes {
        Takes::Nothing | Takes::Text => "nothing".to_owned(),
        Takes::File => "file".to_owned(),
        Takes::Directory => "directory".to_owned(),
        Takes::OneOf(words) => words.join(","),
        Takes::CommandName => "command".to_owned(),
    }
}

fn zsh() -> String {
    let mut text = String::from("#compdef ironwalctl\n");
    text += MADE;
    text += "_ironwalctl() {\n    local -a commands\n    commands=(\n";
    for spec in COMMANDS {
        let summary = zsh_text(spec.summary);
        text += &format!("        '{}:{summary}'\n", spec.name);
    }
    text += "    )\n";
    text += "    if (( CURRENT == 2 )); then\n";
    text += "        _describe command commands\n";
    text += "        _arguments '--help[print help]' '--version[print the version]'\n";
    text += "        return\n    fi\n";
    text += "    local command=${words[2]}\n";
    text += "    shift words\n    (( CURRENT-- ))\n";
    text += "    case $command in\n";
    for spec in COMMANDS {
        text += &format!("    {})\n        _arguments -s", spec.name);
        for option in spec.all_options() {
            text += &zsh_option(option);
        }
        text += " \\\n            '--help[print help]'";
        for operand in spec.operands {
            let colons = if operand.is_optional { "::" } else { ":" };
            let (name, action) = (operand.name, zsh_action(operand.takes));
            text += &format!(" \\\n            '{colons}{name}:{action}'");
        }
        text += "\n        ;;\n";
    }
    text += "    esac\n}\n_ironwalctl \"$@\"\n";
    text
}

fn zsh_option(option: &Opt) -> String {
    let help = zsh_text(option.help);
    // Options that may be given again.
    let again = if option.long == "key" { "*" } else { "" };
    let value = match option.takes {
        Takes::Nothing => String::new(),
        takes => format!(":{}:{}", option.value, zsh_action(takes)),
    };
    let mut text = String::new();
    for word in pattern(option).split('|') {
        text += &format!(" \\\n            '{again}{word}[{help}]{value}'");
    }
    text
}

fn zsh_action(takes: Takes) -> String {
    match takes {
        Takes::Nothing | Takes::Text => " ".to_owned(),
        Takes::File => "_files".to_owned(),
        Takes::Directory => "_files -/".to_owned(),
        Takes::OneOf(words) => format!("({})", words.join(" ")),
        Takes::CommandName => format!("({})", names().join(" ")),
    }
}

/// Text between single quotes and brackets, in which a colon would end it.
fn zsh_text(words: &str) -> String {
    let words = words.replace('\'', "'\\''");
    let escape = |letter| match letter {
        '[' | ']' | ':' | '\\' => vec!['\\', letter],
        letter => vec![letter],
    };
    words.chars().flat_map(escape).collect()
}

fn fish() -> String {
    let mut text = String::from(MADE);
    text += "complete -c ironwalctl -f\n";
    let first = "__fish_use_subcommand";
    text += &format!("complete -c ironwalctl -n {first} -l help -s h -d 'print help'\n");
    text += &format!("complete -c ironwalctl -n {first} -l version -s V -d 'print the version'\n");
    for spec in COMMANDS {
        let summary = fish_text(spec.summary);
        text += &format!(
            "complete -c ironwalctl -n {first} -a {} -d '{summary}'\n",
            spec.name
        );
        text += &fish_options(spec);
    }
    text
}

fn fish_options(spec: &Spec) -> String {
    let when = format!("-n '__fish_seen_subcommand_from {}'", spec.name);
    let mut text = String::new();
    for option in spec.all_options() {
        let short = option
            .short
            .map_or(String::new(), |letter| format!(" -s {letter}"));
        let value = fish_value(option.takes);
        let (long, help) = (option.long, fish_text(option.help));
        text += &format!("complete -c ironwalctl {when} -l {long}{short}{value} -d '{help}'\n");
    }
    text += &format!("complete -c ironwalctl {when} -l help -s h -d 'print help'\n");
    let mut kinds: Vec<Takes> = spec.operands.iter().map(|operand| operand.takes).collect();
    kinds.dedup();
    for takes in kinds {
        let words = match takes {
            Takes::Nothing | Takes::Text => continue,
            Takes::File => " -F".to_owned(),
            Takes::Directory => " -a '(__fish_complete_directories)'".to_owned(),
            Takes::OneOf(words) => format!(" -a '{}'", words.join(" ")),
            Takes::CommandName => format!(" -a '{}'", names().join(" ")),
        };
        text += &format!("complete -c ironwalctl {when}{words}\n");
    }
    text
}

fn fish_value(takes: Takes) -> String {
    match takes {
        Takes::Nothing => String::new(),
        Takes::Text => " -x".to_owned(),
        Takes::File => " -r -F".to_owned(),
        Takes::Directory => " -x -a '(__fish_complete_directories)'".to_owned(),
        Takes::OneOf(words) => format!(" -x -a '{}'", words.join(" ")),
        Takes::CommandName => format!(" -x -a '{}'", names().join(" ")),
    }
}

fn fish_text(words: &str) -> String {
    words.replace('\\', "\\\\").replace('\'', "\\'")
}
