/* May a module that holds the library be loaded and unloaded, and may two copies of the library be in one process?
 *
 *     reload PLUGIN
 *
 * This program has one copy, linked in or shared; the plugin has another. Threads that used the plugin's copy end before
 * and after it is unloaded, and the process forks then: nothing of the library may be called any more. */
#include "check.h"
#include <dlfcn.h>
#include <pthread.h>

enum { ROUNDS = 20 };

struct plugin {
    void *module;
    ironwal_status (*open)(const char *, ironwal_wal **);
    ironwal_status (*use)(ironwal_wal *);
    ironwal_status (*close)(ironwal_wal *);
};

static void load(struct plugin *plugin, const char *path) {
    plugin->module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!plugin->module) fprintf(stderr, "%s\n", dlerror());
    CHECK(plugin->module);
    *(void **)&plugin->open = dlsym(plugin->module, "plugin_open");
    *(void **)&plugin->use = dlsym(plugin->module, "plugin_use");
    *(void **)&plugin->close = dlsym(plugin->module, "plugin_close");
    CHECK(plugin->open && plugin->use && plugin->close);
}

/* A thread that uses a plugin and outlives it. */
struct user {
    struct plugin *plugin;
    ironwal_wal *wal;
    pthread_barrier_t used, unloaded;
};

static void *use_and_outlive(void *argument) {
    struct user *user = argument;
    CHECK(user->plugin->use(user->wal) == IRONWAL_OK);
    pthread_barrier_wait(&user->used);
    pthread_barrier_wait(&user->unloaded);
    return NULL;
}

static void *use_and_end(void *argument) {
    struct user *user = argument;
    CHECK(user->plugin->use(user->wal) == IRONWAL_OK);
    return NULL;
}

/* A child that does nothing: the fork handlers of a module that is gone would be called here. */
static void fork_once(void) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(0);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void one_round(const char *path) {
    struct plugin plugin;
    struct user user;
    pthread_t outlives, ends;
    load(&plugin, path);
    user.plugin = &plugin;
    CHECK(plugin.open(path_of("of the plugin"), &user.wal) == IRONWAL_OK);
    CHECK(pthread_barrier_init(&user.used, NULL, 2) == 0 && pthread_barrier_init(&user.unloaded, NULL, 2) == 0);
    CHECK(pthread_create(&outlives, NULL, use_and_outlive, &user) == 0);
    CHECK(pthread_create(&ends, NULL, use_and_end, &user) == 0);
    CHECK(pthread_join(ends, NULL) == 0);
    pthread_barrier_wait(&user.used);
    CHECK(plugin.use(user.wal) == IRONWAL_OK);
    CHECK(plugin.close(user.wal) == IRONWAL_OK);
    CHECK(dlclose(plugin.module) == 0);
    fork_once();
    pthread_barrier_wait(&user.unloaded);
    CHECK(pthread_join(outlives, NULL) == 0);
    fork_once();
    pthread_barrier_destroy(&user.used);
    pthread_barrier_destroy(&user.unloaded);
}

/* Two copies: each has its own logs, neither opens what the other has open, and both notice a fork. */
static void two_copies(const char *path) {
    struct plugin plugin;
    ironwal_wal *ours = open_log("ours"), *theirs = NULL, *same = NULL;
    load(&plugin, path);
    CHECK(plugin.open(path_of("theirs"), &theirs) == IRONWAL_OK);
    CHECK(plugin.open(path_of("ours"), &same) == IRONWAL_E_LOCKED && !same);
    ironwal_options *options = options_for("theirs");
    EXPECT(IRONWAL_E_LOCKED, ironwal_wal_open(options, &same, &error));
    ironwal_options_free(options);
    OK(ironwal_append(ours, TEXT("s"), TEXT("entry"), NULL, &error));
    CHECK(plugin.use(theirs) == IRONWAL_OK);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        EXPECT(IRONWAL_E_FORKED, ironwal_append(ours, TEXT("s"), TEXT("entry"), NULL, &error));
        CHECK(plugin.use(theirs) == IRONWAL_E_FORKED);
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(plugin.close(theirs) == IRONWAL_OK);
    CHECK(dlclose(plugin.module) == 0);
    /* Ours goes on, and opens what the other copy wrote. */
    OK(ironwal_append(ours, TEXT("s"), TEXT("entry"), NULL, &error));
    OK(ironwal_wal_close(ours, &error));
    theirs = open_log("theirs");
    ironwal_buffer buffer;
    OK(ironwal_get(theirs, TEXT("s"), 0, &buffer, &error));
    CHECK(buffer.len == 5);
    ironwal_buffer_free(&buffer);
    OK(ironwal_wal_close(theirs, &error));
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    enter_directory();
    two_copies(argv[1]);
    for (int round = 0; round < ROUNDS; round++) one_round(argv[1]);
    two_copies(argv[1]);
    return 0;
}
