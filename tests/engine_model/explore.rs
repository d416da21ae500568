//! How many schedules of a scenario are run, which, and what a failure leaves to repeat it.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use ironwal::simulation::begin_execution;
use shuttle::Config;
use shuttle::FailurePersistence;
use shuttle::Runner;
use shuttle::rand::Rng;
use shuttle::rand::thread_rng;
use shuttle::scheduler::PctScheduler;
use shuttle::scheduler::RandomScheduler;
use shuttle::scheduler::ReplayScheduler;

/// What a wait with a deadline comes to.
#[derive(Clone, Copy)]
pub enum Time {
    /// It never ends by itself: a lost wake-up is a deadlock.
    Stands,
    /// That, or each ends by its deadline, from one schedule to the next.
    PassesOrNot,
}

/// How many forced switches the second half of the schedules has.
const SWITCHES: usize = 4;

/// The engine's deepest calls, not optimised, fit.
const STACK_BYTES: usize = 1 << 20;

/// Runs the scenario under so many schedules, times `ENGINE_MODEL_SCHEDULES` hundredths if that is
/// set.
pub fn explore(name: &str, time: Time, count: usize, scenario: impl Fn() + Send + Sync + 'static) {
    let run = Arc::new(AtomicUsize::new(0));
    let count_run = Arc::clone(&run);
    let scenario = Arc::new(move || {
        count_run.fetch_add(1, Relaxed);
        begin_execution(match time {
            Time::Stands => false,
            Time::PassesOrNot => thread_rng().gen_bool(0.5),
        });
        scenario();
    });
    let repeat = std::env::var_os("ENGINE_MODEL_REPLAY");
    let explored = catch_unwind(AssertUnwindSafe(|| {
        if let Some(schedule) = &repeat {
            let scheduler = ReplayScheduler::new_from_file(schedule).expect("a schedule");
            let scenario = Arc::clone(&scenario);
            Runner::new(scheduler, config()).run(move || scenario());
            return;
        }
        let count = (count * number("ENGINE_MODEL_SCHEDULES", 100)).div_ceil(200);
        let seed = number("ENGINE_MODEL_SEED", 20_241_128) as u64;
        let at_random = Arc::clone(&scenario);
        let scheduler = RandomScheduler::new_from_seed(seed, count);
        Runner::new(scheduler, config()).run(move || at_random());
        let scheduler = PctScheduler::new_from_seed(seed, SWITCHES, count);
        Runner::new(scheduler, config()).run(move || scenario());
    }));
    let run = run.load(Relaxed);
    match explored {
        Ok(()) => println!("{name}: {run} schedules"),
        Err(panic) => {
            eprintln!(
                "{name}: failed in schedule {run}. To run it alone, with FILE as printed above:\n\
                 ENGINE_MODEL_REPLAY=FILE make test-model MODEL={name}"
            );
            resume_unwind(panic)
        }
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config.silence_warnings = true;
    config.stack_size = STACK_BYTES;
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).to_path_buf();
    config.failure_persistence = FailurePersistence::File(Some(place));
    config
}

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number"))
    })
}

/// One of these, as the schedule has it.
pub fn any_of<T: Copy>(choices: &[T]) -> T {
    choices[thread_rng().gen_range(0..choices.len())]
}
