//! How fast is ironwal beside other logs, and beside the least that any log must do?
//!
//! `compare --help` tells what can be asked; `docs/BENCHMARKS.md` tells what came out.

mod acknowledged;
mod arguments;
mod child;
mod clock;
mod contenders;
mod histogram;
mod limits;
mod log;
mod ours;
mod payload;
mod peers;
mod report;
mod rounds;
mod works;

use std::process::ExitCode;
use std::time::Instant;

use crate::arguments::Arguments;
use crate::arguments::USAGE;
use crate::log::Failure;
use crate::report::goals;
use crate::report::json;
use crate::report::machine;
use crate::report::markdown;
use crate::report::plots;
use crate::works::Case;

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: Vec<String>) -> Result<(), Failure> {
    match words.first().map(String::as_str) {
        None | Some("--help" | "help") => println!("{USAGE}"),
        Some("phase") => return child::run(&words[1..]),
        Some("probe") => return acknowledged::probe(&words[1..]),
        Some("list") => list(),
        Some(_) => {
            let command = format!("compare {}", words.join(" "));
            let arguments = Arguments::read(words.into_iter())?;
            std::fs::create_dir_all(&arguments.dir)?;
            if machine::is_in_memory(&arguments.dir) {
                return Err("--dir lies in memory; nothing is durable there".into());
            }
            if arguments.words == ["acknowledged"] {
                return acknowledged::run(&arguments);
            }
            compare(&arguments, &command)?;
        }
    }
    Ok(())
}

fn list() {
    for case in works::cases() {
        println!("{} | {} | {}", case.work, case.name, case.title);
    }
    for contender in contenders::all() {
        println!("{} | {}", contender.name, contender.works.join(" "));
    }
    for name in peers::not_built() {
        println!("{name} | not built: its feature is off");
    }
}

fn compare(arguments: &Arguments, command: &str) -> Result<(), Failure> {
    let cases = asked_for(arguments)?;
    let facts = machine::facts(&arguments.dir);
    let (mut tables, count, started) = (Vec::new(), cases.len(), Instant::now());
    for (index, case) in cases.into_iter().enumerate() {
        let minutes = started.elapsed().as_secs_f64() / 60.0;
        let (work, name) = (case.work, case.name);
        eprintln!(
            "--- {work} {name}, case {} of {count}, after {minutes:.1} min",
            index + 1
        );
        tables.push(rounds::run(case, arguments)?);
        // Written after each case: a run that is stopped has told what it found.
        write(arguments, command, &facts, &tables)?;
    }
    eprintln!(
        "--- done after {:.1} min",
        started.elapsed().as_secs_f64() / 60.0
    );
    Ok(())
}

fn write(
    arguments: &Arguments,
    command: &str,
    facts: &[(&'static str, String)],
    tables: &[rounds::Table],
) -> Result<(), Failure> {
    let verdicts = goals::verdicts(tables);
    if let Some(path) = &arguments.json {
        let document = json::document(facts, command, tables, &verdicts);
        std::fs::write(path, serde_json::to_string_pretty(&document)? + "\n")?;
    }
    if let Some(path) = &arguments.markdown {
        let not_built = peers::not_built();
        let text = markdown::document(facts, command, tables, &verdicts, &not_built);
        std::fs::write(path, text)?;
    }
    if let Some(dir) = &arguments.svg_dir {
        plots::draw(tables, dir)?;
    }
    Ok(())
}

/// The cases of the works that were named.
fn asked_for(arguments: &Arguments) -> Result<Vec<Case>, Failure> {
    let wanted: Vec<String> = arguments
        .words
        .iter()
        .map(|word| word.to_uppercase())
        .collect();
    let known =
        |word: &String| word == "ALL" || works::cases().iter().any(|case| case.work == word);
    if let Some(unknown) = wanted.iter().find(|word| !known(word)) {
        return Err(format!("there is no work {unknown}; see compare list").into());
    }
    let all = wanted.iter().any(|word| word == "ALL");
    let part = arguments.case.as_deref().unwrap_or_default();
    let cases = works::cases().into_iter();
    let cases = cases.filter(|case| all || wanted.iter().any(|word| word == case.work));
    Ok(cases.filter(|case| case.name.contains(part)).collect())
}
