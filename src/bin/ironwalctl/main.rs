//! `ironwalctl`: inspects a log from the command line, searches it, copies it while it is written, makes a healthy copy
//! of a damaged one, and imports one of version 0.6.
//!
//! Results go to standard output, as text or as JSON; progress and errors to standard error. The
//! exit code says whether damage was found. `docs/IRONWALCTL.md` is the manual.

mod arguments;
mod base64;
mod checkpoint_listing;
mod cli;
mod color;
mod command_spec;
mod commands;
mod commands_that_copy;
mod commands_that_read;
mod completions;
mod escape;
mod export;
mod failure;
mod growth_chart;
mod help;
mod html_report;
mod json_checks;
mod json_entries;
mod json_line;
mod json_new_logs;
mod json_stat;
mod loading;
mod man;
mod markup;
mod option_values;
mod output;
mod page_file;
mod progress;
mod render_prometheus;
mod search;
mod segment_strip;
mod tail;
mod tail_event;
mod text_checks;
mod text_entries;
mod text_new_logs;
mod text_stat;
mod utc;
mod watch;
mod words;

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::SystemTime;

use ironwal::CompressionType;
use ironwal::CorruptionPolicy;
use ironwal::Error;
use ironwal::Severity;
use ironwal::SnapshotMode;
use ironwal::VerifyReport;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::import::ImportOptions;
use ironwal::import::import_06;
use ironwal::repair;
use ironwal::sharded::snapshot_beside_writer_with_progress;
use ironwal::tools;
use ironwal::tools::DumpedEntry;
use ironwal::tools::EntryVisitor;
use ironwal::tools::JournalPiece;
use ironwal::tools::LogDir;
use ironwal::tools::Selection;
use ironwal::tools::StreamStat;

use arguments::Args;
use arguments::Format;
use command_spec::Command;
use failure::Failure;
use html_report::Inspected;
use output::Output;
use page_file::PageFile;
use progress::ProgressReporter;

/// Nothing is wrong.
const CLEAN: u8 = 0;
/// Damage was found, or entries are lost.
const DAMAGE: u8 = 1;
/// The command line is not valid.
const USAGE: u8 = 2;
/// The command failed, or failed for some streams.
const FAILED: u8 = 3;
/// A search found nothing.
const NO_MATCH: u8 = 4;

fn main() -> ExitCode {
    let args = match cli::parse(std::env::args_os().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            let usage = error.spec.map_or_else(help::usage, help::usage_of);
            eprintln!("ironwalctl: {}\n\n{usage}", escape::text(&error.message));
            return ExitCode::from(USAGE);
        }
    };
    let mut output = Output::new(args.color.on(&std::io::stdout()));
    let code = match run(&args, &mut output) {
        Ok(code) => code,
        Err(failure) => {
            let described = failure.described();
            if args.format == Format::Json {
                output.json(json_checks::failed(&args, &described));
            }
            // In order, where both go to one terminal.
            output.flush();
            let palette = args.color.on(&std::io::stderr());
            let mut begin = palette.bad("ironwalctl:");
            for sentence in described.sentences() {
                eprintln!("{begin} {}", escape::text(&sentence));
                begin = "ironwalctl:".to_owned();
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

fn run(args: &Args, output: &mut Output) -> Result<u8, Failure> {
    match args.command {
        Command::Help | Command::Generate => {
            output.line(args.text.trim_end());
            Ok(CLEAN)
        }
        Command::Verify => verify(args, output),
        Command::Stat => stat(args, output),
        Command::Report => report(args, output),
        Command::Checkpoints => checkpoints(args, output),
        Command::Dump => dump(args, output),
        Command::Tail => tail(args, output),
        Command::Grep => grep(args, output),
        Command::Export => export(args, output),
        Command::Load => load(args, output),
        Command::Repair => make_copy(args, output),
        Command::Snapshot => snapshot(args, output),
        Command::Import => import(args, output),
    }
}

/// The log that is inspected.
fn open(args: &Args) -> Result<LogDir, Failure> {
    LogDir::new(&args.directory).map_err(|error| match error {
        Error::Config(what) => Failure::said(
            what,
            "give the directory that the writing program opens: it holds LOCK, and a directory per stream",
        ),
        error => error.into(),
    })
}

fn selection(args: &Args) -> Selection {
    let mut selection = Selection::default();
    selection.stream.clone_from(&args.stream);
    selection.from_id = args.from_id;
    selection.end_id = args.end_id;
    selection.segments = args.segments;
    selection
}

fn verify(args: &Args, output: &mut Output) -> Result<u8, Failure> {
    let log_dir = open(args)?;
    let mut progress = ProgressReporter::new(args.progress);
    let report = tools::verify(&log_dir, &selection(args), &mut |p| progress.report(p))?;
    progress.finish();
    match args.format {
        Format::Json => output.json(json_checks::verified(args, &report)),
        _ => output.verified(&report, args.quiet),
    }
    Ok(code_of(&report))
}

fn code_of(report: &VerifyReport) -> u8 {
    let found = |severity| report.findings.iter().any(|f| f.severity == severity);
    if found(Severity::Damage) {
        DAMAGE
    } else if found(Severity::Unreadable) {
        FAILED
    } else {
        CLEAN
    }
}

fn report(args: &Args, output: &mut Output) -> Result<u8, Failure> {
    let Some(file) = &args.page else {
        return Err(Error::Config("report needs --html".to_owned()).into());
    };
    let log_dir = open(args)?;
    let file = PageFile::new(file, &args.directory)?;
    let mut selection = selection(args);
    selection.segments = true;
    let mut progress = ProgressReporter::new(args.progress);
    let at = SystemTime::now();
    let (log, report) = tools::inspect(&log_dir, &selection, &mut |p| progress.report(p))?;
    progress.finish();
    let directory = std::fs::canonicalize(&args.directory);
    let page = html_report::page(&Inspected {
        directory: directory.as_deref().unwrap_or(&args.directory),
        at,
        log: &log,
        report: &report,
    });
    let streams = log.streams.iter().map(|stream| &*stream.directory);
    let file = file.write(page.as_bytes(), streams)?;
    output.reported(&file, &report);
    Ok(code_of(&report))
}

fn stat(args: &Args, output: &mut Output) -> Result<u8, Failure> {
    let log_dir = open(args)?;
    let log = match &args.watch {
        None => {
            let log = tools::stat(&log_dir, &selection(args))?;
            match args.format {
                Format::Json => output.json(json_stat::counted(args, &log)),
                Format::Prometheus => output.line(&render_prometheus::exposed(&log)),
                Format::Text => output.counted(&log),
            }
            log
        }
        Some(how) => watch::watch(&log_dir, &selection(args), how, |log, rates| {
            match args.format {
                Format::Json => output.json(json_stat::watched(args, log, rates)),
                _ => output.watched(log, rates),
            }
            output.flush()
        })?,
    };
    let streams = &log.streams;
    let is_journal_damaged = log.journal.iter().any(|journal| journal.damage > 0);
    Ok(
        if is_journal_damaged || streams.iter().any(|stream| stream.damage > 0) {
            DAMAGE
        } else if streams.iter().any(|stream| stream.error.is_some()) {
            FAILED
        } else {
            CLEAN
        },
    )
}

fn checkpoints(args: &Args, output: &mut Output) -> Result<u8, Failure> {
    // Refuses a directory that is no log.
    open(args)?;
    let listed = checkpoint_listing::read(&args.directory, args.shown.as_deref())?;
    match args.format {
        Format::Json => output.json(json_checks::checkpoints(args, &listed)),
        _ if args.shown.is_some() => output.checkpoint(&listed),
        _ => output.checkpoints(&listed),
    }
    Ok(match listed.is_damaged() {
        true => DAMAGE,
        false => CLEAN,
    })
}

fn dump(args: &Args, output: &mut Output) -> Result<u8, Failure> {
    let mut code = CLEAN;
    if args.directory.is_file() {
        tools::dump_journal(&args.directory, &mut |piece| {
            if matches!(piece, JournalPiece::Damaged { .. }) {
                code = DAMAGE;
            }
            match args.format {
                Format::Json => output.json(json_entries::journaled(&piece)),
                _ => output.journaled(&piece),
            }
            output.go_on()
        })?;
        return Ok(code);
    }
    let log_dir = open(args)?;
    if args.properties {
        tools::dump_properties(&log_dir, &selection(args), &mut |change| {
            if change.map.is_err() {
                code = DAMAGE;
            }
            match args.format {
                Format::Json => output.json(json_entries::changed(&change)),
                _ => output.changed(&change),
            }
            output.go_on()
        })?;
        return Ok(code);
    }
    let mut shown = Dump {
        args,
        output,
        found_damage: false,
    };
    tools::visit_entries(&log_dir, &selection(args), &mut shown)?;
    Ok(match shown.found_damage {
        true => DAMAGE,
        false => CLEAN,
    })
}

/// Prints entries.
struct Dump<'a> {
    args: &'a Args,
    output: &'a mut Output,
    found_damage: bool,
}

impl EntryVisitor for Dump<'_> {
    fn stream(&mut self, stream: &StreamStat) -> ControlFlow<()> {
        note_empty_range(self.args, stream);
        self.output.go_on()
    }

    fn entry(&mut self, entry: DumpedEntry<'_>) -> ControlFlow<()> {
        self.found_damage |= entry.data.is_err();
        match self.args.format {
            Format::Json => self.output.json(json_entries::dumped(&entry)),
            _ => self.output.dumped(&entry),
        }
        self.output.go_on()
    }
}

/// Says on standard error that a range lies beside the ids of the stream that was asked for: no output would look
/// as if there were no entries.
fn note_empty_range(args: &Args, stream: &StreamStat) {
    let begins_behind = args.from_id >= stream.next_id && args.from_id > 0;
    let ends_before = args.end_id.is_some_and(|end| end <= stream.first_id);
    let is_asked = args.stream.is_some() && stream.error.is_none();
    if is_asked && (begins_behind || ends_before) {
        let (key, first_id, next_id) = (&stream.key, stream.first_id, stream.next_id);
        eprintln!(
            "ironwalctl: stream {key:?} has the ids {first_id}..{next_id}: none is in the range"
        );
    }
}

fn tail(args: &Args, output: &mut Output) -> Result<u8, Failure> {
    // Refuses a directory that is no log.
    open(args)?;
    Ok(match tail::tail(args, output)? {
        true => DAMAGE,
        false => CLEAN,
    })
}

fn grep(args: &Args, output: &mut Output) -> Result<u8, Failure> {
    let log_dir = open(args)?;
    let searched = search::search(&log_dir, &selection(args), args, output)?;
    Ok(match (searched.found_damage, searched.matches) {
        (true, _) => DAMAGE,
        (false, 0) => NO_MATCH,
        (false, _) => CLEAN,
    })
}

fn export(args: &Args, output: &mut Output) -> Result<u8, Failure> {
    let log_dir = open(args)?;
    Ok(
        match export::export(&log_dir, &selection(args), args, output)? {
            true => CLEAN,
            false => DAMAGE,
        },
    )
}

fn load(args: &Args, output: &mut Output) -> Result<u8, Failure> {
    let (report, is_complete) = loading::load(args, compression(args))?;
    match args.format {
        Format::Json => output.json(json_new_logs::loaded(args, &report, is_complete)),
        _ => output.loaded(&args.directory, &report, is_complete),
    }
    Ok(match is_complete {
        true => CLEAN,
        false => DAMAGE,
    })
}

fn make_copy(args: &Args, output: &mut Output) -> Result<u8, Failure> {
    let Some(copy) = &args.copy else {
        return Err(Error::Config("repair needs --to".to_owned()).into());
    };
    let mut progress = ProgressReporter::new(args.progress);
    let on_progress = &mut |p| progress.report(p);
    let report = repair::repair(&args.directory, copy, compression(args), on_progress)?;
    progress.finish();
    match args.format {
        Format::Json => output.json(json_new_logs::repaired(args, copy, &report)),
        _ => output.repaired(copy, &report),
    }
    Ok(match report.is_complete() {
        true => CLEAN,
        false => DAMAGE,
    })
}

fn snapshot(args: &Args, output: &mut Output) -> Result<u8, Failure> {
    let Some(new_dir) = &args.copy else {
        return Err(Error::Config("snapshot needs a new directory".to_owned()).into());
    };
    let mode = match args.copies_all {
        true => SnapshotMode::Copy,
        false => SnapshotMode::Link,
    };
    // Refuses a directory that is no log.
    open(args)?;
    let mut options = WalOptions::new(&args.directory);
    options.on_corruption = CorruptionPolicy::Error;
    let wal = Wal::open_read_only(options)?;
    let mut progress = ProgressReporter::new(args.progress);
    // The bar is removed with the closure, before the results are printed.
    let on_progress = move |p| progress.report(p);
    let report = snapshot_beside_writer_with_progress(&wal, new_dir, mode, on_progress)?;
    match args.format {
        Format::Json => output.json(json_new_logs::snapshot(args, new_dir, &report)),
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

fn import(args: &Args, output: &mut Output) -> Result<u8, Failure> {
    let Some(new) = &args.copy else {
        return Err(Error::Config("import needs a new directory".to_owned()).into());
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
        Format::Json => output.json(json_new_logs::imported(args, new, &report)),
        _ => output.imported(new, &report),
    }
    Ok(match report.is_complete() {
        true => CLEAN,
        false => DAMAGE,
    })
}
