//! Does a log survive the death of its process, at any moment, without losing anything that a call
//! had returned?
//!
//! The process is this test program, started again: it takes steps and says before and after each
//! that it does. It is killed with SIGKILL after a random time. `KILL_ROUNDS` sets how often.

mod support;

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use ironwal::Wal;
use support::Log;
use support::Model;
use support::Random;
use support::block_on;
use support::rounds;
use support::take;

const STEPS: u64 = 100_000;

fn open(dir: &Path) -> Log {
    let mut options = ironwal_openraft::options(dir);
    options.max_segment_size = 4_000;
    let wal = Wal::new(options).expect("opens");
    Log::open(&wal, "group").expect("opens")
}

/// The child's part; does nothing when the tests are run.
#[test]
fn child() {
    let Ok(dir) = std::env::var("KILL_DIR") else {
        return;
    };
    let mut log = open(Path::new(&dir));
    let mut random = Random::new(rounds("KILL_SEED", 0));
    let mut model = Model::default();
    let mut out = std::io::stdout();
    block_on(async {
        for number in 0..STEPS {
            let step = model.random_step(number, &mut random);
            model.apply(&step);
            out.write_all(b"\nbegun\n").unwrap();
            take(&mut log, &step).await.unwrap();
            out.write_all(b"\nreturned\n").unwrap();
        }
    });
}

#[test]
fn a_process_that_is_killed_loses_nothing_that_a_call_had_returned() {
    let mut steps_seen = 0;
    for seed in 0..rounds("KILL_ROUNDS", 12) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("raft");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env("KILL_DIR", &path)
            .env("KILL_SEED", seed.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut random = Random::new(seed + 1);
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_micros(20_000 + random.below(200_000)));
            child.kill().unwrap();
            child.wait().unwrap();
        });
        let (mut begun, mut returned) = (0, 0);
        for line in lines {
            match line.unwrap().as_str() {
                "begun" => begun += 1,
                "returned" => returned += 1,
                _ => {}
            }
        }
        killer.join().unwrap();
        let found = block_on(Model::of(&mut open(&path))).unwrap();
        assert_is_between(&found, seed, returned, begun);
        steps_seen += returned;
    }
    assert!(steps_seen > 0, "no child got to its first step");
}

/// The log is as the model was after `returned` to `begun` steps.
fn assert_is_between(found: &Model, seed: u64, returned: u64, begun: u64) {
    let mut random = Random::new(seed);
    let mut model = Model::default();
    for number in 0..=begun {
        if number >= returned && *found == model {
            return;
        }
        let step = model.random_step(number, &mut random);
        model.apply(&step);
    }
    panic!("seed {seed}: after {returned} to {begun} steps the log holds {found:#?}");
}
