//! A replicated key-value store on openraft and ironwal, and a driver that tries to break it.
//!
//! ```text
//! kv demo [--seconds 60] [--dir DIR] [--seed N]     nodes as processes, killed while clients run
//! kv node --id N --listen ADDR --dir DIR            one node; ends when its standard input does
//! ```
//!
//! Both take `--plant FAULT`, a fault that the driver must find: see `plant.rs`.

mod checker;
mod client;
mod cluster;
mod driver;
mod history;
mod machine;
mod network;
mod node;
mod plant;
mod report;
mod types;
mod wire;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;

use plant::Plant;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("kv: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let options = options(words)?;
    match command.as_str() {
        "node" => node::run(node::Options {
            id: required(&options, "id")?.parse()?,
            listen: required(&options, "listen")?.to_owned(),
            dir: required(&options, "dir")?.into(),
            plant: plant(&options)?,
        }),
        "demo" => driver::run(driver::Options {
            seconds: optional(&options, "seconds", 60)?,
            seed: optional(&options, "seed", 1)?,
            dir: options.get("dir").map(PathBuf::from),
            plant: plant(&options)?,
        }),
        _ => Err("usage: kv demo [--seconds N] [--dir DIR] [--seed N] | kv node ...".into()),
    }
}

fn options(mut words: impl Iterator<Item = String>) -> Result<HashMap<String, String>, Failure> {
    let mut options = HashMap::new();
    while let Some(word) = words.next() {
        let name = word.strip_prefix("--").ok_or(format!("what is {word}?"))?;
        let value = words.next().ok_or(format!("--{name} needs a value"))?;
        options.insert(name.to_owned(), value);
    }
    Ok(options)
}

fn plant(options: &HashMap<String, String>) -> Result<Option<Plant>, Failure> {
    let plant = options.get("plant").map(|name| name.parse());
    Ok(plant.transpose()?)
}

fn required<'a>(options: &'a HashMap<String, String>, name: &str) -> Result<&'a str, Failure> {
    let value = options.get(name).ok_or(format!("--{name} is missing"))?;
    Ok(value)
}

fn optional(options: &HashMap<String, String>, name: &str, default: u64) -> Result<u64, Failure> {
    let value = options.get(name).map(|value| value.parse());
    Ok(value.transpose()?.unwrap_or(default))
}
