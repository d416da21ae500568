/* What do the system calls of a checkpoint cost, without anything around them?
 *
 *   cc -O2 -o target/checkpoint_calls benches/checkpoint_calls.c
 *   target/checkpoint_calls DIRECTORY [COUNT]
 *
 * Each row makes COUNT records of 205 bytes (16 shards, an id of eight bytes), one after the other,
 * and counts how many a second were durable. Rounds in turn; the medians are told. Figures and what
 * follows from them: docs/BENCHMARKS.md, "Where W11 is bound".
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 5, RECORD = 205, SECTOR = 512, FIRST = 1536, PAGE = 4096 };
static char bytes[PAGE];
static int hint = -1;

static void must(int good) {
    if (!good) {
        perror("checkpoint_calls");
        exit(1);
    }
}

static void put(int file, size_t len, off_t at) {
    must(pwrite(file, bytes, len, at) == (ssize_t)len);
}

static void sync_data(int file) { must(fdatasync(file) == 0); }

static void sync_dir(void) {
    int dir = open(".", O_RDONLY);
    must(dir >= 0 && fsync(dir) == 0 && close(dir) == 0);
}

/* The hint as a new file. */
static void replace_hint(int synced) {
    int file = open("HEAD#new", O_RDWR | O_CREAT | O_TRUNC, 0644);
    must(file >= 0);
    put(file, 8, 0);
    if (synced)
        must(fsync(file) == 0);
    must(close(file) == 0 && rename("HEAD#new", "HEAD") == 0);
    if (synced)
        sync_dir();
}

static void record(int file, int n) { put(file, RECORD, FIRST + (off_t)n * RECORD); }
static void slot(int file, int n) { put(file, SECTOR, SECTOR * (1 + n % 2)); }

static void one_sync(int f, int n) { record(f, n), sync_data(f); }
static void slot_one_sync(int f, int n) { record(f, n), slot(f, n), sync_data(f); }
static void slot_one_sync_hint(int f, int n) { slot_one_sync(f, n), put(hint, 8, 0); }
static void slot_two_syncs(int f, int n) { record(f, n), sync_data(f), slot(f, n), sync_data(f); }
static void slot_two_syncs_new_hint(int f, int n) { slot_two_syncs(f, n), replace_hint(0); }
static void three_syncs(int f, int n) { record(f, n), sync_data(f), replace_hint(1); }

static const struct {
    const char *name;
    void (*make)(int, int);
    int zeroed;
} ROWS[] = {
    {"append, fdatasync", one_sync, 0},
    {"append, slot, fdatasync", slot_one_sync, 0},
    {"append, slot, fdatasync, hint in place (what ironwal does)", slot_one_sync_hint, 0},
    {"the same, into zeros written before", slot_one_sync_hint, 1},
    {"append, fdatasync, slot, fdatasync", slot_two_syncs, 0},
    {"append, fdatasync, slot, fdatasync, new hint", slot_two_syncs_new_hint, 0},
    {"append, fdatasync, new hint, synced (what 0.6.9 does)", three_syncs, 0},
};
enum { ROW_COUNT = sizeof ROWS / sizeof *ROWS };

static int begin(int count, int zeroed) {
    unlink("checkpoints.log");
    int file = open("checkpoints.log", O_RDWR | O_CREAT, 0644);
    must(file >= 0 && ftruncate(file, FIRST) == 0);
    char zeros[PAGE] = {0};
    for (off_t at = 0; zeroed && at < FIRST + (off_t)count * RECORD; at += PAGE)
        must(pwrite(file, zeros, PAGE, at) == PAGE);
    must(fsync(file) == 0);
    sync_dir();
    return file;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int arguments, char **argument) {
    must(arguments > 1 && chdir(argument[1]) == 0);
    int count = arguments > 2 ? atoi(argument[2]) : 1000;
    double found[ROW_COUNT][ROUNDS];
    memset(bytes, 7, sizeof bytes);
    hint = open("HEAD#place", O_RDWR | O_CREAT, 0644);
    must(hint >= 0);
    for (int round = 0; round < ROUNDS; round++)
        for (int row = 0; row < ROW_COUNT; row++) {
            int file = begin(count, ROWS[row].zeroed);
            double started = seconds();
            for (int n = 0; n < count; n++)
                ROWS[row].make(file, n);
            found[row][round] = count / (seconds() - started);
            close(file);
        }
    for (int row = 0; row < ROW_COUNT; row++) {
        qsort(found[row], ROUNDS, sizeof(double), by_size);
        double median = found[row][ROUNDS / 2];
        printf("%-60s %8.0f/s %7.1f us\n", ROWS[row].name, median, 1e6 / median);
    }
    unlink("checkpoints.log"), unlink("HEAD"), unlink("HEAD#place");
}
