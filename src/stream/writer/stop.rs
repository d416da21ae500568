//! How a stream stops taking appends, or makes them wait, and how it resumes after a deletion that failed.

use crate::error::Result;
use crate::primitives::atomic::Ordering;
use crate::stream::StreamInner;
use crate::stream::state::StreamState;
use crate::stream::writer::tail::WriterPhase;

impl StreamInner {
    /// Refuses appends from now on and waits for those that have ids, and for the next segment's
    /// file if that is being made. False: they were refused
    /// already.
    pub(in crate::stream) fn stop_appends(&self, life: StreamState) -> bool {
        let mut tail = self.tail.lock();
        if tail.life != StreamState::Open {
            return false;
        }
        tail.life = life;
        self.deleted
            .store(life == StreamState::Deleted, Ordering::Release);
        self.tail_changed.notify_all();
        loop {
            let is_busy = tail.phase != WriterPhase::Idle || tail.ahead.next_file.is_in_progress();
            if is_busy {
                self.tail_changed.wait(&mut tail);
            } else if tail.staged_len() > 0 && !self.is_poisoned() {
                self.write_staged(&mut tail);
            } else {
                return true;
            }
        }
    }

    /// Appends are taken again: a deletion has failed.
    pub(in crate::stream) fn resume_appends(&self) {
        let mut tail = self.tail.lock();
        tail.life = StreamState::Open;
        self.deleted.store(false, Ordering::Release);
    }

    /// Makes appends wait, for a cut or for a batch over several streams, until [`Tail::end_rotation`], and writes
    /// what is staged. The caller has the alloc lock.
    ///
    /// [`Tail::end_rotation`]: crate::stream::writer::tail::Tail::end_rotation
    pub(in crate::stream) fn hold_appends(&self, for_cut: bool) -> Result<()> {
        let mut tail = self.tail.lock();
        loop {
            self.check_writable(&tail)?;
            if tail.phase != WriterPhase::Idle {
                self.tail_changed.wait(&mut tail);
            } else if tail.staged_len() > 0 {
                self.write_staged(&mut tail);
            } else {
                break;
            }
        }
        tail.begin_rotation();
        tail.is_being_cut = for_cut;
        Ok(())
    }
}
