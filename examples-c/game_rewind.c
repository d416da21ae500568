/* How does a game server rewind its world to an earlier tick, and play on with other inputs?
 *
 * Each zone of the world is a shard. In every tick the inputs of a zone are appended to its shard, then
 * applied. Every hundred ticks the server makes a checkpoint and keeps a copy of the world. To rewind it
 * rolls the log back to a checkpoint, in all zones in one step, and takes the copy that belongs to it. At
 * the end the log is opened again, and the world that its entries give is compared with the one in memory. */
#include <inttypes.h>
#include <ironwal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ZONES = 4, PLAYERS = 16, CHECKPOINT_EVERY = 100, LAST_TICK = 400, REWOUND_TO = 200 };

/* An entry: what one player does in a tick. */
struct input {
    uint64_t tick;
    uint32_t player;
    int32_t step;
};

struct world {
    uint64_t ticks[ZONES]; /* the last one played in each zone */
    int64_t places[ZONES][PLAYERS];
};

static ironwal_error *error;

#define OK(call) must((call), #call)

static void must(ironwal_status status, const char *call) {
    if (status == IRONWAL_OK) return;
    ironwal_str message = ironwal_error_message(error);
    fprintf(stderr, "%s: %s\n", call, message.data ? message.data : ironwal_status_name(status));
    exit(1);
}

static void check(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "wrong: %s\n", what);
    exit(1);
}

/* The inputs of a tick, computed by a rule; another `game` gives others. */
static void inputs_of(uint64_t game, uint64_t tick, uint32_t zone, struct input inputs[PLAYERS]) {
    uint64_t mixed = (game << 40 | tick << 8 | zone) + 1;
    for (uint32_t player = 0; player < PLAYERS; player++) {
        mixed = (mixed ^ mixed >> 29) * UINT64_C(0xBF58476D1CE4E5B9) + player;
        inputs[player].tick = tick;
        inputs[player].player = player;
        inputs[player].step = (int32_t)(mixed >> 33 & 15) - 7;
    }
}

/* What a step does depends on where the others stand, so the order of the inputs matters. */
static void apply(struct world *world, uint32_t zone, const struct input *input) {
    int64_t *places = world->places[zone];
    int64_t neighbour = places[(input->player + 1) % PLAYERS];
    places[input->player] = places[input->player] * 3 / 2 % 100000 + input->step + neighbour % 5;
    world->ticks[zone] = input->tick;
}

static ironwal_sharded *open_game(const char *path) {
    ironwal_options *options = NULL;
    ironwal_sharded_options *sharded_options = NULL;
    ironwal_sharded *game = NULL;
    OK(ironwal_options_new(path, strlen(path), &options, &error));
    /* A tick must not wait for the disk; a checkpoint makes its ticks durable. */
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
    OK(ironwal_sharded_options_new(ZONES, &sharded_options, &error));
    OK(ironwal_sharded_open(options, sharded_options, &game, &error));
    ironwal_sharded_options_free(sharded_options);
    ironwal_options_free(options);
    return game;
}

/* A key that leads to the zone's shard. */
static size_t key_of(uint32_t zone, char key[32]) {
    for (uint32_t number = 0;; number++) {
        uint32_t shard = 0;
        int len = snprintf(key, 32, "zone/%" PRIu32, number);
        OK(ironwal_sharded_route(key, (size_t)len, ZONES, &shard, &error));
        if (shard == zone) return (size_t)len;
    }
}

static size_t name_of(uint64_t tick, char name[32]) {
    return (size_t)snprintf(name, 32, "tick/%08" PRIu64, tick);
}

/* Plays the ticks behind `from` up to `to`; keeps a copy of the world with each checkpoint. */
static void play(ironwal_sharded *game, uint64_t rule, uint64_t from, uint64_t to, struct world *world,
                 struct world copies[]) {
    for (uint64_t tick = from + 1; tick <= to; tick++) {
        for (uint32_t zone = 0; zone < ZONES; zone++) {
            struct input inputs[PLAYERS];
            ironwal_slice slices[PLAYERS];
            char key[32];
            size_t key_len = key_of(zone, key);
            inputs_of(rule, tick, zone, inputs);
            for (uint32_t player = 0; player < PLAYERS; player++) {
                slices[player].data = &inputs[player];
                slices[player].len = sizeof inputs[player];
            }
            /* One frame: after a crash a zone has a whole tick or nothing of it. */
            OK(ironwal_sharded_append_batch_for_key(game, key, key_len, slices, PLAYERS, NULL, NULL,
                                                    NULL, &error));
            for (uint32_t player = 0; player < PLAYERS; player++) apply(world, zone, &inputs[player]);
        }
        if (tick % CHECKPOINT_EVERY == 0) {
            char name[32];
            size_t name_len = name_of(tick, name);
            OK(ironwal_sharded_create_checkpoint(game, name, name_len, &error));
            copies[tick / CHECKPOINT_EVERY] = *world;
        }
    }
    printf("played rule %" PRIu64 " to tick %" PRIu64 "\n", rule, to);
}

/* The world that the entries of the log give. */
static struct world replayed(ironwal_sharded *game) {
    struct world world;
    memset(&world, 0, sizeof world);
    for (uint32_t zone = 0; zone < ZONES; zone++) {
        ironwal_iter *iter = NULL;
        ironwal_view view;
        ironwal_status status;
        OK(ironwal_sharded_iter_shard(game, zone, 0, &iter, &error));
        while ((status = ironwal_iter_next(iter, NULL, &view, &error)) == IRONWAL_OK) {
            struct input input;
            check(view.len == sizeof input, "an entry is an input");
            memcpy(&input, view.data, sizeof input);
            apply(&world, zone, &input);
        }
        if (status != IRONWAL_E_END) OK(status);
        ironwal_iter_free(iter);
    }
    return world;
}

static int is_same(const struct world *one, const struct world *other) {
    return memcmp(one, other, sizeof *one) == 0;
}

int main(void) {
    char path[] = "./game-rewind-log";
    static struct world copies[LAST_TICK / CHECKPOINT_EVERY + 1];
    struct world world, first_end;
    char name[32];
    size_t name_len;
#ifdef _WIN32
    system("if exist game-rewind-log rmdir /s /q game-rewind-log");
#else
    check(system("rm -rf ./game-rewind-log") == 0, "an empty place");
#endif
    memset(&world, 0, sizeof world);

    ironwal_sharded *game = open_game(path);
    play(game, 1, 0, LAST_TICK, &world, copies);
    first_end = world;

    name_len = name_of(REWOUND_TO, name);
    OK(ironwal_sharded_rollback_to_checkpoint(game, name, name_len, &error));
    world = copies[REWOUND_TO / CHECKPOINT_EVERY];
    struct world found = replayed(game);
    check(is_same(&found, &world), "the log is that of the tick it was rewound to");
    printf("rewound to tick %d\n", REWOUND_TO);
    name_len = name_of(LAST_TICK, name);
    ironwal_checkpoint *gone = NULL;
    check(ironwal_sharded_load_checkpoint(game, name, name_len, &gone, &error) ==
              IRONWAL_E_CHECKPOINT_NOT_FOUND,
          "later checkpoints are gone");
    ironwal_error_free(error);
    error = NULL;

    play(game, 2, REWOUND_TO, LAST_TICK, &world, copies);
    check(!is_same(&world, &first_end), "other inputs give another world");
    OK(ironwal_sharded_close(game, &error));

    game = open_game(path);
    found = replayed(game);
    check(is_same(&found, &world), "the log gives the world that was played last");
    uint64_t total = 0;
    for (uint32_t zone = 0; zone < ZONES; zone++) {
        check(found.ticks[zone] == LAST_TICK, "every zone is at the last tick");
        for (uint32_t player = 0; player < PLAYERS; player++)
            total = total * 31 + (uint64_t)found.places[zone][player];
    }
    printf("replayed %d zones to tick %d: world %016" PRIx64 "\n", ZONES, LAST_TICK, total);
    OK(ironwal_sharded_close(game, &error));
#ifdef _WIN32
    check(system("rmdir /s /q game-rewind-log") == 0, "removed");
#else
    check(system("rm -r ./game-rewind-log") == 0, "removed");
#endif
    return 0;
}
