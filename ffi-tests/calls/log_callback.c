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

static void hear(uintptr_t ctx, int32_t level, const char *message, size_t len) {
    struct heard *heard = (struct heard *)ctx;
    pthread_mutex_lock(&heard->lock);
    heard->messages++;
    if (level < IRONWAL_LOG_ERROR || level > IRONWAL_LOG_TRACE || len == 0 ||
        strlen(message) != len)
        heard->bad++;
    pthread_mutex_unlock(&heard->lock);
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

int main(void) {
    enter_directory();
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
