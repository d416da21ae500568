//! What does the process of one phase do? It runs the phase and prints what it came to.

use std::io::Read;
use std::io::Write;
use std::path::Path;

use crate::contenders;
use crate::log::Failure;
use crate::works;
use crate::works::Sample;
use crate::works::Task;

/// The line that holds the sample begins with this.
pub const RESULT: &str = "RESULT ";

/// `compare phase WORK CASE CONTENDER PHASE DIR QUICK`: run by the parent only.
pub fn run(words: &[String]) -> Result<(), Failure> {
    let [work, case, contender, phase, dir, quick] = words else {
        return Err("run by `compare` itself".into());
    };
    let cases = works::cases();
    let case = cases
        .iter()
        .find(|known| known.work == work && known.name == case);
    let task = Task {
        case: case.ok_or("no such case")?,
        contender: contenders::find(contender).ok_or("no such row")?,
        dir: Path::new(dir),
        quick: quick == "true",
    };
    let phase: usize = phase.parse()?;
    let phase = task.case.phases.get(phase).ok_or("no such phase")?;
    let sample = (phase.run)(&task)?;
    println!("{RESULT}{}", written(sample));
    std::io::stdout().flush()?;
    if phase.killed {
        // The parent kills now; this only waits for it.
        std::io::stdin().read_exact(&mut [0])?;
    }
    Ok(())
}

fn written(sample: Sample) -> serde_json::Value {
    sample.into_iter().collect()
}

/// The sample in what a phase printed.
pub fn read(line: &str) -> Option<Sample> {
    let text = line.strip_prefix(RESULT)?;
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let fields = value.as_object()?.iter();
    let numbers = fields.filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)));
    Some(numbers.collect())
}
