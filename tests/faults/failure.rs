//! How may a storage call fail?

use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;

/// Codes that a system call may answer at any time, and that say what they mean.
const CODES: [i32; 6] = [
    libc::EIO,
    libc::ENOSPC,
    libc::EDQUOT,
    libc::EMFILE,
    libc::EROFS,
    libc::EINTR,
];

/// What the failing call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Nothing but fail.
    Plain,
    /// A write that has written a few bytes.
    Short,
    /// A sync that marks dirty pages clean without writing them.
    DropsDirty,
    /// All its work.
    Late,
}

/// How long it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    Once,
    /// Every later call of the kind fails as well.
    Kind,
    /// Every later call fails as well.
    All,
}

/// The failure of one call.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// The call's number, counted from the start of what may fail.
    pub call: u64,
    pub kind: OpKind,
    pub code: i32,
    pub manner: Manner,
    pub lasting: Lasting,
}

impl Failure {
    /// All failures of a call of this kind.
    pub fn all(call: u64, kind: OpKind) -> Vec<Failure> {
        use OpKind::*;
        let mut manners = CODES.map(|code| (code, Manner::Plain)).to_vec();
        match kind {
            // Into mapped memory: no call that could fail.
            Store => manners.clear(),
            Write | WriteZeros => manners.extend([
                (libc::ENOSPC, Manner::Short),
                (libc::EIO, Manner::Short),
                (libc::EIO, Manner::Late),
            ]),
            SyncData | SyncAll | SyncRange => manners.extend([
                (libc::EIO, Manner::DropsDirty),
                (libc::ENOSPC, Manner::DropsDirty),
                (libc::EIO, Manner::Late),
            ]),
            Read | Len | Open | List | Kind | Available | Canonical | Map | MapWritable
            | MakeReady | WriteBack => {}
            _ => manners.push((libc::EIO, Manner::Late)),
        }
        let lastings = [Lasting::Once, Lasting::Kind, Lasting::All];
        let every = manners.into_iter().flat_map(|(code, manner)| {
            lastings.map(|lasting| Failure {
                call,
                kind,
                code,
                manner,
                lasting,
            })
        });
        every.collect()
    }

    /// The plan, for a disk that has answered `answered` calls.
    pub fn plan(&self, answered: u64) -> FaultPlan {
        let plan = FaultPlan::at_op(answered + self.call).code(self.code);
        let plan = match self.manner {
            Manner::Plain => plan,
            Manner::Short => plan.short_write(40),
            Manner::DropsDirty => plan.dropping_dirty(),
            Manner::Late => plan.after_the_effect(),
        };
        match self.lasting {
            Lasting::Once => plan,
            Lasting::Kind => plan.or(self.kind).forever(),
            Lasting::All => plan.forever(),
        }
    }
}
