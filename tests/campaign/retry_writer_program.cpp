// What the retry test kills: writes with names, one point each, and tells each acknowledged one on standard output. It
// begins with writes that an earlier life of it may have done already.
// Usage: retry_writer_program <directory> <first>
#include <vecstore/vecstore.hpp>

#include <unistd.h>

#include <cstdint>
#include <cstdlib>

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    vecstore::database_options options;
    options.checkpoint_bytes = 40'000;
    options.flush_interval_ms = 3;
    options.log_retention_bytes = std::uint64_t{1} << 40;
    auto opened = vecstore::database::open(argv[1], options);
    if (!opened) return 3;
    auto docs = opened->open_collection("docs");
    if (!docs) docs = opened->create_collection("docs", {});
    if (!docs) return 4;
    for (auto number = std::strtoull(argv[2], nullptr, 10);; ++number) {
        vecstore::point p;
        p.id = number % 50;
        p.payload = {{"number", number}};
        const auto how = number % 3 == 0 ? vecstore::durability::async : vecstore::durability::sync;
        if (!docs->upsert({p}, {.durability = how, .operation_id = vecstore::write_id{1, number}})) return 5;
        const std::uint64_t told = number;
        if (::write(1, &told, sizeof told) != sizeof told) return 6;
    }
}
