//! In which order is everything run, and where? A B C A B C, each phase in a fresh process, each
//! row in a fresh directory that is gone, and off the disk's queue, before the next one starts.

use std::fs;
use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::arguments::Arguments;
use crate::child;
use crate::contenders;
use crate::log::Contender;
use crate::log::Failure;
use crate::report::numbers::shown;
use crate::works::Case;
use crate::works::Sample;

/// A phase that takes longer is given up.
const LONGEST: Duration = Duration::from_secs(240);

/// What one row came to in one case.
pub struct Row {
    pub contender: &'static Contender,
    pub samples: Vec<Sample>,
    /// Why there are none, or fewer than rounds.
    pub failure: Option<String>,
}

/// What all rows came to in one case.
pub struct Table {
    pub case: Case,
    pub rows: Vec<Row>,
}

/// Runs a case, with those who take part and are asked for.
pub fn run(case: Case, arguments: &Arguments) -> Result<Table, Failure> {
    let taking_part = contenders::all().filter(|contender| {
        contender.works.contains(&case.work) && arguments.wants(contender.name)
    });
    let mut rows: Vec<Row> = taking_part
        .map(|contender| Row {
            contender,
            samples: Vec::new(),
            failure: None,
        })
        .collect();
    for round in 1..=arguments.rounds.min(case.most_rounds) {
        for row in &mut rows {
            // What failed once fails again: the first reason is told.
            if row.failure.is_some() {
                continue;
            }
            let told = match one(&case, row.contender, arguments) {
                Ok(sample) => {
                    let first = case.columns[0];
                    let value = sample.get(first.metric).copied().unwrap_or(f64::NAN);
                    row.samples.push(sample);
                    shown(value, first.unit)
                }
                Err(failure) => {
                    let failure = failure.to_string();
                    row.failure = Some(failure.clone());
                    failure
                }
            };
            let (work, name) = (case.work, case.name);
            eprintln!(
                "{work} {name} | round {round} | {} | {told}",
                row.contender.name
            );
        }
    }
    Ok(Table { case, rows })
}

/// One row, once: all phases in one directory.
fn one(case: &Case, contender: &Contender, arguments: &Arguments) -> Result<Sample, Failure> {
    let dir = fresh_dir(&arguments.dir)?;
    let mut sample = Sample::new();
    let mut outcome = Ok(());
    for (index, phase) in case.phases.iter().enumerate() {
        let words = [
            "phase",
            case.work,
            case.name,
            contender.name,
            &index.to_string(),
            dir.to_str().ok_or("a directory that is not UTF-8")?,
            if arguments.quick { "true" } else { "false" },
        ];
        match process(&words, phase.killed) {
            Ok(found) => sample.extend(found),
            Err(failure) => {
                outcome = Err(failure);
                break;
            }
        }
    }
    remove(&dir, &arguments.dir)?;
    outcome.map(|()| sample)
}

pub fn fresh_dir(below: &Path) -> io::Result<std::path::PathBuf> {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let dir = below.join(format!("run-{}-{number}", std::process::id()));
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Removes a directory and waits until the disk has nothing left to do for it.
pub fn remove(dir: &Path, below: &Path) -> io::Result<()> {
    fs::remove_dir_all(dir)?;
    let below = File::open(below)?;
    // SAFETY: the descriptor is open; the call reads nothing else.
    match unsafe { libc::syncfs(below.as_raw_fd()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Runs this program with the words and reads its sample; kills it then, if told so.
fn process(words: &[&str], killed: bool) -> Result<Sample, Failure> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().ok_or("no output")?;
    let mut stderr = child.stderr.take().ok_or("no output")?;
    let reading = thread::spawn(move || {
        let lines = BufReader::new(stdout).lines().map_while(Result::ok);
        lines.filter_map(|line| child::read(&line)).next()
    });
    let complaining = thread::spawn(move || {
        let mut text = Vec::new();
        stderr
            .read_to_end(&mut text)
            .map(|_| text)
            .unwrap_or_default()
    });
    let started = Instant::now();
    while !reading.is_finished() && started.elapsed() < LONGEST {
        thread::sleep(Duration::from_millis(2));
    }
    let late = !reading.is_finished();
    if killed || late {
        child.kill()?;
    }
    ended(&mut child)?;
    let sample = reading.join().map_err(|_| "reading the output panicked")?;
    let complaints = complaining
        .join()
        .map_err(|_| "reading the output panicked")?;
    match sample {
        Some(sample) => Ok(sample),
        None if late => Err(format!("not done after {LONGEST:?}").into()),
        None => Err(first_line(&complaints).into()),
    }
}

/// Waits for a process that has done its part; one that hangs on its way out is killed.
fn ended(child: &mut Child) -> io::Result<()> {
    let started = Instant::now();
    while child.try_wait()?.is_none() {
        if started.elapsed() > LONGEST {
            child.kill()?;
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn first_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().find(|line| !line.trim().is_empty());
    line.unwrap_or("ended without a word").trim().to_owned()
}
