// kill -9 of a real process in the middle of its writes: all that it was told was written is there.
#include "support/crash_batch.hpp"
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <set>
#include <thread>

namespace vs = vecstore;
using namespace vecstore::test;

namespace {

unsigned rounds() {
    const char* given = std::getenv("VECSTORE_CRASH_ROUNDS");
    return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : 20;
}

/// Runs the writer for about `run_ms` from batch `first` on, kills it, and gives the batches it told of.
std::vector<std::uint64_t> run_and_kill(const std::string& directory, std::uint64_t first, const char* durability,
                                        std::uint64_t run_ms) {
    const char* programs = std::getenv("VECSTORE_TEST_PROGRAMS");
    const auto program = std::string(programs != nullptr ? programs : ".") + "/crash_writer_program";
    const auto first_text = std::to_string(first);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(ends[1], 1);
        ::close(ends[0]);
        ::close(ends[1]);
        ::execl(program.c_str(), program.c_str(), directory.c_str(), first_text.c_str(), durability, nullptr);
        ::_exit(127);
    }
    ::close(ends[1]);
    std::thread killer([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(run_ms));
        (void)::kill(child, SIGKILL);
    });
    std::vector<std::uint64_t> told;
    std::uint64_t number = 0;
    while (::read(ends[0], &number, sizeof number) == sizeof number) told.push_back(number);
    killer.join();
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    INFO("exit code " << (WIFEXITED(status) ? WEXITSTATUS(status) : -1));
    REQUIRE(WIFSIGNALED(status));
    return told;
}

/// What must be there when all batches before `end` were acknowledged.
void check(const std::string& directory, std::uint64_t end) {
    auto db = vs::database::open(directory, quiet()).value();
    const auto opened = db.open_collection("docs");
    if (end == 0 && !opened) return;
    const auto docs = opened.value();
    std::set<vs::point_id> erased;
    for (std::uint64_t number = 4; number < end; number += 5)
        for (const auto& id : crash_erased(number)) erased.insert(id);
    std::set<vs::point_id> in_doubt;  // erased by a write that was on its way
    if (end % 5 == 4)
        for (const auto& id : crash_erased(end)) in_doubt.insert(id);
    std::size_t expected = 0, wrong = 0;
    for (std::uint64_t number = 0; number < end; ++number)
        for (const auto& p : crash_batch(number)) {
            const auto found = docs.get(p.id, true, true);
            if (in_doubt.contains(p.id)) {
                expected += found.has_value();
                continue;
            }
            if (erased.contains(p.id)) {
                wrong += found.has_value();
                continue;
            }
            ++expected;
            wrong += !found || found->vector != p.vector || !(found->payload == p.payload);
        }
    CHECK(wrong == 0);
    // Of the batch that was on its way when the process died: all or nothing, erasing aside.
    const auto more = docs.count(vs::field("batch") >= static_cast<double>(end)).value();
    CHECK((more == 0 || more == crash_batch_points));
    if (more == 0) CHECK(docs.count().value() == expected);
    const auto probe = crash_batch(end == 0 ? 0 : end - 1).back();
    if (end > 0) CHECK(docs.query(nearest_to(probe.vector, 1)).value()[0].id == probe.id);
}

void run_rounds(const char* durability, unsigned count) {
    vs::random_source random(count);
    const temporary_directory directory;
    std::uint64_t end = 0;
    for (unsigned round = 0; round < count; ++round) {
        const auto told = run_and_kill(directory / "db", end, durability, 30 + random.below(250));
        if (!told.empty()) end = told.back() + 1;
        INFO("round " << round << ", " << end << " batches acknowledged");
        check(directory / "db", end);
    }
    CHECK(end > 0);
}

}  // namespace

TEST_CASE("crash: a killed process loses nothing that it acknowledged", "[crash]") { run_rounds("sync", rounds()); }

TEST_CASE("crash: writes without sync survive the death of the process too", "[crash]") {
    run_rounds("async", (rounds() + 3) / 4);
}
