#include "support/temporary_directory.hpp"

#include <vecstore/core/random.hpp>
#include <vecstore/storage/lmdb_table_store.hpp>
#include <vecstore/storage/memory_file_system.hpp>
#include <vecstore/storage/memory_table_store.hpp>
#include <vecstore/storage/table_copy.hpp>

#include <catch2/catch.hpp>

#include <map>
#include <string>

using namespace vecstore;
using namespace vecstore::storage;

namespace {

using entries = std::map<std::pair<table_id, std::string>, std::string>;

entries entries_of(table_store& tables) {
    entries all;
    const auto reader = tables.read().value();
    for (table_id table = 0; table < 2; ++table) {
        const auto cursor = reader->cursor(table).value();
        for (cursor->seek({}).value(); cursor->valid(); cursor->next().value())
            all[{table, std::string(as_text(cursor->key()))}] = as_text(cursor->value());
    }
    return all;
}

entries fill(table_store& tables) {
    random_source random(3);
    const auto writer = tables.write().value();
    for (int i = 0; i < 500; ++i) {
        const auto key = "key" + std::to_string(random.below(10'000));
        const std::string value(random.below(3'000), static_cast<char>('a' + i % 26));
        writer->put(static_cast<table_id>(i % 2), as_bytes(key), as_bytes(value)).value();
    }
    writer->commit().value();
    return entries_of(tables);
}

}  // namespace

TEST_CASE("table copy: all entries come over, into either kind of store", "[table_copy]") {
    const auto from = make_memory_table_store({"a", "b"});
    const auto wanted = fill(*from);
    REQUIRE(wanted.size() > 400);
    const test::temporary_directory directory;
    const auto lmdb = open_lmdb(directory / "lmdb", {"a", "b"}).value();
    REQUIRE(copy_tables(*from->read().value(), 2, *lmdb));
    CHECK(entries_of(*lmdb) == wanted);
    const auto memory = make_memory_table_store({"a", "b"});
    REQUIRE(copy_tables(*lmdb->read().value(), 2, *memory));
    CHECK(entries_of(*memory) == wanted);
}

TEST_CASE("table copy: a file of them is read again, and damage in it is found", "[table_copy]") {
    memory_file_system files;
    files.create_directories("d").value();
    const auto from = make_memory_table_store({"a", "b"});
    const auto wanted = fill(*from);
    REQUIRE(dump_tables(*from->read().value(), 2, files, "d/tables"));
    const auto to = make_memory_table_store({"a", "b"});
    REQUIRE(load_tables(files, "d/tables", *to));
    CHECK(entries_of(*to) == wanted);
    const auto narrow = make_memory_table_store({"a"});
    CHECK(load_tables(files, "d/tables", *narrow).error().code == errc::invalid_argument);
    CHECK(entries_of(*make_memory_table_store({"a", "b"})).empty());
    CHECK(load_tables(files, "d/none", *to).error().code == errc::not_found);
    const auto raw = files.open("d/tables", open_mode::read_write).value();
    raw->write_at(1'000, as_bytes("x")).value();
    const auto fresh = make_memory_table_store({"a", "b"});
    CHECK(load_tables(files, "d/tables", *fresh).error().code == errc::corruption);
    CHECK(entries_of(*fresh).empty());
}
