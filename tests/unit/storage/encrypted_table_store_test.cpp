#include <vecstore/storage/encrypted_table_store.hpp>
#include <vecstore/storage/memory_table_store.hpp>

#include <catch2/catch.hpp>
#include <support/encryption.hpp>

#include <algorithm>
#include <map>
#include <string>

using namespace vecstore;
using namespace vecstore::storage;
using vecstore::test::key_of;

namespace {

struct fixture {
    std::shared_ptr<const keyring> keys = keyring::create(key_of(1)).value();
    std::shared_ptr<const value_ciphers> ciphers = value_ciphers::make(*keys, {"a", "b"}).value();
    std::shared_ptr<table_store> raw = make_memory_table_store({"a", "b"});
    std::unique_ptr<table_store> tables = encrypt_values(raw, ciphers);

    void put(table_id table, std::string_view key, std::string_view value) const {
        const auto writer = tables->write().value();
        writer->put(table, as_bytes(key), as_bytes(value)).value();
        writer->commit().value();
    }
    [[nodiscard]] byte_vector stored(table_id table, std::string_view key) const {
        const auto reader = raw->read().value();
        const auto found = reader->get(table, as_bytes(key)).value().value();
        return {found.begin(), found.end()};
    }
    void store(table_id table, std::string_view key, byte_span value) const {
        const auto writer = raw->write().value();
        writer->put(table, as_bytes(key), value).value();
        writer->commit().value();
    }
    [[nodiscard]] result<std::string> get(table_id table, std::string_view key) const {
        const auto reader = tables->read().value();
        VECSTORE_TRY(const auto found, reader->get(table, as_bytes(key)));
        return std::string(found ? as_text(*found) : "absent");
    }
};

}  // namespace

TEST_CASE("encrypted tables: values come back and are not in the tables inside", "[encrypted_table_store]") {
    if (!encryption_available()) return;
    const fixture f;
    f.put(0, "k", "a value that nobody else may read");
    f.put(1, "empty", "");
    CHECK(f.get(0, "k").value() == "a value that nobody else may read");
    CHECK(f.get(1, "empty").value().empty());
    CHECK(f.get(1, "k").value() == "absent");
    const auto stored = f.stored(0, "k");
    CHECK(stored.size() == 33 + sealed_value_extra);
    const auto part = as_bytes("nobody");
    CHECK(std::search(stored.begin(), stored.end(), part.begin(), part.end()) == stored.end());
    f.put(0, "k", "a value that nobody else may read");
    CHECK(f.stored(0, "k") != stored);  // another nonce
    CHECK(as_text(f.ciphers->open("a", as_bytes("k"), f.stored(0, "k")).value()) ==
          "a value that nobody else may read");
    CHECK(f.ciphers->open("c", as_bytes("k"), stored).error().code == errc::not_found);
}

TEST_CASE("encrypted tables: many values, by reader, cursor and writer", "[encrypted_table_store]") {
    if (!encryption_available()) return;
    const fixture f;
    std::map<std::string, std::string> wanted;
    {
        const auto writer = f.tables->write().value();
        for (int i = 0; i < 3000; ++i) {
            const auto key = "key " + std::to_string(i);
            wanted[key] = std::string(static_cast<std::size_t>(i % 700), static_cast<char>('a' + i % 26));
            writer->put(0, as_bytes(key), as_bytes(wanted[key])).value();
            if (i % 100 == 0) CHECK(as_text(writer->get(0, as_bytes(key)).value().value()) == wanted[key]);
        }
        writer->erase(0, as_bytes("key 7")).value();
        writer->erase_range(0, as_bytes("key 10"), as_bytes("key 11")).value();
        std::erase_if(wanted, [](const auto& e) { return e.first == "key 7" || e.first.starts_with("key 10"); });
        writer->commit().value();
    }
    const auto reader = f.tables->read().value();
    std::map<std::string, byte_span> got;
    for (const auto& [key, value] : wanted) got[key] = reader->get(0, as_bytes(key)).value().value();
    for (const auto& [key, value] : wanted) REQUIRE(as_text(got[key]) == value);  // they live as long as the reader
    const auto cursor = reader->cursor(0).value();
    cursor->seek({}).value();
    for (const auto& [key, value] : wanted) {
        REQUIRE(cursor->valid());
        REQUIRE(as_text(cursor->key()) == key);
        REQUIRE(as_text(cursor->value()) == value);
        cursor->next().value();
    }
    CHECK_FALSE(cursor->valid());
}

TEST_CASE("encrypted tables: changed, moved and foreign values are corruption", "[encrypted_table_store]") {
    if (!encryption_available()) return;
    const fixture f;
    f.put(0, "k", "value");
    f.put(0, "l", "value");
    f.put(1, "k", "value");
    const auto right = f.stored(0, "k");
    const auto refused = [&] {
        const auto reader = f.tables->read().value();
        const auto cursor = reader->cursor(0).value();
        const auto sought = cursor->seek({});
        return f.get(0, "k").error().code == errc::corruption && !sought && !cursor->valid();
    };
    for (std::size_t bit = 0; bit < 8 * right.size(); ++bit) {
        auto changed = right;
        changed[bit / 8] ^= std::byte{1} << (bit % 8);
        f.store(0, "k", changed);
        REQUIRE(refused());
    }
    for (std::size_t size = 0; size < right.size(); ++size) {
        f.store(0, "k", byte_span(right).first(size));
        REQUIRE(refused());
    }
    f.store(0, "k", f.stored(0, "l"));
    CHECK(refused());
    f.store(0, "k", f.stored(1, "k"));
    CHECK(refused());
    f.store(0, "k", as_bytes("a plain value, put in by someone who has no key"));
    CHECK(refused());
    f.store(0, "k", right);
    CHECK(f.get(0, "k").value() == "value");
}

TEST_CASE("encrypted tables: arguments are checked as by the tables inside", "[encrypted_table_store]") {
    if (!encryption_available()) return;
    const fixture f;
    const auto writer = f.tables->write().value();
    CHECK(writer->put(2, as_bytes("k"), {}).error().code == errc::invalid_argument);
    CHECK(writer->put(0, {}, {}).error().code == errc::invalid_argument);
    const auto reader = f.tables->read().value();
    CHECK(reader->get(2, as_bytes("k")).error().code == errc::invalid_argument);
}

TEST_CASE("encrypted tables: the bytes of a value are as documented", "[encrypted_table_store][golden]") {
    if (!encryption_available()) return;
    const auto keys = keyring::open(test::from_hex(test::old_keyring_file), key_of(0x11), "k").value();
    const auto ciphers = value_ciphers::make(*keys, {"meta", "points"}).value();
    const auto stored = test::from_hex("000102030405060708090a0b2913e782a93fa45aafa2f280285ef9ca5db0dd4afa");
    CHECK(as_text(ciphers->open("points", as_bytes("key"), stored).value()) == "value");
    CHECK_FALSE(ciphers->open("meta", as_bytes("key"), stored));
}
