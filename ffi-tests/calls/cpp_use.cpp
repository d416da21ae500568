// Does ironwal.hpp fit in with the standard library: paths, durations, ranges, error codes, callables,
// members, copies and, since C++20, spans and coroutines?
#include "check.h"

#include <ironwal.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <functional>
#include <list>
#include <mutex>
#include <new>
#include <sstream>
#include <string>
#include <thread>

using namespace std::chrono_literals;

static std::atomic<long> allocations{0};
// Not inlined: gcc takes the free() of one for a mismatch with the other (-Wmismatched-new-delete).
[[gnu::noinline]] void *operator new(std::size_t size) {
    ++allocations;
    void *memory = std::malloc(size ? size : 1);
    if (!memory) std::abort();
    return memory;
}
[[gnu::noinline]] void operator delete(void *memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }

static_assert(!std::is_constructible_v<bool, ironwal::result<bool>>);
static_assert(std::is_constructible_v<bool, ironwal::result<std::uint64_t>>);
static_assert(std::is_copy_constructible_v<ironwal::options> && std::is_nothrow_move_constructible_v<ironwal::options>);
static_assert(std::is_nothrow_copy_constructible_v<ironwal::failure>);
static_assert(!std::is_copy_constructible_v<ironwal::durable_ticket>);
static_assert(ironwal::duration_in(-1h).ns() == 0 && ironwal::duration_in(1500us).ns() == 1500000);
static_assert(ironwal::duration_in(std::chrono::hours::max()).ns() == UINT64_MAX);
static_assert(ironwal::duration_in(std::chrono::duration<double>(0.5)).ns() == 500000000);
static_assert(ironwal::count_in(-1).is_negative() && !ironwal::count_in(UINT64_MAX).is_negative());

// Handles as members, filled later.
struct game {
    ironwal::wal log;
    ironwal::stream moves;
    ironwal::entries replay;
    ironwal::txn turn;
    ironwal::sharded players;
};

static void members_and_handles() {
    game game;
    CHECK(!game.log && !game.moves && !game.replay && !game.turn && !game.players);
    const auto none = game.moves.append("x");
    CHECK(none.status() == IRONWAL_E_INVALID_ARG);
    CHECK(none.error().message().find("closed, moved from, or never opened") != std::string_view::npos);
    CHECK(game.replay.next().status() == IRONWAL_E_INVALID_ARG);
#ifdef _WIN32
    /* A path of Windows holds no UTF-8. */
    const std::string members = path_of("members");
#else
    const std::filesystem::path members = path_of("members");
#endif
    game.log = ironwal::wal::open(members).value();
    game.moves = game.log.stream("moves").value();
    CHECK(game.log && game.moves);

    // A function of ironwal.h on it, then away and back.
    bool is_read_only = true;
    CHECK(ironwal_wal_is_read_only(game.log.native_handle(), &is_read_only, nullptr) == IRONWAL_OK && !is_read_only);
    ironwal_stream *raw = game.moves.release();
    CHECK(raw && !game.moves);
    game.moves = ironwal::stream(raw);
    game.turn = game.moves.begin().value();
    game.turn.add("e4").value();
    game.turn.abort();
    CHECK(!game.turn);
    game.turn = game.moves.begin().value();
    game.turn.add("d4").value();
    game.turn.add("d5").value();
    CHECK(game.turn.commit().value().end == 2);
    game.replay = game.moves.iter().value();
    CHECK(game.replay.next()->text() == "d4");
    game.log.close().value();
    CHECK(!game.log && game.log.close().status() == IRONWAL_E_INVALID_ARG);
}

static void results_and_errors(ironwal::stream &stream) {
    const auto id = stream.append("one").value();
    CHECK(stream.next_id().value_or(77) == id + 1 && stream.first_id().value_or(77) == 0);
    CHECK(ironwal::stream().next_id().value_or(77) == 77);
    CHECK(stream.next_id().and_then([&](auto end) { return stream.get(end - 1); })->text() == "one");
    CHECK(stream.get(id).transform([](const auto &entry) { return entry.size(); }).value() == 3);
    const auto missing = stream.get(id + 1).transform([](const auto &entry) { return entry.size(); });
    CHECK(missing.status() == IRONWAL_E_NOT_FOUND);
    CHECK(stream.sync().and_then([&] { return stream.next_id(); }).value() == id + 1);

    // An expected outcome allocates nothing.
    auto entries = stream.iter(id + 1).value();
    const long before = allocations;
    for (int times = 0; times < 10; ++times) {
        CHECK(entries.next().status() == IRONWAL_E_END && stream.get(1 << 30).status() == IRONWAL_E_NOT_FOUND);
        CHECK(entries.next().error().message() == "IRONWAL_E_END");
        CHECK(stream.append_batch({"a", "b"}).ok() && entries.next().ok() && entries.next().ok());
    }
    CHECK(allocations == before);

    std::ostringstream out;
    const auto refused = stream.append_at(0, "x");
    out << refused.error();
    CHECK(out.str() == refused.error().message() && out.str().size() > 20);
    const std::error_code code = refused.error().code();
    CHECK(code.value() == IRONWAL_E_SEQUENCE_MISMATCH && code.message() == "IRONWAL_E_SEQUENCE_MISMATCH");
    CHECK(&code.category() == &ironwal::status_category() && code != std::errc::invalid_argument);
    CHECK(ironwal::stream().sync().error().code() == std::errc::invalid_argument);
    CHECK(stream.wait_durable(1 << 20, 0s).error().code() == std::errc::timed_out);
#if defined(__cpp_exceptions)
    try {
        stream.append_at(0, "x").value();
        CHECK(false);
    } catch (const ironwal::failure &failure) {
        CHECK(failure.status() == IRONWAL_E_SEQUENCE_MISMATCH && failure.error().sequence()->expected == 0);
    }
#endif
}

struct order {
    std::uint64_t price;
    std::uint32_t count;
    std::uint32_t side;
};

static void bytes_of_all_kinds(ironwal::wal &wal, ironwal::stream &stream) {
    const std::vector<std::string> strings = {"a", std::string(1, '\0'), ""};
    const std::array<std::string_view, 2> views = {"b", "c"};
    const std::list<std::vector<std::uint8_t>> list = {{1}, {2, 3}};
    const ironwal::bytes array[2] = {"d", "e"};
    CHECK(stream.append_batch(strings).value().end == stream.next_id().value());
    CHECK(stream.get(stream.next_id().value() - 2)->text() == strings[1]);
    CHECK(stream.append_batch(views).ok() && wal.append_batch("s", list).ok() && wal.append_batch("s", array).ok());
    CHECK(stream.last()->second.text() == "e");
    // More parts than need no memory.
    const std::vector<std::string> many(40, "xy");
    const auto ids = stream.append_batch(many).value();
    CHECK(ids.end - ids.first == 40 && stream.get(ids.end - 1)->text() == "xy" && stream.get(ids.first)->text() == "xy");
    CHECK(stream.get(stream.append_vectored(many).value())->size() == 80);
    CHECK(stream.get(wal.append_vectored("s", views).value())->text() == "bc");

    const order placed = {100, 7, 1};
    const auto id = stream.append(ironwal::bytes_of(placed)).value();
    CHECK(stream.get(id)->to<order>()->count == 7 && !stream.get(id)->to<std::uint32_t>());
    CHECK(stream.view(id)->to<order>()->price == 100);
    auto entries = stream.iter(id).value();
    const auto entry = entries.next().value();
    CHECK(entry.to<order>()->side == 1 && std::distance(entry.begin(), entry.end()) == sizeof(order));
    CHECK(stream.append(entry).ok());
    const auto [bound_id, view] = entry;
    CHECK(bound_id == id && view.len == sizeof(order));

    std::array<std::uint8_t, 16> memory{};
    char small[15];
    CHECK(stream.get_into(id, memory).value() == 16 && memory[8] == 7);
    CHECK(wal.get_into("s", id, memory).value() == 16);
    CHECK(stream.get_into(id, small).status() == IRONWAL_E_BUFFER_TOO_SMALL);

    // The same text in C++17, where it is of char, and in C++20, where it is of char8_t.
    CHECK(stream.get(stream.append(u8"\u00e9").value())->size() == 2);
    CHECK(wal.append(u8"\u00e9", "x").value() == 0 && wal.get("\xc3\xa9", 0).ok());
#if defined(__cpp_lib_span)
    const std::vector<ironwal::bytes> two = {"one", "two"};
    auto spanned = wal.stream("spanned").value();
    CHECK(wal.batch().add(spanned, std::span<const ironwal::bytes>(two)).commit()->at(0).end == 2);
    CHECK(spanned.get(1)->text() == "two");
    std::span<std::uint8_t> part(memory.data(), 16);
    CHECK(stream.get_into(id, part).value() == 16 && stream.get_into(id, std::span(memory)).ok());
    CHECK(entries.begin()->value().span().size() == sizeof(order));
    const auto owned = stream.get(id).value();
    const std::span<const std::uint8_t> plain = owned;
    CHECK(plain.size() == owned.span().size() && stream.view(id)->span().size() == 16);
    CHECK(stream.append_batch(std::span<const ironwal::bytes>(array)).ok());
    CHECK(wal.append(std::u8string(u8"\u00e9"), "x").value() == 1);
#endif
}

static void steps_of_many(ironwal::stream &stream) {
    stream.reset(0).value();
    stream.append_batch(std::vector<std::string>(100, "entry")).value();
    auto entries = stream.iter().value();
    std::uint64_t next = 0;
    for (;;) {
        const auto found = entries.next_many(30);
        if (found.status() == IRONWAL_E_END) break;
        for (const auto &entry : found.value()) CHECK(entry.id == next++ && entry.text() == "entry");
    }
    CHECK(next == 100 && stream.iter()->next_many(1000, 11)->size() == 3);
    CHECK(entries.next_many(0).status() == IRONWAL_E_INVALID_ARG);
}

static void options_are_values() {
    const ironwal::options fast = ironwal::options(path_of("fast")).sync_mode(ironwal::sync_mode::async);
    auto small = fast;
    small.parse("max_entries_per_segment=2").max_segment_size(1u << 20).background_sync(1h, 1 << 20);
    auto wal = ironwal::wal::open(small).value();
    wal.append_batch("s", {"a", "b"}).value();
    CHECK(wal.append("s", "c").value() == 2 && wal.current_segment_start_id("s").value() == 2);
    wal.close().value();
    CHECK(ironwal::wal::open(fast)->append("s", "d").ok());
    small = fast;
    CHECK(ironwal::wal::open(small).ok());
    CHECK(ironwal::wal::open(fast).ok());
    auto moved = std::move(small);
    CHECK(ironwal::wal::open(moved).ok() && ironwal::wal::open(small).status() == IRONWAL_E_INVALID_ARG);

    for (auto refused : {ironwal::options(fast).max_segment_size(-1), ironwal::options(fast).sync_threads(-1),
                         ironwal::options(fast).journal_size(-1), ironwal::options(fast).journal_size(1),
                         ironwal::options(fast).commit_path(static_cast<ironwal::commit_path>(0)),
                         ironwal::options(fast).background_sync(1s, -1), ironwal::options(fast).parse("sync_mode=none")}) {
        const auto opened = ironwal::wal::open(refused);
        CHECK(!opened.ok() && opened.error().message().size() > 20);
        CHECK(ironwal::wal::open(ironwal::options(refused)).status() == opened.status());
    }
    CHECK(ironwal::wal::open(ironwal::options(fast).block_cache_size(-1)).error().message().find("negative") !=
          std::string_view::npos);
}

static void callables_that_capture() {
    struct counted {
        std::shared_ptr<int> alive = std::make_shared<int>(0);
    } counted;
    std::mutex lock;
    std::vector<std::string> messages;
    {
        ironwal::options options(path_of("callables"));
        options.log([&, held = counted.alive](ironwal::log_level level, std::string_view text) {
            const std::lock_guard<std::mutex> locked(lock);
            if (level == ironwal::log_level::info) messages.emplace_back(text);
        });
        auto wal = ironwal::wal::open(options).value();
        auto stream = wal.stream("s").value();
        options.log(nullptr, 0).log_level(ironwal::log_level::error);
        CHECK(counted.alive.use_count() == 2 && !messages.empty());

        std::atomic<int> calls{0};
        stream.append("x").value();
        auto ticket = stream.on_durable(stream.mark().value(), [&, held = counted.alive](const ironwal::result<void> &outcome) {
                                calls += outcome.ok() ? 1 : 100;
                            }).value();
        const bool cancelled = stream.cancel_durable(ticket).value();
        CHECK(calls == (cancelled ? 0 : 1) && !stream.cancel_durable(ticket).value());
        CHECK(counted.alive.use_count() == 2);
        CHECK(!stream.on_durable(ironwal::mark(ironwal_mark{1, 12345}), [held = counted.alive](auto) {}).ok());
        CHECK(counted.alive.use_count() == 2);
        wal.close().value();
    }
    CHECK(counted.alive.use_count() == 1);
}

static void waits(ironwal::wal &wal) {
    auto stream = wal.stream("w").value();
    std::thread appender([&] {
        std::this_thread::sleep_for(20ms);
        stream.append("first").value();
    });
    stream.wait_durable(0).value();
    appender.join();
    CHECK(stream.wait_durable(0, std::chrono::hours::max()).ok() && stream.wait_durable(0, ironwal::forever).ok());
    CHECK(stream.wait_durable(9, std::chrono::duration<float, std::milli>(1.5f)).status() == IRONWAL_E_TIMEOUT);

    auto followed = stream.follow().value();
    std::thread producer([&] {
        for (int number = 0; number < 20; ++number) stream.append("more").value();
    });
    std::uint64_t next = 0;
    for (const auto &entry : followed.live()) {
        CHECK(entry.value().id == next++);
        if (next == 21) break;
    }
    producer.join();
    for (const auto &entry : followed.live(1ms)) CHECK(!entry.ok());
    const auto canceller = followed.canceller().value();
    std::thread stopper([&] { canceller.cancel().value(); });
    for (const auto &entry : followed.live()) CHECK(!entry.ok());
    stopper.join();
}

#if defined(__cpp_impl_coroutine)
struct task {
    struct promise_type {
        task get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() noexcept { std::abort(); }
    };
};

// Appends until the last one is durable, and counts.
static task save(ironwal::stream &stream, int times, std::atomic<int> &done) {
    for (int number = 0; number < times; ++number) {
        const auto saved = stream.append_with({"x"}, {}, ironwal::durability::written).value();
        const ironwal::result<void> outcome = co_await stream.durable(saved.mark);
        CHECK(outcome.ok() && stream.durable_end().value() >= saved.ids.end);
    }
    ++done;
}

static task save_elsewhere(ironwal::stream &stream, std::function<void(std::coroutine_handle<>)> executor, std::atomic<int> &done) {
    const auto saved = stream.append_with({"y"}, {}, ironwal::durability::written).value();
    const auto outcome = co_await stream.durable(saved.mark, executor);
    CHECK(outcome.ok());
    CHECK((co_await stream.durable(saved.mark)).ok());
    CHECK((co_await stream.durable(ironwal::mark(ironwal_mark{1, 12345}))).status() == IRONWAL_E_CONFIG);
    ++done;
}

static void coroutines(ironwal::wal &wal) {
    auto stream = wal.stream("coroutines").value();
    std::atomic<int> done{0};
    for (int number = 0; number < 4; ++number) save(stream, 10, done);
    while (done < 4) std::this_thread::sleep_for(1ms);
    std::atomic<int> handed{0};
    save_elsewhere(stream, [&](std::coroutine_handle<> waiting) { ++handed, waiting.resume(); }, done);
    while (done < 5) std::this_thread::sleep_for(1ms);
    CHECK(handed <= 1);
}
#endif

static void checkpoints() {
    auto log = ironwal::sharded::open(path_of("sharded"), 2).value();
    const std::uint64_t key = 42;
    log.append(ironwal::bytes_of(key), "value").value();
    log.create_checkpoint("c").value();
    const auto age = std::chrono::system_clock::now() - log.load_checkpoint("c").value().timestamp();
    CHECK(age > -1min && age < 10min);
    CHECK(log.automatic_error().status() == IRONWAL_E_NOT_FOUND);
    log.close().value();
    ironwal::sharded_options options(2);
    options.checkpoint_every_entries(1000).checkpoint_interval(std::chrono::hours(1));
    CHECK(ironwal::sharded::open(ironwal::options(path_of("sharded")), options)->automatic_error().value().empty());
    options.checkpoint_every_entries(-1);
    CHECK(ironwal::sharded::open(ironwal::options(path_of("sharded")), options).status() == IRONWAL_E_INVALID_ARG);
}

int main() {
    enter_directory();
    auto options = ironwal::options(path_of("log")).sync_mode(ironwal::sync_mode::async);
    auto wal = ironwal::wal::open(options).value();
    auto stream = wal.stream("s").value();
    members_and_handles();
    results_and_errors(stream);
    bytes_of_all_kinds(wal, stream);
    steps_of_many(stream);
    options_are_values();
    callables_that_capture();
    waits(wal);
#if defined(__cpp_impl_coroutine)
    coroutines(wal);
#endif
    checkpoints();
    const auto report = wal.verify().value();
    for (const auto &finding : report.findings()) CHECK(ironwal::text(finding.what).empty());
    wal.close().value();
    return 0;
}
