// What the crash test kills: writes batches to a database and tells each acknowledged one on standard output.
// Usage: crash_writer_program <directory> <first batch> <sync|async>
#include "support/crash_batch.hpp"

#include <vecstore/vecstore.hpp>

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    vecstore::database_options options;
    options.checkpoint_bytes = 40'000;
    options.flush_interval_ms = 3;
    auto opened = vecstore::database::open(argv[1], options);
    if (!opened) return 3;
    auto docs = opened->open_collection("docs");
    if (!docs) docs = opened->create_collection("docs", {{vecstore::test::crash_vector()}});
    if (!docs) return 4;
    const vecstore::write_options how{std::string(argv[3]) == "async" ? vecstore::durability::async
                                                                      : vecstore::durability::sync};
    for (auto number = std::strtoull(argv[2], nullptr, 10);; ++number) {
        if (!docs->upsert(vecstore::test::crash_batch(number), how)) return 5;
        // Batches of some time ago are erased, so that parts have dead rows and are merged.
        if (number % 5 == 4 && !docs->erase(vecstore::test::crash_erased(number), how)) return 6;
        const std::uint64_t told = number;
        if (::write(1, &told, sizeof told) != sizeof told) return 7;
    }
}
