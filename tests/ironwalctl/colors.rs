//! What must hold: colours are where they are asked for, or where a terminal shows them, and say nothing more than the
//! words.

use super::*;

/// Text without sequences that select a colour, and how many there were. Others are left.
fn without_colors(text: &str) -> (String, usize) {
    let mut plain = String::new();
    let mut count = 0;
    let mut left = text;
    while let Some((before, behind)) = left.split_once("\x1b[") {
        plain += before;
        let end = behind.find(|c: char| !c.is_ascii_digit() && c != ';');
        match end.map(|end| (end, behind.as_bytes()[end])) {
            Some((end, b'm')) => {
                count += 1;
                left = &behind[end + 1..];
            }
            _ => panic!("another sequence in {text:?}"),
        }
    }
    (plain + left, count)
}

#[test]
fn colours_change_no_word_and_are_only_where_they_are_asked_for() {
    let place = temp_dir();
    let root = closed_log(place.path());
    harm(&segments_in(&root.join("s"))[1], |bytes| {
        bytes[1536 + 36] ^= 1
    });
    std::fs::remove_file(&segments_in(&root.join("s"))[3]).expect("removes");
    let root = path(&root);
    let copies: Vec<String> = (0..2)
        .map(|n| path(&place.path().join(format!("copy{n}"))).to_owned())
        .collect();
    let rows: Vec<Vec<&str>> = vec![
        vec!["verify", root],
        vec!["stat", root],
        vec!["stat", root, "--segments"],
        vec!["dump", root],
        vec!["tail", root, "-n1000"],
        vec!["grep", root, "a"],
        vec!["repair", root, "--to"],
        vec!["snapshot", "/nonexistent", "new"],
    ];
    for row in rows {
        let with = |color: &'static str, copy: &str| {
            let mut arguments = row.clone();
            let is_repair = row[0] == "repair";
            arguments.extend(is_repair.then_some(copy));
            arguments.push(color);
            let (code, text, errors) = tool(&arguments);
            if is_repair {
                std::fs::remove_dir_all(copy).expect("removes");
            }
            (code, text.replace("copy1", "copy0"), errors)
        };
        let (code, text, errors) = with("--color=never", &copies[0]);
        assert!(
            !text.contains('\x1b') && !errors.contains('\x1b'),
            "{row:?}"
        );
        // A pipe is no terminal.
        assert_eq!(with("--color=auto", &copies[0]).1, text);
        let (same_code, coloured, coloured_errors) = with("--color=always", &copies[1]);
        assert_eq!(same_code, code);
        let (plain, count) = without_colors(&coloured);
        let (plain_errors, error_count) = without_colors(&coloured_errors);
        assert_eq!((plain, plain_errors), (text, errors), "{row:?}");
        assert!(count + error_count > 0, "nothing is coloured in {row:?}");
    }
    // Objects are for programs.
    let arguments = ["verify", root, "--json", "--color=always"];
    assert!(!tool(&arguments).1.contains('\x1b'));
    assert_eq!(tool(&["verify", root, "--color=sometimes"]).0, 2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_colours_unless_they_are_refused() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let command = format!(
        "'{}' verify '{}'",
        env!("CARGO_BIN_EXE_ironwalctl"),
        path(&root)
    );
    let on_terminal = |more: &str, variables: &[(&str, &str)]| {
        // script(1) runs a command on a pseudo-terminal.
        let output = Command::new("script")
            .args(["-qec", &format!("{command} {more}"), "/dev/null"])
            .env_remove("NO_COLOR")
            .env("TERM", "xterm")
            .envs(variables.iter().copied())
            .stdin(std::process::Stdio::null())
            .output();
        output
            .ok()
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let Some(text) = on_terminal("", &[]) else {
        eprintln!("script is not installed: not checked on a terminal");
        return;
    };
    assert!(text.contains("\x1b[32mclean\x1b[0m: 2 streams"), "{text:?}");
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], bool);
    let rows: [Row<'_>; 5] = [
        ("", &[("NO_COLOR", "1")], false),
        ("", &[("NO_COLOR", "")], true),
        ("", &[("TERM", "dumb")], false),
        ("--color=never", &[], false),
        ("--color=always", &[("NO_COLOR", "1")], true),
    ];
    for (more, variables, is_coloured) in rows {
        let text = on_terminal(more, variables).expect("ran before");
        assert_eq!(
            text.contains("\x1b[32m"),
            is_coloured,
            "{more} {variables:?}: {text:?}"
        );
    }
}
