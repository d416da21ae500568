//! `ironwalctl`: inspects a log from the command line, copies it while it is written, makes a healthy copy of a
//! damaged one, and imports one of version 0.6.
//!
//! Results go to standard output, as text or as JSON; progress and errors to standard error. The
//! exit code says whether damage was found. `docs/IRONWALCTL.md` is the manual.

mod cli;
mod escape;
mod help;
mod json_line;
mod progress;
mod render_json;
mod render_prometheus;
mod render_text;
mod watch;

use std::ops::ControlFlow;
use std::process::ExitCode;

use ironwal::CompressionType;
use ironwal::CorruptionPolicy;
use ironwal::Error;
use ironwal::Severity;
use ironwal::SnapshotMode;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::import::ImportOptions;
use ironwal::import::import_06;
use ironwal::repair;
use ironwal::sharded::snapshot_beside_writer_with_progress;
use ironwal::tools;
use ironwal::tools::LogDir;
use ironwal::tools::Selection;

use cli::Args;
use cli::Command;
use cli::Format;
use progress::ProgressReporter;
use render_text::Output;

/// Nothing is wrong.
const CLEAN: u8 = 0;
/// Damage was found, or entries are lost.
const DAMAGE: u8 = 1;
/// The command line is not valid.
const USAGE: u8 = 2;
/// The command failed, or failed for some streams.
const FAILED: u8 = 3;

fn main() -> ExitCode {
    let args = match cli::parse(std::env::args_os().skip(1)) {
        Ok(args) => args,
        Err(message) => {
            eprintln!("ironwalctl: {}\n\n{}", escape::text(&message), help::USAGE);
            return ExitCode::from(USAGE);
        }
    };
    let mut output = Output::new();
    let code = match run(&args, &mut output) {
        Ok(code) => code,
        Err(error) => {
            let advice = error.context().advice;
            eprintln!("ironwalctl: {}", escape::text(&error.to_string()));
            if !advice.is_empty() {
                eprintln!("ironwalctl: {advice}");
            }
            FAILED
        }
    };
    match output.finish() {
        Ok(()) => ExitCode::from(code),
        Err(error) => {
            eprintln!("ironwalctl: standard output: {error}");
            ExitCode::from(FAILED)
        }
    }
}

fn run(args: &Args, output: &mut Output) -> Result<u8, Error> {
    match args.command {
        Command::Help(text) => {
            output.line(text);
            Ok(CLEAN)
        }
        Command::Verify => verify(args, output),
        Command::Stat => stat(args, output),
        Command::Dump => dump(args, output),
        Command::Repair => make_copy(args, output),
        Command::Snapshot => snapshot(args, output),
        Command::Import => import(args, output),
    }
}

fn selection(args: &Args) -> Selection {
    let mut selection = Selection::default();
    selection.stream.clone_from(&args.stream);
    selection.from_id = args.from_id;
    selection.end_id = args.end_id;
    selection
}

fn verify(args: &Args, output: &mut Output) -> Result<u8, Error> {
    let log_dir = LogDir::new(&args.directory)?;
    let mut progress = ProgressReporter::new(args.progress);
    let report = tools::verify(&log_dir, &selection(args), &mut |p| progress.report(p))?;
    progress.finish();
    match args.format {
        Format::Json => output.json(render_json::verified(args, &report)),
        _ => output.verified(&report),
    }
    let found = |severity| report.findings.iter().any(|f| f.severity == severity);
    Ok(if found(Severity::Damage) {
        DAMAGE
    } else if found(Severity::Unreadable) {
        FAILED
    } else {
        CLEAN
    })
}

fn stat(args: &Args, output: &mut Output) -> Result<u8, Error> {
    let log_dir = LogDir::new(&args.directory)?;
    let log = match &args.watch {
        None => {
            let log = tools::stat(&log_dir, &selection(args))?;
            match args.format {
                Format::Json => output.json(render_json::counted(args, &log)),
                Format::Prometheus => output.line(&render_prometheus::exposed(&log)),
                Format::Text => output.counted(&log),
            }
            log
        }
        Some(how) => watch::watch(&log_dir, &selection(args), how, |log, rates| {
            match args.format {
                Format::Json => output.json(render_json::watched(args, log, rates)),
                _ => output.watched(log, rates),
            }
            output.flush()
        })?,
    };
    let streams = &log.streams;
    Ok(if streams.iter().any(|stream| stream.damage > 0) {
        DAMAGE
    } else if streams.iter().any(|stream| stream.error.is_some()) {
        FAILED
    } else {
        CLEAN
    })
}

fn dump(args: &Args, output: &mut Output) -> Result<u8, Error> {
    let log_dir = LogDir::new(&args.directory)?;
    let mut code = CLEAN;
    if args.properties {
        tools::dump_properties(&log_dir, &selection(args), &mut |change| {
            if change.map.is_err() {
                code = DAMAGE;
            }
            match args.format {
                Format::Json => output.json(render_json::changed(&change)),
                _ => output.changed(&change),
            }
            go_on(output)
        })?;
        return Ok(code);
    }
    tools::dump(&log_dir, &selection(args), &mut |entry| {
        if entry.data.is_err() {
            code = DAMAGE;
        }
        match args.format {
            Format::Json => output.json(render_json::dumped(&entry)),
            _ => output.dumped(&entry),
        }
        go_on(output)
    })?;
    Ok(code)
}

/// A reader that closed the pipe wants no more.
fn go_on(output: &Output) -> ControlFlow<()> {
    match output.is_open() {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    }
}

fn make_copy(args: &Args, output: &mut Output) -> Result<u8, Error> {
    let Some(copy) = &args.copy else {
        return Err(Error::Config("repair needs --to".to_owned()));
    };
    let mut progress = ProgressReporter::new(args.progress);
    let on_progress = &mut |p| progress.report(p);
    let report = repair::repair(&args.directory, copy, compression(args), on_progress)?;
    progress.finish();
    match args.format {
        Format::Json => output.json(render_json::repaired(args, copy, &report)),
        _ => output.repaired(copy, &report),
    }
    Ok(match report.is_complete() {
        true => CLEAN,
        false => DAMAGE,
    })
}

fn snapshot(args: &Args, output: &mut Output) -> Result<u8, Error> {
    let Some(new_dir) = &args.copy else {
        return Err(Error::Config("snapshot needs a new directory".to_owned()));
    };
    let mode = match args.copies_all {
        true => SnapshotMode::Copy,
        false => SnapshotMode::Link,
    };
    // Refuses a directory that is no log.
    LogDir::new(&args.directory)?;
    let mut options = WalOptions::new(&args.directory);
    options.on_corruption = CorruptionPolicy::Error;
    let wal = Wal::open_read_only(options)?;
    let mut progress = ProgressReporter::new(args.progress);
    // The bar is removed with the closure, before the results are printed.
    let on_progress = move |p| progress.report(p);
    let report = snapshot_beside_writer_with_progress(&wal, new_dir, mode, on_progress)?;
    match args.format {
        Format::Json => output.json(render_json::snapshot(args, new_dir, &report)),
        _ => output.snapshot(new_dir, &report),
    }
    Ok(CLEAN)
}

fn compression(args: &Args) -> CompressionType {
    match args.compress {
        true => CompressionType::Lz4,
        false => CompressionType::None,
    }
}

fn import(args: &Args, output: &mut Output) -> Result<u8, Error> {
    let Some(new) = &args.copy else {
        return Err(Error::Config("import needs a new directory".to_owned()));
    };
    let mut options = ImportOptions::default();
    options.keys.clone_from(&args.keys);
    options.shards = args.shards;
    options.compression = compression(args);
    let mut progress = ProgressReporter::new(args.progress);
    let on_progress = &mut |p| progress.report(p);
    let report = import_06(&args.directory, new, &options, on_progress)?;
    progress.finish();
    match args.format {
        Format::Json => output.json(render_json::imported(args, new, &report)),
        _ => output.imported(new, &report),
    }
    Ok(match report.is_complete() {
        true => CLEAN,
        false => DAMAGE,
    })
}
