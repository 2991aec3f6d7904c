#include <vecstore/core/random.hpp>
#include <vecstore/storage/lmdb_table_store.hpp>
#include <vecstore/storage/memory_table_store.hpp>

#include <catch2/catch.hpp>
#include <support/temporary_directory.hpp>

#include <atomic>
#include <map>
#include <thread>

using namespace vecstore;
using namespace vecstore::storage;

namespace {

constexpr table_id a = 0;
constexpr table_id b = 1;

struct lmdb_tables {
    test::temporary_directory directory;
    std::unique_ptr<table_store> store = open_lmdb(directory.path(), {"a", "b"}).value();
};

struct memory_tables {
    std::unique_ptr<table_store> store = make_memory_table_store({"a", "b"});
};

using model = std::map<std::string, std::string>;

void put_one(table_store& store, table_id table, std::string_view key, std::string_view value) {
    const auto writer = store.write().value();
    writer->put(table, as_bytes(key), as_bytes(value)).value();
    writer->commit().value();
}

std::optional<std::string> text_of(const std::optional<byte_span>& value) {
    if (!value) return std::nullopt;
    return std::string(as_text(*value));
}

model contents(table_reader& reader, table_id table) {
    model all;
    const auto walk = reader.cursor(table).value();
    walk->seek({}).value();
    std::string before;
    while (walk->valid()) {
        const std::string key(as_text(walk->key()));
        REQUIRE(before < key);
        before = key;
        all.emplace(key, as_text(walk->value()));
        walk->next().value();
    }
    return all;
}

}  // namespace

TEMPLATE_TEST_CASE("tables: what was committed is read, what was not is not", "[table_store]", lmdb_tables,
                   memory_tables) {
    TestType fixture;
    auto& store = *fixture.store;
    {
        const auto writer = store.write().value();
        writer->put(a, as_bytes("k"), as_bytes("v")).value();
        writer->put(b, as_bytes("k"), {}).value();
        CHECK(text_of(writer->get(a, as_bytes("k")).value()) == "v");
        CHECK(!store.read().value()->get(a, as_bytes("k")).value());
        writer->commit().value();
    }
    {
        const auto writer = store.write().value();
        writer->erase(a, as_bytes("k")).value();
        writer->erase(a, as_bytes("absent")).value();
        CHECK(!writer->get(a, as_bytes("k")).value());
    }
    const auto reader = store.read().value();
    CHECK(text_of(reader->get(a, as_bytes("k")).value()) == "v");
    CHECK(text_of(reader->get(b, as_bytes("k")).value()) == "");
    CHECK(!reader->get(a, as_bytes("l")).value());
    CHECK(store.size_bytes().value() > 0);
}

TEMPLATE_TEST_CASE("tables: a reader is a snapshot", "[table_store]", lmdb_tables, memory_tables) {
    TestType fixture;
    auto& store = *fixture.store;
    put_one(store, a, "k", "1");
    const auto before = store.read().value();
    const auto kept = before->get(a, as_bytes("k")).value();
    for (int i = 2; i < 50; ++i) put_one(store, a, "k", std::to_string(i));
    CHECK(text_of(before->get(a, as_bytes("k")).value()) == "1");
    CHECK(text_of(kept) == "1");
    CHECK(text_of(store.read().value()->get(a, as_bytes("k")).value()) == "49");
}

TEMPLATE_TEST_CASE("tables: cursors seek to the first key that is not less", "[table_store]", lmdb_tables,
                   memory_tables) {
    TestType fixture;
    auto& store = *fixture.store;
    const auto empty = store.read().value()->cursor(a);
    const auto writer = store.write().value();
    for (int i = 0; i < 1000; ++i)
        writer->put(a, as_bytes(std::to_string(100'000 + 2 * i)), as_bytes(std::to_string(i))).value();
    writer->commit().value();
    const auto reader = store.read().value();
    const auto walk = reader->cursor(a).value();
    CHECK(!walk->valid());
    for (int i = 0; i < 999; ++i) {
        walk->seek(as_bytes(std::to_string(100'000 + 2 * i + 1))).value();
        REQUIRE(walk->valid());
        REQUIRE(as_text(walk->key()) == std::to_string(100'000 + 2 * i + 2));
        REQUIRE(as_text(walk->value()) == std::to_string(i + 1));
    }
    walk->seek(as_bytes("2")).value();
    CHECK(!walk->valid());
    walk->seek(as_bytes("101998")).value();
    CHECK(walk->valid());
    walk->next().value();
    CHECK(!walk->valid());
    const auto none = reader->cursor(b).value();
    none->seek({}).value();
    CHECK(!none->valid());
}

TEMPLATE_TEST_CASE("tables: ranges and prefixes are erased", "[table_store]", lmdb_tables, memory_tables) {
    TestType fixture;
    auto& store = *fixture.store;
    const auto writer = store.write().value();
    for (const auto* key : {"a", "b", "b1", "b2", "c", "d"}) writer->put(a, as_bytes(key), as_bytes(key)).value();
    writer->put(a, as_bytes("\xFF\xFF"), {}).value();
    writer
        ->put(a,
              as_bytes("\xFF\xFF"
                       "x"),
              {})
        .value();
    writer->erase_prefix(a, as_bytes("b")).value();
    writer->erase_prefix(a, as_bytes("\xFF\xFF")).value();
    writer->erase_range(a, as_bytes("c"), as_bytes("d")).value();
    writer->erase_range(a, as_bytes("d"), as_bytes("a")).value();
    writer->commit().value();
    CHECK(contents(*store.read().value(), a) == model{{"a", "a"}, {"d", "d"}});
    const auto second = store.write().value();
    second->erase_range(a, {}, {}).value();
    second->commit().value();
    CHECK(contents(*store.read().value(), a).empty());
}

TEMPLATE_TEST_CASE("tables: bad keys and tables are the caller's error", "[table_store]", lmdb_tables, memory_tables) {
    TestType fixture;
    const auto writer = fixture.store->write().value();
    const std::string longest(table_key_bytes_max, 'x');
    CHECK(writer->put(a, {}, {}).error().code == errc::invalid_argument);
    CHECK(writer->put(a, as_bytes(longest + "x"), {}).error().code == errc::invalid_argument);
    CHECK(writer->put(2, as_bytes("k"), {}).error().code == errc::invalid_argument);
    writer->put(a, as_bytes(longest), as_bytes("v")).value();
    writer->commit().value();
    const auto reader = fixture.store->read().value();
    CHECK(reader->get(2, as_bytes("k")).error().code == errc::invalid_argument);
    CHECK(reader->cursor(2).error().code == errc::invalid_argument);
    CHECK(text_of(reader->get(a, as_bytes(longest)).value()) == "v");
}

TEMPLATE_TEST_CASE("tables: random operations agree with std::map", "[table_store]", lmdb_tables, memory_tables) {
    const std::uint64_t seed = GENERATE(1, 2, 3);
    INFO("seed " << seed);
    TestType fixture;
    auto& store = *fixture.store;
    random_source random(seed);
    model expected;
    const auto random_key = [&] { return std::to_string(random.below(3000)); };
    for (int round = 0; round < 25; ++round) {
        const auto before = store.read().value();
        const auto expected_before = expected;
        auto changed = expected;
        const auto writer = store.write().value();
        const auto count = random.below(round % 5 == 0 ? 2000 : 40);
        for (std::uint64_t i = 0; i < count; ++i) {
            const auto key = random_key();
            if (random.below(10) == 0) {
                auto last = random_key();
                writer->erase_range(a, as_bytes(key), as_bytes(last)).value();
                if (key < last) changed.erase(changed.lower_bound(key), changed.lower_bound(last));
            } else if (random.below(4) == 0) {
                writer->erase(a, as_bytes(key)).value();
                changed.erase(key);
            } else {
                const std::string value(random.below(300), static_cast<char>('a' + random.below(26)));
                writer->put(a, as_bytes(key), as_bytes(value)).value();
                changed[key] = value;
            }
            const auto probe = random_key();
            const auto found = changed.find(probe);
            const auto wanted = found == changed.end() ? std::nullopt : std::optional<std::string>(found->second);
            REQUIRE(text_of(writer->get(a, as_bytes(probe)).value()) == wanted);
        }
        if (random.below(4) != 0) {
            writer->commit().value();
            expected = changed;
        }
        const auto reader = store.read().value();
        REQUIRE(contents(*reader, a) == expected);
        REQUIRE(contents(*before, a) == expected_before);
        for (int i = 0; i < 100; ++i) {
            const auto key = random_key();
            const auto found = expected.find(key);
            const auto wanted = found == expected.end() ? std::nullopt : std::optional<std::string>(found->second);
            REQUIRE(text_of(reader->get(a, as_bytes(key)).value()) == wanted);
        }
    }
}

TEMPLATE_TEST_CASE("tables: readers run beside a writer and see whole commits", "[table_store][threads]", lmdb_tables,
                   memory_tables) {
    TestType fixture;
    auto& store = *fixture.store;
    put_one(store, a, "x", "0");
    put_one(store, b, "x", "0");
    std::atomic<bool> done{false};
    std::atomic<int> torn{0};
    std::vector<std::thread> readers;
    for (int t = 0; t < 3; ++t)
        readers.emplace_back([&] {
            while (!done) {
                const auto reader = store.read();
                if (!reader) {
                    ++torn;
                    continue;
                }
                const auto first = (*reader)->get(a, as_bytes("x"));
                const auto second = (*reader)->get(b, as_bytes("x"));
                const bool same = first && second && *first && *second && as_text(**first) == as_text(**second);
                torn += same ? 0 : 1;
            }
        });
    std::thread other([&] {
        for (int i = 0; i < 20; ++i) put_one(store, a, "other", std::to_string(i));
    });
    for (int i = 1; i <= 40; ++i) {
        const auto writer = store.write().value();
        writer->put(a, as_bytes("x"), as_bytes(std::to_string(i))).value();
        writer->put(b, as_bytes("x"), as_bytes(std::to_string(i))).value();
        writer->commit().value();
    }
    other.join();
    done = true;
    for (auto& each : readers) each.join();
    CHECK(torn == 0);
}
