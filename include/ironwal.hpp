// ironwal.hpp: ironwal for C++17. MPL-2.0.
//
// A thin, header-only layer over ironwal.h, whose comments hold here too: handles own what they
// stand for and are move-only, bytes and text go in as views, and every call that can fail returns
// a result. Nothing throws but result::value() and what is built on it.
//
//     auto wal = ironwal::wal::open("./orders").value();
//     auto id = wal.append("trades", "100@42").value();       // durable
//     for (const auto &entry : wal.iter("trades", 0).value())
//         if (entry) std::cout << entry->id << ": " << entry->text() << '\n';
//     wal.close().value();

#ifndef IRONWAL_HPP
#define IRONWAL_HPP

#include <ironwal.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace ironwal {

// Borrowed bytes that go in: made from text, and from anything with data() and size() whose
// elements are single bytes (std::vector<std::uint8_t>, std::array, std::span, std::string).
class bytes {
public:
    constexpr bytes() noexcept = default;
    constexpr bytes(const void *data, std::size_t size) noexcept : slice_{data, size} {}
    bytes(const char *text) noexcept : bytes(std::string_view(text)) {}
    bytes(std::string_view text) noexcept : slice_{text.data(), text.size()} {}

    template <class Container,
              class Element = std::remove_pointer_t<decltype(std::declval<const Container &>().data())>,
              class = std::enable_if_t<sizeof(Element) == 1 && std::is_trivially_copyable_v<Element> &&
                                       !std::is_same_v<Container, std::string_view> &&
                                       !std::is_same_v<Container, bytes>>>
    bytes(const Container &container) noexcept : slice_{container.data(), container.size()} {}

    const void *data() const noexcept { return slice_.data; }
    std::size_t size() const noexcept { return slice_.len; }
    ironwal_slice slice() const noexcept { return slice_; }

private:
    ironwal_slice slice_{nullptr, 0};
};

// The ids from first up to and without end.
struct id_range {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
};

namespace detail {

// Owns a C handle.
template <class Handle, auto Free>
class owner {
public:
    owner() noexcept = default;
    explicit owner(Handle *handle) noexcept : handle_(handle) {}
    owner(owner &&other) noexcept : handle_(other.release()) {}
    owner &operator=(owner &&other) noexcept {
        if (this != &other) {
            reset();
            handle_ = other.release();
        }
        return *this;
    }
    owner(const owner &) = delete;
    owner &operator=(const owner &) = delete;
    ~owner() { reset(); }

    Handle *get() const noexcept { return handle_; }
    Handle *release() noexcept { return std::exchange(handle_, nullptr); }
    void reset() noexcept {
        if (handle_) Free(release());
    }

private:
    Handle *handle_ = nullptr;
};

inline std::string_view view_of(ironwal_text text) noexcept {
    return text.data ? std::string_view(text.data, text.len) : std::string_view();
}

} // namespace detail

// Why a call did not succeed. Copies share what they know.
class error {
public:
    explicit error(ironwal_status status, ironwal_error *details = nullptr)
        : status_(status), details_(details, ironwal_error_free) {}

    ironwal_status status() const noexcept { return status_; }
    const char *name() const noexcept { return ironwal_status_name(status_); }
    // What happened, where, and what to do about it; the name where no more is known.
    std::string_view message() const noexcept {
        auto text = detail::view_of(ironwal_error_message(details_.get()));
        return text.empty() ? std::string_view(name()) : text;
    }
    std::int32_t os_error() const noexcept { return ironwal_error_os_error(details_.get()); }
    std::string_view stream() const noexcept {
        return detail::view_of(ironwal_error_stream(details_.get()));
    }
    std::string_view path() const noexcept {
        return detail::view_of(ironwal_error_path(details_.get()));
    }
    std::optional<std::uint64_t> offset() const noexcept {
        std::uint64_t offset = 0;
        if (!ironwal_error_offset(details_.get(), &offset)) return std::nullopt;
        return offset;
    }
    std::optional<id_range> ids() const noexcept {
        id_range ids;
        if (!ironwal_error_ids(details_.get(), &ids.first, &ids.end)) return std::nullopt;
        return ids;
    }

private:
    ironwal_status status_;
    std::shared_ptr<ironwal_error> details_;
};

// What result::value() throws.
class failure : public std::runtime_error {
public:
    explicit failure(const ironwal::error &error)
        : std::runtime_error(std::string(error.message())), status_(error.status()) {}
    ironwal_status status() const noexcept { return status_; }

private:
    ironwal_status status_;
};

namespace detail {

[[noreturn]] inline void raise(const ironwal::error &error) {
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
    throw failure(error);
#else
    static_cast<void>(error);
    std::abort();
#endif
}

} // namespace detail

// A value, or why there is none. Without exceptions value() aborts where there is none.
template <class T>
class [[nodiscard]] result {
public:
    result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    result(ironwal::error error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool ok() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return ok(); }
    ironwal_status status() const noexcept { return ok() ? IRONWAL_OK : error().status(); }

    // Only to be asked for where ok() is false.
    const ironwal::error &error() const noexcept { return *std::get_if<1>(&state_); }

    T &value() & {
        if (!ok()) detail::raise(error());
        return *std::get_if<0>(&state_);
    }
    const T &value() const & {
        if (!ok()) detail::raise(error());
        return *std::get_if<0>(&state_);
    }
    T value() && {
        if (!ok()) detail::raise(error());
        return std::move(*std::get_if<0>(&state_));
    }
    const T &operator*() const & { return value(); }
    T &operator*() & { return value(); }
    const T *operator->() const { return &value(); }
    T *operator->() { return &value(); }

private:
    std::variant<T, ironwal::error> state_;
};

template <>
class [[nodiscard]] result<void> {
public:
    result() noexcept = default;
    result(ironwal::error error) : error_(std::move(error)) {}

    bool ok() const noexcept { return !error_; }
    explicit operator bool() const noexcept { return ok(); }
    ironwal_status status() const noexcept { return ok() ? IRONWAL_OK : error_->status(); }
    const ironwal::error &error() const noexcept { return *error_; }
    void value() const {
        if (!ok()) detail::raise(error());
    }

private:
    std::optional<ironwal::error> error_;
};

namespace detail {

// Runs a C call that ends in out_error; `make` builds the value of a success.
template <class Call, class Make>
auto run(Call &&call, Make &&make) -> result<decltype(make())> {
    ironwal_error *details = nullptr;
    const ironwal_status status = call(&details);
    if (status != IRONWAL_OK) return error(status, details);
    return make();
}

template <class Call>
result<void> run(Call &&call) {
    ironwal_error *details = nullptr;
    const ironwal_status status = call(&details);
    if (status != IRONWAL_OK) return error(status, details);
    return {};
}

inline std::vector<ironwal_slice> slices_of(const std::vector<bytes> &parts) {
    std::vector<ironwal_slice> slices;
    slices.reserve(parts.size());
    for (const bytes &part : parts) slices.push_back(part.slice());
    return slices;
}

} // namespace detail

// Bytes that came out and are owned.
class buffer {
public:
    explicit buffer(ironwal_buffer raw) noexcept : raw_(raw) {}
    buffer(buffer &&other) noexcept : raw_(std::exchange(other.raw_, ironwal_buffer{nullptr, 0})) {}
    buffer &operator=(buffer &&other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    buffer(const buffer &) = delete;
    buffer &operator=(const buffer &) = delete;
    ~buffer() { ironwal_buffer_free(&raw_); }

    const std::uint8_t *data() const noexcept { return raw_.data; }
    std::size_t size() const noexcept { return raw_.len; }
    const std::uint8_t *begin() const noexcept { return raw_.data; }
    const std::uint8_t *end() const noexcept { return raw_.data + raw_.len; }
    std::string_view text() const noexcept {
        return {reinterpret_cast<const char *>(raw_.data), raw_.len};
    }

private:
    ironwal_buffer raw_;
};

// Bytes that came out and stay where they are as long as this lives.
class pinned {
public:
    pinned(ironwal_view view, ironwal_view_pin *pin) noexcept : view_(view), pin_(pin) {}
    const std::uint8_t *data() const noexcept { return view_.data; }
    std::size_t size() const noexcept { return view_.len; }
    std::string_view text() const noexcept {
        return {reinterpret_cast<const char *>(view_.data), view_.len};
    }

private:
    ironwal_view view_;
    detail::owner<ironwal_view_pin, ironwal_view_pin_free> pin_;
};

// One entry of an iteration; its bytes are valid until the iteration goes on.
struct entry {
    std::uint64_t id = 0;
    ironwal_view view{nullptr, 0};

    const std::uint8_t *data() const noexcept { return view.data; }
    std::size_t size() const noexcept { return view.len; }
    std::string_view text() const noexcept {
        return {reinterpret_cast<const char *>(view.data), view.len};
    }
};

// What a log is opened with. Setters chain; the first refused one is told when the log is opened.
class options {
public:
    explicit options(std::string_view path) {
        keep([&](ironwal_error **out) {
            ironwal_options *made = nullptr;
            const auto status = ironwal_options_new(path.data(), path.size(), &made, out);
            handle_ = detail::owner<ironwal_options, ironwal_options_free>(made);
            return status;
        });
    }

    options &max_segment_size(std::uint64_t bytes) { return set(ironwal_options_set_max_segment_size, bytes); }
    options &max_entries_per_segment(std::uint64_t entries) { return set(ironwal_options_set_max_entries_per_segment, entries); }
    options &max_open_segments(std::size_t files) { return set(ironwal_options_set_max_open_segments, files); }
    options &max_open_read_segments(std::size_t files) { return set(ironwal_options_set_max_open_read_segments, files); }
    options &write_buffer_size(std::size_t bytes) { return set(ironwal_options_set_write_buffer_size, bytes); }
    options &read_buffer_size(std::size_t bytes) { return set(ironwal_options_set_read_buffer_size, bytes); }
    options &block_cache_size(std::uint64_t bytes) { return set(ironwal_options_set_block_cache_size, bytes); }
    options &min_compression_size(std::size_t bytes) { return set(ironwal_options_set_min_compression_size, bytes); }
    options &sync_mode(std::int32_t mode) { return set(ironwal_options_set_sync_mode, mode); }
    options &compression(std::int32_t mode) { return set(ironwal_options_set_compression, mode); }
    options &read_strategy(std::int32_t mode) { return set(ironwal_options_set_read_strategy, mode); }
    options &write_strategy(std::int32_t mode) { return set(ironwal_options_set_write_strategy, mode); }
    options &on_corruption(std::int32_t mode) { return set(ironwal_options_set_on_corruption, mode); }
    options &archive_path(std::string_view path) { return set(ironwal_options_set_archive_path, path.data(), path.size()); }
    options &background_sync(std::chrono::nanoseconds interval, std::uint64_t bytes) {
        const auto ns = interval.count();
        return set(ironwal_options_set_background_sync, static_cast<std::uint64_t>(ns > 0 ? ns : 0), bytes);
    }
    options &no_background_sync() { return set(ironwal_options_set_no_background_sync); }
    // The callback must not throw; `context` comes back with every message.
    options &log(ironwal_log_fn callback, std::uintptr_t context) { return set(ironwal_options_set_log, callback, context); }

private:
    friend class wal;
    friend class sharded;

    template <class Call>
    void keep(Call &&call) {
        ironwal_error *details = nullptr;
        const ironwal_status status = call(&details);
        if (status != IRONWAL_OK && !refused_)
            refused_.emplace(status, details);
        else
            ironwal_error_free(details);
    }

    template <class Setter, class... Values>
    options &set(Setter setter, Values... values) {
        keep([&](ironwal_error **out) { return setter(handle_.get(), values..., out); });
        return *this;
    }

    detail::owner<ironwal_options, ironwal_options_free> handle_;
    std::optional<error> refused_;
};

// A stream being read. In a range-for each step gives a result: an entry, or one error per run of
// damaged ids, behind which it goes on. An error that would come again ends the loop after it, and
// so does the end of the log for now; a second loop goes on from there.
class entries {
public:
    explicit entries(ironwal_iter *handle) noexcept : handle_(handle) {}

    // The next entry; IRONWAL_E_END at the end for now.
    result<entry> next() {
        entry found;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_iter_next(handle_.get(), &found.id, &found.view, out); },
            [&] { return found; });
    }

    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = result<entry>;
        using difference_type = std::ptrdiff_t;
        using pointer = const result<entry> *;
        using reference = const result<entry> &;

        iterator() noexcept = default;
        explicit iterator(entries *source) : source_(source) { step(); }
        reference operator*() const { return *current_; }
        pointer operator->() const { return &*current_; }
        iterator &operator++() {
            if (goes_on(current_->status()))
                step();
            else
                source_ = nullptr;
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator &a, const iterator &b) noexcept { return a.source_ == b.source_; }
        friend bool operator!=(const iterator &a, const iterator &b) noexcept { return !(a == b); }

    private:
        static bool goes_on(ironwal_status status) noexcept {
            return status == IRONWAL_OK || status == IRONWAL_E_CRC_MISMATCH ||
                   status == IRONWAL_E_CORRUPT || status == IRONWAL_E_SEGMENT_NOT_FOUND;
        }
        void step() {
            current_.reset();
            current_.emplace(source_->next());
            if (current_->status() == IRONWAL_E_END) source_ = nullptr;
        }

        entries *source_ = nullptr;
        std::optional<result<entry>> current_;
    };

    iterator begin() { return iterator(this); }
    iterator end() noexcept { return iterator(); }

private:
    detail::owner<ironwal_iter, ironwal_iter_free> handle_;
};

// Entries that are appended together or not at all. Dropped without a commit: no trace.
class txn {
public:
    explicit txn(ironwal_txn *handle) noexcept : handle_(handle) {}

    result<void> add(bytes data) {
        return detail::run([&](ironwal_error **out) { return ironwal_txn_add(handle_.get(), data.data(), data.size(), out); });
    }
    // Ends the transaction, whatever it returns.
    result<id_range> commit() {
        id_range ids;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_txn_commit(handle_.release(), &ids.first, &ids.end, out); },
            [&] { return ids; });
    }

private:
    detail::owner<ironwal_txn, ironwal_txn_abort> handle_;
};

// One stream, for many calls on it without a look-up each.
class stream {
public:
    explicit stream(ironwal_stream *handle) noexcept : handle_(handle) {}

    result<std::uint64_t> append(bytes data) {
        std::uint64_t id = 0;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_stream_append(handle_.get(), data.data(), data.size(), &id, out); },
            [&] { return id; });
    }
    result<id_range> append_batch(const std::vector<bytes> &entries) {
        const auto slices = detail::slices_of(entries);
        id_range ids;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_stream_append_batch(handle_.get(), slices.data(), slices.size(), &ids.first, &ids.end, out);
            },
            [&] { return ids; });
    }
    result<std::uint64_t> append_vectored(const std::vector<bytes> &parts) {
        const auto slices = detail::slices_of(parts);
        std::uint64_t id = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_stream_append_vectored(handle_.get(), slices.data(), slices.size(), &id, out);
            },
            [&] { return id; });
    }
    result<buffer> get(std::uint64_t id) const {
        ironwal_buffer raw{nullptr, 0};
        return detail::run([&](ironwal_error **out) { return ironwal_stream_get(handle_.get(), id, &raw, out); },
                           [&] { return buffer(raw); });
    }
    // How long the entry is; IRONWAL_E_BUFFER_TOO_SMALL where it does not fit, with nothing copied.
    result<std::size_t> get_into(std::uint64_t id, void *memory, std::size_t capacity) const {
        std::size_t size = 0;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_stream_get_into(handle_.get(), id, memory, capacity, &size, out); },
            [&] { return size; });
    }
    result<pinned> view(std::uint64_t id) const {
        ironwal_view view{nullptr, 0};
        ironwal_view_pin *pin = nullptr;
        return detail::run([&](ironwal_error **out) { return ironwal_stream_view(handle_.get(), id, &view, &pin, out); },
                           [&] { return pinned(view, pin); });
    }
    result<entries> iter(std::uint64_t start_id) const {
        ironwal_iter *iter = nullptr;
        return detail::run([&](ironwal_error **out) { return ironwal_stream_iter(handle_.get(), start_id, &iter, out); },
                           [&] { return entries(iter); });
    }
    result<std::uint64_t> first_id() const { return position(ironwal_stream_first_id); }
    result<std::uint64_t> next_id() const { return position(ironwal_stream_next_id); }
    result<std::uint64_t> durable_end() const { return position(ironwal_stream_durable_end); }
    result<void> sync() {
        return detail::run([&](ironwal_error **out) { return ironwal_stream_sync(handle_.get(), out); });
    }
    result<void> wait_durable(std::uint64_t id, std::chrono::nanoseconds timeout) const {
        const auto ns = timeout.count() > 0 ? static_cast<std::uint64_t>(timeout.count()) : 0;
        return detail::run([&](ironwal_error **out) { return ironwal_stream_wait_durable(handle_.get(), id, ns, out); });
    }

private:
    template <class Ask>
    result<std::uint64_t> position(Ask ask) const {
        std::uint64_t id = 0;
        return detail::run([&](ironwal_error **out) { return ask(handle_.get(), &id, out); }, [&] { return id; });
    }

    detail::owner<ironwal_stream, ironwal_stream_free> handle_;
};

// What a verification found; it outlives its log.
class report {
public:
    explicit report(ironwal_report *handle) noexcept : handle_(handle) {}

    ironwal_report_totals totals() const noexcept {
        ironwal_report_totals totals{};
        ironwal_report_get_totals(handle_.get(), &totals, sizeof totals, nullptr);
        return totals;
    }
    // No finding is worse than a note.
    bool is_clean() const noexcept { return totals().clean != 0; }
    // The texts end with the report.
    std::vector<ironwal_finding> findings() const {
        std::vector<ironwal_finding> found(static_cast<std::size_t>(totals().findings));
        for (std::size_t index = 0; index < found.size(); ++index)
            ironwal_report_get_finding(handle_.get(), index, &found[index], sizeof found[index], nullptr);
        return found;
    }

private:
    detail::owner<ironwal_report, ironwal_report_free> handle_;
};

// An open log. Destroyed without close(): closed too, but failures are not told.
class wal {
public:
    static result<wal> open(const options &options) {
        if (options.refused_) return *options.refused_;
        ironwal_wal *handle = nullptr;
        return detail::run([&](ironwal_error **out) { return ironwal_wal_open(options.handle_.get(), &handle, out); },
                           [&] { return wal(handle); });
    }
    static result<wal> open(std::string_view path) { return open(options(path)); }
    // For reading only, beside a writer in this or another process.
    static result<wal> open_read_only(const options &options) {
        if (options.refused_) return *options.refused_;
        ironwal_wal *handle = nullptr;
        return detail::run([&](ironwal_error **out) { return ironwal_open_read_only(options.handle_.get(), &handle, out); },
                           [&] { return wal(handle); });
    }
    static result<wal> open_read_only(std::string_view path) { return open_read_only(options(path)); }

    // Closes the log for its streams and transactions too, whatever it returns.
    result<void> close() {
        return detail::run([&](ironwal_error **out) { return ironwal_wal_close(handle_.release(), out); });
    }
    result<ironwal::stream> stream(std::string_view name) const {
        ironwal_stream *made = nullptr;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_stream_open(handle_.get(), name.data(), name.size(), &made, out); },
            [&] { return ironwal::stream(made); });
    }
    result<std::uint64_t> append(std::string_view name, bytes data) {
        std::uint64_t id = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_append(handle_.get(), name.data(), name.size(), data.data(), data.size(), &id, out);
            },
            [&] { return id; });
    }
    result<id_range> append_batch(std::string_view name, const std::vector<bytes> &entries) {
        const auto slices = detail::slices_of(entries);
        id_range ids;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_append_batch(handle_.get(), name.data(), name.size(), slices.data(), slices.size(),
                                            &ids.first, &ids.end, out);
            },
            [&] { return ids; });
    }
    result<txn> begin(std::string_view name) {
        ironwal_txn *made = nullptr;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_txn_begin(handle_.get(), name.data(), name.size(), &made, out); },
            [&] { return txn(made); });
    }
    result<buffer> get(std::string_view name, std::uint64_t id) const {
        ironwal_buffer raw{nullptr, 0};
        return detail::run(
            [&](ironwal_error **out) { return ironwal_get(handle_.get(), name.data(), name.size(), id, &raw, out); },
            [&] { return buffer(raw); });
    }
    // In the order of the ids; nullopt for those that are not found.
    result<std::vector<std::optional<std::string>>> get_batch(std::string_view name,
                                                              const std::vector<std::uint64_t> &ids) const {
        ironwal_entries *raw = nullptr;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_get_batch(handle_.get(), name.data(), name.size(), ids.data(), ids.size(), &raw, out);
            },
            [&] {
                detail::owner<ironwal_entries, ironwal_entries_free> found(raw);
                std::vector<std::optional<std::string>> values(ironwal_entries_count(raw));
                for (std::size_t index = 0; index < values.size(); ++index) {
                    ironwal_view view{nullptr, 0};
                    if (ironwal_entries_get(raw, index, &view, nullptr) == IRONWAL_OK)
                        values[index].emplace(reinterpret_cast<const char *>(view.data), view.len);
                }
                return values;
            });
    }
    result<entries> iter(std::string_view name, std::uint64_t start_id) const {
        ironwal_iter *iter = nullptr;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_iter_open(handle_.get(), name.data(), name.size(), start_id, &iter, out);
            },
            [&] { return entries(iter); });
    }
    // Takes out whole segments below safe_id; how many.
    result<std::size_t> truncate(std::string_view name, std::uint64_t safe_id) {
        std::size_t segments = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_truncate(handle_.get(), name.data(), name.size(), safe_id, &segments, out);
            },
            [&] { return segments; });
    }
    result<std::size_t> restore_archived(std::string_view name) {
        std::size_t segments = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_restore_archived(handle_.get(), name.data(), name.size(), &segments, out);
            },
            [&] { return segments; });
    }
    result<void> delete_stream(std::string_view name) {
        return detail::run(
            [&](ironwal_error **out) { return ironwal_delete_stream(handle_.get(), name.data(), name.size(), out); });
    }
    result<std::uint64_t> current_segment_start_id(std::string_view name) const {
        std::uint64_t id = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_current_segment_start_id(handle_.get(), name.data(), name.size(), &id, out);
            },
            [&] { return id; });
    }
    result<std::vector<std::string>> streams() const {
        ironwal_names *raw = nullptr;
        return detail::run([&](ironwal_error **out) { return ironwal_streams(handle_.get(), &raw, out); },
                           [&] {
                               detail::owner<ironwal_names, ironwal_names_free> listed(raw);
                               std::vector<std::string> names(ironwal_names_count(raw));
                               for (std::size_t index = 0; index < names.size(); ++index)
                                   names[index] = detail::view_of(ironwal_names_get(raw, index));
                               return names;
                           });
    }
    result<void> sync(std::string_view name) {
        return detail::run([&](ironwal_error **out) { return ironwal_sync(handle_.get(), name.data(), name.size(), out); });
    }
    result<void> sync_all() {
        return detail::run([&](ironwal_error **out) { return ironwal_sync_all(handle_.get(), out); });
    }
    result<bool> is_read_only() const {
        bool read_only = false;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_is_read_only(handle_.get(), &read_only, out); },
            [&] { return read_only; });
    }
    // Of a log open read-only: looks at everything again.
    result<void> refresh() {
        return detail::run([&](ironwal_error **out) { return ironwal_refresh(handle_.get(), out); });
    }
    // Reads everything and checks it.
    result<report> verify() const {
        ironwal_report *made = nullptr;
        return detail::run([&](ironwal_error **out) { return ironwal_verify(handle_.get(), &made, out); },
                           [&] { return report(made); });
    }

private:
    friend class sharded;
    explicit wal(ironwal_wal *handle) noexcept : handle_(handle) {}
    detail::owner<ironwal_wal, ironwal_wal_free> handle_;
};

// Where an entry of a sharded log went.
struct place {
    std::uint32_t shard = 0;
    std::uint64_t id = 0;
};

// A checkpoint that was loaded; it outlives its log.
class checkpoint {
public:
    explicit checkpoint(ironwal_checkpoint *handle) noexcept : handle_(handle) {}

    std::string_view id() const noexcept {
        const ironwal_view view = ironwal_checkpoint_id(handle_.get());
        return {reinterpret_cast<const char *>(view.data), view.len};
    }
    std::uint64_t timestamp_ns() const noexcept { return ironwal_checkpoint_timestamp_ns(handle_.get()); }
    std::uint32_t shard_count() const noexcept { return ironwal_checkpoint_shard_count(handle_.get()); }
    // The id from which replay of the shard starts.
    result<std::uint64_t> offset(std::uint32_t shard) const {
        std::uint64_t id = 0;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_checkpoint_offset(handle_.get(), shard, &id, out); },
            [&] { return id; });
    }

private:
    detail::owner<ironwal_checkpoint, ironwal_checkpoint_free> handle_;
};

// One checkpoint of a list.
struct listed_checkpoint {
    std::string id;
    std::uint64_t timestamp_ns = 0;
};

// The shard of a key, for those who route by themselves.
inline result<std::uint32_t> route(bytes key, std::uint32_t shard_count) {
    std::uint32_t shard = 0;
    return detail::run(
        [&](ironwal_error **out) {
            return ironwal_sharded_route(key.data(), key.size(), shard_count, &shard, out);
        },
        [&] { return shard; });
}

// How many shards, and when the log makes checkpoints by itself. Setters chain; the first refused one
// is told when the log is opened.
class sharded_options {
public:
    explicit sharded_options(std::uint32_t shard_count) {
        keep([&](ironwal_error **out) {
            ironwal_sharded_options *made = nullptr;
            const auto status = ironwal_sharded_options_new(shard_count, &made, out);
            handle_ = detail::owner<ironwal_sharded_options, ironwal_sharded_options_free>(made);
            return status;
        });
    }

    sharded_options &checkpoint_every_entries(std::uint64_t entries) { return set(ironwal_sharded_options_set_checkpoint_every_entries, entries); }
    sharded_options &checkpoint_interval(std::chrono::nanoseconds interval) {
        const auto ns = interval.count();
        return set(ironwal_sharded_options_set_checkpoint_interval, static_cast<std::uint64_t>(ns > 0 ? ns : 0));
    }
    sharded_options &checkpoint_prefix(bytes prefix) { return set(ironwal_sharded_options_set_checkpoint_prefix, prefix.data(), prefix.size()); }
    // The callback must not throw; `context` comes back with every call.
    sharded_options &checkpoint_ids(ironwal_checkpoint_id_fn callback, std::uintptr_t context) { return set(ironwal_sharded_options_set_checkpoint_ids, callback, context); }
    sharded_options &retention(std::size_t keep_latest) { return set(ironwal_sharded_options_set_retention, keep_latest); }

private:
    friend class sharded;

    template <class Call>
    void keep(Call &&call) {
        ironwal_error *details = nullptr;
        const ironwal_status status = call(&details);
        if (status != IRONWAL_OK && !refused_)
            refused_.emplace(status, details);
        else
            ironwal_error_free(details);
    }

    template <class Setter, class... Values>
    sharded_options &set(Setter setter, Values... values) {
        keep([&](ironwal_error **out) { return setter(handle_.get(), values..., out); });
        return *this;
    }

    detail::owner<ironwal_sharded_options, ironwal_sharded_options_free> handle_;
    std::optional<error> refused_;
};

// An open log of many shards. Destroyed without close(): closed too, but failures are not told.
class sharded {
public:
    static result<sharded> open(const options &options, const sharded_options &sharded_options) {
        if (options.refused_) return *options.refused_;
        if (sharded_options.refused_) return *sharded_options.refused_;
        ironwal_sharded *handle = nullptr;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_sharded_open(options.handle_.get(), sharded_options.handle_.get(), &handle, out);
            },
            [&] { return sharded(handle); });
    }
    static result<sharded> open(std::string_view path, std::uint32_t shard_count) {
        return open(options(path), sharded_options(shard_count));
    }

    result<void> close() {
        return detail::run([&](ironwal_error **out) { return ironwal_sharded_close(handle_.release(), out); });
    }
    // The log below; see ironwal_sharded_wal().
    result<ironwal::wal> wal() const {
        ironwal_wal *made = nullptr;
        return detail::run([&](ironwal_error **out) { return ironwal_sharded_wal(handle_.get(), &made, out); },
                           [&] { return ironwal::wal(made); });
    }
    result<std::uint32_t> shard_count() const {
        std::uint32_t count = 0;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_sharded_shard_count(handle_.get(), &count, out); },
            [&] { return count; });
    }
    result<place> append(bytes key, bytes data) {
        place where;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_sharded_append(handle_.get(), key.data(), key.size(), data.data(), data.size(),
                                              &where.shard, &where.id, out);
            },
            [&] { return where; });
    }
    // Pairs of key and value; the places are in their order.
    result<std::vector<place>> append_batch(const std::vector<std::pair<bytes, bytes>> &entries) {
        std::vector<ironwal_keyed_slice> slices;
        slices.reserve(entries.size());
        for (const auto &[key, value] : entries) slices.push_back({key.slice(), value.slice()});
        std::vector<std::uint32_t> shards(entries.size());
        std::vector<std::uint64_t> ids(entries.size());
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_sharded_append_batch(handle_.get(), slices.data(), slices.size(), shards.data(),
                                                    ids.data(), out);
            },
            [&] {
                std::vector<place> places;
                for (std::size_t at = 0; at < ids.size(); ++at) places.push_back({shards[at], ids[at]});
                return places;
            });
    }
    result<id_range> append_batch_for_key(bytes key, const std::vector<bytes> &entries) {
        const auto slices = detail::slices_of(entries);
        id_range ids;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_sharded_append_batch_for_key(handle_.get(), key.data(), key.size(), slices.data(),
                                                            slices.size(), nullptr, &ids.first, &ids.end, out);
            },
            [&] { return ids; });
    }
    result<entries> iter_shard(std::uint32_t shard, std::uint64_t start_id) const {
        ironwal_iter *iter = nullptr;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_sharded_iter_shard(handle_.get(), shard, start_id, &iter, out); },
            [&] { return entries(iter); });
    }
    result<void> flush_shard(std::uint32_t shard) {
        return detail::run([&](ironwal_error **out) { return ironwal_sharded_flush_shard(handle_.get(), shard, out); });
    }
    result<void> flush_all() {
        return detail::run([&](ironwal_error **out) { return ironwal_sharded_flush_all(handle_.get(), out); });
    }
    result<void> create_checkpoint(bytes id) {
        return detail::run([&](ironwal_error **out) {
            return ironwal_sharded_create_checkpoint(handle_.get(), id.data(), id.size(), out);
        });
    }
    result<checkpoint> load_checkpoint(bytes id) const {
        ironwal_checkpoint *loaded = nullptr;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_sharded_load_checkpoint(handle_.get(), id.data(), id.size(), &loaded, out);
            },
            [&] { return checkpoint(loaded); });
    }
    result<checkpoint> load_latest_checkpoint() const {
        ironwal_checkpoint *loaded = nullptr;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_sharded_load_latest_checkpoint(handle_.get(), &loaded, out); },
            [&] { return checkpoint(loaded); });
    }
    result<std::size_t> checkpoint_count() const {
        std::size_t count = 0;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_sharded_checkpoint_count(handle_.get(), &count, out); },
            [&] { return count; });
    }
    result<std::vector<listed_checkpoint>> list_checkpoints() const {
        ironwal_checkpoint_list *raw = nullptr;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_sharded_list_checkpoints(handle_.get(), &raw, out); },
            [&] {
                detail::owner<ironwal_checkpoint_list, ironwal_checkpoint_list_free> listed(raw);
                std::vector<listed_checkpoint> found(ironwal_checkpoint_list_count(raw));
                for (std::size_t at = 0; at < found.size(); ++at) {
                    ironwal_view id{nullptr, 0};
                    if (ironwal_checkpoint_list_get(raw, at, &id, &found[at].timestamp_ns, nullptr) == IRONWAL_OK)
                        found[at].id.assign(reinterpret_cast<const char *>(id.data), id.len);
                }
                return found;
            });
    }
    result<ironwal_prune_stats> prune_before_checkpoint(bytes id) {
        ironwal_prune_stats stats{};
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_sharded_prune_before_checkpoint(handle_.get(), id.data(), id.size(), &stats,
                                                               sizeof stats, out);
            },
            [&] { return stats; });
    }
    result<ironwal_compaction_stats> compact_checkpoints(std::size_t keep_latest_n) {
        ironwal_compaction_stats stats{};
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_sharded_compact_checkpoints(handle_.get(), keep_latest_n, &stats, sizeof stats, out);
            },
            [&] { return stats; });
    }
    result<ironwal_automatic_status> automatic_status() const {
        ironwal_automatic_status status{};
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_sharded_automatic_status(handle_.get(), &status, sizeof status, nullptr, out);
            },
            [&] { return status; });
    }

private:
    explicit sharded(ironwal_sharded *handle) noexcept : handle_(handle) {}
    detail::owner<ironwal_sharded, ironwal_sharded_free> handle_;
};

} // namespace ironwal

#endif // IRONWAL_HPP
