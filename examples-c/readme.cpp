// The same in C++.
#include <ironwal.hpp>
#include <iostream>

int main() {
    try {
        auto wal = ironwal::wal::open("./orders").value();
        wal.append("trades", "100@42").value(); // durable
        for (const auto &entry : wal.iter("trades", 0).value())
            if (entry) std::cout << entry->id << ": " << entry->text() << '\n';
        wal.close().value();
    } catch (const ironwal::failure &failure) {
        std::cerr << failure.what() << '\n';
        return 1;
    }
}
