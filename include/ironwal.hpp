// ironwal.hpp: ironwal for C++17. MPL-2.0.
//
// A thin, header-only layer over ironwal.h, whose comments apply here too. Handles own their objects
// and are move-only, bytes and text go in as views, and every call that can fail returns a result.
// Only result::value() and the operators built on it throw.
//
// The compiler must know the length of data: text literals, std::string_view, std::string,
// containers of single bytes, and bytes(pointer, size). A char array, a pointer to char, nullptr and
// 0 do not compile as data: their length would be guessed from the first NUL.
//
//     auto wal = ironwal::wal::open("./orders").value();
//     auto id = wal.append("trades", "100@42").value();       // durable
//     for (const auto &entry : wal.iter("trades", 0).value())
//         if (entry) std::cout << entry->id << ": " << entry->text() << '\n';
//     wal.close().value();
//
// Handles may be made empty, for members of a class, and filled later: `if (wal)` is false until then, and
// calls on it return IRONWAL_E_INVALID_ARG. native_handle() is the handle of ironwal.h, release() gives it
// away, and the constructor from one takes it.

// Without a form here: ironwal_error_status (error::status() has it), ironwal_iter_current (an entry is
// valid until the next step, and one thread at a time steps).

#ifndef IRONWAL_HPP
#define IRONWAL_HPP

#include <ironwal.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
#include <memory>
#include <optional>
#if __cplusplus >= 202002L
#include <ranges>
#include <span>
#endif
#if defined(__cpp_impl_coroutine)
#include <coroutine>
#endif
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace ironwal {

// Marks a view into its object or argument, so that compilers warn of views that outlive it.
#if defined(__has_cpp_attribute)
#if __has_cpp_attribute(clang::lifetimebound)
#define IRONWAL_LIFETIMEBOUND [[clang::lifetimebound]]
#endif
#endif
#ifndef IRONWAL_LIFETIMEBOUND
#define IRONWAL_LIFETIMEBOUND
#endif

// In C++20 a text literal must be one: other arrays of const char do not compile.
#if defined(__cpp_consteval)
#define IRONWAL_LITERAL consteval
#else
#define IRONWAL_LITERAL constexpr
#endif

// Of the library that is linked; IRONWAL_VERSION_NUMBER and IRONWAL_VERSION_STRING are those of the header.
inline std::uint32_t version_number() noexcept { return ironwal_version_number(); }
inline std::string_view version_string() noexcept { return ironwal_version_string(); }

class bytes;
class bytes_in;

namespace detail {

template <class T>
using plain = std::remove_cv_t<std::remove_reference_t<T>>;

// The elements of text: u8"..." is an array of char8_t since C++20.
template <class T>
inline constexpr bool is_text = std::is_same_v<T, char>;
#if defined(__cpp_char8_t)
template <>
inline constexpr bool is_text<char8_t> = true;
#endif

// Arrays of single bytes that are no text: std::uint8_t, signed char, std::byte.
template <class T>
inline constexpr bool is_byte = sizeof(T) == 1 && (std::is_integral_v<T> || std::is_enum_v<T>) && !is_text<T>;

// Containers of elements that are single bytes: std::string, std::vector<std::uint8_t>, std::array,
// std::span, std::string_view.
template <class T, class = void>
inline constexpr bool is_byte_container = false;
template <class T>
inline constexpr bool is_byte_container<
    T, std::enable_if_t<std::is_trivially_copyable_v<std::remove_pointer_t<decltype(std::declval<const T &>().data())>> &&
                        sizeof(*std::declval<const T &>().data()) == 1 &&
                        std::is_convertible_v<decltype(std::declval<const T &>().size()), std::size_t>>> =
    !std::is_same_v<T, bytes> && !std::is_same_v<T, bytes_in>;

// Containers that own nothing: their elements outlive them.
#if defined(__cpp_lib_ranges)
template <class T>
inline constexpr bool is_view = std::ranges::enable_borrowed_range<T>;
#else
template <class T>
inline constexpr bool is_view = std::is_same_v<T, std::string_view>;
#endif

// T as a forwarding reference deduces it: `C &` for a container that has a name, `C` for a temporary.
template <class T>
inline constexpr bool is_lasting = std::is_lvalue_reference_v<T> || is_view<plain<T>>;
template <class T>
using lasting_container = std::enable_if_t<is_byte_container<plain<T>> && is_lasting<T>>;
template <class T>
using fleeting_container = std::enable_if_t<is_byte_container<plain<T>> && !is_lasting<T>>;
template <class T>
using char_pointer = std::enable_if_t<std::is_pointer_v<T> && is_text<std::remove_cv_t<std::remove_pointer_t<T>>>>;
template <class T>
using text_element = std::enable_if_t<is_text<T>>;

// Memory for bytes that has the size it has: std::array, std::span, not std::vector.
template <class T, class = void>
inline constexpr bool is_resizable = false;
template <class T>
inline constexpr bool is_resizable<T, std::void_t<decltype(std::declval<T &>().resize(std::size_t()))>> = true;
template <class T, class = void>
inline constexpr bool is_memory = false;
template <class T>
inline constexpr bool is_memory<T, std::void_t<decltype(std::declval<T &>().data())>> =
    is_byte_container<T> && !is_resizable<T> && !std::is_const_v<std::remove_pointer_t<decltype(std::declval<T &>().data())>>;
template <class T>
using memory = std::enable_if_t<is_memory<plain<T>>>;

// Lists of entries: any range whose elements are bytes, or containers of single bytes that outlive the call.
template <class T>
using element_of = decltype(*std::begin(std::declval<const T &>()));
template <class T, class = void>
inline constexpr bool is_batch = false;
template <class T>
inline constexpr bool is_batch<T, std::void_t<element_of<T>>> =
    std::is_same_v<plain<element_of<T>>, bytes> || (is_byte_container<plain<element_of<T>>> && is_lasting<element_of<T>>);
template <class T>
using batch = std::enable_if_t<is_batch<T>>;
// The same, whose bytes outlive the expression: a named container, or elements that own nothing.
template <class T>
using batch_to_keep = std::enable_if_t<is_lasting<T> || std::is_same_v<plain<element_of<T>>, bytes> || is_view<plain<element_of<T>>>>;

// std::filesystem::path where it holds UTF-8, that is, not on Windows.
template <class T, class = void>
inline constexpr bool is_path = false;
template <class T>
inline constexpr bool is_path<T, std::void_t<typename T::string_type>> =
    std::is_same_v<decltype(std::declval<const T &>().native()), const std::string &>;

template <class T>
inline constexpr bool is_object = std::is_trivially_copyable_v<T> && !std::is_pointer_v<T> && !std::is_same_v<T, bytes> &&
                                  !is_view<T>;

// A value that the C layer refuses, with IRONWAL_E_INVALID_ARG and a message that names this cause.
inline constexpr ironwal_slice refused_slice{nullptr, 1};

// A literal ends with its only NUL. Any other array of const char may be a buffer of data, so its
// length is unknown.
#if defined(__cpp_consteval)
// Not a constant expression: the compiler names this function when it refuses an array.
inline ironwal_slice this_array_is_no_text_literal() noexcept { return refused_slice; }
#else
constexpr ironwal_slice this_array_is_no_text_literal() noexcept { return refused_slice; }
#endif

template <class Char>
constexpr ironwal_slice slice_of_literal(const Char *literal, std::size_t size) noexcept {
    for (std::size_t at = 0; at + 1 < size; ++at)
        if (literal[at] == '\0') return this_array_is_no_text_literal();
    return literal[size - 1] == '\0' ? ironwal_slice{literal, size - 1} : this_array_is_no_text_literal();
}

} // namespace detail

// Borrowed bytes, valid as long as the memory they point to.
//
// Made from (pointer, size), a text literal, std::string_view, arrays of single bytes that are not
// char, and named containers of single bytes. An array of const char counts as a literal if its only
// NUL is its last element; the call refuses any other, with IRONWAL_E_INVALID_ARG. In C++20 an array
// that is no constant does not compile. A literal with a NUL
// inside goes in as std::string_view("a\0b", 3).
class bytes {
public:
    constexpr bytes() noexcept = default;
    constexpr bytes(const void *data, std::size_t size) noexcept : slice_{data, size} {}
    template <class Char, std::size_t Size, class = detail::text_element<Char>, class = void>
    IRONWAL_LITERAL bytes(const Char (&literal)[Size]) noexcept : slice_(detail::slice_of_literal(literal, Size)) {}
    template <class Element, std::size_t Size, class = std::enable_if_t<detail::is_byte<Element>>>
    constexpr bytes(const Element (&array)[Size]) noexcept : slice_{array, Size} {}
    template <class Container, class = detail::lasting_container<Container>>
    constexpr bytes(Container &&container) noexcept : slice_{container.data(), container.size()} {}

    // A char array may hold text or data: write bytes(array, size) or std::string_view(array).
    template <class Char, std::size_t Size, class = detail::text_element<Char>, class = std::enable_if_t<!std::is_const_v<Char>>, class = void>
    bytes(Char (&)[Size]) = delete;
    template <class Char, std::size_t Size, class = detail::text_element<Char>, class = std::enable_if_t<!std::is_const_v<Char>>, class = void>
    bytes(Char (&&)[Size]) = delete;
    // The length behind a pointer is unknown: write bytes(pointer, size), or
    // std::string_view(pointer) for text that ends with a NUL.
    template <class Pointer, class = detail::char_pointer<Pointer>, class = void>
    bytes(const Pointer &) = delete;
    bytes(std::nullptr_t) = delete;
    // A temporary container is destroyed before the bytes are used: give it a name.
    template <class Container, class = detail::fleeting_container<Container>, class = void, class = void>
    bytes(Container &&) = delete;

    constexpr const void *data() const noexcept { return slice_.data; }
    constexpr std::size_t size() const noexcept { return slice_.len; }
    constexpr ironwal_slice slice() const noexcept { return slice_; }

private:
    ironwal_slice slice_{nullptr, 0};
};

// An object as it lies in memory, padding and byte order included; entry::to() reads it back.
template <class Object, class = std::enable_if_t<detail::is_object<Object>>>
bytes bytes_of(const Object &object IRONWAL_LIFETIMEBOUND) noexcept {
    return bytes(&object, sizeof object);
}
template <class Object, class = std::enable_if_t<detail::is_object<Object>>>
bytes bytes_of(const Object &&) = delete;

// The bytes argument of a call: everything that bytes accepts, and temporaries such as
// std::string("x"), which live until the call returns. It cannot be copied or moved, so it cannot be
// stored.
class bytes_in {
public:
    constexpr bytes_in() noexcept = default;
    constexpr bytes_in(const bytes &view) noexcept : slice_(view.slice()) {}
    constexpr bytes_in(const void *data, std::size_t size) noexcept : slice_{data, size} {}
    template <class Char, std::size_t Size, class = detail::text_element<Char>, class = void>
    IRONWAL_LITERAL bytes_in(const Char (&literal)[Size]) noexcept : slice_(detail::slice_of_literal(literal, Size)) {}
    template <class Element, std::size_t Size, class = std::enable_if_t<detail::is_byte<Element>>>
    constexpr bytes_in(const Element (&array)[Size]) noexcept : slice_{array, Size} {}
    template <class Container, class = std::enable_if_t<detail::is_byte_container<Container>>>
    constexpr bytes_in(const Container &container) noexcept : slice_{container.data(), container.size()} {}
    bytes_in(const bytes_in &) = delete;
    bytes_in &operator=(const bytes_in &) = delete;

    // As in bytes.
    template <class Char, std::size_t Size, class = detail::text_element<Char>, class = std::enable_if_t<!std::is_const_v<Char>>, class = void>
    bytes_in(Char (&)[Size]) = delete;
    template <class Char, std::size_t Size, class = detail::text_element<Char>, class = std::enable_if_t<!std::is_const_v<Char>>, class = void>
    bytes_in(Char (&&)[Size]) = delete;
    template <class Pointer, class = detail::char_pointer<Pointer>, class = void>
    bytes_in(const Pointer &) = delete;
    bytes_in(std::nullptr_t) = delete;

    constexpr const void *data() const noexcept { return slice_.data; }
    constexpr std::size_t size() const noexcept { return slice_.len; }
    constexpr ironwal_slice slice() const noexcept { return slice_; }

private:
    ironwal_slice slice_{nullptr, 0};
};

// A path or stream name argument of a call: text that ends with a NUL, std::string_view, std::string, the
// same of char8_t, and std::filesystem::path, but not on Windows.
// A char array counts up to its first NUL. The call refuses, with IRONWAL_E_INVALID_ARG, an array
// without a NUL, an array of const char with other bytes behind the first NUL, and a NULL pointer.
class text_in {
public:
    text_in(const char *text, std::size_t size) noexcept : data_(text), size_(size) {}
    template <class Text, class = std::enable_if_t<std::is_class_v<Text> &&
                                                   std::is_convertible_v<const Text &, std::string_view>>>
    text_in(const Text &text) noexcept : text_in(static_cast<std::string_view>(text)) {}
    text_in(std::string_view text) noexcept : data_(text.data()), size_(text.size()) {}
    template <class Path, class = std::enable_if_t<detail::is_path<Path>>, class = void>
    text_in(const Path &path) noexcept : text_in(std::string_view(path.native())) {}
#if defined(__cpp_char8_t)
    text_in(std::u8string_view text) noexcept : data_(reinterpret_cast<const char *>(text.data())), size_(text.size()) {}
    text_in(const std::u8string &text) noexcept : text_in(std::u8string_view(text)) {}
    template <std::size_t Size>
    text_in(const char8_t (&array)[Size]) noexcept : text_in(reinterpret_cast<const char (&)[Size]>(array)) {}
#endif
    template <class Pointer, class = std::enable_if_t<std::is_same_v<Pointer, char *> || std::is_same_v<Pointer, const char *>>, class = void, class = void>
    text_in(const Pointer &text) noexcept {
        if (!text) return;
        data_ = text;
        size_ = std::string_view(text).size();
    }
    template <std::size_t Size>
    text_in(char (&array)[Size]) noexcept {
        take(array, Size);
    }
    template <std::size_t Size>
    text_in(const char (&array)[Size]) noexcept {
        if (take(array, Size) && std::string_view(array + size_, Size - size_).find_first_not_of('\0') !=
                                     std::string_view::npos)
            data_ = nullptr, size_ = 1;
    }
    text_in(std::nullptr_t) = delete;
    text_in(const text_in &) = delete;
    text_in &operator=(const text_in &) = delete;

    const char *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }

private:
    bool take(const char *array, std::size_t size) noexcept {
        const auto end = std::string_view(array, size).find('\0');
        if (end == std::string_view::npos) return false;
        data_ = array;
        size_ = end;
        return true;
    }

    // The C layer refuses this value.
    const char *data_ = nullptr;
    std::size_t size_ = 1;
};

// The constants of the options, a type for each kind.
enum class sync_mode : std::int32_t {
    strict = IRONWAL_SYNC_STRICT,
    batch_only = IRONWAL_SYNC_BATCH_ONLY,
    async = IRONWAL_SYNC_ASYNC,
};
enum class compression : std::int32_t {
    none = IRONWAL_COMPRESSION_NONE,
    lz4 = IRONWAL_COMPRESSION_LZ4,
};
enum class read_strategy : std::int32_t {
    standard_io = IRONWAL_READ_STANDARD_IO,
    mmap = IRONWAL_READ_MMAP,
};
enum class write_strategy : std::int32_t {
    automatic = IRONWAL_WRITE_AUTO,
    standard_io = IRONWAL_WRITE_STANDARD_IO,
    mmap = IRONWAL_WRITE_MMAP,
};
enum class commit_path : std::int32_t {
    automatic = IRONWAL_COMMIT_AUTO,
    in_place = IRONWAL_COMMIT_IN_PLACE,
    journal = IRONWAL_COMMIT_JOURNAL,
};
enum class corruption_policy : std::int32_t {
    truncate = IRONWAL_CORRUPTION_TRUNCATE,
    error = IRONWAL_CORRUPTION_ERROR,
};

// Which streams options of their own are for: options::for_streams().
enum class match : std::int32_t {
    exact = IRONWAL_MATCH_EXACT,
    prefix = IRONWAL_MATCH_PREFIX,
};

enum class durability : std::int32_t {
    by_mode = IRONWAL_DURABILITY_BY_MODE,
    written = IRONWAL_DURABILITY_WRITTEN,
    durable = IRONWAL_DURABILITY_DURABLE,
};

enum class event : std::int32_t {
    durable = IRONWAL_EVENT_DURABLE,
    written = IRONWAL_EVENT_WRITTEN,
};
enum class visibility : std::int32_t {
    by_mode = IRONWAL_VIEW_BY_MODE,
    written = IRONWAL_VIEW_WRITTEN,
    durable = IRONWAL_VIEW_DURABLE,
};
enum class snapshot_mode : std::int32_t {
    link = IRONWAL_SNAPSHOT_LINK,
    copy = IRONWAL_SNAPSHOT_COPY,
};

enum class log_level : std::int32_t {
    error = IRONWAL_LOG_ERROR,
    warn = IRONWAL_LOG_WARN,
    info = IRONWAL_LOG_INFO,
    debug = IRONWAL_LOG_DEBUG,
    trace = IRONWAL_LOG_TRACE,
};

// As a timeout: no limit.
inline constexpr std::chrono::nanoseconds forever = std::chrono::nanoseconds::max();

// A time argument of a call: any std::chrono duration. A negative one is 0; one that does not fit into 64 bits
// of nanoseconds is the longest.
class duration_in {
public:
    template <class Rep, class Period>
    constexpr duration_in(const std::chrono::duration<Rep, Period> &time) noexcept : ns_(saturated(time)) {}
    constexpr std::uint64_t ns() const noexcept { return ns_; }

private:
    using wide = std::chrono::duration<long double, std::nano>;
    template <class Rep, class Period>
    static constexpr std::uint64_t saturated(const std::chrono::duration<Rep, Period> &time) noexcept {
        const long double ns = std::chrono::duration_cast<wide>(time).count();
        if (!(ns > 0)) return 0;
        return ns >= 18446744073709551615.0L ? UINT64_MAX : static_cast<std::uint64_t>(ns);
    }

    std::uint64_t ns_;
};

// A size or number argument of an option: any integer type. A negative one, which would become a large number
// of an unsigned type, is refused.
class count_in {
public:
    template <class Integer, class = std::enable_if_t<std::is_integral_v<Integer> && !std::is_same_v<Integer, bool>>>
    constexpr count_in(Integer count) noexcept : count_(static_cast<std::uint64_t>(count)), is_negative_(is_below_zero(count)) {}
    constexpr std::uint64_t count() const noexcept { return count_; }
    constexpr bool is_negative() const noexcept { return is_negative_; }

private:
    template <class Integer>
    static constexpr bool is_below_zero(Integer count) noexcept {
        if constexpr (std::is_signed_v<Integer>)
            return count < 0;
        else
            return static_cast<void>(count), false;
    }

    std::uint64_t count_;
    bool is_negative_;
};

// The ids from first (inclusive) to end (exclusive).
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

// What all handles have: they are empty until they are given one.
template <class Handle, auto Free>
class handle {
public:
    // Whether there is one: not if it was moved from, closed, or never opened.
    explicit operator bool() const noexcept { return handle_.get() != nullptr; }
    // The handle of ironwal.h, which stays this object's.
    Handle *native_handle() const noexcept { return handle_.get(); }
    // The same, which is the caller's from now on.
    Handle *release() noexcept { return handle_.release(); }

protected:
    handle() noexcept = default;
    explicit handle(Handle *taken) noexcept : handle_(taken) {}
    owner<Handle, Free> handle_;
};

inline std::string_view view_of(ironwal_str text) noexcept {
    return text.data ? std::string_view(text.data, text.len) : std::string_view();
}

class category final : public std::error_category {
public:
    const char *name() const noexcept override { return "ironwal"; }
    std::string message(int status) const override { return ironwal_status_name(status); }
    std::error_condition default_error_condition(int status) const noexcept override {
        switch (status) {
        case IRONWAL_E_INVALID_ARG: return std::errc::invalid_argument;
        case IRONWAL_E_TIMEOUT: return std::errc::timed_out;
        case IRONWAL_E_IO: return std::errc::io_error;
        case IRONWAL_E_NO_SPACE: return std::errc::no_space_on_device;
        case IRONWAL_E_LOCKED: return std::errc::device_or_resource_busy;
        case IRONWAL_E_TOO_LARGE: return std::errc::message_size;
        case IRONWAL_E_CANCELLED: return std::errc::operation_canceled;
        case IRONWAL_E_READ_ONLY: return std::errc::read_only_file_system;
        default: return std::error_condition(status, *this);
        }
    }
};

} // namespace detail

// The text of a struct of ironwal.h, such as ironwal_finding.
inline std::string_view text(ironwal_str text) noexcept { return detail::view_of(text); }

// Of std::error_code: the value is the status.
inline const std::error_category &status_category() noexcept {
    static const detail::category instance;
    return instance;
}

// Why a call did not succeed. Copies share the details.
class error {
public:
    // Allocates nothing if there are no details.
    explicit error(ironwal_status status, ironwal_error *details = nullptr) : status_(status) {
        if (details) details_.reset(details, ironwal_error_free);
    }
    // With a text literal as the message.
    template <std::size_t Size>
    error(ironwal_status status, const char (&message)[Size]) noexcept : status_(status), fixed_(message, Size - 1) {}

    ironwal_status status() const noexcept { return status_; }
    const char *name() const noexcept { return ironwal_status_name(status_); }
    // What happened, where, and what to do about it; the name of the status if there are no details.
    std::string_view message() const noexcept IRONWAL_LIFETIMEBOUND {
        auto text = detail::view_of(ironwal_error_message(details_.get()));
        if (!text.empty()) return text;
        return fixed_.empty() ? std::string_view(name()) : fixed_;
    }
    // The status as a value of status_category(); compares with the likes of std::errc::timed_out.
    std::error_code code() const noexcept { return {static_cast<int>(status_), status_category()}; }
    // Prints the message.
    template <class Traits>
    friend std::basic_ostream<char, Traits> &operator<<(std::basic_ostream<char, Traits> &out, const error &error) {
        return out << error.message();
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

    // The id that was expected, and the next one of the stream, of IRONWAL_E_SEQUENCE_MISMATCH.
    struct sequence_ids {
        std::uint64_t expected = 0;
        std::uint64_t found = 0;
    };
    std::optional<sequence_ids> sequence() const noexcept {
        sequence_ids ids;
        if (!ironwal_error_sequence(details_.get(), &ids.expected, &ids.found)) return std::nullopt;
        return ids;
    }

    // The shards that hold their part of an incomplete batch, of IRONWAL_E_BATCH_INCOMPLETE.
    struct committed_part {
        std::uint32_t shard = 0;
        id_range ids;
    };
    std::vector<committed_part> committed() const {
        std::vector<committed_part> parts(ironwal_error_committed_count(details_.get()));
        for (std::size_t index = 0; index < parts.size(); ++index)
            ironwal_error_committed_part(details_.get(), index, &parts[index].shard, &parts[index].ids.first,
                                         &parts[index].ids.end);
        return parts;
    }

private:
    ironwal_status status_;
    std::string_view fixed_;
    std::shared_ptr<ironwal_error> details_;
};

// The exception of result::value().
class failure : public std::runtime_error {
public:
    explicit failure(const ironwal::error &error)
        : std::runtime_error(std::string(error.message())), error_(error) {}
    ironwal_status status() const noexcept { return error_.status(); }
    const ironwal::error &error() const noexcept { return error_; }

private:
    ironwal::error error_;
};

namespace detail {

[[noreturn]] inline void raise(const ironwal::error &error) {
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
    throw failure(error);
#else
    const auto message = error.message();
    std::fprintf(stderr, "ironwal: value() of an error: %.*s\n", static_cast<int>(message.size()), message.data());
    std::abort();
#endif
}

} // namespace detail

// A value or an error. Without exceptions, value() of an error prints the error and aborts.
template <class T>
class [[nodiscard]] result {
public:
    result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    result(ironwal::error error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool ok() const noexcept { return state_.index() == 0; }
    // Not of result<bool>: `if (stream.is_durable(mark))` would be true for false. Ask value() or ok().
    template <class Value = T, class = std::enable_if_t<!std::is_same_v<Value, bool>>>
    explicit operator bool() const noexcept {
        return ok();
    }
    ironwal_status status() const noexcept { return ok() ? IRONWAL_OK : error().status(); }

    // Call it only if ok() is false.
    const ironwal::error &error() const noexcept { return *std::get_if<1>(&state_); }

    T &value() & IRONWAL_LIFETIMEBOUND {
        if (!ok()) detail::raise(error());
        return *std::get_if<0>(&state_);
    }
    const T &value() const & IRONWAL_LIFETIMEBOUND {
        if (!ok()) detail::raise(error());
        return *std::get_if<0>(&state_);
    }
    T value() && {
        if (!ok()) detail::raise(error());
        return std::move(*std::get_if<0>(&state_));
    }
    template <class Other>
    T value_or(Other &&other) const & {
        return ok() ? *std::get_if<0>(&state_) : static_cast<T>(std::forward<Other>(other));
    }
    template <class Other>
    T value_or(Other &&other) && {
        return ok() ? std::move(*std::get_if<0>(&state_)) : static_cast<T>(std::forward<Other>(other));
    }
    // What `next` returns for the value, a result; or this error.
    template <class Next>
    auto and_then(Next &&next) && -> std::invoke_result_t<Next, T> {
        if (!ok()) return error();
        return std::forward<Next>(next)(std::move(*std::get_if<0>(&state_)));
    }
    template <class Next>
    auto and_then(Next &&next) const & -> std::invoke_result_t<Next, const T &> {
        if (!ok()) return error();
        return std::forward<Next>(next)(*std::get_if<0>(&state_));
    }
    // A result of what `make` makes of the value; or this error.
    template <class Make>
    auto transform(Make &&make) && -> result<std::decay_t<std::invoke_result_t<Make, T>>> {
        if (!ok()) return error();
        return std::forward<Make>(make)(std::move(*std::get_if<0>(&state_)));
    }
    template <class Make>
    auto transform(Make &&make) const & -> result<std::decay_t<std::invoke_result_t<Make, const T &>>> {
        if (!ok()) return error();
        return std::forward<Make>(make)(*std::get_if<0>(&state_));
    }
    const T &operator*() const & IRONWAL_LIFETIMEBOUND { return value(); }
    T &operator*() & IRONWAL_LIFETIMEBOUND { return value(); }
    // A temporary result returns the value itself, so `const auto &entry = *stream.get(id)` stays valid.
    T operator*() && { return std::move(*this).value(); }
    const T *operator->() const IRONWAL_LIFETIMEBOUND { return &value(); }
    T *operator->() IRONWAL_LIFETIMEBOUND { return &value(); }

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
    template <class Next>
    auto and_then(Next &&next) const -> std::invoke_result_t<Next> {
        if (!ok()) return error();
        return std::forward<Next>(next)();
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

inline ironwal_slice slice_of(const bytes &part) noexcept { return part.slice(); }
inline ironwal_slice slice_of(const bytes_in &part) noexcept { return part.slice(); }
template <class Part, class = std::enable_if_t<is_byte_container<Part>>>
ironwal_slice slice_of(const Part &part) noexcept {
    return {part.data(), part.size()};
}

// The parts of a batch; a small one needs no memory of its own.
class slices {
public:
    template <class Parts>
    explicit slices(const Parts &parts) {
        for (const auto &part : parts) {
            if (size_ < few_.size())
                few_[size_] = slice_of(part);
            else
                add(slice_of(part));
            ++size_;
        }
    }
    const ironwal_slice *data() const noexcept { return many_.empty() ? few_.data() : many_.data(); }
    std::size_t size() const noexcept { return size_; }

private:
    void add(ironwal_slice slice) {
        if (many_.empty()) many_.assign(few_.begin(), few_.end());
        many_.push_back(slice);
    }

    std::array<ironwal_slice, 16> few_;
    std::vector<ironwal_slice> many_;
    std::size_t size_ = 0;
};

// Of std::vector<bytes>, std::initializer_list<bytes_in> and what is_batch takes.
template <class Parts>
slices slices_of(const Parts &parts) {
    return slices(parts);
}

template <class Object>
std::optional<Object> object_of(const void *data, std::size_t size) noexcept {
    static_assert(is_object<Object> && std::is_default_constructible_v<Object>,
                  "an object that is its bytes: trivially copyable, no pointer and no view");
    if (size != sizeof(Object)) return std::nullopt;
    Object object;
    std::memcpy(&object, data, sizeof object);
    return object;
}

} // namespace detail

// One change of a stream's properties. Keeps what it was made of where it lies, as bytes do.
class property_change {
public:
    static property_change set(const bytes &key, const bytes &value) noexcept {
        return property_change({key.slice(), value.slice(), IRONWAL_PROPERTY_SET, 0});
    }
    static property_change remove(const bytes &key) noexcept {
        return property_change({key.slice(), {nullptr, 0}, IRONWAL_PROPERTY_REMOVE, 0});
    }
    const ironwal_property &raw() const noexcept { return raw_; }

private:
    explicit property_change(const ironwal_property &raw) noexcept : raw_(raw) {}
    ironwal_property raw_;
};
using property_changes = std::vector<property_change>;
// Keys and values, sorted by key.
using property_map = std::vector<std::pair<std::string, std::string>>;

// A place in one stream, while its log is open. Marks of one stream compare as its appends came; calls on
// another stream, or on a later opening, refuse a mark.
class mark {
public:
    constexpr mark() noexcept = default;
    explicit constexpr mark(const ironwal_mark &raw) noexcept : raw_(raw) {}
    constexpr const ironwal_mark &raw() const noexcept { return raw_; }

    friend constexpr bool operator==(const mark &a, const mark &b) noexcept {
        return a.raw_.place == b.raw_.place && a.raw_.opening == b.raw_.opening;
    }
    friend constexpr bool operator!=(const mark &a, const mark &b) noexcept { return !(a == b); }
    friend constexpr bool operator<(const mark &a, const mark &b) noexcept {
        return a.raw_.opening != b.raw_.opening ? a.raw_.opening < b.raw_.opening : a.raw_.place < b.raw_.place;
    }
    friend constexpr bool operator>(const mark &a, const mark &b) noexcept { return b < a; }
    friend constexpr bool operator<=(const mark &a, const mark &b) noexcept { return !(b < a); }
    friend constexpr bool operator>=(const mark &a, const mark &b) noexcept { return !(a < b); }

private:
    ironwal_mark raw_{0, 0};
};

// What append_with() did: the ids of its entries, and the mark behind it.
struct appended {
    id_range ids;
    ironwal::mark mark;
};

namespace detail {

inline std::vector<ironwal_property> raw_of(const property_changes &changes) {
    std::vector<ironwal_property> raw;
    raw.reserve(changes.size());
    for (const auto &change : changes) raw.push_back(change.raw());
    return raw;
}

// Takes the list.
inline std::vector<std::pair<std::string, std::string>> pairs_of(ironwal_property_list *taken) {
    const owner<ironwal_property_list, ironwal_property_list_free> list(taken);
    std::vector<std::pair<std::string, std::string>> pairs(ironwal_property_list_count(list.get()));
    for (std::size_t at = 0; at < pairs.size(); ++at) {
        ironwal_view key{nullptr, 0}, value{nullptr, 0};
        ironwal_property_list_get(list.get(), at, &key, &value, nullptr);
        if (key.len) pairs[at].first.assign(reinterpret_cast<const char *>(key.data), key.len);
        if (value.len) pairs[at].second.assign(reinterpret_cast<const char *>(value.data), value.len);
    }
    return pairs;
}

} // namespace detail

// Owned bytes from a call.
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

    const std::uint8_t *data() const noexcept IRONWAL_LIFETIMEBOUND { return raw_.data; }
    std::size_t size() const noexcept { return raw_.len; }
    const std::uint8_t *begin() const noexcept { return raw_.data; }
    const std::uint8_t *end() const noexcept { return raw_.data + raw_.len; }
    std::string_view text() const noexcept IRONWAL_LIFETIMEBOUND {
        return {reinterpret_cast<const char *>(raw_.data), raw_.len};
    }
#if defined(__cpp_lib_span)
    std::span<const std::byte> span() const noexcept IRONWAL_LIFETIMEBOUND {
        return {reinterpret_cast<const std::byte *>(data()), size()};
    }
#endif
    // The object that bytes_of() stored; nothing if it has another size.
    template <class Object>
    std::optional<Object> to() const noexcept {
        return detail::object_of<Object>(data(), size());
    }

private:
    ironwal_buffer raw_;
};

// Pinned bytes from a call: valid as long as this object lives.
class pinned {
public:
    pinned(ironwal_view view, ironwal_view_pin *pin) noexcept : view_(view), pin_(pin) {}
    const std::uint8_t *data() const noexcept IRONWAL_LIFETIMEBOUND { return view_.data; }
    std::size_t size() const noexcept { return view_.len; }
    const std::uint8_t *begin() const noexcept { return view_.data; }
    const std::uint8_t *end() const noexcept { return view_.data + view_.len; }
    std::string_view text() const noexcept IRONWAL_LIFETIMEBOUND {
        return {reinterpret_cast<const char *>(view_.data), view_.len};
    }
#if defined(__cpp_lib_span)
    std::span<const std::byte> span() const noexcept IRONWAL_LIFETIMEBOUND {
        return {reinterpret_cast<const std::byte *>(data()), size()};
    }
#endif
    // The object that bytes_of() stored; nothing if it has another size.
    template <class Object>
    std::optional<Object> to() const noexcept {
        return detail::object_of<Object>(data(), size());
    }

private:
    ironwal_view view_;
    detail::owner<ironwal_view_pin, ironwal_view_pin_free> pin_;
};

// One entry of an iteration; its bytes are valid until the next step.
struct entry {
    std::uint64_t id = 0;
    ironwal_view view{nullptr, 0};

    const std::uint8_t *data() const noexcept { return view.data; }
    std::size_t size() const noexcept { return view.len; }
    const std::uint8_t *begin() const noexcept { return view.data; }
    const std::uint8_t *end() const noexcept { return view.data + view.len; }
    std::string_view text() const noexcept {
        return {reinterpret_cast<const char *>(view.data), view.len};
    }
#if defined(__cpp_lib_span)
    std::span<const std::byte> span() const noexcept {
        return {reinterpret_cast<const std::byte *>(data()), size()};
    }
#endif
    // The object that bytes_of() stored; nothing if it has another size.
    template <class Object>
    std::optional<Object> to() const noexcept {
        return detail::object_of<Object>(data(), size());
    }
};

// What a stream keeps: whole segments, up to so many bytes, and none whose file was last changed longer ago.
struct retention {
    std::uint64_t max_bytes = IRONWAL_NO_LIMIT;
    // Negative: any age.
    std::chrono::nanoseconds max_age{-1};
    // Nothing goes that a property cursor/NAME has not read: its value is the next id, as 8 bytes, the lowest first.
    bool keep_cursors = false;

    std::uint64_t max_age_ns() const {
        return max_age.count() < 0 ? IRONWAL_NO_LIMIT : static_cast<std::uint64_t>(max_age.count());
    }
};

namespace detail {

// The first invalid setting of options.
class refusals {
public:
    template <class Call>
    void keep(Call &&call) {
        ironwal_error *details = nullptr;
        const ironwal_status status = call(&details);
        if (status != IRONWAL_OK && !first_)
            first_.emplace(status, details);
        else
            ironwal_error_free(details);
    }
    bool is_negative(count_in count) {
        if (count.is_negative() && !first_) first_.emplace(IRONWAL_E_INVALID_ARG, "an option is negative; give it 0 or more");
        return count.is_negative();
    }
    const std::optional<error> &first() const noexcept { return first_; }

private:
    std::optional<error> first_;
};

// Calls a callable with each message.
template <class Callable>
void log_to(std::uintptr_t ctx, std::int32_t level, const char *message, std::size_t size) noexcept {
    (*reinterpret_cast<Callable *>(ctx))(static_cast<log_level>(level), std::string_view(message, size));
}
template <class Callable>
void destroy(std::uintptr_t ctx) noexcept {
    delete reinterpret_cast<Callable *>(ctx);
}

} // namespace detail

// The options of a log. Setters chain; open() reports the first invalid setting.
class options : public detail::handle<ironwal_options, ironwal_options_free> {
public:
    explicit options(const text_in &path) {
        keep([&](ironwal_error **out) {
            ironwal_options *made = nullptr;
            const auto status = ironwal_options_new(path.data(), path.size(), &made, out);
            handle_ = detail::owner<ironwal_options, ironwal_options_free>(made);
            return status;
        });
    }
    options(const options &other) : handle(), refused_(other.refused_) {
        if (!other.handle_.get()) return;
        keep([&](ironwal_error **out) {
            ironwal_options *made = nullptr;
            const auto status = ironwal_options_clone(other.handle_.get(), &made, out);
            handle_ = detail::owner<ironwal_options, ironwal_options_free>(made);
            return status;
        });
    }
    options &operator=(const options &other) {
        if (this != &other) *this = options(other);
        return *this;
    }
    options(options &&) noexcept = default;
    options &operator=(options &&) noexcept = default;

    // What the text names, such as "sync_mode=async; max_segment_size=64M": see ironwal_options_parse().
    options &parse(text_in text) { return set(ironwal_options_parse, text.data(), text.size()); }
    // What holds for the stream with this key, or for all whose keys begin with it, such as "sync_mode=async":
    // see ironwal_options_set_stream().
    options &for_streams(ironwal::match match_by, text_in key, text_in text) {
        return set(ironwal_options_set_stream, static_cast<std::int32_t>(match_by), key.data(), key.size(), text.data(), text.size());
    }

    options &max_segment_size(count_in bytes) { return set_count<std::uint64_t>(ironwal_options_set_max_segment_size, bytes); }
    options &max_entries_per_segment(count_in entries) { return set_count<std::uint64_t>(ironwal_options_set_max_entries_per_segment, entries); }
    options &max_open_segments(count_in files) { return set_count<std::size_t>(ironwal_options_set_max_open_segments, files); }
    options &max_open_read_segments(count_in files) { return set_count<std::size_t>(ironwal_options_set_max_open_read_segments, files); }
    options &write_buffer_size(count_in bytes) { return set_count<std::size_t>(ironwal_options_set_write_buffer_size, bytes); }
    options &read_buffer_size(count_in bytes) { return set_count<std::size_t>(ironwal_options_set_read_buffer_size, bytes); }
    options &block_cache_size(count_in bytes) { return set_count<std::uint64_t>(ironwal_options_set_block_cache_size, bytes); }
    options &min_compression_size(count_in bytes) { return set_count<std::size_t>(ironwal_options_set_min_compression_size, bytes); }
    options &sync_mode(ironwal::sync_mode mode) { return set(ironwal_options_set_sync_mode, static_cast<std::int32_t>(mode)); }
    options &compression(ironwal::compression mode) { return set(ironwal_options_set_compression, static_cast<std::int32_t>(mode)); }
    options &read_strategy(ironwal::read_strategy strategy) { return set(ironwal_options_set_read_strategy, static_cast<std::int32_t>(strategy)); }
    options &write_strategy(ironwal::write_strategy strategy) { return set(ironwal_options_set_write_strategy, static_cast<std::int32_t>(strategy)); }
    options &commit_path(ironwal::commit_path path) { return set(ironwal_options_set_commit_path, static_cast<std::int32_t>(path)); }
    options &journal_size(count_in bytes) { return set_count<std::uint64_t>(ironwal_options_set_journal_size, bytes); }
    options &on_corruption(ironwal::corruption_policy policy) { return set(ironwal_options_set_on_corruption, static_cast<std::int32_t>(policy)); }
    options &archive_path(text_in path) { return set(ironwal_options_set_archive_path, path.data(), path.size()); }
    options &background_sync(duration_in interval, count_in bytes) {
        if (refused_.is_negative(bytes)) return *this;
        return set(ironwal_options_set_background_sync, interval.ns(), bytes.count());
    }
    options &sync_threads(count_in threads) { return set_count<std::size_t>(ironwal_options_set_sync_threads, threads); }
    // Once a minute, for all streams. Both limits IRONWAL_NO_LIMIT: no retention.
    options &retention(const ironwal::retention &what) {
        return set(ironwal_options_set_retention, what.max_bytes, what.max_age_ns(), what.keep_cursors);
    }
    options &latencies(bool measured) { return set(ironwal_options_set_latencies, measured); }
    options &no_background_sync() { return set(ironwal_options_set_no_background_sync); }
    // The callback must not throw; it gets `context` with every message.
    options &log(ironwal_log_fn callback, std::uintptr_t context) { return set(ironwal_options_set_log, callback, context); }
    // callable(log_level, std::string_view), which may capture. It is called by several threads at a time, and
    // is destroyed with the last log that uses it; an exception that leaves it ends the program.
    template <class Callable,
              class = std::enable_if_t<std::is_invocable_v<std::decay_t<Callable> &, ironwal::log_level, std::string_view>>>
    options &log(Callable &&callable) {
        using kept = std::decay_t<Callable>;
        return set(ironwal_options_set_log_owned, &detail::log_to<kept>,
                   reinterpret_cast<std::uintptr_t>(new kept(std::forward<Callable>(callable))), &detail::destroy<kept>);
    }
    options &log_level(ironwal::log_level least) { return set(ironwal_options_set_log_level, static_cast<std::int32_t>(least)); }

private:
    friend class wal;
    friend class sharded;

    template <class Call>
    void keep(Call &&call) {
        refused_.keep(call);
    }

    template <class Count, class Setter>
    options &set_count(Setter setter, count_in count) {
        return refused_.is_negative(count) ? *this : set(setter, static_cast<Count>(count.count()));
    }

    template <class Setter, class... Values>
    options &set(Setter setter, Values... values) {
        keep([&](ironwal_error **out) { return setter(handle_.get(), values..., out); });
        return *this;
    }

    detail::refusals refused_;
};

// Cancels the waits of one iterator, from any thread; may outlive it.
class canceller : public detail::handle<ironwal_canceller, ironwal_canceller_free> {
public:
    canceller() noexcept = default;
    explicit canceller(ironwal_canceller *taken) noexcept : handle(taken) {}
    result<void> cancel() const {
        return detail::run([&](ironwal_error **out) { return ironwal_canceller_cancel(handle_.get(), out); });
    }
};

// A descriptor that is readable when a stream has grown.
class events : public detail::handle<ironwal_events, ironwal_events_free> {
public:
    events() noexcept = default;
    explicit events(ironwal_events *taken) noexcept : handle(taken) {}
    result<int> fd() const {
        std::int32_t fd = -1;
        return detail::run([&](ironwal_error **out) { return ironwal_events_fd(handle_.get(), &fd, out); },
                           [&] { return static_cast<int>(fd); });
    }
    // One past the last id that is durable or written, by the event.
    result<std::uint64_t> drain() {
        std::uint64_t end = 0;
        return detail::run([&](ironwal_error **out) { return ironwal_events_drain(handle_.get(), &end, out); },
                           [&] { return end; });
    }
};

// An iteration over a stream. In a range-for each step gives a result: an entry, or one error per
// damaged range; iteration continues after it. A recurring error ends the loop after it, and so does
// the current end of the log; a second loop continues from there. One that moves backward (iter_rev)
// shows nothing that is appended later, and refuses wait() and canceller().
class entries : public detail::handle<ironwal_iter, ironwal_iter_free> {
public:
    entries() noexcept = default;
    explicit entries(ironwal_iter *taken) noexcept : handle(taken) {}

    // Waits until there is something to show: IRONWAL_E_TIMEOUT if there is not in time.
    result<void> wait(duration_in timeout = forever) {
        return detail::run([&](ironwal_error **out) { return ironwal_iter_wait(handle_.get(), timeout.ns(), out); });
    }
    // What cancels the waits, from any thread.
    result<ironwal::canceller> canceller() {
        ironwal_canceller *made = nullptr;
        return detail::run([&](ironwal_error **out) { return ironwal_iter_canceller(handle_.get(), &made, out); },
                           [&] { return ironwal::canceller(made); });
    }

    // The next entry; IRONWAL_E_END at the current end.
    result<entry> next() {
        entry found;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_iter_next(handle_.get(), &found.id, &found.view, out); },
            [&] { return found; });
    }

    // Up to `limit` entries, until they have `max_bytes`; all are valid until the next step. An error comes
    // alone; IRONWAL_E_END at the current end.
    result<std::vector<entry>> next_many(std::size_t limit, std::size_t max_bytes = 1 << 20) {
        std::vector<ironwal_entry> raw(limit);
        // Before the iterator moves: if there is no memory, no entry is lost.
        std::vector<entry> found(limit);
        std::size_t count = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_iter_next_many(handle_.get(), raw.data(), raw.size(), max_bytes, &count, out);
            },
            [&] {
                found.resize(count);
                for (std::size_t at = 0; at < count; ++at) found[at].id = raw[at].id, found[at].view = raw[at].view;
                return std::move(found);
            });
    }

    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = result<entry>;
        using difference_type = std::ptrdiff_t;
        using pointer = const result<entry> *;
        using reference = const result<entry> &;

        iterator() noexcept = default;
        explicit iterator(entries *source, duration_in patience = std::chrono::nanoseconds(0))
            : source_(source), patience_(patience) {
            step();
        }
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
            for (;;) {
                current_.reset();
                current_.emplace(source_->next());
                if (current_->status() != IRONWAL_E_END) return;
                if (patience_.ns() == 0) break;
                const auto waited = source_->wait(std::chrono::duration<std::uint64_t, std::nano>(patience_.ns()));
                if (waited.ok()) continue;
                if (waited.status() == IRONWAL_E_TIMEOUT || waited.status() == IRONWAL_E_CANCELLED ||
                    waited.status() == IRONWAL_E_CLOSED)
                    break;
                current_.emplace(waited.error());
                return;
            }
            source_ = nullptr;
        }

        entries *source_ = nullptr;
        duration_in patience_ = std::chrono::nanoseconds(0);
        std::optional<result<entry>> current_;
    };

    iterator begin() { return iterator(this); }
    iterator end() noexcept { return iterator(); }

    // The same for a consumer: at the current end the loop waits for the next entry, at most `patience`. It ends
    // when none came, when the wait is cancelled, and when the log is closed.
    class live_entries {
    public:
        live_entries(entries *source, duration_in patience) noexcept : source_(source), patience_(patience) {}
        iterator begin() const { return iterator(source_, patience_); }
        iterator end() const noexcept { return iterator(); }

    private:
        entries *source_;
        duration_in patience_;
    };
    live_entries live(duration_in patience = forever) & noexcept { return {this, patience}; }
    live_entries live(duration_in patience = forever) && = delete;
};

// Entries that are appended together or not at all. Destroyed without a commit: discarded.
class txn : public detail::handle<ironwal_txn, ironwal_txn_abort> {
public:
    txn() noexcept = default;
    explicit txn(ironwal_txn *taken) noexcept : handle(taken) {}

    result<void> add(bytes_in data) {
        return detail::run([&](ironwal_error **out) { return ironwal_txn_add(handle_.get(), data.data(), data.size(), out); });
    }
    // Discards the entries.
    void abort() noexcept { handle_.reset(); }
    // Consumes the transaction even when it fails.
    result<id_range> commit() {
        id_range ids;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_txn_commit(handle_.release(), &ids.first, &ids.end, out); },
            [&] { return ids; });
    }
};

namespace detail {

// Calls a callable once, and destroys it.
template <class Callable>
void durable_to(std::uintptr_t ctx, ironwal_mark, ironwal_status status) noexcept {
    const std::unique_ptr<Callable> callable(reinterpret_cast<Callable *>(ctx));
    (*callable)(status == IRONWAL_OK ? result<void>() : result<void>(error(status)));
}

#if defined(__cpp_impl_coroutine)
struct resume_here {
    void operator()(std::coroutine_handle<> waiting) const { waiting.resume(); }
};

template <class Resume>
class durable_wait {
public:
    durable_wait(ironwal_stream *stream, ironwal_mark mark, Resume resume)
        : stream_(stream), mark_(mark), resume_(std::move(resume)) {}
    durable_wait(const durable_wait &) = delete;
    durable_wait &operator=(const durable_wait &) = delete;

    bool await_ready() const noexcept {
        bool is_durable = false;
        return ironwal_stream_is_durable(stream_, mark_, &is_durable, nullptr) == IRONWAL_OK && is_durable;
    }
    // Once the callback is registered, this object may be gone at any time.
    bool await_suspend(std::coroutine_handle<> waiting) {
        waiting_ = waiting;
        ironwal_ticket ticket{0, 0, 0};
        ironwal_error *details = nullptr;
        const auto status = ironwal_stream_on_durable(stream_, mark_, &durable_wait::done,
                                                      reinterpret_cast<std::uintptr_t>(this), &ticket, &details);
        if (status == IRONWAL_OK) return true;
        outcome_ = error(status, details);
        return false;
    }
    result<void> await_resume() { return std::move(outcome_); }

private:
    static void done(std::uintptr_t ctx, ironwal_mark, ironwal_status status) noexcept {
        auto &self = *reinterpret_cast<durable_wait *>(ctx);
        if (status != IRONWAL_OK) self.outcome_ = error(status);
        const auto waiting = self.waiting_;
        auto resume = std::move(self.resume_);
        resume(waiting);
    }

    ironwal_stream *stream_;
    ironwal_mark mark_;
    Resume resume_;
    std::coroutine_handle<> waiting_;
    result<void> outcome_;
};
#endif

} // namespace detail

// What stream::on_durable() returns for a callable. Destroyed, it cancels nothing.
class durable_ticket {
public:
    durable_ticket(durable_ticket &&other) noexcept
        : raw_(other.raw_), ctx_(std::exchange(other.ctx_, 0)), destroy_(other.destroy_) {}
    durable_ticket &operator=(durable_ticket &&other) noexcept {
        raw_ = other.raw_;
        ctx_ = std::exchange(other.ctx_, 0);
        destroy_ = other.destroy_;
        return *this;
    }

private:
    friend class stream;
    durable_ticket(const ironwal_ticket &raw, std::uintptr_t ctx, void (*destructor)(std::uintptr_t) noexcept) noexcept
        : raw_(raw), ctx_(ctx), destroy_(destructor) {}
    // After the callable was cancelled: it is called no more.
    void destroy() noexcept {
        if (ctx_) destroy_(std::exchange(ctx_, 0));
    }

    ironwal_ticket raw_;
    std::uintptr_t ctx_;
    void (*destroy_)(std::uintptr_t) noexcept;
};

// One stream: calls need no look-up by name.
class stream : public detail::handle<ironwal_stream, ironwal_stream_free> {
public:
    stream() noexcept = default;
    explicit stream(ironwal_stream *taken) noexcept : handle(taken) {}

    result<std::uint64_t> append(bytes_in data) {
        std::uint64_t id = 0;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_stream_append(handle_.get(), data.data(), data.size(), &id, out); },
            [&] { return id; });
    }
    result<id_range> append_batch(std::initializer_list<bytes_in> entries) { return batch(detail::slices_of(entries)); }
    result<id_range> append_batch(const std::vector<bytes> &entries) { return batch(detail::slices_of(entries)); }
    // Any range of bytes, or of named containers of single bytes, such as std::vector<std::string>.
    template <class Entries, class = detail::batch<Entries>>
    result<id_range> append_batch(const Entries &entries) {
        return batch(detail::slices_of(entries));
    }
    result<std::uint64_t> append_vectored(std::initializer_list<bytes_in> parts) { return vectored(detail::slices_of(parts)); }
    result<std::uint64_t> append_vectored(const std::vector<bytes> &parts) { return vectored(detail::slices_of(parts)); }
    template <class Parts, class = detail::batch<Parts>>
    result<std::uint64_t> append_vectored(const Parts &parts) {
        return vectored(detail::slices_of(parts));
    }
    result<txn> begin() {
        ironwal_txn *made = nullptr;
        return detail::run([&](ironwal_error **out) { return ironwal_stream_begin(handle_.get(), &made, out); },
                           [&] { return txn(made); });
    }
    // Appends only if the entry gets this id; otherwise error::sequence() has the id that it would have got.
    result<std::uint64_t> append_at(std::uint64_t expected_id, bytes_in data) {
        std::uint64_t id = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_stream_append_at(handle_.get(), expected_id, data.data(), data.size(), &id, out);
            },
            [&] { return id; });
    }
    result<appended> append_with(const std::vector<bytes> &entries, const property_changes &properties = {},
                                 durability how = durability::by_mode, std::uint64_t expected_id = IRONWAL_ANY_ID) {
        const auto slices = detail::slices_of(entries);
        const auto raw = detail::raw_of(properties);
        id_range ids;
        ironwal_mark behind{0, 0};
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_stream_append_with(handle_.get(), expected_id, slices.data(), slices.size(), raw.data(),
                                                  raw.size(), static_cast<std::int32_t>(how), &ids.first, &ids.end,
                                                  &behind, out);
            },
            [&] { return appended{ids, ironwal::mark(behind)}; });
    }
    result<ironwal::mark> mark() const {
        ironwal_mark raw{0, 0};
        return detail::run([&](ironwal_error **out) { return ironwal_stream_mark(handle_.get(), &raw, out); },
                           [&] { return ironwal::mark(raw); });
    }
    // Removes old segments, and returns how many.
    result<std::size_t> apply_retention(const retention &what) {
        std::size_t segments = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_stream_apply_retention(handle_.get(), what.max_bytes, what.max_age_ns(), what.keep_cursors,
                                                      &segments, out);
            },
            [&] { return segments; });
    }
    // What has happened to the stream since the log was opened, and where it is now.
    result<ironwal_stream_stats_t> stats() const {
        ironwal_stream_stats_t stats{};
        return detail::run(
            [&](ironwal_error **out) { return ironwal_stream_stats(handle_.get(), &stats, sizeof stats, out); },
            [&] { return stats; });
    }
    // Calls callback(ctx, mark, status) once; it must not throw, and ctx must live until then.
    result<ironwal_ticket> on_durable(const ironwal::mark &mark, ironwal_durable_fn callback, std::uintptr_t ctx) {
        ironwal_ticket ticket{0, 0, 0};
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_stream_on_durable(handle_.get(), mark.raw(), callback, ctx, &ticket, out);
            },
            [&] { return ticket; });
    }
    // The same with callable(result<void>), which may capture. An exception that leaves it ends the program.
    template <class Callable, class = std::enable_if_t<std::is_invocable_v<std::decay_t<Callable> &, result<void>>>>
    result<durable_ticket> on_durable(const ironwal::mark &mark, Callable &&callable) {
        using kept = std::decay_t<Callable>;
        auto owned = std::make_unique<kept>(std::forward<Callable>(callable));
        const auto ctx = reinterpret_cast<std::uintptr_t>(owned.get());
        auto made = on_durable(mark, &detail::durable_to<kept>, ctx);
        if (!made.ok()) return made.error();
        static_cast<void>(owned.release()); // detail::durable_to() destroys it
        return durable_ticket(*made, ctx, &detail::destroy<kept>);
    }
    result<bool> cancel_durable(durable_ticket &ticket) {
        auto cancelled = cancel_durable(ticket.raw_);
        if (cancelled.value_or(false)) ticket.destroy();
        return cancelled;
    }
#if defined(__cpp_impl_coroutine)
    // `co_await stream.durable(mark)` is a result<void>, once what is in front of the mark is durable. The
    // coroutine resumes on a thread of the library, where it should not stay long: `resume`, called there with
    // the std::coroutine_handle<>, may hand it to an executor. It must not be destroyed while it waits.
    template <class Resume = detail::resume_here>
    detail::durable_wait<Resume> durable(const ironwal::mark &mark, Resume resume = {}) {
        return detail::durable_wait<Resume>(handle_.get(), mark.raw(), std::move(resume));
    }
#endif
    // True: it was not called and will not be.
    result<bool> cancel_durable(const ironwal_ticket &ticket) {
        bool cancelled = false;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_stream_cancel_durable(handle_.get(), &ticket, &cancelled, out); },
            [&] { return cancelled; });
    }
    result<ironwal::events> events(event what) const {
        ironwal_events *made = nullptr;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_stream_events(handle_.get(), static_cast<std::int32_t>(what), &made, out);
            },
            [&] { return ironwal::events(made); });
    }
    result<entries> follow(std::uint64_t start_id = 0, visibility view = visibility::by_mode) const {
        ironwal_iter *iter = nullptr;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_stream_follow(handle_.get(), start_id, static_cast<std::int32_t>(view), &iter, out);
            },
            [&] { return entries(iter); });
    }
    result<std::pair<std::uint64_t, buffer>> last() const {
        std::uint64_t id = 0;
        ironwal_buffer raw{nullptr, 0};
        return detail::run([&](ironwal_error **out) { return ironwal_stream_last(handle_.get(), &id, &raw, out); },
                           [&] { return std::pair<std::uint64_t, buffer>(id, buffer(raw)); });
    }
    // The same for two streams that have the same entries in this range.
    result<std::array<std::uint8_t, 16>> digest(id_range ids) const {
        std::array<std::uint8_t, 16> digest{};
        return detail::run(
            [&](ironwal_error **out) { return ironwal_stream_digest(handle_.get(), ids.first, ids.end, digest.data(), out); },
            [&] { return digest; });
    }
    // Where a replica stands, for export_frames() of its primary.
    result<buffer> frame_position() const {
        ironwal_buffer raw{nullptr, 0};
        return detail::run([&](ironwal_error **out) { return ironwal_stream_frame_position(handle_.get(), &raw, out); },
                           [&] { return buffer(raw); });
    }
    // A packet of frames for a replica there; empty: there is no more for now. No bytes as the position
    // begin a replica.
    result<buffer> export_frames(bytes_in position, std::size_t max_bytes) const {
        ironwal_buffer raw{nullptr, 0};
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_stream_export(handle_.get(), position.data(), position.size(), max_bytes, &raw, out);
            },
            [&] { return buffer(raw); });
    }
    // The same, of all frames that are written: a replica then reports as safe only what is durable there.
    result<buffer> export_written_frames(bytes_in position, std::size_t max_bytes) const {
        ironwal_buffer raw{nullptr, 0};
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_stream_export_written(handle_.get(), position.data(), position.size(), max_bytes, &raw, out);
            },
            [&] { return buffer(raw); });
    }
    // Writes the frames of a packet where they were in the primary; returns the ids of their entries.
    result<id_range> apply_frames(bytes_in packet) {
        id_range ids{0, 0};
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_stream_apply(handle_.get(), packet.data(), packet.size(), &ids.first, &ids.end, out);
            },
            [&] { return ids; });
    }
    result<bool> is_durable(const ironwal::mark &mark) const {
        bool durable = false;
        return detail::run([&](ironwal_error **out) { return ironwal_stream_is_durable(handle_.get(), mark.raw(), &durable, out); },
                           [&] { return durable; });
    }
    result<buffer> property(bytes_in key) const {
        ironwal_buffer raw{nullptr, 0};
        return detail::run(
            [&](ironwal_error **out) { return ironwal_stream_property(handle_.get(), key.data(), key.size(), &raw, out); },
            [&] { return buffer(raw); });
    }
    result<property_map> properties() const {
        ironwal_property_list *made = nullptr;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_stream_properties(handle_.get(), &made, out); },
            [&] { return detail::pairs_of(made); });
    }
    // Returns the mark behind the change.
    result<ironwal::mark> set_properties(const property_changes &changes, durability how = durability::by_mode) {
        return change(ironwal_stream_set_properties, changes, how);
    }
    result<ironwal::mark> replace_properties(const property_changes &all, durability how = durability::by_mode) {
        return change(ironwal_stream_replace_properties, all, how);
    }
    // Durable on return, like the three that follow.
    result<id_range> replace_suffix(std::uint64_t from_id, const std::vector<bytes> &entries,
                                    const property_changes &properties = {}) {
        return replace(ironwal_stream_replace_suffix, from_id, entries, properties);
    }
    // Returns how many ids were cut.
    result<std::uint64_t> truncate_suffix(std::uint64_t from_id) {
        std::uint64_t cut = 0;
        return detail::run([&](ironwal_error **out) { return ironwal_stream_truncate_suffix(handle_.get(), from_id, &cut, out); },
                           [&] { return cut; });
    }
    result<id_range> reset(std::uint64_t next_id, const std::vector<bytes> &entries = {},
                           const property_changes &properties = {}) {
        return replace(ironwal_stream_reset, next_id, entries, properties);
    }
    result<std::size_t> truncate_prefix(std::uint64_t first_id) {
        std::size_t segments = 0;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_stream_truncate_prefix(handle_.get(), first_id, &segments, out); },
            [&] { return segments; });
    }
    result<buffer> get(std::uint64_t id) const {
        ironwal_buffer raw{nullptr, 0};
        return detail::run([&](ironwal_error **out) { return ironwal_stream_get(handle_.get(), id, &raw, out); },
                           [&] { return buffer(raw); });
    }
    // The length of the entry; IRONWAL_E_BUFFER_TOO_SMALL if it does not fit, with nothing copied.
    result<std::size_t> get_into(std::uint64_t id, void *memory, std::size_t capacity) const {
        std::size_t size = 0;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_stream_get_into(handle_.get(), id, memory, capacity, &size, out); },
            [&] { return size; });
    }
    // Into an array, std::array or std::span of single bytes.
    template <class Memory, class = detail::memory<Memory>>
    result<std::size_t> get_into(std::uint64_t id, Memory &&memory) const {
        return get_into(id, memory.data(), memory.size());
    }
    template <class Byte, std::size_t Size, class = std::enable_if_t<sizeof(Byte) == 1>>
    result<std::size_t> get_into(std::uint64_t id, Byte (&memory)[Size]) const {
        return get_into(id, memory, Size);
    }
    result<pinned> view(std::uint64_t id) const {
        ironwal_view view{nullptr, 0};
        ironwal_view_pin *pin = nullptr;
        return detail::run([&](ironwal_error **out) { return ironwal_stream_view(handle_.get(), id, &view, &pin, out); },
                           [&] { return pinned(view, pin); });
    }
    result<entries> iter(std::uint64_t start_id = 0) const {
        ironwal_iter *iter = nullptr;
        return detail::run([&](ironwal_error **out) { return ironwal_stream_iter(handle_.get(), start_id, &iter, out); },
                           [&] { return entries(iter); });
    }
    // Backward, from the entry from_id, or from the last one where that is earlier, to the first one kept.
    result<entries> iter_rev(std::uint64_t from_id = UINT64_MAX) const {
        ironwal_iter *iter = nullptr;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_stream_iter_rev(handle_.get(), from_id, &iter, out); },
            [&] { return entries(iter); });
    }
    // When appends to the stream are made durable. The same as long as the log is open.
    result<ironwal::sync_mode> sync_mode() const {
        std::int32_t mode = 0;
        return detail::run([&](ironwal_error **out) { return ironwal_stream_sync_mode(handle_.get(), &mode, out); },
                           [&] { return static_cast<ironwal::sync_mode>(mode); });
    }
    result<std::uint64_t> first_id() const { return position(ironwal_stream_first_id); }
    result<std::uint64_t> next_id() const { return position(ironwal_stream_next_id); }
    result<std::uint64_t> durable_end() const { return position(ironwal_stream_durable_end); }
    result<std::uint64_t> current_segment_start_id() const { return position(ironwal_stream_current_segment_start_id); }
    result<std::size_t> truncate(std::uint64_t safe_id) {
        std::size_t segments = 0;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_stream_truncate(handle_.get(), safe_id, &segments, out); },
            [&] { return segments; });
    }
    result<std::size_t> restore_archived() {
        std::size_t segments = 0;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_stream_restore_archived(handle_.get(), &segments, out); },
            [&] { return segments; });
    }
    // Deletes the stream; the handle is of no use afterwards.
    result<void> delete_stream() {
        return detail::run([&](ironwal_error **out) { return ironwal_stream_delete(handle_.get(), out); });
    }
    result<void> sync() {
        return detail::run([&](ironwal_error **out) { return ironwal_stream_sync(handle_.get(), out); });
    }
    result<void> wait_durable(std::uint64_t id, duration_in timeout = forever) const {
        return detail::run(
            [&](ironwal_error **out) { return ironwal_stream_wait_durable(handle_.get(), id, timeout.ns(), out); });
    }

private:
    template <class Call>
    result<ironwal::mark> change(Call call, const property_changes &changes, durability how) {
        const auto raw = detail::raw_of(changes);
        ironwal_mark behind{0, 0};
        return detail::run(
            [&](ironwal_error **out) {
                return call(handle_.get(), raw.data(), raw.size(), static_cast<std::int32_t>(how), &behind, out);
            },
            [&] { return ironwal::mark(behind); });
    }
    template <class Call>
    result<id_range> replace(Call call, std::uint64_t id, const std::vector<bytes> &entries, const property_changes &properties) {
        const auto slices = detail::slices_of(entries);
        const auto raw = detail::raw_of(properties);
        id_range ids;
        return detail::run(
            [&](ironwal_error **out) {
                return call(handle_.get(), id, slices.data(), slices.size(), raw.data(), raw.size(), &ids.first, &ids.end, out);
            },
            [&] { return ids; });
    }
    result<id_range> batch(const detail::slices &slices) {
        id_range ids;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_stream_append_batch(handle_.get(), slices.data(), slices.size(), &ids.first, &ids.end, out);
            },
            [&] { return ids; });
    }
    result<std::uint64_t> vectored(const detail::slices &slices) {
        std::uint64_t id = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_stream_append_vectored(handle_.get(), slices.data(), slices.size(), &id, out);
            },
            [&] { return id; });
    }
    template <class Ask>
    result<std::uint64_t> position(Ask ask) const {
        std::uint64_t id = 0;
        return detail::run([&](ironwal_error **out) { return ask(handle_.get(), &id, out); }, [&] { return id; });
    }
};

// The result of a verification; it outlives its log.
class report : public detail::handle<ironwal_verify_report, ironwal_verify_report_free> {
public:
    report() noexcept = default;
    explicit report(ironwal_verify_report *taken) noexcept : handle(taken) {}

    ironwal_verify_report_totals totals() const noexcept {
        ironwal_verify_report_totals totals{};
        ironwal_verify_report_get_totals(handle_.get(), &totals, sizeof totals, nullptr);
        return totals;
    }
    // No finding is worse than a note.
    bool is_clean() const noexcept { return totals().clean != 0; }
    // The texts are valid as long as the report.
    std::vector<ironwal_finding> findings() const {
        std::vector<ironwal_finding> found(static_cast<std::size_t>(totals().findings));
        for (std::size_t index = 0; index < found.size(); ++index)
            ironwal_verify_report_get_finding(handle_.get(), index, &found[index], sizeof found[index], nullptr);
        return found;
    }
};

// What opening a log found, lost and removed; it outlives its log.
class recovery_report : public detail::handle<ironwal_recovery_report, ironwal_recovery_report_free> {
public:
    recovery_report() noexcept = default;
    explicit recovery_report(ironwal_recovery_report *taken) noexcept : handle(taken) {}

    ironwal_recovery_report_totals totals() const noexcept {
        ironwal_recovery_report_totals totals{};
        ironwal_recovery_report_get_totals(handle_.get(), &totals, sizeof totals, nullptr);
        return totals;
    }
    // Nothing that was durable is missing or unreadable, as far as opening can know.
    bool is_complete() const noexcept { return totals().complete != 0; }
    // The streams with damage or remains, or that could not be opened. The texts are valid as long as the
    // report.
    std::vector<ironwal_recovered_stream> streams() const {
        std::vector<ironwal_recovered_stream> found(static_cast<std::size_t>(totals().reported));
        for (std::size_t index = 0; index < found.size(); ++index)
            ironwal_recovery_report_get_stream(handle_.get(), index, &found[index], sizeof found[index], nullptr);
        return found;
    }
    // What was found in the stream at this index of streams(); empty past the last one.
    std::vector<ironwal_finding> findings(std::size_t stream) const {
        ironwal_recovered_stream of{};
        ironwal_recovery_report_get_stream(handle_.get(), stream, &of, sizeof of, nullptr);
        std::vector<ironwal_finding> found(static_cast<std::size_t>(of.findings));
        for (std::size_t index = 0; index < found.size(); ++index)
            ironwal_recovery_report_get_finding(handle_.get(), stream, index, &found[index], sizeof found[index], nullptr);
        return found;
    }
};

// A batch over several streams of one log: commit() appends all parts or none, and is durable in every sync mode;
// see ironwal_append_atomic(). Streams, the log, and what the bytes and properties are made of must live until
// then.
//
//     const auto ids = wal.batch().add(alice, {"-30"}).add(bob, {"+30"}).commit().value();
class [[nodiscard]] atomic_batch {
public:
    explicit atomic_batch(ironwal_wal *wal) noexcept : wal_(wal) {}

    // A stream comes once. With an expected id, nothing of the batch is appended unless the part gets it:
    // error::stream() is the stream that has another, and error::sequence() the id.
    atomic_batch &add(ironwal::stream &stream, std::initializer_list<bytes> entries, const property_changes &properties = {},
                      std::uint64_t expected_id = IRONWAL_ANY_ID) {
        return add_slices(stream, entries, properties, expected_id);
    }
    // Any range of bytes, or of containers of single bytes that outlives the batch: std::span<const bytes>, a named
    // std::vector<std::string>.
    template <class Entries, class = detail::batch<detail::plain<Entries>>, class = detail::batch_to_keep<Entries>>
    atomic_batch &add(ironwal::stream &stream, Entries &&entries, const property_changes &properties = {},
                      std::uint64_t expected_id = IRONWAL_ANY_ID) {
        return add_slices(stream, entries, properties, expected_id);
    }

    // A temporary stream is gone before commit(): give it a name.
    atomic_batch &add(ironwal::stream &&, std::initializer_list<bytes>, const property_changes & = {},
                      std::uint64_t = IRONWAL_ANY_ID) = delete;

    // The ids of each part, in the order added. Afterwards the batch is empty; after an error it can be tried again.
    result<std::vector<id_range>> commit() {
        std::vector<ironwal_atomic_part> parts;
        parts.reserve(parts_.size());
        for (const auto &part : parts_)
            parts.push_back({part.stream, part.entries.data(), part.entries.size(), part.properties.data(),
                             part.properties.size(), part.expected_id, part.expected_id == IRONWAL_ANY_ID ? 0 : 1, 0});
        std::vector<std::uint64_t> firsts(parts.size()), ends(parts.size());
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_append_atomic(wal_, parts.data(), parts.size(), firsts.data(), ends.data(), out);
            },
            [&] {
                std::vector<id_range> ids;
                for (std::size_t at = 0; at < firsts.size(); ++at) ids.push_back({firsts[at], ends[at]});
                parts_.clear();
                return ids;
            });
    }

private:
    struct collected {
        ironwal_stream *stream;
        std::vector<ironwal_slice> entries;
        std::vector<ironwal_property> properties;
        std::uint64_t expected_id;
    };

    template <class Entries>
    atomic_batch &add_slices(ironwal::stream &stream, const Entries &entries, const property_changes &properties,
                             std::uint64_t expected_id) {
        std::vector<ironwal_slice> slices;
        for (const auto &entry : entries) slices.push_back(detail::slice_of(entry));
        parts_.push_back({stream.native_handle(), std::move(slices), detail::raw_of(properties), expected_id});
        return *this;
    }

    ironwal_wal *wal_;
    std::vector<collected> parts_;
};

// An open log. The destructor closes the log but cannot report errors; call close().
class wal : public detail::handle<ironwal_wal, ironwal_wal_free> {
public:
    wal() noexcept = default;
    explicit wal(ironwal_wal *taken) noexcept : handle(taken) {}

    static result<wal> open(const options &options) {
        if (options.refused_.first()) return *options.refused_.first();
        ironwal_wal *handle = nullptr;
        return detail::run([&](ironwal_error **out) { return ironwal_wal_open(options.handle_.get(), &handle, out); },
                           [&] { return wal(handle); });
    }
    static result<wal> open(text_in path) { return open(options(path)); }
    // Read-only, beside a writer in this or another process.
    static result<wal> open_read_only(const options &options) {
        if (options.refused_.first()) return *options.refused_.first();
        ironwal_wal *handle = nullptr;
        return detail::run([&](ironwal_error **out) { return ironwal_wal_open_read_only(options.handle_.get(), &handle, out); },
                           [&] { return wal(handle); });
    }
    static result<wal> open_read_only(text_in path) { return open_read_only(options(path)); }

    // Closes the log for its streams and transactions too, even when it fails.
    result<void> close() {
        return detail::run([&](ironwal_error **out) { return ironwal_wal_close(handle_.release(), out); });
    }
    result<ironwal::stream> stream(text_in name) const {
        ironwal_stream *made = nullptr;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_stream_open(handle_.get(), name.data(), name.size(), &made, out); },
            [&] { return ironwal::stream(made); });
    }
    result<std::uint64_t> append(text_in name, bytes_in data) {
        std::uint64_t id = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_append(handle_.get(), name.data(), name.size(), data.data(), data.size(), &id, out);
            },
            [&] { return id; });
    }
    result<id_range> append_batch(text_in name, std::initializer_list<bytes_in> entries) {
        return batch(name, detail::slices_of(entries));
    }
    result<id_range> append_batch(text_in name, const std::vector<bytes> &entries) {
        return batch(name, detail::slices_of(entries));
    }
    template <class Entries, class = detail::batch<Entries>>
    result<id_range> append_batch(text_in name, const Entries &entries) {
        return batch(name, detail::slices_of(entries));
    }
    result<std::uint64_t> append_vectored(text_in name, std::initializer_list<bytes_in> parts) {
        return vectored(name, detail::slices_of(parts));
    }
    result<std::uint64_t> append_vectored(text_in name, const std::vector<bytes> &parts) {
        return vectored(name, detail::slices_of(parts));
    }
    template <class Parts, class = detail::batch<Parts>>
    result<std::uint64_t> append_vectored(text_in name, const Parts &parts) {
        return vectored(name, detail::slices_of(parts));
    }
    // A batch over several streams, which is collected part by part.
    atomic_batch batch() noexcept { return atomic_batch(handle_.get()); }
    // From here to truncate_prefix(): as the calls of stream.
    result<std::uint64_t> append_at(text_in name, std::uint64_t expected_id, bytes_in data) {
        std::uint64_t id = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_append_at(handle_.get(), name.data(), name.size(), expected_id, data.data(), data.size(), &id,
                                         out);
            },
            [&] { return id; });
    }
    result<appended> append_with(text_in name, const std::vector<bytes> &entries, const property_changes &properties = {},
                                 durability how = durability::by_mode, std::uint64_t expected_id = IRONWAL_ANY_ID) {
        const auto slices = detail::slices_of(entries);
        const auto raw = detail::raw_of(properties);
        id_range ids;
        ironwal_mark behind{0, 0};
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_append_with(handle_.get(), name.data(), name.size(), expected_id, slices.data(), slices.size(),
                                           raw.data(), raw.size(), static_cast<std::int32_t>(how), &ids.first, &ids.end,
                                           &behind, out);
            },
            [&] { return appended{ids, ironwal::mark(behind)}; });
    }
    result<buffer> property(text_in name, bytes_in key) const {
        ironwal_buffer raw{nullptr, 0};
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_get_property(handle_.get(), name.data(), name.size(), key.data(), key.size(), &raw, out);
            },
            [&] { return buffer(raw); });
    }
    result<property_map> properties(text_in name) const {
        ironwal_property_list *made = nullptr;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_get_properties(handle_.get(), name.data(), name.size(), &made, out); },
            [&] { return detail::pairs_of(made); });
    }
    result<ironwal::mark> set_properties(text_in name, const property_changes &changes,
                                         durability how = durability::by_mode) {
        return change(ironwal_set_properties, name, changes, how);
    }
    result<ironwal::mark> replace_properties(text_in name, const property_changes &all,
                                             durability how = durability::by_mode) {
        return change(ironwal_replace_properties, name, all, how);
    }
    result<id_range> replace_suffix(text_in name, std::uint64_t from_id, const std::vector<bytes> &entries,
                                    const property_changes &properties = {}) {
        return replace(ironwal_replace_suffix, name, from_id, entries, properties);
    }
    result<std::uint64_t> truncate_suffix(text_in name, std::uint64_t from_id) {
        std::uint64_t cut = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_truncate_suffix(handle_.get(), name.data(), name.size(), from_id, &cut, out);
            },
            [&] { return cut; });
    }
    result<id_range> reset(text_in name, std::uint64_t next_id, const std::vector<bytes> &entries = {},
                           const property_changes &properties = {}) {
        return replace(ironwal_reset, name, next_id, entries, properties);
    }
    result<std::size_t> truncate_prefix(text_in name, std::uint64_t first_id) {
        std::size_t segments = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_truncate_prefix(handle_.get(), name.data(), name.size(), first_id, &segments, out);
            },
            [&] { return segments; });
    }
    result<txn> begin(text_in name) {
        ironwal_txn *made = nullptr;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_txn_begin(handle_.get(), name.data(), name.size(), &made, out); },
            [&] { return txn(made); });
    }
    result<buffer> get(text_in name, std::uint64_t id) const {
        ironwal_buffer raw{nullptr, 0};
        return detail::run(
            [&](ironwal_error **out) { return ironwal_get(handle_.get(), name.data(), name.size(), id, &raw, out); },
            [&] { return buffer(raw); });
    }
    // As stream::get_into().
    result<std::size_t> get_into(text_in name, std::uint64_t id, void *memory, std::size_t capacity) const {
        std::size_t size = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_get_into(handle_.get(), name.data(), name.size(), id, memory, capacity, &size, out);
            },
            [&] { return size; });
    }
    template <class Memory, class = detail::memory<Memory>>
    result<std::size_t> get_into(const text_in &name, std::uint64_t id, Memory &&memory) const {
        return get_into(std::string_view(name.data(), name.size()), id, memory.data(), memory.size());
    }
    // In the order of the ids; nullopt for ids that are not found.
    result<std::vector<std::optional<std::string>>> get_batch(text_in name,
                                                              const std::vector<std::uint64_t> &ids) const {
        ironwal_entry_list *raw = nullptr;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_get_batch(handle_.get(), name.data(), name.size(), ids.data(), ids.size(), &raw, out);
            },
            [&] {
                detail::owner<ironwal_entry_list, ironwal_entry_list_free> found(raw);
                std::vector<std::optional<std::string>> values(ironwal_entry_list_count(raw));
                for (std::size_t index = 0; index < values.size(); ++index) {
                    ironwal_view view{nullptr, 0};
                    if (ironwal_entry_list_get(raw, index, &view, nullptr) == IRONWAL_OK)
                        values[index].emplace(reinterpret_cast<const char *>(view.data), view.len);
                }
                return values;
            });
    }
    result<entries> iter(text_in name, std::uint64_t start_id = 0) const {
        ironwal_iter *iter = nullptr;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_wal_iter(handle_.get(), name.data(), name.size(), start_id, &iter, out);
            },
            [&] { return entries(iter); });
    }
    // Backward, from the entry from_id, or from the last one where that is earlier, to the first one kept.
    result<entries> iter_rev(text_in name, std::uint64_t from_id = UINT64_MAX) const {
        ironwal_iter *iter = nullptr;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_wal_iter_rev(handle_.get(), name.data(), name.size(), from_id, &iter, out);
            },
            [&] { return entries(iter); });
    }
    // Removes whole segments below safe_id; returns their number.
    result<std::size_t> truncate(text_in name, std::uint64_t safe_id) {
        std::size_t segments = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_truncate(handle_.get(), name.data(), name.size(), safe_id, &segments, out);
            },
            [&] { return segments; });
    }
    result<std::size_t> restore_archived(text_in name) {
        std::size_t segments = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_restore_archived(handle_.get(), name.data(), name.size(), &segments, out);
            },
            [&] { return segments; });
    }
    result<void> delete_stream(text_in name) {
        return detail::run(
            [&](ironwal_error **out) { return ironwal_delete_stream(handle_.get(), name.data(), name.size(), out); });
    }
    result<std::uint64_t> current_segment_start_id(text_in name) const {
        std::uint64_t id = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_current_segment_start_id(handle_.get(), name.data(), name.size(), &id, out);
            },
            [&] { return id; });
    }
    result<std::vector<std::string>> streams() const {
        ironwal_name_list *raw = nullptr;
        return detail::run([&](ironwal_error **out) { return ironwal_wal_streams(handle_.get(), &raw, out); },
                           [&] {
                               detail::owner<ironwal_name_list, ironwal_name_list_free> listed(raw);
                               std::vector<std::string> names(ironwal_name_list_count(raw));
                               for (std::size_t index = 0; index < names.size(); ++index)
                                   names[index] = detail::view_of(ironwal_name_list_get(raw, index));
                               return names;
                           });
    }
    result<void> sync(text_in name) {
        return detail::run([&](ironwal_error **out) { return ironwal_sync(handle_.get(), name.data(), name.size(), out); });
    }
    result<void> sync_all() {
        return detail::run([&](ironwal_error **out) { return ironwal_wal_sync_all(handle_.get(), out); });
    }
    // Copies the log, as it is at one moment, into a new directory.
    result<ironwal_snapshot_stats> snapshot_to(text_in dir, snapshot_mode mode = snapshot_mode::link) {
        ironwal_snapshot_stats stats{0, 0, 0, 0, 0};
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_wal_snapshot_to(handle_.get(), dir.data(), dir.size(), static_cast<std::int32_t>(mode),
                                               &stats, sizeof stats, out);
            },
            [&] { return stats; });
    }
    // Removes old segments of all streams, and returns how many.
    result<std::size_t> apply_retention(const retention &what) {
        std::size_t segments = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_wal_apply_retention(handle_.get(), what.max_bytes, what.max_age_ns(), what.keep_cursors,
                                                   &segments, out);
            },
            [&] { return segments; });
    }
    // What has happened to all streams since the log was opened, and where they are now.
    result<ironwal_wal_stats_t> stats() const {
        ironwal_wal_stats_t stats{};
        return detail::run(
            [&](ironwal_error **out) { return ironwal_wal_stats(handle_.get(), &stats, sizeof stats, out); },
            [&] { return stats; });
    }
    // The same; on a log open read-only, beside a writer that never pauses, each stream at a moment of its own.
    result<ironwal_snapshot_stats> snapshot_streams_to(text_in dir, snapshot_mode mode = snapshot_mode::link) {
        ironwal_snapshot_stats stats{0, 0, 0, 0, 0};
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_wal_snapshot_streams_to(handle_.get(), dir.data(), dir.size(),
                                                       static_cast<std::int32_t>(mode), &stats, sizeof stats, out);
            },
            [&] { return stats; });
    }
    result<bool> is_read_only() const {
        bool read_only = false;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_wal_is_read_only(handle_.get(), &read_only, out); },
            [&] { return read_only; });
    }
    // On a log open read-only: follows the writer now.
    result<void> refresh() {
        return detail::run([&](ironwal_error **out) { return ironwal_wal_refresh(handle_.get(), out); });
    }
    // What opening this log found. Ask it before a node of a consensus engine votes.
    result<recovery_report> recovery() const {
        ironwal_recovery_report *made = nullptr;
        return detail::run([&](ironwal_error **out) { return ironwal_wal_recovery(handle_.get(), &made, out); },
                           [&] { return recovery_report(made); });
    }
    // Reads everything and checks it.
    result<report> verify() const {
        ironwal_verify_report *made = nullptr;
        return detail::run([&](ironwal_error **out) { return ironwal_wal_verify(handle_.get(), &made, out); },
                           [&] { return report(made); });
    }

private:
    friend class sharded;
    result<id_range> batch(const text_in &name, const detail::slices &slices) {
        id_range ids;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_append_batch(handle_.get(), name.data(), name.size(), slices.data(), slices.size(),
                                            &ids.first, &ids.end, out);
            },
            [&] { return ids; });
    }
    result<std::uint64_t> vectored(const text_in &name, const detail::slices &slices) {
        std::uint64_t id = 0;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_append_vectored(handle_.get(), name.data(), name.size(), slices.data(), slices.size(), &id, out);
            },
            [&] { return id; });
    }
    template <class Call>
    result<ironwal::mark> change(Call call, const text_in &name, const property_changes &changes, durability how) {
        const auto raw = detail::raw_of(changes);
        ironwal_mark behind{0, 0};
        return detail::run(
            [&](ironwal_error **out) {
                return call(handle_.get(), name.data(), name.size(), raw.data(), raw.size(), static_cast<std::int32_t>(how),
                            &behind, out);
            },
            [&] { return ironwal::mark(behind); });
    }
    template <class Call>
    result<id_range> replace(Call call, const text_in &name, std::uint64_t id, const std::vector<bytes> &entries,
                             const property_changes &properties) {
        const auto slices = detail::slices_of(entries);
        const auto raw = detail::raw_of(properties);
        id_range ids;
        return detail::run(
            [&](ironwal_error **out) {
                return call(handle_.get(), name.data(), name.size(), id, slices.data(), slices.size(), raw.data(), raw.size(),
                            &ids.first, &ids.end, out);
            },
            [&] { return ids; });
    }
};

// The shard and id of an entry of a sharded log.
struct place {
    std::uint32_t shard = 0;
    std::uint64_t id = 0;
};

// One entry of a batch over several shards: one that can be stored, and one as an argument.
struct keyed {
    bytes key;
    bytes value;
};
struct keyed_in {
    bytes_in key;
    bytes_in value;
};

// A loaded checkpoint; it outlives its log.
class checkpoint : public detail::handle<ironwal_checkpoint, ironwal_checkpoint_free> {
public:
    checkpoint() noexcept = default;
    explicit checkpoint(ironwal_checkpoint *taken) noexcept : handle(taken) {}

    std::string_view id() const noexcept {
        const ironwal_view view = ironwal_checkpoint_id(handle_.get());
        return {reinterpret_cast<const char *>(view.data), view.len};
    }
    std::uint64_t timestamp_ns() const noexcept { return ironwal_checkpoint_timestamp_ns(handle_.get()); }
    std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds> timestamp() const noexcept {
        return std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>(
            std::chrono::nanoseconds(static_cast<std::int64_t>(timestamp_ns())));
    }
    std::uint32_t shard_count() const noexcept { return ironwal_checkpoint_shard_count(handle_.get()); }
    // The first id to replay of the shard.
    result<std::uint64_t> offset(std::uint32_t shard) const {
        std::uint64_t id = 0;
        return detail::run(
            [&](ironwal_error **out) { return ironwal_checkpoint_offset(handle_.get(), shard, &id, out); },
            [&] { return id; });
    }
};

// One checkpoint of a list.
struct listed_checkpoint {
    std::string id;
    std::uint64_t timestamp_ns = 0;
};

// The shard of a key, for callers that route by themselves.
inline result<std::uint32_t> route(bytes_in key, std::uint32_t shard_count) {
    std::uint32_t shard = 0;
    return detail::run(
        [&](ironwal_error **out) {
            return ironwal_sharded_route(key.data(), key.size(), shard_count, &shard, out);
        },
        [&] { return shard; });
}

// The number of shards, and the automatic checkpoints. Setters chain; open() reports the first invalid
// setting.
class sharded_options : public detail::handle<ironwal_sharded_options, ironwal_sharded_options_free> {
public:
    explicit sharded_options(std::uint32_t shard_count) {
        keep([&](ironwal_error **out) {
            ironwal_sharded_options *made = nullptr;
            const auto status = ironwal_sharded_options_new(shard_count, &made, out);
            handle_ = detail::owner<ironwal_sharded_options, ironwal_sharded_options_free>(made);
            return status;
        });
    }

    sharded_options &checkpoint_every_entries(count_in entries) {
        return refused_.is_negative(entries) ? *this : set(ironwal_sharded_options_set_checkpoint_every_entries, entries.count());
    }
    sharded_options &checkpoint_interval(duration_in interval) {
        return set(ironwal_sharded_options_set_checkpoint_interval, interval.ns());
    }
    sharded_options &checkpoint_prefix(bytes_in prefix) { return set(ironwal_sharded_options_set_checkpoint_prefix, prefix.data(), prefix.size()); }
    // The callback must not throw; it gets `context` with every call.
    sharded_options &checkpoint_ids(ironwal_checkpoint_id_fn callback, std::uintptr_t context) { return set(ironwal_sharded_options_set_checkpoint_ids, callback, context); }
    sharded_options &retention(std::size_t keep_latest) { return set(ironwal_sharded_options_set_retention, keep_latest); }

private:
    friend class sharded;

    template <class Call>
    void keep(Call &&call) {
        refused_.keep(call);
    }

    template <class Setter, class... Values>
    sharded_options &set(Setter setter, Values... values) {
        keep([&](ironwal_error **out) { return setter(handle_.get(), values..., out); });
        return *this;
    }

    detail::refusals refused_;
};

// An open log of many shards. The destructor closes the log but cannot report errors; call close().
class sharded : public detail::handle<ironwal_sharded, ironwal_sharded_free> {
public:
    sharded() noexcept = default;
    explicit sharded(ironwal_sharded *taken) noexcept : handle(taken) {}

    static result<sharded> open(const options &options, const sharded_options &sharded_options) {
        if (options.refused_.first()) return *options.refused_.first();
        if (sharded_options.refused_.first()) return *sharded_options.refused_.first();
        ironwal_sharded *handle = nullptr;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_sharded_open(options.handle_.get(), sharded_options.handle_.get(), &handle, out);
            },
            [&] { return sharded(handle); });
    }
    static result<sharded> open(text_in path, std::uint32_t shard_count) {
        return open(options(path), sharded_options(shard_count));
    }
    // Read-only, beside a writer in this or another process. A count of 0: as many shards as are recorded.
    static result<sharded> open_read_only(const options &options, std::uint32_t shard_count = 0) {
        if (options.refused_.first()) return *options.refused_.first();
        ironwal_sharded *handle = nullptr;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_sharded_open_read_only(options.handle_.get(), shard_count, &handle, out);
            },
            [&] { return sharded(handle); });
    }
    static result<sharded> open_read_only(text_in path, std::uint32_t shard_count = 0) {
        return open_read_only(options(path), shard_count);
    }

    // Looks at everything again, in a log that is open read-only.
    result<void> refresh() const {
        return detail::run([&](ironwal_error **out) { return ironwal_sharded_refresh(handle_.get(), out); });
    }

    result<void> close() {
        return detail::run([&](ironwal_error **out) { return ironwal_sharded_close(handle_.release(), out); });
    }
    // The underlying log; see ironwal_sharded_wal().
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
    result<place> append(bytes_in key, bytes_in data) {
        place where;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_sharded_append(handle_.get(), key.data(), key.size(), data.data(), data.size(),
                                              &where.shard, &where.id, out);
            },
            [&] { return where; });
    }
    // The positions are in the order of the entries.
    result<std::vector<place>> append_batch(std::initializer_list<keyed_in> entries) {
        return batch(ironwal_sharded_append_batch, entries);
    }
    result<std::vector<place>> append_batch(const std::vector<keyed> &entries) {
        return batch(ironwal_sharded_append_batch, entries);
    }
    // All or nothing over all shards, and durable in every sync mode.
    result<std::vector<place>> append_batch_atomic(std::initializer_list<keyed_in> entries) {
        return batch(ironwal_sharded_append_batch_atomic, entries);
    }
    result<std::vector<place>> append_batch_atomic(const std::vector<keyed> &entries) {
        return batch(ironwal_sharded_append_batch_atomic, entries);
    }
    result<id_range> append_batch_for_key(bytes_in key, std::initializer_list<bytes_in> entries) {
        return batch_for_key(key, detail::slices_of(entries));
    }
    result<id_range> append_batch_for_key(bytes_in key, const std::vector<bytes> &entries) {
        return batch_for_key(key, detail::slices_of(entries));
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
    // As wal::snapshot_to(), with the checkpoints.
    result<ironwal_snapshot_stats> snapshot_to(text_in dir, snapshot_mode mode = snapshot_mode::link) {
        ironwal_snapshot_stats stats{0, 0, 0, 0, 0};
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_sharded_snapshot_to(handle_.get(), dir.data(), dir.size(), static_cast<std::int32_t>(mode),
                                                   &stats, sizeof stats, out);
            },
            [&] { return stats; });
    }
    result<void> create_checkpoint(bytes_in id) {
        return detail::run([&](ironwal_error **out) {
            return ironwal_sharded_create_checkpoint(handle_.get(), id.data(), id.size(), out);
        });
    }
    result<checkpoint> load_checkpoint(bytes_in id) const {
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
    result<ironwal_prune_stats> prune_before_checkpoint(bytes_in id) {
        ironwal_prune_stats stats{};
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_sharded_prune_before_checkpoint(handle_.get(), id.data(), id.size(), &stats,
                                                               sizeof stats, out);
            },
            [&] { return stats; });
    }
    // Removes what the checkpoint does not hold, in all shards in one step.
    result<void> rollback_to_checkpoint(bytes_in id) {
        return detail::run([&](ironwal_error **out) {
            return ironwal_sharded_rollback_to_checkpoint(handle_.get(), id.data(), id.size(), out);
        });
    }
    result<ironwal_compaction_stats> compact_checkpoints(std::size_t keep_latest_n) {
        ironwal_compaction_stats stats{};
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_sharded_compact_checkpoints(handle_.get(), keep_latest_n, &stats, sizeof stats, out);
            },
            [&] { return stats; });
    }
    // The error of the last automatic checkpoint; empty if that succeeded.
    result<std::string> automatic_error() const {
        ironwal_automatic_status status{};
        ironwal_buffer last{nullptr, 0};
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_sharded_automatic_status(handle_.get(), &status, sizeof status, &last, out);
            },
            [&] {
                const buffer taken(last);
                return std::string(reinterpret_cast<const char *>(taken.data()), taken.size());
            });
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
    template <class Call, class Entries>
    result<std::vector<place>> batch(Call call, const Entries &entries) {
        std::vector<ironwal_keyed_slice> slices;
        slices.reserve(entries.size());
        for (const auto &entry : entries) slices.push_back({entry.key.slice(), entry.value.slice()});
        std::vector<std::uint32_t> shards(slices.size());
        std::vector<std::uint64_t> ids(slices.size());
        return detail::run(
            [&](ironwal_error **out) {
                return call(handle_.get(), slices.data(), slices.size(), shards.data(), ids.data(), out);
            },
            [&] {
                std::vector<place> places;
                for (std::size_t at = 0; at < ids.size(); ++at) places.push_back({shards[at], ids[at]});
                return places;
            });
    }
    result<id_range> batch_for_key(const bytes_in &key, const detail::slices &slices) {
        id_range ids;
        return detail::run(
            [&](ironwal_error **out) {
                return ironwal_sharded_append_batch_for_key(handle_.get(), key.data(), key.size(), slices.data(),
                                                            slices.size(), nullptr, &ids.first, &ids.end, out);
            },
            [&] { return ids; });
    }
};

// What a directory holds, in numbers; see stat_directory().
class stat_report : public detail::handle<ironwal_stat_report, ironwal_stat_report_free> {
public:
    stat_report() noexcept = default;
    explicit stat_report(ironwal_stat_report *taken) noexcept : handle(taken) {}

    ironwal_stat_totals totals() const noexcept {
        ironwal_stat_totals totals{};
        ironwal_stat_report_get_totals(handle_.get(), &totals, sizeof totals, nullptr);
        return totals;
    }
    // The texts are valid as long as the report.
    std::vector<ironwal_stat_stream> streams() const {
        std::vector<ironwal_stat_stream> found(static_cast<std::size_t>(totals().streams));
        for (std::size_t index = 0; index < found.size(); ++index)
            ironwal_stat_report_get_stream(handle_.get(), index, &found[index], sizeof found[index], nullptr);
        return found;
    }
    // The segments of the stream at this index of streams(), oldest first; empty past the last stream.
    std::vector<ironwal_stat_segment> segments(std::size_t stream) const {
        ironwal_stat_stream of{};
        ironwal_stat_report_get_stream(handle_.get(), stream, &of, sizeof of, nullptr);
        std::vector<ironwal_stat_segment> found(static_cast<std::size_t>(of.listed_segments));
        for (std::size_t index = 0; index < found.size(); ++index)
            ironwal_stat_report_get_segment(handle_.get(), stream, index, &found[index], sizeof found[index], nullptr);
        return found;
    }
};

// What a repair copied, and what was lost; see repair_directory().
class repair_report : public detail::handle<ironwal_repair_report, ironwal_repair_report_free> {
public:
    repair_report() noexcept = default;
    explicit repair_report(ironwal_repair_report *taken) noexcept : handle(taken) {}

    ironwal_repair_totals totals() const noexcept {
        ironwal_repair_totals totals{};
        ironwal_repair_report_get_totals(handle_.get(), &totals, sizeof totals, nullptr);
        return totals;
    }
    // The copy holds all that the old log held.
    bool is_complete() const noexcept { return totals().complete != 0; }
    // The texts are valid as long as the report.
    std::vector<ironwal_repaired_stream> streams() const {
        std::vector<ironwal_repaired_stream> found(static_cast<std::size_t>(totals().streams));
        for (std::size_t index = 0; index < found.size(); ++index)
            ironwal_repair_report_get_stream(handle_.get(), index, &found[index], sizeof found[index], nullptr);
        return found;
    }
    // The ids that the copy of the stream at this index of streams() lacks; empty past the last stream.
    std::vector<ironwal_lost_ids> lost(std::size_t stream) const {
        ironwal_repaired_stream of{};
        ironwal_repair_report_get_stream(handle_.get(), stream, &of, sizeof of, nullptr);
        std::vector<ironwal_lost_ids> found(static_cast<std::size_t>(of.lost_runs));
        for (std::size_t index = 0; index < found.size(); ++index)
            ironwal_repair_report_get_lost(handle_.get(), stream, index, &found[index], sizeof found[index], nullptr);
        return found;
    }
};

// A progress callback that does nothing and cancels nothing.
struct no_progress {
    bool operator()(std::uint64_t, std::uint64_t) const noexcept { return true; }
};

// For the name of a stream: all streams.
inline text_in all_streams() noexcept { return text_in(static_cast<const char *>(nullptr), std::size_t{0}); }

namespace detail {

template <class Progress>
std::int32_t progress_to(std::uintptr_t ctx, std::uint64_t done, std::uint64_t total) noexcept {
    return (*reinterpret_cast<Progress *>(ctx))(done, total) ? 0 : 1;
}

// The two callables of a dump, which C passes by one context.
template <class Visit, class Progress>
struct dump_calls {
    Visit &visit;
    Progress &progress;

    static std::int32_t on_entry(std::uintptr_t ctx, const ironwal_dumped_entry *entry, std::size_t) noexcept {
        return reinterpret_cast<dump_calls *>(ctx)->visit(*entry) ? 0 : 1;
    }
    static std::int32_t on_progress(std::uintptr_t ctx, std::uint64_t done, std::uint64_t total) noexcept {
        return reinterpret_cast<dump_calls *>(ctx)->progress(done, total) ? 0 : 1;
    }
};

} // namespace detail

// Directories of logs that are not opened. progress(done, total) returns whether to go on; false cancels with
// IRONWAL_E_CANCELLED. It is called on this thread; an exception that leaves it ends the program.

// See ironwal_verify_directory().
template <class Progress = no_progress>
result<report> verify_directory(const text_in &path, const text_in &stream = all_streams(), Progress progress = {}) {
    ironwal_verify_report *made = nullptr;
    return detail::run(
        [&](ironwal_error **out) {
            return ironwal_verify_directory(path.data(), path.size(), stream.data(), stream.size(),
                                            &detail::progress_to<Progress>, reinterpret_cast<std::uintptr_t>(&progress),
                                            &made, out);
        },
        [&] { return report(made); });
}

// See ironwal_stat_directory().
template <class Progress = no_progress>
result<stat_report> stat_directory(const text_in &path, const text_in &stream = all_streams(), Progress progress = {}) {
    ironwal_stat_report *made = nullptr;
    return detail::run(
        [&](ironwal_error **out) {
            return ironwal_stat_directory(path.data(), path.size(), stream.data(), stream.size(),
                                          &detail::progress_to<Progress>, reinterpret_cast<std::uintptr_t>(&progress),
                                          &made, out);
        },
        [&] { return stat_report(made); });
}

// visit(const ironwal_dumped_entry &) returns whether to go on; what it gets ends with its call. See
// ironwal_dump_directory().
template <class Visit, class Progress = no_progress>
result<void> dump_directory(const text_in &path, const text_in &stream, id_range ids, Visit visit, Progress progress = {}) {
    using calls = detail::dump_calls<Visit, Progress>;
    calls both{visit, progress};
    return detail::run([&](ironwal_error **out) {
        return ironwal_dump_directory(path.data(), path.size(), stream.data(), stream.size(), ids.first, ids.end,
                                      &calls::on_entry, &calls::on_progress, reinterpret_cast<std::uintptr_t>(&both), out);
    });
}

// See ironwal_repair_directory().
template <class Progress = no_progress>
result<repair_report> repair_directory(const text_in &from, const text_in &to, compression mode = compression::none,
                                       Progress progress = {}) {
    ironwal_repair_report *made = nullptr;
    return detail::run(
        [&](ironwal_error **out) {
            return ironwal_repair_directory(from.data(), from.size(), to.data(), to.size(), static_cast<std::int32_t>(mode),
                                            &detail::progress_to<Progress>, reinterpret_cast<std::uintptr_t>(&progress),
                                            &made, out);
        },
        [&] { return repair_report(made); });
}

} // namespace ironwal

#undef IRONWAL_LITERAL
#undef IRONWAL_LIFETIMEBOUND

#endif // IRONWAL_HPP
