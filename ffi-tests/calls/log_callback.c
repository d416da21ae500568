/* Do the messages of a log reach its own callback, from whatever thread, and no other's? */
#include "check.h"
#include <pthread.h>

struct heard {
    pthread_mutex_t lock;
    int messages;
    int bad;
};

static struct heard first = {PTHREAD_MUTEX_INITIALIZER, 0, 0};
static struct heard second = {PTHREAD_MUTEX_INITIALIZER, 0, 0};
static struct heard third = {PTHREAD_MUTEX_INITIALIZER, 0, 0};

static void hear(uintptr_t ctx, int32_t level, const char *message, size_t len) {
    struct heard *heard = (struct heard *)ctx;
    pthread_mutex_lock(&heard->lock);
    heard->messages++;
    if (level < IRONWAL_LOG_ERROR || level > IRONWAL_LOG_TRACE || len == 0 ||
        strlen(message) != len)
        heard->bad++;
    pthread_mutex_unlock(&heard->lock);
}

static int releases;

static void release(uintptr_t ctx) {
    CHECK(ctx == (uintptr_t)&third);
    releases++;
}

static int heard_by(struct heard *heard) {
    pthread_mutex_lock(&heard->lock);
    CHECK(heard->bad == 0);
    int messages = heard->messages;
    pthread_mutex_unlock(&heard->lock);
    return messages;
}

/* Opens, uses and closes on a thread that is not the one that made the options. */
static void *elsewhere(void *options) {
    ironwal_wal *wal = NULL;
    ironwal_error *none = NULL;
    CHECK(ironwal_wal_open((ironwal_options *)options, &wal, &none) == IRONWAL_OK);
    CHECK(ironwal_append(wal, TEXT("s"), TEXT("x"), NULL, &none) == IRONWAL_OK);
    CHECK(ironwal_wal_close(wal, &none) == IRONWAL_OK);
    return NULL;
}

static void open_and_close(const ironwal_options *options) {
    ironwal_wal *wal = NULL;
    OK(ironwal_wal_open(options, &wal, &error));
    OK(ironwal_append(wal, TEXT("s"), TEXT("x"), NULL, &error));
    OK(ironwal_wal_close(wal, &error));
}

/* Messages below the level do not come. */
static void levels(void) {
    ironwal_options *options = options_for("levels");
    OK(ironwal_options_set_log_level(options, IRONWAL_LOG_ERROR, &error));
    OK(ironwal_options_set_log(options, hear, (uintptr_t)&third, &error));
    open_and_close(options);
    CHECK(heard_by(&third) == 0);
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_options_set_log_level(options, 0, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_options_set_log_level(options, IRONWAL_SYNC_STRICT, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_options_set_log_level(NULL, IRONWAL_LOG_INFO, &error));
    open_and_close(options);
    CHECK(heard_by(&third) == 0);
    OK(ironwal_options_set_log_level(options, IRONWAL_LOG_INFO, &error));
    open_and_close(options);
    CHECK(heard_by(&third) > 0);
    ironwal_options_free(options);
}

/* A context is released once: with the last log and the last options that use it, or at once. */
static void owned_contexts(void) {
    ironwal_options *options = options_for("owned"), *copy = NULL;
    OK(ironwal_options_set_log_owned(options, hear, (uintptr_t)&third, release, &error));
    OK(ironwal_options_clone(options, &copy, &error));
    ironwal_wal *wal = open_with(copy); /* which frees the copy */
    ironwal_options_free(options);
    CHECK(releases == 0);
    const int before = heard_by(&third);
    ironwal_stream *stream = NULL;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    OK(ironwal_wal_close(wal, &error));
    CHECK(heard_by(&third) > before);
    ironwal_stream_free(stream);
    CHECK(releases == 1);

    options = options_for("owned");
    OK(ironwal_options_set_log_owned(options, hear, (uintptr_t)&third, release, &error));
    OK(ironwal_options_set_log_owned(options, hear, (uintptr_t)&third, release, &error));
    CHECK(releases == 2);
    OK(ironwal_options_set_log(options, NULL, 0, &error));
    CHECK(releases == 3);
    OK(ironwal_options_set_log_owned(options, NULL, (uintptr_t)&third, release, &error));
    CHECK(releases == 4);
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_options_set_log_owned(NULL, hear, (uintptr_t)&third, release, &error));
    CHECK(releases == 5);
    OK(ironwal_options_set_log_owned(options, hear, (uintptr_t)&third, NULL, &error));
    ironwal_options_free(options);
    CHECK(releases == 5);
}

int main(void) {
    enter_directory();
    levels();
    owned_contexts();
    ironwal_options *options = options_for("first");
    OK(ironwal_options_set_log(options, hear, (uintptr_t)&first, &error));
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, elsewhere, options) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    const int reported = heard_by(&first);
    CHECK(reported > 0);

    /* Another log has its own callback; one without a callback reports nothing. */
    ironwal_options *others = options_for("second");
    OK(ironwal_options_set_log(others, hear, (uintptr_t)&second, &error));
    OK(ironwal_options_set_log(options, NULL, 0, &error));
    ironwal_wal *silent = open_with(options);
    ironwal_wal *talking = open_with(others);
    OK(ironwal_append(silent, TEXT("s"), TEXT("x"), NULL, &error));
    OK(ironwal_append(talking, TEXT("s"), TEXT("x"), NULL, &error));
    OK(ironwal_wal_close(silent, &error));
    OK(ironwal_wal_close(talking, &error));
    CHECK(heard_by(&first) == reported && heard_by(&second) > 0);
    return 0;
}
