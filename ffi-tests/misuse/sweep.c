/* Does every function of the header refuse every misuse of every argument, without harm?
 *
 * Each call is made in a process of its own, with one of everything around it and one argument replaced: NULL, a handle of
 * another kind, each constant of another family and numbers that are none, lengths that no memory has. Then the same
 * functions on handles of a closed log, and in a forked child. The functions come from the header (every_function.h), so a
 * new one is swept without a line here.
 *
 * What is refused is IRONWAL_E_INVALID_ARG. What the header says may be NULL changes nothing. */
#include "misuse/given.h"
#include "every_constant.h"
#include <limits.h>
#include <signal.h>

static int calls, failures;

enum state { OPEN, CLOSED, FORKED };

static const char *const handles[] = {
    "ironwal_wal*",           "ironwal_stream*",          "ironwal_iter*",          "ironwal_txn*",
    "ironwal_events*",        "ironwal_canceller*",       "ironwal_name_list*",     "ironwal_entry_list*",
    "ironwal_property_list*", "ironwal_verify_report*",   "ironwal_recovery_report*", "ironwal_view_pin*",
    "ironwal_sharded*",       "ironwal_sharded_options*", "ironwal_checkpoint*",    "ironwal_checkpoint_list*",
    "ironwal_options*",       "ironwal_error*",           "ironwal_stat_report*",    "ironwal_repair_report*",
};

static int is_one_of(const char *type, const char *const *types, size_t count) {
    for (size_t at = 0; at < count; at++)
        if (strcmp(type, types[at]) == 0) return 1;
    return 0;
}

static int is_handle(const char *type) { return is_one_of(type, handles, sizeof handles / sizeof *handles); }

static int has(const struct function *f, const char *type) {
    for (const struct argument *a = f->arguments; a->kind != END; a++)
        if (strcmp(a->type, type) == 0) return 1;
    return 0;
}

/* Closes the logs: what was made from them stays. */
static void close_logs(struct given *g) {
    OK(ironwal_wal_close(g->wal, &error));
    OK(ironwal_sharded_close(g->sharded, &error));
    g->wal = NULL;
    g->sharded = NULL;
}

/* A handle that is none of the type. */
static void *handle_of_another_kind(const struct given *g, const char *type) {
    return strcmp(type, "ironwal_options*") == 0 ? (void *)g->names : (void *)g->options;
}

static void call_in_child(const struct function *f, struct misuse misuse, int wrong_kind, enum state state) {
    struct given g;
    alarm(60);
    make_given(&g);
    if (state == CLOSED) close_logs(&g);
    if (wrong_kind) misuse.pointer = handle_of_another_kind(&g, f->arguments[misuse.at].type);
    if (state == FORKED) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child > 0) {
            int status = 0;
            CHECK(waitpid(child, &status, 0) == child);
            if (WIFSIGNALED(status)) raise(WTERMSIG(status));
            _exit(WEXITSTATUS(status));
        }
        alarm(60);
    }
    int64_t status = f->call(&misuse, &g);
    /* Statuses are small, so they fit into an exit code. */
    CHECK(status <= 0 && status > -100);
    _exit((int)-status);
}

/* The status that a call returned; INT_MIN: a signal ended it, which is printed. */
static int status_of(const struct function *f, struct misuse misuse, int wrong_kind, enum state state, const char *what) {
    char place[300];
    snprintf(place, sizeof place, "%s/%d", directory, calls++);
    CHECK(mkdir(place, 0700) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(chdir(place) == 0);
        call_in_child(f, misuse, wrong_kind, state);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    nftw(place, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "%s, %s: killed by signal %d\n", f->name, what, WTERMSIG(status));
        failures++;
        return INT_MIN;
    }
    if (!f->returns_status && WEXITSTATUS(status) != 0) {
        fprintf(stderr, "%s, %s: ended with %d\n", f->name, what, WEXITSTATUS(status));
        failures++;
    }
    return -WEXITSTATUS(status);
}

static void expect(const struct function *f, const char *what, int expected, int got) {
    if (got == expected || got == INT_MIN) return;
    fprintf(stderr, "%s, %s: %s, expected %s\n", f->name, what, ironwal_status_name(got), ironwal_status_name(expected));
    failures++;
}

static const struct misuse nothing = {-1, NULL, 0, 0};

static void sweep_pointer(const struct function *f, int at, int valid) {
    const struct argument *a = &f->arguments[at];
    struct misuse misuse = nothing;
    char what[128];
    misuse.at = at;
    snprintf(what, sizeof what, "NULL for %s", a->name);
    int got = status_of(f, misuse, 0, OPEN, what);
    if (f->returns_status) expect(f, what, a->is_optional ? valid : IRONWAL_E_INVALID_ARG, got);
    if (a->kind == POINTER && is_handle(a->type)) {
        snprintf(what, sizeof what, "another handle for %s", a->name);
        got = status_of(f, misuse, 1, OPEN, what);
        if (f->returns_status) expect(f, what, IRONWAL_E_INVALID_ARG, got);
    }
}

static void sweep_constant(const struct function *f, int at, int valid) {
    static const int32_t none[] = {0, 1, 2, 3, -1, INT32_MAX, INT32_MIN};
    const size_t named = sizeof every_constant / sizeof *every_constant;
    const size_t others = sizeof none / sizeof *none;
    char what[128];
    int accepted = 0;
    /* Numbers of no constant. */
    int is_named[sizeof none / sizeof *none] = {0};
    for (size_t number = 0; number < others; number++)
        for (size_t name = 0; name < named; name++) is_named[number] |= none[number] == every_constant[name].value;
    for (size_t number = 0; number < named + others; number++) {
        struct misuse misuse = nothing;
        misuse.at = at;
        misuse.constant = number < named ? every_constant[number].value : none[number - named];
        snprintf(what, sizeof what, "%s %d", f->arguments[at].name, (int)misuse.constant);
        int got = status_of(f, misuse, 0, OPEN, what);
        if (number < named || !is_named[number - named]) accepted += got == valid;
        if (number >= named && !is_named[number - named]) expect(f, what, IRONWAL_E_INVALID_ARG, got);
    }
    /* A family has at most five constants; which ones each option takes is the question of calls/options.c. */
    if (accepted < 1 || accepted > 5) {
        fprintf(stderr, "%s takes %d constants for %s\n", f->name, accepted, f->arguments[at].name);
        failures++;
    }
}

static void sweep_length(const struct function *f, int at) {
    /* Above PTRDIFF_MAX; and numbers of elements whose bytes are few again, if they are computed in a size_t. */
    const size_t lengths[] = {
        SIZE_MAX,          SIZE_MAX / 2 + 1,  SIZE_MAX / 2 + 2,  SIZE_MAX - 7,
        SIZE_MAX / 4 + 2,  SIZE_MAX / 8 + 2,  SIZE_MAX / 16 + 2, SIZE_MAX / 32 + 2,
        SIZE_MAX / 24 + 2, SIZE_MAX / 40 + 2,
    };
    const struct argument *pointer = &f->arguments[at - 1];
    char what[128];
    for (size_t number = 0; number < sizeof lengths / sizeof *lengths; number++) {
        /* Of bytes only what no object can have is refused without a look. */
        const int is_bytes = strcmp(pointer->type, "void*") == 0 || strcmp(pointer->type, "char*") == 0;
        size_t size = strcmp(pointer->type, "uint64_t*") == 0 ? 8 : sizeof(ironwal_slice);
        if (is_bytes) size = 1;
        if (lengths[number] <= (size_t)PTRDIFF_MAX / size) continue;
        struct misuse misuse = nothing;
        misuse.at = at;
        misuse.length = lengths[number];
        snprintf(what, sizeof what, "%s %zu", f->arguments[at].name, misuse.length);
        int got = status_of(f, misuse, 0, OPEN, what);
        if (f->returns_status) expect(f, what, IRONWAL_E_INVALID_ARG, got);
    }
}

/* Whether the first handle of a function was made from a log, and is not the log. */
static int is_on_a_child(const struct function *f) {
    static const char *const children[] = {"ironwal_stream*", "ironwal_iter*", "ironwal_txn*", "ironwal_events*"};
    return !has(f, "ironwal_wal*") && !has(f, "ironwal_sharded*") &&
           is_one_of(f->arguments[0].type, children, sizeof children / sizeof *children);
}

static int is_on_a_log(const struct function *f) {
    return has(f, "ironwal_wal*") || has(f, "ironwal_sharded*") || is_on_a_child(f);
}

static void sweep(const struct function *f) {
    int valid = status_of(f, nothing, 0, OPEN, "all valid");
    if (f->returns_status && valid == IRONWAL_E_INVALID_ARG) {
        fprintf(stderr, "%s: given.h has no valid value for an argument\n", f->name);
        failures++;
        return;
    }
    for (int at = 0; f->arguments[at].kind != END; at++) {
        switch (f->arguments[at].kind) {
        case POINTER:
        case CALLBACK: sweep_pointer(f, at, valid); break;
        case CONSTANT: sweep_constant(f, at, valid); break;
        case LENGTH: sweep_length(f, at); break;
        default: break;
        }
    }
    if (!has(f, "ironwal_wal*") && !has(f, "ironwal_sharded*")) {
        int got = status_of(f, nothing, 0, CLOSED, "after the close");
        if (f->returns_status && is_on_a_child(f)) expect(f, "after the close", IRONWAL_E_CLOSED, got);
    }
    int got = status_of(f, nothing, 0, FORKED, "in a forked child");
    if (f->returns_status && is_on_a_log(f)) expect(f, "in a forked child", IRONWAL_E_FORKED, got);
}

int main(int argc, char **argv) {
    /* Which part of the functions: `sweep 1/3`. A name: that function. */
    int part = 1, parts = 1;
    const char *only = NULL;
    if (argc > 1 && sscanf(argv[1], "%d/%d", &part, &parts) != 2) only = argv[1];
    CHECK(parts >= 1 && part >= 1 && part <= parts);
    enter_directory();
    int swept = 0;
    for (int at = 0; at < FUNCTIONS; at++) {
        const struct function *f = &every_function[at];
        if (only ? strcmp(f->name, only) != 0 : at % parts != part - 1) continue;
        sweep(f);
        swept++;
    }
    printf("%d functions, %d calls, %d failures\n", swept, calls, failures);
    return swept == 0 || failures > 0;
}
