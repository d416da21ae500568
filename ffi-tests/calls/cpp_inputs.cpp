// Does each way in which ironwal.hpp takes bytes, names and constants keep exactly what was meant, and
// is what it cannot know refused? What does not even compile is in cpp_forbidden.cpp.
#include "check.h"

#include <ironwal.hpp>

#include <array>
#include <string>
#if defined(__cpp_lib_span)
#include <span>
#endif

struct order {
    char symbol[8];
};

static_assert(!std::is_move_constructible_v<ironwal::bytes_in> && !std::is_copy_constructible_v<ironwal::bytes_in>);
static_assert(!std::is_move_constructible_v<ironwal::text_in> && !std::is_copy_constructible_v<ironwal::text_in>);

static std::string stored(ironwal::stream &stream, const ironwal::result<std::uint64_t> &id) {
    return std::string(stream.get(id.value()).value().text());
}

static void data_is_kept_whole(ironwal::stream &stream) {
    using namespace std::string_literals;
    using namespace std::string_view_literals;
    const std::string nul = "a\0b"s;
    CHECK(stored(stream, stream.append("literal")) == "literal");
    CHECK(stored(stream, stream.append("")) == "");
    CHECK(stored(stream, stream.append({})) == "");
    CHECK(stored(stream, stream.append("a\0b"sv)) == nul);
    CHECK(stored(stream, stream.append("a\0b"s)) == nul);
    CHECK(stored(stream, stream.append(nul)) == nul);
    const std::string_view view = nul;
    CHECK(stored(stream, stream.append(view)) == nul);

    char buffer[4] = {1, 2, 0, 3};
    const std::string four(buffer, 4);
    CHECK(stored(stream, stream.append({buffer, sizeof buffer})) == four);
    CHECK(stored(stream, stream.append(ironwal::bytes(buffer, 4))) == four);
    CHECK(stored(stream, stream.append(std::string_view(buffer, 4))) == four);
    CHECK(stored(stream, stream.append(std::vector<char>(buffer, buffer + 4))) == four);
    CHECK(stored(stream, stream.append(std::vector<std::uint8_t>{1, 2, 0, 3})) == four);
    const std::vector<signed char> of_signed = {1, 2, 0, 3};
    CHECK(stored(stream, stream.append(of_signed)) == four);
    CHECK(stored(stream, stream.append(std::array<char, 4>{{1, 2, 0, 3}})) == four);
    const std::array<char, 4> array = {{1, 2, 0, 3}};
    CHECK(stored(stream, stream.append(array)) == four);
    CHECK(stored(stream, stream.append(std::array<std::byte, 2>{})) == std::string(2, '\0'));
    std::uint8_t unsigned_array[4] = {1, 2, 0, 3};
    CHECK(stored(stream, stream.append(unsigned_array)) == four);
    const signed char signed_array[4] = {1, 2, 0, 3};
    CHECK(stored(stream, stream.append(signed_array)) == four);
    const std::byte byte_array[4] = {std::byte{1}, std::byte{2}, std::byte{0}, std::byte{3}};
    CHECK(stored(stream, stream.append(byte_array)) == four);
#if defined(__cpp_lib_span)
    CHECK(stored(stream, stream.append(std::span<const char>(buffer))) == four);
    CHECK(stored(stream, stream.append(std::as_bytes(std::span(buffer)))) == four);
    const ironwal::bytes kept_span = std::span<const char>(buffer);
    CHECK(stored(stream, stream.append(kept_span)) == four);
#endif
    CHECK(stored(stream, stream.append(stream.get(stream.append(view).value()).value())) == nul);

    const ironwal::bytes kept = view;
    CHECK(stored(stream, stream.append(kept)) == nul);
    CHECK(stored(stream, stream.append(ironwal::bytes())) == "");
    CHECK(stream.append(ironwal::bytes(nullptr, 3)).status() == IRONWAL_E_INVALID_ARG);
}

static void batches_are_kept_whole(ironwal::stream &stream, ironwal::wal &wal) {
    using namespace std::string_literals;
    const auto make = [](char letter) { return std::string(40, letter); };
    const auto ids = stream.append_batch({make('a'), "b\0c"s, "d", {}}).value();
    CHECK(ids.end - ids.first == 4);
    CHECK(stream.get(ids.first)->text() == make('a') && stream.get(ids.first + 1)->text() == "b\0c"s);
    CHECK(stream.get(ids.first + 2)->text() == "d" && stream.get(ids.first + 3)->size() == 0);
    const std::string named = make('e');
    const std::vector<ironwal::bytes> kept = {named, "literal", std::string_view("x\0y", 3)};
    CHECK(stream.get(stream.append_batch(kept).value().first)->text() == named);
    CHECK(wal.append_batch("s", kept).ok() && wal.append_batch("s", {make('f')}).ok());
    CHECK(stored(stream, stream.append_vectored(kept)) == named + "literal" + "x\0y"s);
    CHECK(stored(stream, stream.append_vectored({make('g'), "h"})) == make('g') + "h");
    const auto before = stream.next_id().value();
    CHECK(stream.append_batch({}).value().end == before && stream.next_id().value() == before);

    // What a result holds outlives it.
    const auto id = stream.append(make('z')).value();
    const auto &bound = *stream.get(id);
    auto moved = *stream.get(id);
    CHECK(bound.text() == make('z') && moved.text() == make('z'));
    for (const auto &entry : *stream.iter(id)) CHECK(entry->text() == make('z'));
}

// In C++20 these do not compile.
static void arrays_that_are_no_literals_are_refused(ironwal::stream &stream) {
    const auto before = stream.next_id().value();
#if !defined(__cpp_consteval)
    const char padded[8] = {1, 2, 0, 3};
    const char whole[4] = {1, 2, 3, 4};
    const order constant = {{'A', 'A', 'P', 'L'}};
    CHECK(stream.append(padded).status() == IRONWAL_E_INVALID_ARG);
    CHECK(stream.append(whole).status() == IRONWAL_E_INVALID_ARG);
    CHECK(stream.append(constant.symbol).status() == IRONWAL_E_INVALID_ARG);
    CHECK(stream.append("a\0b").status() == IRONWAL_E_INVALID_ARG);
    CHECK(stream.append_batch({"a", padded}).status() == IRONWAL_E_INVALID_ARG);
    CHECK(stream.append_vectored({padded, "a"}).status() == IRONWAL_E_INVALID_ARG);
#endif
    CHECK(stream.next_id().value() == before);
}

static void names(ironwal::wal &wal) {
    const auto before = wal.streams().value();
    char whole[4] = {'n', 'a', 'm', 'e'};
    const char padded[8] = {'p', 'a', 'd'};
    char used[8] = {'u', 's', 'e', 'd', 0, 'x', 'y', 'z'};
    const char *text = "text", *none = nullptr;
    CHECK(wal.append(whole, "x").status() == IRONWAL_E_INVALID_ARG);
    CHECK(wal.append(whole, "x").error().message().find("char array that is no text") != std::string_view::npos);
    CHECK(wal.append(none, "x").status() == IRONWAL_E_INVALID_ARG);
    CHECK(wal.append("a\0b", "x").status() == IRONWAL_E_INVALID_ARG);
    CHECK(ironwal::wal::open(none).status() == IRONWAL_E_INVALID_ARG);
    CHECK(wal.streams().value() == before);
    wal.append(padded, "x").value();
    wal.append(used, "x").value();
    wal.append(text, "x").value();
    wal.append(std::string("string"), "x").value();
    wal.append(std::string_view("view!", 4), "x").value();
    CHECK(wal.streams().value() == std::vector<std::string>({"pad", "s", "string", "text", "used", "view"}));
}

static void keys_and_checkpoints() {
    using namespace std::string_literals;
    auto log = ironwal::sharded::open(path_of("sharded"), 4).value();
    const std::string key = "k\0y"s;
    const auto shard = ironwal::route(key, 4).value();
    CHECK(log.append("k\0y"s, "one").value().shard == shard);
    CHECK(log.append_batch({{"k\0y"s, "two"s}, {key, "three"}}).value()[1].shard == shard);
    const std::vector<ironwal::keyed> kept = {{key, "four"}};
    CHECK(log.append_batch(kept).value()[0].id == 3);
    CHECK(log.append_batch_for_key(key, {"five"s}).value().first == 4);
    std::string read;
    for (const auto &entry : log.iter_shard(shard, 0).value()) read += entry->text();
    CHECK(read == "onetwothreefourfive");
    log.create_checkpoint("c\0p"s).value();
    CHECK(log.load_checkpoint("c\0p"s).value().id() == "c\0p"s);
    log.close().value();
}

int main() {
    enter_directory();
    ironwal::options unset(path_of("unset"));
    unset.sync_mode({});
    CHECK(ironwal::wal::open(unset).status() == IRONWAL_E_INVALID_ARG);
    auto wal = ironwal::wal::open(path_of("log")).value();
    auto stream = wal.stream("s").value();
    data_is_kept_whole(stream);
    batches_are_kept_whole(stream, wal);
    arrays_that_are_no_literals_are_refused(stream);
    names(wal);
    keys_and_checkpoints();
    wal.close().value();
    return 0;
}
