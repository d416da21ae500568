// What happens when a callback throws, which it must not? The process ends at once: no call goes on half done, and what was
// acknowledged before is in the log. An exception that the callback catches itself concerns the callback alone.
#include "check.h"

#include <ironwal.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <thread>

namespace {

bool throws = false;

// Throws, if the process is one that does; otherwise throws and catches.
void misbehave() {
    if (throws) throw std::runtime_error("thrown by a callback");
    try {
        throw std::runtime_error("caught by the callback");
    } catch (const std::exception &) {
    }
}

void on_log(std::uintptr_t, std::int32_t, const char *, std::size_t) { misbehave(); }
void on_release(std::uintptr_t) { misbehave(); }
void on_durable(std::uintptr_t, ironwal_mark, ironwal_status) { misbehave(); }
std::size_t on_checkpoint_id(std::uintptr_t, std::uint64_t number, std::uint8_t *buffer, std::size_t capacity) {
    misbehave();
    if (capacity == 0) return 0;
    buffer[0] = static_cast<std::uint8_t>(number);
    return 1;
}

ironwal_options *options_at(const std::string &path) {
    ironwal_options *options = nullptr;
    CHECK(ironwal_options_new(path.data(), path.size(), &options, nullptr) == IRONWAL_OK);
    return options;
}

ironwal_wal *open(ironwal_options *options) {
    ironwal_wal *wal = nullptr;
    CHECK(ironwal_wal_open(options, &wal, nullptr) == IRONWAL_OK);
    ironwal_options_free(options);
    return wal;
}

void append(ironwal_wal *wal) {
    CHECK(ironwal_append(wal, IRONWAL_STR("s"), IRONWAL_STR("entry"), nullptr, nullptr) == IRONWAL_OK);
}

// Each leads the library to call a callback, after an append that was acknowledged.
void log_messages(const std::string &path) {
    append(open(options_at(path)));
    // Opening says what it does.
    ironwal_options *options = options_at(path + "-other");
    CHECK(ironwal_options_set_log(options, on_log, 0, nullptr) == IRONWAL_OK);
    CHECK(ironwal_options_set_log_level(options, IRONWAL_LOG_DEBUG, nullptr) == IRONWAL_OK);
    ironwal_wal *wal = open(options);
    append(wal);
    CHECK(ironwal_wal_close(wal, nullptr) == IRONWAL_OK);
}

void release(const std::string &path) {
    append(open(options_at(path)));
    ironwal_options *options = options_at(path + "-other");
    CHECK(ironwal_options_set_log_owned(options, on_log, 0, on_release, nullptr) == IRONWAL_OK);
    ironwal_options_free(options);
}

void durable(const std::string &path) {
    ironwal_wal *wal = open(options_at(path));
    append(wal);
    ironwal_stream *stream = nullptr;
    ironwal_mark mark;
    CHECK(ironwal_stream_open(wal, IRONWAL_STR("s"), &stream, nullptr) == IRONWAL_OK);
    CHECK(ironwal_stream_mark(stream, &mark, nullptr) == IRONWAL_OK);
    CHECK(ironwal_stream_on_durable(stream, mark, on_durable, 0, nullptr, nullptr) == IRONWAL_OK);
    ironwal_stream_free(stream);
    CHECK(ironwal_wal_close(wal, nullptr) == IRONWAL_OK);
}

void checkpoint_ids(const std::string &path) {
    append(open(options_at(path)));
    ironwal_options *options = options_at(path + "-other");
    ironwal_sharded_options *sharded_options = nullptr;
    ironwal_sharded *sharded = nullptr;
    CHECK(ironwal_sharded_options_new(2, &sharded_options, nullptr) == IRONWAL_OK);
    CHECK(ironwal_sharded_options_set_checkpoint_every_entries(sharded_options, 1, nullptr) == IRONWAL_OK);
    CHECK(ironwal_sharded_options_set_checkpoint_ids(sharded_options, on_checkpoint_id, 0, nullptr) == IRONWAL_OK);
    CHECK(ironwal_sharded_open(options, sharded_options, &sharded, nullptr) == IRONWAL_OK);
    ironwal_options_free(options);
    ironwal_sharded_options_free(sharded_options);
    CHECK(ironwal_sharded_append(sharded, IRONWAL_STR("k"), IRONWAL_STR("x"), nullptr, nullptr, nullptr) == IRONWAL_OK);
    std::size_t count = 0;
    while (count == 0) {
        std::this_thread::yield();
        CHECK(ironwal_sharded_checkpoint_count(sharded, &count, nullptr) == IRONWAL_OK);
    }
    CHECK(ironwal_sharded_close(sharded, nullptr) == IRONWAL_OK);
}

// The layer of C++, whose callables are behind noexcept.
void callable_durable(const std::string &path) {
    auto wal = ironwal::wal::open(path).value();
    wal.append("s", "entry").value();
    auto stream = wal.stream("s").value();
    auto mark = stream.mark().value();
    stream.on_durable(mark, [](ironwal::result<void>) { misbehave(); }).value();
    wal.close().value();
}

struct kind {
    const char *name;
    void (*provoke)(const std::string &);
};

const kind kinds[] = {
    {"log", log_messages},           {"release", release},           {"durable", durable},
    {"checkpoint ids", checkpoint_ids}, {"callable", callable_durable},
};

// Runs one of them in a child, and returns how it ended.
int ended(const kind &kind, const std::string &path, bool with_exception) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        const rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        // What the runtime prints on the way out is not of interest here.
        if (with_exception) std::freopen("/dev/null", "w", stderr);
        throws = with_exception;
        alarm(60);
        kind.provoke(path);
        std::_Exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

} // namespace

int main() {
    enter_directory();
    for (const kind &kind : kinds) {
        for (const bool with_exception : {false, true}) {
            const std::string name = std::string(kind.name) + (with_exception ? " throws" : " catches");
            const std::string path = path_of(name.c_str());
            const int status = ended(kind, path, with_exception);
            const bool is_right = with_exception ? WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT : status == 0;
            if (!is_right) std::fprintf(stderr, "%s, %d: status %d\n", kind.name, with_exception, status);
            CHECK(is_right);
            // The acknowledged entry is there, and the log is whole.
            auto wal = ironwal::wal::open(path).value();
            CHECK(wal.get("s", 0).value().text() == "entry");
            CHECK(wal.verify().value().is_clean());
            wal.close().value();
        }
    }
}
