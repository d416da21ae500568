//! What must hold: `tail` shows the last entries and follows a writer until it is interrupted, `grep` finds entries by
//! their bytes; both change nothing, and end quietly when nothing reads their output any more.

use std::io::BufRead;
use std::io::BufReader;
use std::process::Child;
use std::process::Stdio;

use super::*;

/// The ids of the lines of a stream, as text output shows them.
fn ids_of(text: &str, stream: &str) -> Vec<u64> {
    let begin = format!("{stream:?} ");
    let of_stream = text.lines().filter_map(|line| line.strip_prefix(&begin));
    of_stream
        .map(|rest| {
            let id = rest.split(' ').next().expect("an id");
            id.parse().unwrap_or_else(|_| panic!("{rest}"))
        })
        .collect()
}

#[test]
fn the_last_entries_of_each_stream_are_shown_and_nothing_is_changed() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let before = everything(&root);
    let (code, text, errors) = tool(&["tail", path(&root), "-n", "3"]);
    assert_eq!((code, &*errors), (0, ""));
    assert_eq!(ids_of(&text, "s"), [197, 198, 199]);
    assert_eq!(ids_of(&text, "odd \"key\""), [87, 88, 89]);
    let bytes = entry(199);
    let last = format!("\"s\" 199 {} {}", bytes.len(), bytes.escape_ascii());
    assert_eq!(text.lines().last(), Some(&*last));
    let (_, text, _) = tool(&["tail", path(&root), "--stream", "s"]);
    assert_eq!(ids_of(&text, "s"), (190..200).collect::<Vec<_>>());
    assert_eq!(text.lines().count(), 10);
    // More than there are: all, from the first that is kept.
    let (code, text, _) = tool(&["tail", path(&root), "--stream", "s", "--lines=1000"]);
    let (_, dumped, _) = tool(&["dump", path(&root), "--stream", "s"]);
    assert_eq!((code, text), (0, dumped));
    assert_eq!(
        tool(&["tail", path(&root), "-n0"]),
        (0, String::new(), String::new())
    );
    let arguments = [
        "tail",
        path(&root),
        "-n1",
        "--stream=s",
        "--json",
        "--durable",
    ];
    let (code, last) = json(&arguments);
    assert_eq!((code, &last["event"]), (0, &Value::from("entry")));
    assert_eq!((number(&last, "id"), number(&last, "end_id")), (199, 200));
    assert_eq!(last["data_base64"], base64(&entry(199)));
    assert_eq!(tool(&["tail", path(&root), "--stream", "unknown"]).0, 3);
    assert!(everything(&root) == before, "the directory was changed");
}

#[test]
fn the_last_entries_are_found_behind_damage_and_the_damage_is_shown() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let newest = segments_in(&root.join("s")).pop().expect("a segment");
    let first: u64 = newest
        .file_stem()
        .and_then(|name| name.to_str()?.parse().ok())
        .expect("an id");
    harm(&newest, |bytes| bytes[1536 + 36] ^= 1);
    let count = format!("{}", 200 - first);
    let (code, text, errors) = tool(&["tail", path(&root), "--stream", "s", "-n", &count]);
    assert_eq!((code, &*errors), (1, ""), "{text}");
    // One of the entries is unreadable, so one more is shown.
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len() as u64, 200 - first + 1);
    assert!(
        lines[0].starts_with(&format!("\"s\" {} ", first - 1)),
        "{text}"
    );
    assert!(
        lines[1].starts_with(&format!("\"s\" {first}..{} unreadable: ", first + 1)),
        "{text}"
    );
    let (code, text, _) = tool(&["tail", path(&root), "--stream", "s", "-n", &count, "--json"]);
    assert_eq!(code, 1);
    let second: Value = serde_json::from_str(text.lines().nth(1).expect("a line")).expect("JSON");
    assert_eq!(second["event"], "unreadable");
    assert_eq!(
        (number(&second, "id"), number(&second, "end_id")),
        (first, first + 1)
    );
    assert!(second["data_base64"].is_null() && second["error"].is_string());
}

/// A follow, and what it prints.
struct Follow {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Follow {
    fn begin(arguments: &[&str]) -> Follow {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ironwalctl"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the tool runs");
        let output = child.stdout.take().expect("a pipe");
        Follow {
            child,
            lines: BufReader::new(output).lines(),
        }
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("a line").expect("reads")
    }

    /// Sends a signal and returns the exit code; nothing else is printed.
    #[cfg(unix)]
    fn end_by(mut self, signal: &str) -> i32 {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.expect("kill runs").success());
        assert!(self.lines.next().is_none(), "a line behind the end");
        let ended = self.child.wait_with_output().expect("ends");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
        ended.status.code().expect("not killed by the signal")
    }
}

#[cfg(unix)]
#[test]
fn a_follow_shows_what_a_writer_does_until_it_is_interrupted() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let wal = Wal::new(options(place.path(), SyncMode::Strict)).expect("opens");
    let mut follow = Follow::begin(&["tail", path(&root), "-f", "-n1", "--interval=0.005"]);
    assert!(follow.line().starts_with("\"odd \\\"key\\\"\" 89 "));
    assert!(follow.line().starts_with("\"s\" 199 "));
    wal.append("s", b"more").expect("appends");
    assert_eq!(follow.line(), "\"s\" 200 4 more");
    // A stream that begins meanwhile is shown from its first entry on.
    wal.append_batch("a", &[b"x", b"y\n"]).expect("appends");
    assert_eq!(follow.line(), "\"a\" 0 1 x");
    assert_eq!(follow.line(), "\"a\" 1 2 y\\n");
    // A suffix that was shown is cut and replaced.
    wal.truncate_suffix("s", 200).expect("cuts");
    wal.append("s", b"other").expect("appends");
    assert_eq!(
        follow.line(),
        "\"s\" 200.. cut: the ids from here on are given again"
    );
    assert_eq!(follow.line(), "\"s\" 200 5 other");
    wal.delete_stream("a").expect("deletes");
    assert_eq!(follow.line(), "\"a\" deleted");
    assert_eq!(follow.end_by("-INT"), 0);
    let arguments = [
        "tail",
        path(&root),
        "-f",
        "--stream=s",
        "-n0",
        "--json",
        "--durable",
    ];
    let mut follow = Follow::begin(&arguments);
    // The follow begins at the end that it finds, so entries are appended until one is shown.
    let done = std::sync::atomic::AtomicBool::new(false);
    let shown = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                wal.append("s", b"z").expect("appends");
            }
        });
        let line = follow.line();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        line
    });
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(
        (&shown["event"], &shown["data_base64"]),
        (&"entry".into(), &"eg==".into())
    );
    let last = wal.stream("s").and_then(|s| s.next_id()).expect("an id") - 1;
    let mut id = number(&shown, "id");
    while id < last {
        let line: Value = serde_json::from_str(&follow.line()).expect("JSON");
        assert_eq!(number(&line, "id"), id + 1);
        id += 1;
    }
    assert_eq!(follow.end_by("-TERM"), 0);
    wal.close().expect("closes");
}

#[cfg(unix)]
#[test]
fn a_watch_that_is_interrupted_ends_with_its_exit_code() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let mut watch = Follow::begin(&["stat", path(&root), "--watch", "--interval=0.01", "--json"]);
    watch.line();
    let pid = watch.child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status();
    assert!(sent.expect("kill runs").success());
    // Whole lines up to the end.
    for line in watch.lines {
        let look: Value = serde_json::from_str(&line.expect("reads")).expect("JSON");
        assert_eq!(look["command"], "stat");
    }
    let ended = watch.child.wait_with_output().expect("ends");
    assert_eq!((ended.status.code(), &*ended.stderr), (Some(0), &b""[..]));
}

#[cfg(unix)]
#[test]
fn a_follow_of_a_silent_log_ends_when_nothing_reads_it() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let mut follow = Follow::begin(&["tail", path(&root), "-f", "-n1", "--stream=s"]);
    follow.line();
    drop(follow.lines);
    let ended = follow.child.wait_with_output().expect("ends");
    assert_eq!((ended.status.code(), &*ended.stderr), (Some(0), &b""[..]));
}

#[test]
fn entries_are_found_by_text_and_by_bytes() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let before = everything(&root);
    let wanted = entry(150);
    let digits: String = wanted.iter().map(|byte| format!("{byte:02x}")).collect();
    let (code, found, errors) = tool(&["grep", path(&root), "--hex", &digits]);
    assert_eq!((code, &*errors), (0, ""));
    let expected = (0..200).filter(|id| {
        let bytes = entry(*id);
        bytes.windows(wanted.len()).any(|at| at == wanted)
    });
    let kept = number(
        &json(&["stat", path(&root), "--json", "--stream=s"]).1["streams"][0],
        "first_id",
    );
    let expected: Vec<u64> = expected.filter(|id| *id >= kept).collect();
    assert_eq!(ids_of(&found, "s"), expected);
    // The third entry of each batch, by its bytes.
    let (code, found, _) = tool(&["grep", path(&root), "00FF0a", "--hex"]);
    let third: Vec<u64> = (0..30).map(|batch| batch * 3 + 2).collect();
    assert_eq!((code, ids_of(&found, "odd \"key\"")), (0, third));
    let arguments = [
        "grep",
        path(&root),
        "A",
        "-i",
        "--stream",
        "odd \"key\"",
        "--to=7",
        "--json",
    ];
    let (code, found, _) = tool(&arguments);
    let lines: Vec<Value> = found
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let ids: Vec<u64> = lines.iter().map(|line| number(line, "id")).collect();
    assert_eq!((code, ids), (0, vec![0, 3, 6]));
    assert_eq!(lines[0]["data_base64"], "YQ==");
    let (code, found, _) = tool(&[
        "grep",
        path(&root),
        "a",
        "-v",
        "-c",
        "--stream",
        "odd \"key\"",
    ]);
    assert_eq!((code, &*found), (0, "\"odd \\\"key\\\"\" 60\n"));
    let (code, found) = json(&[
        "grep",
        path(&root),
        "a",
        "-c",
        "--json",
        "--stream",
        "odd \"key\"",
    ]);
    assert_eq!((code, number(&found, "matches")), (0, 30));
    // Nothing matches: an exit code of its own.
    let (code, found, errors) = tool(&["grep", path(&root), "no such text"]);
    assert_eq!((code, &*found, &*errors), (4, "", ""));
    assert!(everything(&root) == before, "the directory was changed");
    for wrong in ["0", "zz", "0x00"] {
        assert_eq!(tool(&["grep", path(&root), wrong, "--hex"]).0, 2, "{wrong}");
    }
    assert_eq!(tool(&["grep", path(&root)]).0, 2);
    // What cannot be searched is a line, whether or not something matches.
    harm(&segments_in(&root.join("s"))[1], |bytes| {
        bytes[1536 + 36] ^= 1
    });
    let (code, found, _) = tool(&["grep", path(&root), "no such text"]);
    assert_eq!(code, 1);
    assert!(
        found.lines().count() == 1 && found.contains(" unreadable: "),
        "{found}"
    );
    let (code, found) = json(&[
        "grep",
        path(&root),
        "no such text",
        "-c",
        "--json",
        "--stream=s",
    ]);
    let numbers = (number(&found, "matches"), number(&found, "unreadable_ids"));
    assert_eq!((code, numbers), (1, (0, 1)));
    let (_, found, _) = tool(&["grep", path(&root), "no such text", "-c", "--stream=s"]);
    assert_eq!(found, "\"s\" 0, 1 id unreadable\n");
}
