//! What does an acknowledged append mean, for each log? Looked at, not believed:
//!
//! - `strace` shows the system calls between two marks, one before and one after an append. A mark
//!   is a `write` to descriptor -1, which fails and does nothing else.
//! - A process that appended is killed with SIGKILL, and another one counts what is left: what is
//!   gone was in the memory of the process.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use crate::arguments::Arguments;
use crate::contenders;
use crate::log::Contender;
use crate::log::Failure;
use crate::log::Kind;
use crate::log::Mode;
use crate::log::Setup;
use crate::payload::Payload;
use crate::rounds;

const CALLS: &str = "trace=write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,msync,\
                     sync_file_range,io_uring_enter,ftruncate,fallocate";
const ENTRY_LEN: usize = 256;
/// Few enough to stay in any buffer, so that one shows.
const KILLED_AFTER: u64 = 100;

/// A table in markdown: a row for each log and mode.
pub fn table(arguments: &Arguments) -> String {
    let mut text = format!(
        "| | mode | said | system calls of one append | of a batch of 3 | of a sync | left of \
         {KILLED_AFTER} after SIGKILL |\n|---|---|---|---|---|---|---|\n"
    );
    for contender in contenders::all().filter(|contender| arguments.wants(contender.name)) {
        let strict = contender
            .works
            .iter()
            .any(|work| matches!(*work, "W3" | "W4" | "W5"));
        let of_peer = contender.kind == Kind::Peer;
        let asynchronous = contender
            .works
            .iter()
            .any(|work| matches!(*work, "W1" | "W2") || (of_peer && *work == "W7"));
        let modes = [(Mode::Async, asynchronous), (Mode::Strict, strict)];
        for (mode, _) in modes.into_iter().filter(|(_, wanted)| *wanted) {
            let name = contender.name;
            let means = contender.means(mode);
            let calls = match traced(contender, mode, arguments) {
                Ok(calls) => calls,
                Err(failure) => {
                    let why = failure.to_string().replace('|', "/");
                    let _ = writeln!(text, "| {name} | {mode:?} | {means} | {why} | | | |");
                    continue;
                }
            };
            let left = left_after_kill(contender, mode, arguments);
            let left = left.unwrap_or_else(|failure| failure.to_string());
            let of = |mark: &str| calls.get(mark).cloned().unwrap_or_default();
            let (append, batch, sync) = (of("append"), of("batch"), of("sync"));
            let _ = writeln!(
                text,
                "| {name} | {mode:?} | {means} | {append} | {batch} | {sync} | {left} |"
            );
        }
    }
    text
}

/// The system calls between marks, by mark.
fn traced(
    contender: &Contender,
    mode: Mode,
    arguments: &Arguments,
) -> Result<BTreeMap<String, String>, Failure> {
    let dir = rounds::fresh_dir(&arguments.dir)?;
    let trace = dir.join("trace");
    let output = Command::new("strace")
        .args(["-f", "-e", CALLS, "-o"])
        .arg(&trace)
        .arg(std::env::current_exe()?)
        .args(["probe", "trace", contender.name, mode_name(mode)])
        .arg(&dir)
        .stdin(Stdio::null())
        .output()?;
    let text = std::fs::read_to_string(&trace).unwrap_or_default();
    rounds::remove(&dir, &arguments.dir)?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(text.lines().next().unwrap_or("failed").to_owned().into());
    }
    Ok(between_marks(&text))
}

/// Reads `PID call(…) = result` lines. Calls of other threads than the one that marks are told
/// as such.
fn between_marks(text: &str) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut mark, mut marker) = (None, "");
    for line in text.lines() {
        let Some((pid, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        if let Some(rest) = call.strip_prefix("write(-1, \"MARK ") {
            let name = rest.split('"').next().unwrap_or_default();
            mark = (name != "end").then(|| name.to_owned());
            marker = pid;
            continue;
        }
        let (Some(mark), false) = (&mark, call.starts_with('<') || call.starts_with('+')) else {
            continue;
        };
        let mut name = call.split('(').next().unwrap_or_default().to_owned();
        if call.contains("RWF_DSYNC") {
            name += " DSYNC";
        }
        if pid != marker {
            name = format!("other thread: {name}");
        }
        found.entry(mark.clone()).or_default().push(name);
    }
    let counted = found
        .into_iter()
        .map(|(mark, calls)| (mark, counted(&calls)));
    let mut counted: BTreeMap<String, String> = counted.collect();
    for mark in ["append", "batch", "sync"] {
        counted
            .entry(mark.to_owned())
            .or_insert_with(|| "none".to_owned());
    }
    counted
}

fn counted(calls: &[String]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for call in calls {
        match counts.iter_mut().find(|(name, _)| name == call) {
            Some((_, count)) => *count += 1,
            None => counts.push((call, 1)),
        }
    }
    let parts = counts.into_iter().map(|(name, count)| match count {
        1 => name.to_owned(),
        _ => format!("{count} × {name}"),
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// How many entries another process finds.
fn left_after_kill(
    contender: &Contender,
    mode: Mode,
    arguments: &Arguments,
) -> Result<String, Failure> {
    let dir = rounds::fresh_dir(&arguments.dir)?;
    let probe = |kind: &str| {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["probe", kind, contender.name, mode_name(mode)]);
        command
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command.stderr(Stdio::null()).spawn()
    };
    let mut appending = probe("append")?;
    first_line(&mut appending)?;
    appending.kill()?;
    appending.wait()?;
    let mut counting = probe("count")?;
    let left = first_line(&mut counting);
    counting.wait()?;
    rounds::remove(&dir, &arguments.dir)?;
    let left = left?;
    Ok(if left.is_empty() {
        "not readable".to_owned()
    } else {
        left
    })
}

fn first_line(child: &mut std::process::Child) -> Result<String, Failure> {
    let stdout = child.stdout.take().ok_or("no output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Async => "async",
        Mode::Strict => "strict",
    }
}

/// `compare probe KIND CONTENDER MODE DIR`: what the processes looked at do.
pub fn probe(words: &[String]) -> Result<(), Failure> {
    let [kind, contender, mode, dir] = words else {
        return Err("run by `compare acknowledged` itself".into());
    };
    let contender = contenders::find(contender).ok_or("no such row")?;
    let log = (contender.open)(&Setup {
        dir: Path::new(dir),
        mode: if mode == "strict" {
            Mode::Strict
        } else {
            Mode::Async
        },
        streams: 1,
        segment_bytes: None,
        volume_bytes: 8 << 20,
        entry_len: ENTRY_LEN,
    })?;
    if kind == "count" {
        println!("{}", log.reader(0)?.scan(&mut |_| {})?);
        return Ok(());
    }
    let mut appender = log.appender(0)?;
    let mut payload = Payload::new(ENTRY_LEN, 0);
    if kind == "append" {
        (0..KILLED_AFTER).try_for_each(|_| appender.append(payload.next()))?;
        println!("appended");
        std::thread::park();
    }
    // Enough that logs which change how they write, once a stream is busy, have done so.
    let warm = if mode == "strict" { 20 } else { 5_000 };
    (0..warm).try_for_each(|_| appender.append(payload.next()))?;
    std::thread::sleep(std::time::Duration::from_millis(100));
    mark("append");
    appender.append(payload.next())?;
    mark("end");
    let payload = Payload::new(ENTRY_LEN, 0);
    let batch = payload.batch(3);
    mark("batch");
    appender.append_batch(&batch)?;
    mark("end");
    mark("sync");
    let synced = appender.sync();
    mark("end");
    drop(synced);
    Ok(())
}

/// Shows in a trace, and nowhere else.
fn mark(name: &str) {
    let text = format!("MARK {name}");
    // SAFETY: the bytes are live; descriptor -1 is none, so the call fails.
    unsafe { libc::write(-1, text.as_ptr().cast(), text.len()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_between_marks_are_counted_by_name_and_thread() {
        let text = "7 write(-1, \"MARK append\", 11) = -1 EBADF\n\
                    7 pwritev2(3, [..], 1, 0, RWF_DSYNC) = 4\n\
                    8 fdatasync(3 <unfinished ...>\n\
                    8 <... fdatasync resumed>) = 0\n\
                    7 pwritev2(3, [..], 1, 4, RWF_DSYNC) = 4\n\
                    7 write(-1, \"MARK end\", 8) = -1 EBADF\n\
                    7 fsync(3) = 0\n";
        let found = between_marks(text);
        assert_eq!(
            found["append"],
            "2 × pwritev2 DSYNC, other thread: fdatasync"
        );
        assert_eq!(found["sync"], "none");
    }
}
