//! How much memory does the process hold? Linux only: elsewhere nothing is told.

/// Bytes that are resident: all, and those of the heap and stacks alone.
#[derive(Clone, Copy, Default)]
pub struct Resident {
    pub all: u64,
    pub anonymous: u64,
}

pub fn resident() -> Resident {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib * 1024)
    };
    Resident {
        all: field("VmRSS:").unwrap_or(0),
        anonymous: field("RssAnon:").unwrap_or(0),
    }
}
