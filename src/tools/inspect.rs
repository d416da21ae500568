//! What does a log hold in numbers, and is it whole, both from one survey?
//!
//! The numbers of `stat` and the findings of `verify` describe the same moment, also beside a live writer: the
//! streams are surveyed once, and only what the survey found is read. Failure: the root cannot be listed; all else
//! that cannot be read is a finding, or the error of its stream.

use std::ops::ControlFlow;

use crate::error::Result;
use crate::stream::Progress;
use crate::tools::report::VerifyReport;
use crate::tools::stat::LogStat;
use crate::tools::stat::stat_all;
use crate::tools::survey::LogDir;
use crate::tools::survey::Selection;
use crate::tools::survey::survey_all;
use crate::tools::verify::verify_all;

/// Collects the numbers of the selected streams, then reads everything in them.
pub fn inspect(
    place: &LogDir,
    selection: &Selection,
    progress: &mut dyn FnMut(Progress),
) -> Result<(LogStat, VerifyReport)> {
    let surveyed = survey_all(place, selection)?;
    let log = stat_all(place, &surveyed, selection);
    let report = verify_all(place, surveyed, selection, &mut |now| {
        progress(now);
        ControlFlow::Continue(())
    })?;
    Ok((log, report))
}
