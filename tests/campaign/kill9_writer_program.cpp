// What kill9 kills: threads that write, one that writes checkpoints, snapshots ("<directory>-snapshot-<pid>-<n>") and optimizes,
// and the store's own thread. Each
// acknowledged step is told on standard output.
// Usage: kill9_writer_program <directory> <sync|async> <truthful|spoiled> <next step of thread 0> <of thread 1> ...
#include "support/killed_writer.hpp"

#include <vecstore/vecstore.hpp>

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

using vecstore::test::killed_writer;
using vecstore::test::told_step;

void tell(std::uint64_t thread, std::uint64_t step) {
    const told_step told{thread, step};
    if (::write(1, &told, sizeof told) != static_cast<ssize_t>(sizeof told)) ::_exit(7);
}

/// A spoiled writer tells of a step before it has been done.
void write_steps(vecstore::collection docs, std::uint64_t thread, std::uint64_t step, vecstore::write_options how,
                 bool spoiled) {
    for (;; ++step) {
        if (spoiled) tell(thread, step);
        if (!killed_writer(thread, step).run(docs, how)) ::_exit(5);
        if (!spoiled) tell(thread, step);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) return 2;
    vecstore::database_options options;
    options.checkpoint_bytes = 100'000;
    options.flush_interval_ms = 3;
    auto db = vecstore::database::open(argv[1], options);
    if (!db) return 3;
    auto docs = db->open_collection("docs");
    if (!docs) docs = db->create_collection("docs", vecstore::test::killed_writer_options());
    if (!docs) return 4;
    const bool sync = std::string(argv[2]) == "sync";
    const bool spoiled = std::string(argv[3]) == "spoiled";
    const vecstore::write_options how{sync ? vecstore::durability::sync : vecstore::durability::async};
    std::vector<std::thread> threads;
    for (int i = 4; i < argc; ++i)
        threads.emplace_back(write_steps, *docs, static_cast<std::uint64_t>(i - 4), std::strtoull(argv[i], nullptr, 10),
                             how, spoiled);
    for (unsigned round = 0;; ++round) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        if (!(round % 4 == 3 ? db->optimize() : db->checkpoint())) ::_exit(6);
        if (round % 4 != 1) continue;
        const auto name = "-snapshot-" + std::to_string(::getpid()) + "-" + std::to_string(round);
        if (!db->snapshot(argv[1] + name)) ::_exit(8);
    }
}
