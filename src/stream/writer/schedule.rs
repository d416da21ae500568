//! What the writer asks of the log's helpers: space ahead of the tail, background syncs, idle checks;
//! and how it signals a write to those that watch the tail.
//!
//! Requests are made under the tail lock and start no thread. Where none is there, the append starts
//! one at its end, without a lock (`LogContext::attend`).

use crate::ids::Place;
use crate::options::SyncMode;
use crate::stream::StreamInner;
use crate::stream::state::StreamState;
use crate::stream::writer::tail::SyncRequest;
use crate::stream::writer::tail::Tail;

impl StreamInner {
    /// Asks the helpers for what is due. Called after every append, under the tail's lock; a thread
    /// that is missing is started at the end of the append, without it ([`LogContext::attend`]).
    ///
    /// [`LogContext::attend`]: crate::stream::LogContext::attend
    pub(in crate::stream) fn schedule_background(&self, tail: &mut Tail) {
        let Some(background_tasks) = self.context.background_tasks.get() else {
            return;
        };
        if !tail.ahead.is_scheduled && self.space_limits().plan(&tail.space_facts()).is_needed() {
            tail.ahead.is_scheduled = true;
            if self
                .arc()
                .is_some_and(|stream| !background_tasks.preallocate(&stream))
            {
                self.context.note_unattended();
            }
        }
        let Some(background) = self.settings.background_sync else {
            return;
        };
        let is_strict = self.settings.sync_mode == SyncMode::Strict;
        if is_strict && tail.unwaited_end() <= self.group_commit.committed() {
            // Every appender of what is not durable yet leads a round, or waits for one.
            self.plan_rest(tail);
            return;
        }
        if tail.unsynced_bytes() >= background.bytes && tail.sync_request != SyncRequest::Now {
            tail.sync_request = SyncRequest::Now;
            if self
                .arc()
                .is_some_and(|stream| !background_tasks.sync_now(&stream))
            {
                self.context.note_unattended();
            }
        } else if tail.sync_request == SyncRequest::None {
            tail.sync_request = SyncRequest::Later;
            self.schedule_sync();
        }
    }

    /// Signals that there is more in the kernel, and asks for a sync where a watcher wants one. Called
    /// under the tail's lock: no signal blocks.
    #[cold]
    pub(in crate::stream) fn signal_written(&self, tail: &mut Tail) {
        let Some(watchers) = tail.watchers() else {
            return;
        };
        watchers.signal();
        if !watchers.want_sync() || tail.sync_request == SyncRequest::Now {
            return;
        }
        let background_tasks = self.context.background_tasks.get();
        if let (Some(background_tasks), Some(stream)) = (background_tasks, self.arc()) {
            tail.sync_request = SyncRequest::Now;
            if !background_tasks.sync_now(&stream) {
                self.context.note_unattended();
            }
        }
    }

    pub(in crate::stream) fn schedule_sync(&self) {
        let background = self.settings.background_sync;
        let background_tasks = self.context.background_tasks.get();
        if let (Some(background), Some(background_tasks)) = (background, background_tasks) {
            let asked = |stream| background_tasks.sync_after(&stream, background.interval);
            if self.arc().is_some_and(|stream| !asked(stream)) {
                self.context.note_unattended();
            }
        }
    }

    /// A scheduled sync begins: it no longer counts as scheduled. An append that comes from here on
    /// may lie behind the end that this sync covers, so it schedules its own. Returns that end.
    pub(in crate::stream) fn begin_scheduled_sync(&self) -> Place {
        let mut tail = self.tail.lock();
        tail.idle.is_scheduled = false;
        tail.sync_request = SyncRequest::None;
        tail.written_place()
    }

    /// After a background sync: has the stream checked once more, after another interval, if it has
    /// a map or space to release.
    pub(in crate::stream) fn schedule_next_check(&self) {
        let mut tail = self.tail.lock();
        let holds = tail.mapped.is_some() || self.has_room_to_release(&tail);
        if holds && tail.life == StreamState::Open && tail.sync_request == SyncRequest::None {
            tail.sync_request = SyncRequest::Later;
            self.schedule_sync();
        }
    }
}
