//! What must hold: the manual page, the completions and the usage in the manual are what the tool prints, and name every
//! command and option. `IRONWAL_WRITE_SHARE=1` writes the files anew.

use std::process::Stdio;

use super::exit_codes::commands;
use super::exit_codes::synopses;
use super::*;

const FILES: [(&str, &str); 4] = [
    ("man", "share/ironwalctl.1"),
    ("bash", "share/ironwalctl.bash"),
    ("zsh", "share/_ironwalctl"),
    ("fish", "share/ironwalctl.fish"),
];

fn in_repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn generated(what: &str) -> String {
    let (code, text, errors) = tool(&["generate", what]);
    assert_eq!((code, &*errors), (0, ""));
    text
}

/// The options of a command, as its help lists them: with dashes.
fn options_of(command: &str) -> Vec<String> {
    let (_, text, _) = tool(&["help", command]);
    let rows = text.lines().filter(|line| line.starts_with("  -"));
    let words = rows.flat_map(|line| {
        let signature = line.trim_start().split("  ").next().unwrap_or_default();
        signature
            .split([',', ' '])
            .filter(|word| word.starts_with('-'))
    });
    words.map(str::to_owned).collect()
}

#[test]
fn the_installed_files_are_what_the_tool_prints() {
    for (what, name) in FILES {
        let text = generated(what);
        let file = in_repository(name);
        if std::env::var_os("IRONWAL_WRITE_SHARE").is_some() {
            std::fs::write(&file, &text).expect("writes");
        }
        let written = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            written == text,
            "{name} is old: run this test with IRONWAL_WRITE_SHARE=1"
        );
        let install = std::fs::read_to_string(in_repository("cmake/IronwalInstall.cmake"));
        assert!(
            install.expect("reads").contains(name),
            "{name} is not installed"
        );
    }
}

#[test]
fn every_command_and_option_is_in_each_file() {
    let pages = FILES.map(|(what, _)| (what, generated(what)));
    let mut count = 0;
    for command in commands() {
        for (what, page) in &pages {
            let begin = match *what {
                "man" => format!("\n.SS {command}\n"),
                "bash" => format!("\n    {command})\n"),
                "zsh" => format!("\n    {command})\n        _arguments"),
                _ => format!("-a {command} "),
            };
            let part = page
                .split(&begin)
                .nth(1)
                .unwrap_or_else(|| panic!("{command} in {what}"));
            let end = match *what {
                "man" => "\n.SS ",
                "bash" | "zsh" => "\n        ;;\n    ",
                _ => "\ncomplete -c ironwalctl -n __fish_use_subcommand",
            };
            let part = part.split(end).next().unwrap_or_default();
            for option in options_of(&command) {
                let written = match *what {
                    "man" => format!("\\fB{}\\fR", option.replace('-', "\\-")),
                    "bash" => option.clone(),
                    "zsh" => format!("'{option}["),
                    _ => match option.strip_prefix("--") {
                        Some(long) => format!(" -l {long} "),
                        None => format!(" -s {} ", &option[1..]),
                    },
                };
                let is_there = part.contains(&written)
                    || *what == "zsh" && part.contains(&format!("'*{option}["));
                assert!(is_there, "{option} of {command} in {what}: {part}");
                count += 1;
            }
        }
    }
    assert!(count > 100, "only {count} were looked for");
}

#[test]
fn the_manual_shows_how_each_command_is_called() {
    let manual = std::fs::read_to_string(in_repository("docs/IRONWALCTL.md")).expect("reads");
    let synopses = synopses();
    let lines: Vec<String> = synopses
        .iter()
        .map(|rest| format!("ironwalctl {rest}\n"))
        .collect();
    assert!(
        manual.contains(&format!("```text\n{}```", lines.concat())),
        "{}",
        lines.concat()
    );
    for command in commands() {
        let is_headed = manual
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .any(|heading| heading.split(", ").any(|word| word == command));
        assert!(is_headed || command == "help", "{command} has no section");
    }
}

/// What a program prints for this input; `None`: it is not installed, which is said.
fn printed_by(program: &str, arguments: &[&str], input: &str) -> Option<(bool, String)> {
    let spawned = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = spawned else {
        eprintln!("{program} is not installed: not checked with it");
        return None;
    };
    let mut pipe = child.stdin.take().expect("a pipe");
    let ended = std::thread::scope(|scope| {
        scope.spawn(move || std::io::Write::write_all(&mut pipe, input.as_bytes()));
        child.wait_with_output().expect("ends")
    });
    let text = [ended.stdout, ended.stderr].concat();
    Some((
        ended.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    ))
}

#[test]
fn the_manual_page_is_read_without_a_warning() {
    let page = generated("man");
    let arguments = ["-man", "-ww", "-Tutf8", "-P-cbou"];
    if let Some((is_good, text)) = printed_by("groff", &arguments, &page) {
        assert!(is_good && !text.contains("warning"), "{text}");
        for command in commands() {
            assert!(
                text.contains(&format!("ironwalctl {command} ")),
                "{command}: {text}"
            );
        }
        assert!(text.contains("are \\xNN."), "{text}");
        // Each way to call it is one line, unless it is longer than a line can be.
        for synopsis in synopses().iter().filter(|synopsis| synopsis.len() < 50) {
            assert!(
                text.contains(&format!("\n       ironwalctl {synopsis}\n")),
                "{synopsis}"
            );
        }
    }
}

#[test]
fn the_completions_are_valid_scripts() {
    for (shell, arguments) in [
        ("bash", &["-n"][..]),
        ("zsh", &["-n"]),
        ("fish", &["--no-execute"]),
    ] {
        if let Some(answer) = printed_by(shell, arguments, &generated(shell)) {
            assert_eq!(answer, (true, String::new()), "{shell}");
        }
    }
}

#[test]
fn bash_completes_commands_options_and_values() {
    let place = temp_dir();
    std::fs::create_dir(place.path().join("a log")).expect("makes");
    std::fs::write(place.path().join("a file"), b"").expect("writes");
    let inside = path(place.path());
    let rows: [(&str, &str); 9] = [
        ("ironwalctl ver", "verify"),
        ("ironwalctl --v", "--version"),
        ("ironwalctl tail x --fo", "--follow"),
        ("ironwalctl export x --format r", "raw"),
        ("ironwalctl help sn", "snapshot"),
        ("ironwalctl generate z", "zsh"),
        ("ironwalctl stat x --stream s", ""),
        ("ironwalctl verify a", "a log"),
        ("ironwalctl load new a", "a file\na log"),
    ];
    for (line, expected) in rows {
        let words = line.replace(' ', "' '");
        let script = format!(
            "{}\ncd '{inside}'\nCOMP_WORDS=('{words}')\n\
             COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n_ironwalctl\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\" | sort\n",
            generated("bash"),
        );
        if let Some((_, text)) = printed_by("bash", &["--norc", "-s"], &script) {
            assert_eq!(text.trim_end_matches('\n'), expected, "{line}");
        }
    }
}
