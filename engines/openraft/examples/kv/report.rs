//! What do the recorded calls say about throughput, latency and failover?

use std::time::Duration;

use crate::history::Action;
use crate::history::Operation;

/// A kill, and the node that was killed.
#[derive(Debug, Clone, Copy)]
pub struct Kill {
    pub at: Duration,
    pub was_leader: bool,
}

/// How long after each kill of a leader the first write that began later was acknowledged.
pub fn failovers(history: &[Operation], kills: &[Kill]) -> Vec<Duration> {
    let leaders = kills.iter().filter(|kill| kill.was_leader);
    leaders
        .filter_map(|kill| {
            let after = history
                .iter()
                .filter(|operation| operation.called > kill.at);
            let writes = after.filter(|operation| operation.written().is_some());
            writes
                .filter_map(|write| write.returned)
                .min()
                .map(|first| first - kill.at)
        })
        .collect()
}

pub fn print(history: &[Operation], kills: &[Kill], loaded: Duration) {
    let is_write = |operation: &&Operation| matches!(operation.action, Action::Write(_));
    let writes: Vec<Duration> = latencies(history.iter().filter(is_write));
    let reads: Vec<Duration> = latencies(history.iter().filter(|call| !is_write(call)));
    let unknown = history
        .iter()
        .filter(|call| call.returned.is_none())
        .count();
    println!();
    println!("| calls | number | per second | median | p99 | longest |");
    println!("|---|---|---|---|---|---|");
    row("acknowledged writes", writes, loaded);
    row("linearizable reads", reads, loaded);
    println!();
    let leaders = kills.iter().filter(|kill| kill.was_leader).count();
    println!("writes without an answer: {unknown}");
    println!("nodes killed: {}, of them leaders: {leaders}", kills.len());
    let mut failovers = failovers(history, kills);
    failovers.sort_unstable();
    if let (Some(shortest), Some(longest)) = (failovers.first(), failovers.last()) {
        let median = failovers[failovers.len() / 2];
        println!(
            "from the death of a leader to the next acknowledged write: {} to {}, median {}",
            millis(*shortest),
            millis(*longest),
            millis(median)
        );
    }
}

fn latencies<'a>(calls: impl Iterator<Item = &'a Operation>) -> Vec<Duration> {
    let mut latencies: Vec<Duration> = calls.filter_map(Operation::latency).collect();
    latencies.sort_unstable();
    latencies
}

fn row(name: &str, latencies: Vec<Duration>, loaded: Duration) {
    let at = |part: f64| {
        let position = (latencies.len() as f64 * part) as usize;
        let latency = latencies.get(position).or(latencies.last());
        latency.map_or("-".to_owned(), |&latency| millis(latency))
    };
    println!(
        "| {name} | {} | {:.0} | {} | {} | {} |",
        latencies.len(),
        latencies.len() as f64 / loaded.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

fn millis(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1e3)
}
