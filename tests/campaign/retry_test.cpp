// kill -9 of a process that names its writes and tries them again in its next life: each is done exactly once.
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/database/changes.hpp>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <thread>

namespace vs = vecstore;
using namespace vecstore::test;

namespace {

/// Runs the program for about `run_ms`, kills it, and gives the last number it told; `last` when it told none.
std::uint64_t run_and_kill(const std::string& directory, std::uint64_t first, std::uint64_t last,
                           std::uint64_t run_ms) {
    const char* programs = std::getenv("VECSTORE_TEST_PROGRAMS");
    const auto program = std::string(programs != nullptr ? programs : ".") + "/retry_writer_program";
    const auto first_text = std::to_string(first);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(ends[1], 1);
        ::close(ends[0]);
        ::close(ends[1]);
        ::execl(program.c_str(), program.c_str(), directory.c_str(), first_text.c_str(), nullptr);
        ::_exit(127);
    }
    ::close(ends[1]);
    std::thread killer([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(run_ms));
        (void)::kill(child, SIGKILL);
    });
    std::uint64_t number = 0;
    while (::read(ends[0], &number, sizeof number) == sizeof number) last = std::max(last, number);
    killer.join();
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    return last;
}

}  // namespace

TEST_CASE("retry: writes with names that are tried again after a kill are done exactly once", "[campaign]") {
    const temporary_directory directory;
    vs::random_source random(3);
    std::uint64_t last = 0;
    // Some of what was told, and what was on its way, is tried again.
    for (int round = 0; round < 8; ++round)
        last = run_and_kill(directory / "db", last - std::min<std::uint64_t>(last, random.below(6)), last,
                            40 + random.below(200));
    CHECK(last > 0);
    auto db = vs::database::open(directory / "db", quiet()).value();
    std::map<std::uint64_t, int> done;
    auto feed = db.changes().value();
    while (const auto change = feed.next().value())
        for (const auto& p : change->points) ++done[static_cast<std::uint64_t>(p.payload["number"].int64_or(-1))];
    // The one after the last told may have been under way.
    CHECK((done.size() == last + 1 || done.size() == last + 2));
    CHECK(std::all_of(done.begin(), done.end(), [](const auto& entry) { return entry.second == 1; }));
    for (std::uint64_t number = 0; number <= last; ++number) REQUIRE(done.contains(number));
}
