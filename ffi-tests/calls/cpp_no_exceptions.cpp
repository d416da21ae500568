// Without exceptions, does value() of an error print the error before it ends the program?
#include <ironwal.hpp>

#include <csignal>
#include <cstdlib>

int main() {
    std::signal(SIGABRT, [](int) { std::_Exit(3); });
    ironwal::wal::open("./no-such-parent/log").value();
    return 0;
}
