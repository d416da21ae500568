//! How fast is ironwal beside other logs, and beside the least that any log must do?
//!
//! `compare --help` lists the options; `docs/BENCHMARKS.md` has the method, `docs/RESULTS.md` the results.

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
                println!("{}", acknowledged::table(&arguments));
                return Ok(());
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
    let (facts, busy) = (machine::facts(&arguments.dir), machine::is_busy());
    let written = arguments.markdown.is_some() || arguments.into.is_some();
    let meanings = match written && arguments.words == ["all"] {
        true => acknowledged::table(arguments),
        false => String::new(),
    };
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
        let about = markdown::About {
            command,
            facts: &facts,
            busy,
            meanings: &meanings,
        };
        write(arguments, &about, &tables)?;
    }
    eprintln!(
        "--- done after {:.1} min",
        started.elapsed().as_secs_f64() / 60.0
    );
    Ok(())
}

fn write(
    arguments: &Arguments,
    about: &markdown::About,
    tables: &[rounds::Table],
) -> Result<(), Failure> {
    let verdicts = goals::verdicts(tables);
    if let Some(path) = &arguments.json {
        let document = json::document(about, tables, &verdicts);
        std::fs::write(path, serde_json::to_string_pretty(&document)? + "\n")?;
    }
    let mut drawn = Vec::new();
    if let Some(dir) = &arguments.svg_dir {
        drawn = plots::draw(tables, dir)?;
    }
    if arguments.markdown.is_some() || arguments.into.is_some() {
        let text = markdown::document(about, tables, &verdicts, &drawn);
        if let Some(path) = &arguments.into {
            let file = std::fs::read_to_string(path)?;
            std::fs::write(path, markdown::put_between_marks(&file, &text)?)?;
        }
        if let Some(path) = &arguments.markdown {
            std::fs::write(path, text)?;
        }
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
