// Does each call that would store something else than was meant fail to compile?
//
// forbidden.cmake compiles this with and without FORBIDDEN. Without, it must compile; with it, the
// compiler must find an error on every line that holds a NOT.
#include <ironwal.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#if defined(FORBIDDEN)
#define NOT(...) do { __VA_ARGS__; } while (0)
#else
#define NOT(...) static_cast<void>(0)
#endif
#if defined(__cpp_consteval)
#define NOT_SINCE_20(...) NOT(__VA_ARGS__)
#else
#define NOT_SINCE_20(...) static_cast<void>(0) // refused when it runs: cpp_inputs.cpp
#endif

using ironwal::bytes;

struct order {
    char symbol[8];
};

std::string make();

void data(ironwal::wal &wal, ironwal::stream &stream, ironwal::txn &txn, order &changing) {
    char buffer[4] = {1, 2, 0, 3};
    char *pointer = buffer;
    const char *text = buffer;
    static_cast<void>(wal), static_cast<void>(stream), static_cast<void>(txn), static_cast<void>(changing);
    static_cast<void>(pointer), static_cast<void>(text);
    // An array or a pointer, whose length would be guessed from a NUL.
    NOT(stream.append(buffer));
    NOT(stream.append(std::move(buffer)));
    NOT(stream.append({buffer}));
    NOT(stream.append(changing.symbol));
    NOT(stream.append(pointer));
    NOT(stream.append(text));
    NOT(stream.append(text + 1));
    NOT(stream.append(static_cast<const void *>(buffer)));
    NOT(wal.append("s", buffer));
    NOT(wal.append("s", text));
    NOT(txn.add(buffer));
    NOT(txn.add(text));
    NOT(stream.append_batch({"a", buffer}));
    NOT(stream.append_batch({"a", text}));
    NOT(stream.append_vectored({"a", buffer}));
    NOT(stream.append_vectored({text, "a"}));
    NOT(wal.append_batch("s", {buffer}));
    NOT(wal.append_batch("s", {text, text}));
    NOT(static_cast<void>(bytes(buffer)));
    NOT(static_cast<void>(bytes(text)));
    // Nothing, which used to be a NULL pointer to text.
    NOT(stream.append(nullptr));
    NOT(stream.append({nullptr}));
    NOT(stream.append(0));
    NOT(stream.append(NULL));
    NOT(wal.append("s", nullptr));
    NOT(wal.append("s", 0));
    NOT(txn.add(nullptr));
    NOT(stream.append_batch({nullptr}));
    NOT(stream.append_vectored({"a", nullptr}));
    NOT(wal.append_batch("s", {0}));
    // Elements that are no single bytes.
    NOT(stream.append(std::vector<int>{1}));
    NOT(stream.append(std::u16string(u"x")));
    NOT(stream.append(u"x"));
    NOT(stream.append('x'));
    NOT(stream.append(true));
    NOT(stream.append(std::array<order, 1>()));
    NOT(stream.append(changing));
    // An array of const char that is no literal.
    const order &constant = changing;
    static_cast<void>(constant);
    static constexpr char whole[4] = {'a', 'b', 'c', 'd'};
    static constexpr char padded[4] = {'a', 'b'};
    static_cast<void>(whole), static_cast<void>(padded);
    NOT_SINCE_20(stream.append(constant.symbol));
    NOT_SINCE_20(stream.append("\x01\x00\x02"));
    NOT_SINCE_20(stream.append(whole));
    NOT_SINCE_20(stream.append(padded));
    NOT_SINCE_20(wal.append("s", constant.symbol));
    NOT_SINCE_20(txn.add(constant.symbol));
    NOT_SINCE_20(stream.append_batch({"a", "b\0c"}));
    NOT_SINCE_20(static_cast<void>(bytes(constant.symbol)));
}

void names(ironwal::wal &wal, ironwal::options &options) {
    static_cast<void>(wal), static_cast<void>(options);
    NOT(wal.append(nullptr, "x"));
    NOT(wal.append(0, "x"));
    NOT(wal.stream(nullptr));
    NOT(wal.stream(NULL));
    NOT(wal.delete_stream(nullptr));
    NOT(wal.sync(0));
    NOT(wal.get(nullptr, 0));
    NOT(ironwal::wal::open(nullptr));
    NOT(ironwal::wal::open_read_only(nullptr));
    NOT(ironwal::options(nullptr).log(nullptr, 0));
    NOT(options.archive_path(nullptr));
    NOT(ironwal::sharded::open(nullptr, 4));
}

void keys_and_checkpoints(ironwal::sharded &log, ironwal::sharded_options &options) {
    char buffer[4] = {1, 2, 0, 3};
    const char *text = buffer;
    static_cast<void>(log), static_cast<void>(options), static_cast<void>(text);
    NOT(ironwal::route(buffer, 4));
    NOT(ironwal::route(nullptr, 4));
    NOT(log.append(buffer, "value"));
    NOT(log.append(text, "value"));
    NOT(log.append("key", buffer));
    NOT(log.append("key", nullptr));
    NOT(log.append_batch({{buffer, "value"}}));
    NOT(log.append_batch({{"key", text}}));
    NOT(log.append_batch({{"key", nullptr}}));
    NOT(log.append_batch_for_key(buffer, {"value"}));
    NOT(log.append_batch_for_key("key", {buffer}));
    NOT(log.create_checkpoint(buffer));
    NOT(log.create_checkpoint(nullptr));
    NOT(log.load_checkpoint(text));
    NOT(log.prune_before_checkpoint(buffer));
    NOT(log.prune_before_checkpoint(0));
    NOT(options.checkpoint_prefix(buffer));
    NOT(options.checkpoint_prefix(nullptr));
}

// What is kept and would lead to a container that is gone.
void dangling(ironwal::wal &wal, ironwal::stream &stream) {
    std::vector<bytes> kept;
    static_cast<void>(wal), static_cast<void>(stream);
    NOT(kept.push_back(make()));
    NOT(bytes entry = make(); stream.append(entry));
    NOT(stream.append_batch(std::vector<bytes>{std::string("a"), std::string("b")}));
    NOT(bytes entry = std::vector<std::uint8_t>{1}; stream.append(entry));
    NOT(bytes entry = std::vector<char>{1}; stream.append(entry));
    NOT(bytes entry = std::array<std::uint8_t, 1>{{1}}; stream.append(entry));
    NOT(bytes entry = wal.get("s", 0).value(); stream.append(entry));
    NOT(std::vector<ironwal::keyed> keyed = {{make(), "value"}});
    NOT(std::vector<ironwal::keyed> keyed = {{"key", make()}});
    auto batch = wal.batch();
    batch.add(stream, {"a"});
    NOT(batch.add(stream, {make()}));
    NOT(batch.add(stream, std::vector<std::string>{"a"}));
    NOT(batch.add(wal.stream("s").value(), {"a"}));
    ironwal::bytes_in first = "a";
    ironwal::text_in name = "a";
    static_cast<void>(first), static_cast<void>(name);
    NOT(auto second = first);
    NOT(auto second = std::move(first));
    NOT(auto second = name);
}

// Views of what would be gone, conditions that ask for something else, and no sizes.
void values(ironwal::wal &wal, ironwal::stream &stream, ironwal::options &options) {
    static_cast<void>(wal), static_cast<void>(stream), static_cast<void>(options);
    int number = 1;
    const int *pointer = &number;
    std::vector<std::uint8_t> resizable(8);
    static_cast<void>(pointer), static_cast<void>(resizable);
    NOT(static_cast<void>(ironwal::bytes_of(7)));
    NOT(static_cast<void>(ironwal::bytes_of(pointer)));
    NOT(static_cast<void>(ironwal::bytes_of(bytes("x"))));
    NOT(static_cast<void>(ironwal::bytes_of(resizable)));
    NOT(if (stream.is_durable({})) return);
    NOT(if (wal.is_read_only()) return);
    NOT(for (auto &entry : stream.follow().value().live()) static_cast<void>(entry));
    NOT(stream.get_into(0, resizable));
    NOT(stream.append_batch(std::string("letters")));
    NOT(stream.append_batch(std::vector<int>{1}));
    NOT(stream.append_batch(std::vector<const char *>{"a"}));
    NOT(options.max_segment_size(1e9));
    NOT(options.max_segment_size(true));
    NOT(options.log([](int) {}));
    NOT(options.log([](std::string) {}));
}

// A constant of another option, one of the C header, or a number.
void constants(ironwal::options &options) {
    const std::int32_t strict = IRONWAL_SYNC_STRICT, mmap = IRONWAL_READ_MMAP;
    static_cast<void>(options), static_cast<void>(strict), static_cast<void>(mmap);
    NOT(options.sync_mode(ironwal::read_strategy::mmap));
    NOT(options.sync_mode(mmap));
    NOT(options.sync_mode(strict));
    NOT(options.sync_mode(1));
    NOT(options.sync_mode(true));
    NOT(options.compression(ironwal::sync_mode::async));
    NOT(options.compression(0));
    NOT(options.read_strategy(ironwal::write_strategy::mmap));
    NOT(options.read_strategy(1));
    NOT(options.write_strategy(ironwal::read_strategy::mmap));
    NOT(options.write_strategy(0));
    NOT(options.commit_path(ironwal::write_strategy::automatic));
    NOT(options.commit_path(1201));
    NOT(options.on_corruption(ironwal::compression::none));
    NOT(options.on_corruption(0));
    NOT(options.log_level(501));
    NOT(options.log_level(ironwal::sync_mode::strict));
}
