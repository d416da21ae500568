//! What was asked for on the command line?

use std::path::PathBuf;

pub const USAGE: &str = "\
compare WORK... | all          run works (w1 to w12, c; ours alone: gsize gcount gseg
                               gstream gthread), or all of them in turn
compare acknowledged           what an acknowledged append means: strace and SIGKILL
compare list                   the works and who takes part

  --rounds N        rounds of each case, A B C A B C (default 5)
  --quick           small sizes, to see that all runs
  --only NAME       only rows whose name holds NAME (may be given more than once)
  --case NAME       only cases whose name holds NAME
  --dir DIR         where to put the logs (default: below target; never a tmpfs)
  --json FILE       write all samples
  --markdown FILE   write the tables
  --svg-dir DIR     write the plots
  --into FILE       put the tables into FILE, between the lines <!-- comparison: begin -->
                    and <!-- comparison: end -->";

/// The command line, read.
pub struct Arguments {
    pub words: Vec<String>,
    pub rounds: usize,
    pub quick: bool,
    pub only: Vec<String>,
    pub case: Option<String>,
    pub dir: PathBuf,
    pub json: Option<PathBuf>,
    pub markdown: Option<PathBuf>,
    pub svg_dir: Option<PathBuf>,
    pub into: Option<PathBuf>,
}

impl Arguments {
    pub fn read(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Arguments {
            words: Vec::new(),
            rounds: 5,
            quick: false,
            only: Vec::new(),
            case: None,
            dir: default_dir(),
            json: None,
            markdown: None,
            svg_dir: None,
            into: None,
        };
        while let Some(word) = given.next() {
            let mut value = || given.next().ok_or_else(|| format!("{word} wants a value"));
            match word.as_str() {
                "--rounds" => arguments.rounds = number(&value()?)?,
                "--quick" => arguments.quick = true,
                "--only" => arguments.only.push(value()?),
                "--case" => arguments.case = Some(value()?),
                "--dir" => arguments.dir = value()?.into(),
                "--json" => arguments.json = Some(value()?.into()),
                "--markdown" => arguments.markdown = Some(value()?.into()),
                "--svg-dir" => arguments.svg_dir = Some(value()?.into()),
                "--into" => arguments.into = Some(value()?.into()),
                _ if word.starts_with("--") => return Err(format!("{word} is not known")),
                _ => arguments.words.push(word),
            }
        }
        Ok(arguments)
    }

    /// Whether a row is asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }
}

fn number(text: &str) -> Result<usize, String> {
    let parsed = text.parse().ok().filter(|number| *number > 0);
    parsed.ok_or_else(|| format!("{text} is not a count"))
}

/// Beside the program: cargo's target directory is on a real disk in most places.
fn default_dir() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = program.ancestors().nth(2);
    target
        .unwrap_or(std::path::Path::new("."))
        .join("compare-data")
}
