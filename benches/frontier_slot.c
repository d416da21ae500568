/*
 * What does the frontier slot cost a Strict append, and would another way of syncing it cost less?
 *
 *     cc -O2 -o target/frontier_slot benches/frontier_slot.c
 *     target/frontier_slot DIRECTORY 4000
 *
 * Every way appends frames of 292 bytes to a file of zeros that are on the disk, 4,000 times; seven
 * rounds in turn, medians. A slot of 512 bytes lies in the first page of the file. Linux only.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, FILE_LEN = 64 << 20, FRAME_LEN = 292, SLOT_LEN = 512, ROUNDS = 7 };

static const char *const WAYS[] = {
    "frame, pwritev2(RWF_DSYNC), no slot",
    "frame, fdatasync, no slot",
    "slot, frame, fdatasync (what ironwal does)",
    "slot handed over at once, frame handed over, fdatasync",
    "slot handed over at once and waited for, frame RWF_DSYNC",
    "slot handed over at once, frame RWF_DSYNC (slot unproven)",
    "slot never synced, frame RWF_DSYNC (slot lost with the power)",
};
enum { WAY_COUNT = sizeof WAYS / sizeof *WAYS };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void check(int succeeded, const char *what) {
    if (!succeeded) {
        perror(what);
        exit(1);
    }
}

static int zero_filled(const char *path) {
    static const char zeros[PAGE];
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    check(file >= 0, path);
    for (long at = 0; at < FILE_LEN; at += PAGE)
        check(pwrite(file, zeros, PAGE, at) == PAGE, "pwrite");
    check(fsync(file) == 0, "fsync");
    return file;
}

static void store_slot(int file, long number, const char *bytes) {
    check(pwrite(file, bytes, SLOT_LEN, SLOT_LEN * (1 + number % 2)) == SLOT_LEN, "pwrite");
}

static void hand_over(int file, long at, long len, unsigned how) {
    check(sync_file_range(file, at, len, how) == 0, "sync_file_range");
}

static void write_frame(int file, long at, char *bytes, int flags) {
    struct iovec part = {bytes, FRAME_LEN};
    check(pwritev2(file, &part, 1, at, flags) == FRAME_LEN, "pwritev2");
}

static void append(int way, int file, long number, long at, char *bytes) {
    bytes[0] = (char)number;
    switch (way) {
    case 0:
        write_frame(file, at, bytes, RWF_DSYNC);
        return;
    case 1:
    case 2:
        write_frame(file, at, bytes, 0);
        check(fdatasync(file) == 0, "fdatasync");
        break;
    case 3:
        write_frame(file, at, bytes, 0);
        hand_over(file, at, FRAME_LEN, SYNC_FILE_RANGE_WRITE);
        check(fdatasync(file) == 0, "fdatasync");
        break;
    case 4:
        hand_over(file, 0, PAGE, SYNC_FILE_RANGE_WAIT_BEFORE);
        write_frame(file, at, bytes, RWF_DSYNC);
        break;
    default:
        write_frame(file, at, bytes, RWF_DSYNC);
    }
    if (way >= 2)
        store_slot(file, number, bytes);
    if (way >= 3 && way <= 5)
        hand_over(file, 0, PAGE, SYNC_FILE_RANGE_WRITE);
}

int main(int count, char **arguments) {
    long appends = count == 3 ? atol(arguments[2]) : 0;
    if (appends < 1 || appends > (FILE_LEN - PAGE) / FRAME_LEN) {
        fprintf(stderr, "usage: frontier_slot DIRECTORY APPENDS (a few thousand)\n");
        return 2;
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/frontier_slot.tmp", arguments[1]);
    char bytes[PAGE];
    memset(bytes, 7, sizeof bytes);
    static double rates[WAY_COUNT][ROUNDS], medians[WAY_COUNT][ROUNDS];
    double *times = malloc(appends * sizeof *times);
    check(times != NULL, "malloc");
    for (int round = 0; round < ROUNDS; round++)
        for (int way = 0; way < WAY_COUNT; way++) {
            int file = zero_filled(path);
            double started = now();
            for (long number = 0; number < appends; number++) {
                double before = now();
                append(way, file, number, PAGE + number * FRAME_LEN, bytes);
                times[number] = now() - before;
            }
            rates[way][round] = appends / (now() - started);
            qsort(times, appends, sizeof *times, ascending);
            medians[way][round] = times[appends / 2];
            close(file);
            unlink(path);
        }
    printf("%-62s%10s%8s%10s\n", "", "a second", "ratio", "p50, us");
    double bound = 0;
    for (int way = 0; way < WAY_COUNT; way++) {
        qsort(rates[way], ROUNDS, sizeof **rates, ascending);
        qsort(medians[way], ROUNDS, sizeof **medians, ascending);
        double rate = rates[way][ROUNDS / 2];
        if (way == 0)
            bound = rate;
        printf("%-62s%10.0f%8.2f%10.1f\n", WAYS[way], rate, rate / bound,
               medians[way][ROUNDS / 2] * 1e6);
    }
    return 0;
}
