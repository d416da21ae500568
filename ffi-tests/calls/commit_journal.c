/* Does a log with a commit journal keep what it acknowledged, through a close and through the death of the process, and
 * is the journal gone after a clean close? */
#include "check.h"

#include <signal.h>
#include <time.h>

static const char *const streams[] = {"bids", "asks"};
static const uint64_t journal_size = 256 << 10;

static ironwal_options *options_with(const char *log, int32_t commit_path) {
    ironwal_options *options = options_for(log);
    OK(ironwal_options_set_commit_path(options, commit_path, &error));
    OK(ironwal_options_set_journal_size(options, journal_size, &error));
    return options;
}

/* The bytes of the journal's files; 0: there are none. */
static uint64_t bytes_in_journal(const char *log) {
    char path[600];
    snprintf(path, sizeof path, "%s/commit-journal", path_of(log));
    DIR *listing = opendir(path);
    if (listing == NULL) return 0;
    uint64_t bytes = 0;
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        struct stat status;
        if (fstatat(dirfd(listing), entry->d_name, &status, 0) == 0 && S_ISREG(status.st_mode))
            bytes += (uint64_t)status.st_size;
    }
    CHECK(closedir(listing) == 0);
    return bytes;
}

/* One entry for each stream: its number. */
static void append_to_both(ironwal_wal *wal, uint64_t number) {
    for (size_t at = 0; at < 2; at++) {
        uint64_t id = UINT64_MAX;
        OK(ironwal_append(wal, streams[at], strlen(streams[at]), (const char *)&number, sizeof number, &id, &error));
        CHECK(id == number);
    }
}

/* The first syncs go in place, until a helper has made the journal's first file; some go into the journal then. Returns
 * how many entries each stream has. */
static uint64_t append_until_journaled(ironwal_wal *wal, const char *log, uint64_t number) {
    for (int waited = 0; bytes_in_journal(log) == 0; waited++) {
        const struct timespec millisecond = {0, 1000000};
        CHECK(waited < 30000);
        append_to_both(wal, number++);
        nanosleep(&millisecond, NULL);
    }
    for (int more = 0; more < 20; more++) append_to_both(wal, number++);
    const uint64_t bytes = bytes_in_journal(log);
    CHECK(0 < bytes && bytes <= journal_size);
    return number;
}

static void check_entries(ironwal_wal *wal, uint64_t count) {
    for (size_t at = 0; at < 2; at++) {
        const char *stream = streams[at];
        ironwal_buffer entry = {NULL, 0};
        for (uint64_t number = 0; number < count; number++) {
            OK(ironwal_get(wal, stream, strlen(stream), number, &entry, &error));
            CHECK(buffer_is(&entry, &number, sizeof number));
            ironwal_buffer_free(&entry);
        }
        EXPECT(IRONWAL_E_NOT_FOUND, ironwal_get(wal, stream, strlen(stream), count, &entry, &error));
    }
}

static void a_clean_close_leaves_no_journal(void) {
    ironwal_wal *wal = open_with(options_with("closed", IRONWAL_COMMIT_JOURNAL));
    const uint64_t count = append_until_journaled(wal, "closed", 0);
    check_entries(wal, count);
    OK(ironwal_wal_close(wal, &error));
    CHECK(bytes_in_journal("closed") == 0);

    /* No option is stored: the next opening has no journal, and finds all. */
    wal = open_log("closed");
    check_entries(wal, count);
    append_to_both(wal, count);
    CHECK(bytes_in_journal("closed") == 0);
    OK(ironwal_wal_close(wal, &error));
}

/* The child is killed, and leaves its journal. */
static void a_killed_process_leaves_one_that_is_written_back(int32_t next_path) {
    int count_pipe[2];
    uint64_t count = 0;
    CHECK(pipe(count_pipe) == 0);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(100);
        ironwal_wal *wal = open_with(options_with("killed", IRONWAL_COMMIT_JOURNAL));
        count = append_until_journaled(wal, "killed", 0);
        CHECK(write(count_pipe[1], &count, sizeof count) == (ssize_t)sizeof count);
        for (;;) pause();
    }
    CHECK(close(count_pipe[1]) == 0);
    CHECK(read(count_pipe[0], &count, sizeof count) == (ssize_t)sizeof count);
    CHECK(close(count_pipe[0]) == 0);
    CHECK(kill(child, SIGKILL) == 0 && exit_code_of(child) == 128 + SIGKILL);
    CHECK(bytes_in_journal("killed") > 0);

    ironwal_wal *wal = open_with(options_with("killed", next_path));
    CHECK(bytes_in_journal("killed") == 0);
    check_entries(wal, count);
    for (size_t at = 0; at < 2; at++)
        OK(ironwal_delete_stream(wal, streams[at], strlen(streams[at]), &error));
    OK(ironwal_wal_close(wal, &error));
    CHECK(bytes_in_journal("killed") == 0);
}

/* Entries are there, whichever way the library sent them. */
static void the_library_may_choose(void) {
    uint64_t number = 0;
    for (int round = 0; round < 2; round++) {
        ironwal_wal *wal = open_with(options_with("chosen", IRONWAL_COMMIT_AUTO));
        check_entries(wal, number);
        while (number % 30 != 29) append_to_both(wal, number++);
        append_to_both(wal, number++);
        check_entries(wal, number);
        OK(ironwal_wal_close(wal, &error));
    }
}

int main(void) {
    enter_directory();
    a_clean_close_leaves_no_journal();
    a_killed_process_leaves_one_that_is_written_back(IRONWAL_COMMIT_IN_PLACE);
    a_killed_process_leaves_one_that_is_written_back(IRONWAL_COMMIT_JOURNAL);
    the_library_may_choose();
    return 0;
}
