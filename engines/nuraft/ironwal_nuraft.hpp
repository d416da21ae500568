// ironwal_nuraft.hpp: the log store and the state manager of eBay NuRaft on ironwal. C++17. See README.md.
//
// How does the log of a NuRaft server become a stream?
//
//     NuRaft                         ironwal
//     index of an entry              id of an entry
//     append                         append at the expected id, in the kernel on return
//     write_at                       replace_suffix, durable on return
//     end_of_append_batch, flush     sync; with parallel appending on_durable instead, without waiting
//     compact                        truncate_prefix; past the end reset
//     apply_pack                     append, replace_suffix or reset, by where it begins
//     save_state, save_config        the properties "state" and "config", durable on return
//
// All of a server goes to one stream and reaches the disk in the order of the calls.
#ifndef IRONWAL_NURAFT_HPP
#define IRONWAL_NURAFT_HPP

#include <libnuraft/nuraft.hxx>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <ironwal.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace ironwal_nuraft {

// What is done when the disk fails in a call that returns nothing. It should end the process: the server
// must not answer as if what failed were durable.
using failure_handler = std::function<void(const std::string &)>;

inline void abort_on_failure(const std::string &what) {
    std::fprintf(stderr, "ironwal_nuraft: %s\n", what.c_str());
    std::abort();
}

// Opens a log for servers: `wal_options` are the caller's own. Entries are readable before they are synced; a
// damaged log is not opened, as a server that lost durable entries must not vote as if it had them.
inline ironwal::result<ironwal::wal> open(ironwal::options wal_options) {
    wal_options.sync_mode(ironwal::sync_mode::async).on_corruption(ironwal::corruption_policy::error);
    return ironwal::wal::open(wal_options);
}

namespace detail {

// An entry: the layout, the term, the type, the time, flags, the CRC, then the data; numbers little-endian.
constexpr std::uint8_t layout = 1, has_crc = 1, has_buffer = 2;
constexpr std::size_t head = 1 + 8 + 1 + 8 + 1 + 4;

inline void put(std::string &to, std::uint64_t number, int bytes) {
    for (int i = 0; i < bytes; ++i) to.push_back(static_cast<char>(number >> (8 * i)));
}

inline std::uint64_t take(const std::uint8_t *from, int bytes) {
    std::uint64_t number = 0;
    for (int i = 0; i < bytes; ++i) number |= std::uint64_t{from[i]} << (8 * i);
    return number;
}

inline std::string encode(const nuraft::log_entry &entry) {
    std::string bytes;
    const bool filled = !entry.is_buf_null();
    const std::size_t size = filled ? entry.get_buf().size() : 0;
    bytes.reserve(head + size);
    put(bytes, layout, 1);
    put(bytes, entry.get_term(), 8);
    put(bytes, static_cast<std::uint8_t>(entry.get_val_type()), 1);
    put(bytes, entry.get_timestamp(), 8);
    put(bytes, (entry.has_crc32() ? has_crc : 0) | (filled ? has_buffer : 0), 1);
    put(bytes, entry.get_crc32(), 4);
    if (size) bytes.append(reinterpret_cast<const char *>(entry.get_buf().data_begin()), size);
    return bytes;
}

// Null: not an entry of this layout.
inline nuraft::ptr<nuraft::log_entry> decode(const std::uint8_t *bytes, std::size_t size) {
    if (size < head || bytes[0] != layout) return nullptr;
    const std::uint8_t flags = bytes[18];
    nuraft::ptr<nuraft::buffer> data;
    if (flags & has_buffer) {
        data = nuraft::buffer::alloc(size - head);
        if (size > head) std::memcpy(data->data_begin(), bytes + head, size - head);
        data->pos(0);
    }
    return nuraft::cs_new<nuraft::log_entry>(take(bytes + 1, 8), data, static_cast<nuraft::log_val_type>(bytes[9]),
                                             take(bytes + 10, 8), (flags & has_crc) != 0,
                                             static_cast<std::uint32_t>(take(bytes + 19, 4)), false);
}

inline std::vector<ironwal::bytes> views_of(const std::vector<std::string> &entries) {
    return std::vector<ironwal::bytes>(entries.begin(), entries.end());
}

// Calls the server when entries are durable, on a thread of its own: the call takes the server's lock, and a
// callback of ironwal must not wait.
class notifier {
public:
    explicit notifier(nuraft::raft_server *server) : server_(server), thread_([this] { run(); }) {}

    // Waits for the callbacks that were registered.
    ~notifier() {
        {
            std::unique_lock<std::mutex> lock(mutex_);
            changed_.wait(lock, [&] { return pending_ == 0; });
            stopped_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

    bool add(ironwal::stream &stream, const ironwal::mark &mark) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            ++pending_;
        }
        if (stream.on_durable(mark, &notifier::called, reinterpret_cast<std::uintptr_t>(this)).ok()) return true;
        const std::lock_guard<std::mutex> lock(mutex_);
        --pending_;
        return false;
    }

private:
    static void called(std::uintptr_t ctx, ironwal_mark, ironwal_status status) noexcept {
        auto &self = *reinterpret_cast<notifier *>(ctx);
        const std::lock_guard<std::mutex> lock(self.mutex_);
        self.failed_ |= status != IRONWAL_OK;
        self.due_ = true;
        --self.pending_;
        // Under the lock: once it is released, this object may be gone.
        self.changed_.notify_all();
    }

    void run() {
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            changed_.wait(lock, [&] { return due_ || stopped_; });
            if (stopped_) return;
            due_ = false;
            const bool ok = !failed_;
            lock.unlock();
            server_->notify_log_append_completion(ok);
            lock.lock();
        }
    }

    nuraft::raft_server *server_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t pending_ = 0;
    bool due_ = false, failed_ = false, stopped_ = false;
    std::thread thread_;
};

} // namespace detail

// Any thread may call it; one at a time writes, as NuRaft does.
class log_store : public nuraft::log_store {
public:
    explicit log_store(ironwal::stream stream, failure_handler failed = abort_on_failure)
        : failed_(std::move(failed)), stream_(std::move(stream)) {
        next_ = stream_.next_id().value();
        if (next_ == 0) next_ = stream_.reset(1).value().end; // NuRaft begins with index 1
        first_ = stream_.first_id().value();
        for (nuraft::ulong from = first_; from < next_; from = end_of_term(from)) terms_[from] = stored_term(from);
    }

    // For raft_params::parallel_log_appending_: from now on the end of a batch waits for no disk, and the
    // server is notified. Null, before the server is destroyed: no more.
    void notify(nuraft::raft_server *server) {
        auto notifier = server ? std::make_unique<detail::notifier>(server) : nullptr;
        {
            const std::lock_guard<std::mutex> lock(writer_);
            std::swap(notifier, notifier_);
        }
        // The old one is destroyed here, without a lock: it waits for callbacks.
    }

    nuraft::ulong next_slot() const override { return held().second; }
    nuraft::ulong start_index() const override { return held().first; }

    nuraft::ptr<nuraft::log_entry> last_entry() const override {
        const auto [first, next] = held();
        auto last = first < next ? read(next - 1) : nullptr;
        return last ? last : nuraft::cs_new<nuraft::log_entry>(0, nuraft::buffer::alloc(sizeof(nuraft::ulong)));
    }

    nuraft::ulong append(nuraft::ptr<nuraft::log_entry> &entry) override {
        const std::lock_guard<std::mutex> lock(writer_);
        const auto index = held().second;
        write(index, {detail::encode(*entry)}, {entry->get_term()});
        return index;
    }

    void write_at(nuraft::ulong index, nuraft::ptr<nuraft::log_entry> &entry) override {
        const std::lock_guard<std::mutex> lock(writer_);
        write(index, {detail::encode(*entry)}, {entry->get_term()});
    }

    void end_of_append_batch(nuraft::ulong, nuraft::ulong) override {
        {
            const std::lock_guard<std::mutex> lock(writer_);
            if (notifier_) {
                const auto mark = stream_.mark();
                if (!mark.ok() || !notifier_->add(stream_, mark.value())) failed_("entries cannot be made durable");
                return;
            }
        }
        check(stream_.sync(), "entries cannot be made durable");
    }

    nuraft::ptr<std::vector<nuraft::ptr<nuraft::log_entry>>> log_entries(nuraft::ulong start,
                                                                         nuraft::ulong end) override {
        return entries(start, end, 0);
    }

    nuraft::ptr<std::vector<nuraft::ptr<nuraft::log_entry>>> log_entries_ext(nuraft::ulong start, nuraft::ulong end,
                                                                             nuraft::int64 hint) override {
        if (hint < 0) return nuraft::cs_new<std::vector<nuraft::ptr<nuraft::log_entry>>>();
        return entries(start, end, static_cast<std::uint64_t>(hint));
    }

    nuraft::ptr<nuraft::log_entry> entry_at(nuraft::ulong index) override { return read(index); }

    nuraft::ulong term_at(nuraft::ulong index) override {
        const std::lock_guard<std::mutex> lock(held_);
        if (index < first_ || index >= next_) return 0;
        return std::prev(terms_.upper_bound(index))->second;
    }

    nuraft::ptr<nuraft::buffer> pack(nuraft::ulong index, nuraft::int32 count) override {
        std::string packed;
        detail::put(packed, static_cast<std::uint32_t>(count), 4);
        for (nuraft::int32 i = 0; i < count; ++i) {
            const auto stored = stream_.get(index + static_cast<nuraft::ulong>(i));
            if (!stored.ok()) return nullptr;
            detail::put(packed, stored.value().size(), 4);
            packed.append(stored.value().text());
        }
        auto out = nuraft::buffer::alloc(packed.size());
        std::memcpy(out->data_begin(), packed.data(), packed.size());
        out->pos(0);
        return out;
    }

    void apply_pack(nuraft::ulong index, nuraft::buffer &pack) override {
        const std::uint8_t *at = pack.data_begin(), *const end = at + pack.size();
        const auto left = [&] { return static_cast<std::size_t>(end - at); };
        if (left() < 4) return failed_("a pack of entries is cut short");
        auto count = detail::take(at, 4);
        std::vector<std::string> entries;
        std::vector<nuraft::ulong> terms;
        for (at += 4; count > 0; --count) {
            if (left() < 4) return failed_("a pack of entries is cut short");
            const auto size = static_cast<std::size_t>(detail::take(at, 4));
            at += 4;
            if (left() < size || size < detail::head || *at != detail::layout)
                return failed_("a pack of entries is cut short, or of another layout");
            entries.emplace_back(reinterpret_cast<const char *>(at), size);
            terms.push_back(detail::take(at + 1, 8));
            at += size;
        }
        if (entries.empty()) return;
        const std::lock_guard<std::mutex> lock(writer_);
        write(index, entries, terms, true);
        check(stream_.sync(), "a pack of entries cannot be made durable");
    }

    bool compact(nuraft::ulong last_log_index) override {
        const std::lock_guard<std::mutex> lock(writer_);
        const auto [first, next] = held();
        const auto kept = last_log_index + 1;
        if (kept <= first) return true;
        const bool past = kept > next;
        if (past ? !stream_.reset(kept).ok() : !stream_.truncate_prefix(kept).ok()) return false;
        const std::lock_guard<std::mutex> change(held_);
        first_ = kept;
        next_ = std::max(next, kept);
        if (first_ == next_) terms_.clear();
        while (terms_.size() > 1 && std::next(terms_.begin())->first <= first_) terms_.erase(terms_.begin());
        return true;
    }

    bool flush() override { return stream_.sync().ok(); }

    nuraft::ulong last_durable_index() override {
        const auto end = stream_.durable_end();
        return end.ok() && end.value() > 0 ? end.value() - 1 : 0;
    }

private:
    std::pair<nuraft::ulong, nuraft::ulong> held() const {
        const std::lock_guard<std::mutex> lock(held_);
        return {first_, next_};
    }

    template <class Result>
    bool check(const Result &done, const char *what) const {
        if (!done.ok()) failed_(std::string(what) + ": " + std::string(done.error().message()));
        return done.ok();
    }

    // Null: there is no such entry.
    nuraft::ptr<nuraft::log_entry> read(nuraft::ulong index) const {
        const auto [first, next] = held();
        if (index < first || index >= next) return nullptr;
        const auto stored = stream_.get(index);
        if (!stored.ok()) {
            if (!is_gone(index, stored.status())) check(stored, "an entry cannot be read");
            return nullptr;
        }
        auto entry = detail::decode(stored.value().data(), stored.value().size());
        if (!entry) failed_("an entry is of another layout");
        return entry;
    }

    // Whether an entry that was not found was compacted or replaced meanwhile. The stream is asked: first_ and
    // next_ follow when the disk is done.
    bool is_gone(nuraft::ulong index, ironwal_status status) const {
        if (status != IRONWAL_E_NOT_FOUND) return false;
        const auto first = stream_.first_id(), next = stream_.next_id();
        return (first.ok() && index < first.value()) || (next.ok() && index >= next.value());
    }

    nuraft::ptr<std::vector<nuraft::ptr<nuraft::log_entry>>> entries(nuraft::ulong start, nuraft::ulong end,
                                                                     std::uint64_t hint) const {
        auto found = nuraft::cs_new<std::vector<nuraft::ptr<nuraft::log_entry>>>();
        std::uint64_t bytes = 0;
        for (auto index = start; index < end; ++index) {
            auto entry = read(index);
            if (!entry) return nullptr;
            bytes += entry->is_buf_null() ? 0 : entry->get_buf().size();
            found->push_back(std::move(entry));
            if (hint > 0 && bytes >= hint) break;
        }
        return found;
    }

    // Writes entries where they belong; under the writer's lock. Durable on return unless it is an append. Only a
    // pack may begin elsewhere: what is in front of it is in a snapshot.
    void write(nuraft::ulong index, const std::vector<std::string> &entries, const std::vector<nuraft::ulong> &terms,
               bool may_begin_elsewhere = false) {
        const auto [first, next] = held();
        const auto views = detail::views_of(entries);
        bool written = false;
        if (index == next)
            written = check(stream_.append_with(views, {}, ironwal::durability::written, index), "entries cannot be written");
        else if (index >= first && index < next)
            written = check(stream_.replace_suffix(index, views), "entries cannot be replaced");
        else if (may_begin_elsewhere)
            written = check(stream_.reset(index, views), "entries cannot be written behind a snapshot");
        else
            failed_("an entry at " + std::to_string(index) + " does not follow: the log holds " + std::to_string(first) +
                    " to " + std::to_string(next));
        if (!written) return;
        const std::lock_guard<std::mutex> change(held_);
        if (index < first_ || index > next_) {
            first_ = index;
            terms_.clear();
        }
        terms_.erase(terms_.lower_bound(index), terms_.end());
        for (std::size_t i = 0; i < terms.size(); ++i)
            if (terms_.empty() || terms_.rbegin()->second != terms[i]) terms_[index + i] = terms[i];
        next_ = index + entries.size();
    }

    nuraft::ulong stored_term(nuraft::ulong index) const {
        const auto stored = stream_.get(index);
        const auto &bytes = stored.value(); // throws while the store is opened
        if (bytes.size() < detail::head || bytes.data()[0] != detail::layout)
            throw std::runtime_error("ironwal_nuraft: an entry is of another layout");
        return detail::take(bytes.data() + 1, 8);
    }

    // One past the last entry with the term of the entry at `from`: terms never fall, so it is searched for.
    nuraft::ulong end_of_term(nuraft::ulong from) const {
        const auto term = stored_term(from);
        auto low = from + 1, high = next_;
        while (low < high) {
            const auto middle = low + (high - low) / 2;
            if (stored_term(middle) == term) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    failure_handler failed_;
    mutable std::mutex held_; // of the three below; no call to the disk is made under it
    nuraft::ulong first_ = 1, next_ = 1;
    std::map<nuraft::ulong, nuraft::ulong> terms_; // the first index of each run of equal terms
    std::mutex writer_;
    ironwal::stream stream_;
    std::unique_ptr<detail::notifier> notifier_; // destroyed first: it waits for callbacks
};

// Term, vote, configuration and log of one server in one stream. Configuration and state together take at
// most about 4 KiB.
class state_mgr : public nuraft::state_mgr {
public:
    // `endpoint` is this server's: its first configuration, which is stored nowhere, has it alone.
    state_mgr(const ironwal::wal &wal, const std::string &name, nuraft::int32 server_id, const std::string &endpoint,
              failure_handler failed = abort_on_failure)
        : failed_(failed), stream_(wal.stream(name).value()), server_id_(server_id), endpoint_(endpoint),
          log_(nuraft::cs_new<log_store>(wal.stream(name).value(), std::move(failed))) {}

    nuraft::ptr<nuraft::cluster_config> load_config() override {
        if (auto stored = property("config")) return nuraft::cluster_config::deserialize(*stored);
        auto config = nuraft::cs_new<nuraft::cluster_config>();
        config->get_servers().push_back(nuraft::cs_new<nuraft::srv_config>(server_id_, endpoint_));
        return config;
    }

    void save_config(const nuraft::cluster_config &config) override { save("config", *config.serialize()); }
    void save_state(const nuraft::srv_state &state) override { save("state", *state.serialize()); }

    nuraft::ptr<nuraft::srv_state> read_state() override {
        auto stored = property("state");
        return stored ? nuraft::srv_state::deserialize(*stored) : nullptr;
    }

    nuraft::ptr<nuraft::log_store> load_log_store() override { return log_; }
    nuraft::ptr<log_store> log() const { return log_; }
    nuraft::int32 server_id() override { return server_id_; }
    void system_exit(const int exit_code) override { failed_("NuRaft gives up, code " + std::to_string(exit_code)); }

private:
    nuraft::ptr<nuraft::buffer> property(const char *key) const {
        const auto stored = stream_.property(std::string_view(key));
        if (!stored.ok()) {
            if (stored.status() != IRONWAL_E_NOT_FOUND) failed_(std::string(stored.error().message()));
            return nullptr;
        }
        auto bytes = nuraft::buffer::alloc(stored.value().size());
        std::memcpy(bytes->data_begin(), stored.value().data(), bytes->size());
        bytes->pos(0);
        return bytes;
    }

    void save(const char *key, nuraft::buffer &value) {
        const std::string_view bytes(reinterpret_cast<const char *>(value.data_begin()), value.size());
        const auto saved = stream_.set_properties({ironwal::property_change::set(std::string_view(key), bytes)},
                                                  ironwal::durability::durable);
        if (!saved.ok()) failed_(std::string(key) + " cannot be saved: " + std::string(saved.error().message()));
    }

    failure_handler failed_;
    ironwal::stream stream_;
    nuraft::int32 server_id_;
    std::string endpoint_;
    nuraft::ptr<log_store> log_;
};

} // namespace ironwal_nuraft

#endif
