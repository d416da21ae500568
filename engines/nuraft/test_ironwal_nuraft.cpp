// Does the log store keep what NuRaft asked it to keep, when it is opened again? Do three servers on it agree,
// also after all were started again, with and without parallel appending?
#include "ironwal_nuraft.hpp"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <optional>

#define CHECK(what)                                                                      \
    do {                                                                                 \
        if (!(what)) {                                                                   \
            std::cerr << __FILE__ << ':' << __LINE__ << ": not true: " << #what << '\n'; \
            std::_Exit(1);                                                               \
        }                                                                                \
    } while (0)

using ironwal_nuraft::log_store;
using ironwal_nuraft::state_mgr;
using nuraft::log_entry;
using nuraft::ptr;
using nuraft::ulong;

namespace {

// A directory that is gone at the end.
struct directory {
    directory() {
        char name[] = "/tmp/ironwal-nuraft-XXXXXX";
        CHECK(mkdtemp(name));
        path = name;
    }
    ~directory() { std::filesystem::remove_all(path); }
    std::string path;
};

ironwal::wal open(const std::string &path) {
    ironwal::options options(path);
    options.max_segment_size(1000);
    return ironwal_nuraft::open(std::move(options)).value();
}

// A log, and the stores of servers in it.
struct opened {
    explicit opened(const std::string &path) : wal(open(path)), state(wal, "server", 1, "127.0.0.1:1") {}
    log_store &log() { return *state.log(); }
    ironwal::wal wal;
    state_mgr state;
};

ptr<log_entry> entry(const std::string &text, ulong term) {
    auto data = nuraft::buffer::alloc(text.size());
    std::memcpy(data->data_begin(), text.data(), text.size());
    return nuraft::cs_new<log_entry>(term, data, nuraft::log_val_type::app_log, 77);
}

std::string text(const ptr<log_entry> &entry) {
    return std::string(reinterpret_cast<const char *>(entry->get_buf().data_begin()), entry->get_buf().size());
}

void append(log_store &log, ulong term, int count) {
    const ulong first = log.next_slot();
    for (int i = 0; i < count; ++i) {
        const auto index = log.next_slot();
        auto made = entry("entry " + std::to_string(index), term);
        CHECK(log.append(made) == index);
    }
    log.end_of_append_batch(first, static_cast<ulong>(count));
    CHECK(log.last_durable_index() == log.next_slot() - 1);
}

// The log holds the entries from start to next, each with its index as text.
void expect(log_store &log, ulong start, ulong next) {
    CHECK(log.start_index() == start && log.next_slot() == next);
    CHECK(!log.entry_at(start - 1) && !log.entry_at(next) && log.term_at(next) == 0 && log.term_at(start - 1) == 0);
    const auto all = log.log_entries(start, next);
    CHECK(all && all->size() == next - start && !log.log_entries(start, next + 1));
    for (ulong index = start; index < next; ++index) {
        const auto &found = (*all)[index - start];
        CHECK(text(found) == "entry " + std::to_string(index) && found->get_timestamp() == 77);
        CHECK(found->get_term() == log.term_at(index) && text(log.entry_at(index)) == text(found));
    }
    CHECK(start == next ? log.last_entry()->get_term() == 0 : text(log.last_entry()) == text(all->back()));
}

void the_store_is_the_same_when_it_is_opened_again() {
    const directory dir;
    const auto path = dir.path + "/log";
    std::optional<opened> on;
    const auto reopen = [&] { on.emplace(path); };
    const auto both_times = [&](ulong start, ulong next) {
        expect(on->log(), start, next);
        on.reset();
        reopen();
        expect(on->log(), start, next);
    };
    reopen();
    both_times(1, 1);
    append(on->log(), 1, 50);
    append(on->log(), 3, 10);
    both_times(1, 61);
    CHECK(on->log().term_at(50) == 1 && on->log().term_at(51) == 3);

    auto other = entry("entry 45", 4);
    on->log().write_at(45, other);
    both_times(1, 46);
    CHECK(on->log().term_at(44) == 1 && on->log().term_at(45) == 4);

    const auto pack = on->log().pack(30, 16);
    CHECK(pack);
    CHECK(on->log().compact(20) && on->log().compact(3));
    both_times(21, 46);
    CHECK(on->log().compact(45)); // all
    both_times(46, 46);
    append(on->log(), 5, 3);
    CHECK(on->log().compact(99)); // past the end
    both_times(100, 100);
    on->log().apply_pack(30, *pack);
    both_times(30, 46);
    CHECK(on->log().term_at(44) == 1 && on->log().term_at(45) == 4);
    on->log().apply_pack(30, *pack); // over the same
    both_times(30, 46);
    CHECK(on->log().log_entries_ext(30, 46, 10)->size() == 2 && on->log().log_entries_ext(30, 46, -1)->empty());

    auto empty = nuraft::cs_new<log_entry>(9, nullptr, nuraft::log_val_type::custom);
    on->log().append(empty);
    CHECK(on->log().flush() && on->log().last_durable_index() == 46);
    on.reset();
    reopen();
    const auto last = on->log().last_entry();
    CHECK(last->is_buf_null() && last->get_term() == 9 && last->get_val_type() == nuraft::log_val_type::custom);
}

// The process was ended: the store compacts the stream first, and knows of it when the disk is done.
void entries_that_are_compacted_while_they_are_read_are_no_failure() {
    const directory dir;
    opened on(dir.path + "/log");
    append(on.log(), 1, 2000);
    std::atomic<bool> done{false};
    std::thread compacting([&] {
        for (ulong last = 10; last < 2000; last += 10) CHECK(on.log().compact(last));
        done = true;
    });
    while (!done) {
        const auto first = on.log().start_index();
        const auto found = on.log().entry_at(first);
        CHECK(!found || text(found) == "entry " + std::to_string(first));
    }
    compacting.join();
    expect(on.log(), 1991, 2001);
}

void state_and_configuration_are_there_when_the_log_is_opened_again() {
    const directory dir;
    const auto path = dir.path + "/log";
    {
        opened on(path);
        CHECK(!on.state.read_state());
        CHECK(on.state.load_config()->get_servers().front()->get_endpoint() == "127.0.0.1:1");
        nuraft::srv_state state;
        state.set_term(7);
        state.set_voted_for(3);
        on.state.save_state(state);
        auto config = on.state.load_config();
        config->get_servers().push_back(nuraft::cs_new<nuraft::srv_config>(2, "two"));
        on.state.save_config(*config);
        const auto stream = on.wal.stream("server").value();
        CHECK(stream.is_durable(stream.mark().value()).value());
    }
    opened on(path);
    CHECK(on.state.read_state()->get_term() == 7 && on.state.read_state()->get_voted_for() == 3);
    CHECK(on.state.load_config()->get_servers().back()->get_endpoint() == "two");
}

void a_failure_reaches_its_handler() {
    const directory dir;
    auto wal = open(dir.path + "/log");
    std::string what;
    log_store log(wal.stream("server").value(), [&](const std::string &failed) { what = failed; });
    auto made = entry("entry 1", 1);
    log.append(made);
    log.write_at(5, made);
    CHECK(what.find("does not follow") != std::string::npos);
    CHECK(wal.close().ok()); // under its feet
    what.clear();
    log.append(made);
    CHECK(what.find("cannot be written") != std::string::npos);
    what.clear();
    log.end_of_append_batch(1, 1);
    CHECK(what.find("cannot be made durable") != std::string::npos);
    CHECK(!log.flush() && !log.compact(1) && log.next_slot() == 2);
}

// Three servers ------------------------------------------------------------------------------

class machine : public nuraft::state_machine {
public:
    ptr<nuraft::buffer> commit(const ulong index, nuraft::buffer &data) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        values_[index] = std::string(reinterpret_cast<const char *>(data.data_begin()), data.size());
        last_ = index;
        return nullptr;
    }
    void commit_config(const ulong index, ptr<nuraft::cluster_config> &) override { last_ = index; }
    bool apply_snapshot(nuraft::snapshot &) override { return false; }
    ptr<nuraft::snapshot> last_snapshot() override { return nullptr; }
    ulong last_commit_index() override { return last_; }
    void create_snapshot(nuraft::snapshot &, nuraft::async_result<bool>::handler_type &done) override {
        ptr<std::exception> none;
        bool made = false;
        done(made, none);
    }
    std::map<ulong, std::string> values() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return values_;
    }

private:
    std::mutex mutex_;
    std::map<ulong, std::string> values_;
    std::atomic<ulong> last_{0};
};

struct server {
    server(const std::string &dir, int id, int base_port, bool parallel)
        : wal(open(dir + "/" + std::to_string(id))), state(nuraft::cs_new<state_mgr>(wal, "server", id, endpoint(id, base_port))) {
        nuraft::raft_params params;
        params.heart_beat_interval_ = 50;
        params.election_timeout_lower_bound_ = 200;
        params.election_timeout_upper_bound_ = 400;
        params.snapshot_distance_ = 0;
        params.return_method_ = nuraft::raft_params::blocking;
        params.client_req_timeout_ = 10000;
        params.parallel_log_appending_ = parallel;
        raft = launcher.init(values, state, nullptr, base_port + id, {}, params);
        CHECK(raft);
        if (parallel) state->log()->notify(raft.get());
    }
    ~server() {
        state->log()->notify(nullptr);
        CHECK(launcher.shutdown(20));
        raft.reset();
    }
    static std::string endpoint(int id, int base_port) { return "127.0.0.1:" + std::to_string(base_port + id); }

    ironwal::wal wal;
    ptr<state_mgr> state;
    ptr<machine> values = nuraft::cs_new<machine>();
    nuraft::raft_launcher launcher;
    ptr<nuraft::raft_server> raft;
};

template <class Condition>
void wait_until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
        CHECK(std::chrono::steady_clock::now() < end);
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

void three_servers_agree_also_when_they_are_started_again(bool parallel, int base_port) {
    const directory dir;
    int sent = 0;
    for (int round = 0; round < 3; ++round) {
        std::map<int, std::unique_ptr<server>> servers;
        for (int id = 1; id <= 3; ++id) servers[id] = std::make_unique<server>(dir.path, id, base_port, parallel);
        const auto leader = [&]() -> server * {
            for (auto &[id, server] : servers)
                if (server->raft->is_leader()) return server.get();
            return nullptr;
        };
        if (round == 0) {
            wait_until([&] { return servers[1]->raft->is_leader(); });
            for (int id = 2; id <= 3; ++id) {
                const nuraft::srv_config config(id, server::endpoint(id, base_port));
                wait_until([&] { return servers[1]->raft->add_srv(config)->get_result_code() == nuraft::cmd_result_code::OK ||
                                        servers[1]->raft->get_srv_config(id); });
                wait_until([&] { return servers[id]->raft->is_initialized(); });
            }
        }
        wait_until([&] { return leader() != nullptr; });
        for (int i = 0; i < 50; ++i) {
            const auto value = "value " + std::to_string(++sent);
            wait_until([&] {
                auto *to = leader();
                return to && to->raft->append_entries({entry(value, 0)->get_buf_ptr()})->get_result_code() == nuraft::cmd_result_code::OK;
            });
        }
        // Each value was acknowledged: it is everywhere, at one index.
        wait_until([&] {
            const auto all = servers[1]->values->values();
            return servers[2]->values->values() == all && servers[3]->values->values() == all && all.size() >= static_cast<std::size_t>(sent);
        });
        std::map<std::string, int> times;
        for (const auto &[index, value] : servers[1]->values->values()) ++times[value];
        for (int i = 1; i <= sent; ++i) CHECK(times["value " + std::to_string(i)] >= 1);
    }
}

} // namespace

int main() {
    the_store_is_the_same_when_it_is_opened_again();
    entries_that_are_compacted_while_they_are_read_are_no_failure();
    state_and_configuration_are_there_when_the_log_is_opened_again();
    a_failure_reaches_its_handler();
    three_servers_agree_also_when_they_are_started_again(false, 20'100);
    three_servers_agree_also_when_they_are_started_again(true, 20'110);
    return 0;
}
