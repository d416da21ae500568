//! What a helper does for a stream when a background sync is due.

use crate::stream::StreamInner;

impl StreamInner {
    /// What a helper does when a background sync is due. A failure poisons the stream, and the
    /// next caller gets it.
    pub fn background_sync(&self) {
        let end = self.begin_scheduled_sync();
        if self.is_poisoned() {
            return;
        }
        if let Err(error) = self.context.check_root_at_times() {
            self.latch_if_detached(&error);
            return;
        }
        if end > self.group_commit.committed() {
            self.context.counters.count_background_sync();
            // A failure has latched; the next append returns it.
            let _ = self.make_place_durable_in_place(end);
        }
        // Checked once more when it has been idle for a while, to release what it holds.
        self.rest_if_idle();
        self.schedule_next_check();
    }
}
