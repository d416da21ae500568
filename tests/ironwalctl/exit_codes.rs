//! What must hold: each command exits with the codes that its help names, and there is a case for each of them here.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::checkpoints::sharded_logs;
use super::*;

/// How each command is called, as the help shows it, behind the program's name.
pub fn synopses() -> Vec<String> {
    let (_, text, _) = tool(&["help"]);
    let usage = text
        .lines()
        .skip_while(|line| !line.starts_with("usage:"))
        .take_while(|line| !line.is_empty());
    usage
        .map(|line| {
            let (_, synopsis) = line.split_once(" ironwalctl ").expect("a synopsis");
            synopsis.to_owned()
        })
        .collect()
}

/// The commands, as the help lists them.
pub fn commands() -> Vec<String> {
    let mut names: Vec<String> = synopses()
        .iter()
        .filter_map(|synopsis| synopsis.split(' ').next())
        .filter(|name| !name.starts_with('-'))
        .map(str::to_owned)
        .collect();
    names.dedup();
    names
}

/// The exit codes that the help on a command names.
fn documented(command: &str) -> BTreeSet<i32> {
    let (code, text, _) = tool(&["help", command]);
    assert_eq!(code, 0);
    let (_, codes) = text.split_once("\nexit codes:\n").expect("exit codes");
    let numbers = codes.lines().filter(|line| !line.starts_with("    "));
    numbers
        .map(|line| {
            let number = line.split_whitespace().next().expect("a number");
            number.parse().expect("a number")
        })
        .collect()
}

#[test]
fn every_exit_code_of_every_command_is_documented_and_happens() {
    let place = temp_dir();
    let new = |name: &str| place.path().join(name).to_str().expect("UTF-8").to_owned();
    let log = |name: &str| {
        std::fs::create_dir(place.path().join(name)).expect("makes");
        closed_log(&place.path().join(name))
    };
    let good = log("good");
    let damaged = log("damaged");
    harm(&segments_in(&damaged.join("s"))[1], |bytes| {
        bytes[1536 + 36] ^= 1
    });
    // A hole, which headers show.
    let gapped = log("gapped");
    std::fs::remove_file(&segments_in(&gapped.join("s"))[1]).expect("removes");
    // A stream that cannot be judged.
    let foreign = log("foreign");
    let newest = segments_in(&foreign.join("s")).pop().expect("a segment");
    harm(&newest, |bytes| bytes.fill(7));
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/from_06/plain");
    assert!(old.is_dir(), "{}", old.display());
    let old_damaged = place.path().join("old");
    copy_dir(&old, &old_damaged);
    let file = everything(&old_damaged);
    assert!(!file.is_empty());
    damage_06(&old_damaged);
    let whole_export = new("export");
    std::fs::write(&whole_export, tool(&["export", path(&good)]).1).expect("writes");
    let damaged_export = new("damaged export");
    std::fs::write(&damaged_export, tool(&["export", path(&damaged)]).1).expect("writes");
    let (good, damaged, gapped, foreign) =
        (path(&good), path(&damaged), path(&gapped), path(&foreign));
    let (old, old_damaged) = (path(&old), path(&old_damaged));
    let copies: Vec<String> = (0..8).map(|n| new(&format!("copy {n}"))).collect();

    let page = new("page.html");
    std::fs::create_dir(place.path().join("sharded")).expect("makes");
    let (sharded, mixed_sharded) = sharded_logs(&place.path().join("sharded"));
    let (sharded, mixed_sharded) = (path(&sharded), path(&mixed_sharded));
    let rows: Vec<(i32, Vec<&str>)> = vec![
        (0, vec!["verify", good]),
        (1, vec!["verify", damaged]),
        (2, vec!["verify", good, "--nonsense"]),
        (3, vec!["verify", foreign]),
        (0, vec!["stat", good]),
        (1, vec!["stat", gapped]),
        (2, vec!["stat"]),
        (3, vec!["stat", foreign]),
        (0, vec!["report", good, "--html", &page]),
        (1, vec!["report", damaged, "--html", &page]),
        (2, vec!["report", good]),
        (3, vec!["report", foreign, "--html", &page]),
        (0, vec!["checkpoints", sharded]),
        (1, vec!["checkpoints", mixed_sharded]),
        (2, vec!["checkpoints", sharded, "--hex"]),
        (3, vec!["checkpoints", good]),
        (3, vec!["checkpoints", sharded, "--show=none"]),
        (0, vec!["dump", good]),
        (1, vec!["dump", damaged]),
        (2, vec!["dump", good, "--from=-1"]),
        (3, vec!["dump", foreign]),
        (0, vec!["tail", good]),
        (1, vec!["tail", damaged, "-n1000"]),
        (2, vec!["tail", good, "--interval=1"]),
        (3, vec!["tail", foreign]),
        (0, vec!["grep", good, "a"]),
        (1, vec!["grep", damaged, "a"]),
        (2, vec!["grep", good]),
        (3, vec!["grep", foreign, "a"]),
        (4, vec!["grep", good, "no such text"]),
        (0, vec!["export", good]),
        (1, vec!["export", damaged]),
        (2, vec!["export", good, "--format=xml"]),
        (3, vec!["export", foreign]),
        (0, vec!["load", &copies[0], &whole_export]),
        (1, vec!["load", &copies[1], &damaged_export]),
        (2, vec!["load", &copies[2], "--stream=s"]),
        (3, vec!["load", &copies[0], &whole_export]),
        (0, vec!["repair", good, "--to", &copies[3]]),
        (1, vec!["repair", damaged, "--to", &copies[4]]),
        (2, vec!["repair", good]),
        (3, vec!["repair", good, "--to", &copies[3]]),
        (0, vec!["snapshot", good, &copies[5]]),
        (2, vec!["snapshot", good]),
        (3, vec!["snapshot", good, &copies[5]]),
        (0, vec!["import", old, &copies[6]]),
        (1, vec!["import", old_damaged, &copies[7]]),
        (2, vec!["import", old]),
        (3, vec!["import", old, &copies[6]]),
        (0, vec!["generate", "man"]),
        (2, vec!["generate", "csh"]),
        (0, vec!["help"]),
        (2, vec!["help", "nonsense"]),
    ];
    let mut happened: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for (expected, arguments) in &rows {
        let (code, text, errors) = tool(arguments);
        assert_eq!(code, *expected, "{arguments:?}: {text}{errors}");
        // What failed says so in sentences: the cause, and what to do.
        let sentences: Vec<&str> = errors.lines().filter(|line| !line.is_empty()).collect();
        if code == 3 && !sentences.is_empty() {
            for sentence in &sentences {
                let is_sentence = sentence.starts_with("ironwalctl: ") && sentence.ends_with('.');
                assert!(is_sentence, "{arguments:?}: {sentence}");
            }
            assert_eq!(sentences.len(), 2, "{arguments:?}: {errors}");
        }
        if code < 2 || code == 4 {
            assert_eq!(errors, "", "{arguments:?}");
        }
        if code == 2 {
            assert_eq!(text, "", "{arguments:?}");
            assert!(
                errors.contains("usage: ironwalctl "),
                "{arguments:?}: {errors}"
            );
        }
        happened.entry(arguments[0]).or_default().insert(code);
    }
    let manual = include_str!("../../docs/IRONWALCTL.md");
    for command in commands() {
        let documented = documented(&command);
        let happened = happened.get(&*command).cloned().unwrap_or_default();
        assert_eq!(happened, documented, "{command}");
        for code in documented {
            assert!(
                manual.contains(&format!("\n| {code} | ")),
                "{code} in the manual"
            );
        }
    }
}

/// Flips a bit in the middle of the largest file.
fn damage_06(root: &Path) {
    let mut files = Vec::new();
    let mut dirs = vec![root.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for found in std::fs::read_dir(dir).expect("lists") {
            let found = found.expect("an entry").path();
            match found.is_dir() {
                true => dirs.push(found),
                false => files.push(found),
            }
        }
    }
    let len = |file: &PathBuf| std::fs::metadata(file).expect("reads").len();
    let largest = files.iter().max_by_key(|file| len(file)).expect("a file");
    harm(largest, |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
}

#[test]
fn an_error_names_its_place_and_is_an_object_for_programs() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let newest = segments_in(&root.join("s")).pop().expect("a segment");
    harm(&newest, |bytes| bytes.fill(7));
    for command in [&["dump"][..], &["tail"], &["grep"]] {
        let mut arguments = vec![command[0], path(&root), "--json"];
        if command[0] == "grep" {
            arguments.push("x");
        }
        let (code, text, errors) = tool(&arguments);
        assert_eq!(code, 3);
        let last: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
        assert_eq!(
            (&last["command"], &last["directory"]),
            (&command[0].into(), &path(&root).into())
        );
        let error = &last["error"];
        let message = error["message"].as_str().expect("a message");
        let name = newest
            .file_name()
            .and_then(|name| name.to_str())
            .expect("UTF-8");
        assert!(message.contains(name), "{message}");
        assert!(errors.contains(message), "{errors}");
        assert!(!error["advice"].as_str().expect("advice").is_empty());
    }
    // The directory of a stream, by mistake.
    let stream = root.join("odd%20%22key%22");
    let dirs = std::fs::read_dir(&root).expect("lists");
    let mut dirs = dirs.map(|entry| entry.expect("an entry").path());
    let stream = dirs.find(|dir| dir.is_dir()).unwrap_or(stream);
    let (code, _, errors) = tool(&["stat", path(&stream)]);
    assert!(
        code == 3 && errors.contains("is the directory of a stream; its log is "),
        "{errors}"
    );
    // An unknown stream, and a range without ids.
    let (code, _, errors) = tool(&["dump", path(&root), "--stream", "x"]);
    assert!(
        code == 3 && errors.contains("no stream \"x\"") && errors.contains("lists the streams")
    );
    let arguments = [
        "dump",
        path(&root),
        "--stream",
        "odd \"key\"",
        "--from",
        "99999",
    ];
    let (code, text, errors) = tool(&arguments);
    assert_eq!((code, &*text), (0, ""));
    assert!(errors.contains("has the ids 0..90"), "{errors}");
}
