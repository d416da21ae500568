/* What do the tests of sharded logs share? */
#ifndef SHARDED_H
#define SHARDED_H

#include "check.h"

static inline ironwal_sharded_options *shards(uint32_t count) {
    ironwal_sharded_options *options = NULL;
    OK(ironwal_sharded_options_new(count, &options, &error));
    return options;
}

/* Opens a log and gives up both options. */
static inline ironwal_sharded *open_sharded_with(ironwal_options *options,
                                                 ironwal_sharded_options *sharded_options) {
    ironwal_sharded *sharded = NULL;
    OK(ironwal_sharded_open(options, sharded_options, &sharded, &error));
    CHECK(sharded != NULL);
    ironwal_options_free(options);
    ironwal_sharded_options_free(sharded_options);
    return sharded;
}

static inline ironwal_sharded *open_sharded(const char *name, uint32_t count) {
    return open_sharded_with(options_for(name), shards(count));
}

/* A key that goes to `shard` of `count`. */
static inline uint32_t key_of(uint32_t shard, uint32_t count) {
    uint32_t key = 0, routed = 0;
    for (;; key++) {
        OK(ironwal_sharded_route(&key, sizeof key, count, &routed, &error));
        if (routed == shard) return key;
    }
}

static inline uint64_t offset_of(const ironwal_checkpoint *checkpoint, uint32_t shard) {
    uint64_t offset = 0;
    OK(ironwal_checkpoint_offset(checkpoint, shard, &offset, &error));
    return offset;
}

static inline size_t checkpoints_of(const ironwal_sharded *sharded) {
    size_t count = 0;
    OK(ironwal_sharded_checkpoint_count(sharded, &count, &error));
    return count;
}

/* Options whose segments hold one entry each, so that pruning has something to remove. */
static inline ironwal_options *short_segments(const char *name) {
    ironwal_options *options = options_for(name);
    OK(ironwal_options_set_max_entries_per_segment(options, 1, &error));
    return options;
}

#endif
