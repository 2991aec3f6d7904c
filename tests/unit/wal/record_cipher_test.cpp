#include <vecstore/wal/record_cipher.hpp>

#include <catch2/catch.hpp>
#include <support/encryption.hpp>

#include <algorithm>

using namespace vecstore;
using namespace vecstore::wal;
using vecstore::test::key_of;

namespace {

struct fixture {
    record_cipher cipher{storage::keyring::create(key_of(1)).value()};
    storage::nonce_sequence nonces = storage::nonce_sequence::start().value();

    static record plain_record(std::string_view text) {
        record plain;
        plain.lsn = 77;
        plain.term = 3;
        plain.type = record_type::upsert;
        plain.flags = flag_batch_continues;
        plain.payload = as_bytes(text);
        return plain;
    }
    [[nodiscard]] result<std::string> open(record stored, byte_span payload) const {
        stored.flags |= flag_encrypted;
        stored.payload = payload;
        byte_vector into;
        VECSTORE_TRY(const auto opened, cipher.open(stored, into));
        return std::string(as_text(opened.payload));
    }
};

}  // namespace

TEST_CASE("record cipher: payloads come back, and are not readable between", "[record_cipher]") {
    if (!storage::encryption_available()) return;
    fixture f;
    for (const std::string_view text : {"", "x", "what the record says"}) {
        const auto plain = fixture::plain_record(text);
        const auto sealed = f.cipher.seal(plain, f.nonces).value();
        CHECK(sealed.size() == text.size() + sealed_payload_extra);
        CHECK(f.open(plain, sealed).value() == text);
        CHECK(f.cipher.seal(plain, f.nonces).value() != sealed);
    }
    const auto sealed = f.cipher.seal(fixture::plain_record("what the record says"), f.nonces).value();
    const auto part = as_bytes("record");
    CHECK(std::search(sealed.begin(), sealed.end(), part.begin(), part.end()) == sealed.end());
}

TEST_CASE("record cipher: a changed or moved record is corruption", "[record_cipher]") {
    if (!storage::encryption_available()) return;
    fixture f;
    const auto plain = fixture::plain_record("text");
    const auto sealed = f.cipher.seal(plain, f.nonces).value();
    const auto refused = [&](const record& at, byte_span payload) {
        const auto opened = f.open(at, payload);
        return !opened && opened.error().code == errc::corruption;
    };
    for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
        auto changed = sealed;
        changed[bit / 8] ^= std::byte{1} << (bit % 8);
        REQUIRE(refused(plain, changed));
    }
    for (std::size_t size = 0; size < sealed.size(); ++size) REQUIRE(refused(plain, byte_span(sealed).first(size)));
    auto moved = plain;
    moved.lsn = 78;
    CHECK(refused(moved, sealed));
    moved.lsn = 77 + (1u << 20);  // of another key
    CHECK(refused(moved, sealed));
    moved = plain;
    moved.term = 4;
    CHECK(refused(moved, sealed));
    moved = plain;
    moved.type = record_type::erase;
    CHECK(refused(moved, sealed));
    moved = plain;
    moved.flags = 0;
    CHECK(refused(moved, sealed));
    byte_vector into;
    CHECK(f.cipher.open(plain, into).error().code == errc::corruption);  // not encrypted at all
    CHECK(f.open(plain, sealed).value() == "text");
}

TEST_CASE("record cipher: the bytes are as documented", "[record_cipher][golden]") {
    if (!storage::encryption_available()) return;
    const record_cipher cipher(
        storage::keyring::open(test::from_hex(test::old_keyring_file), key_of(0x11), "k").value());
    const auto payload = test::from_hex("000102030405060708090a0bc444568bdae74437973cd7e3290ef28e87e60b927fb9c4");
    record stored;
    stored.lsn = (5u << 20) + 9;
    stored.term = 3;
    stored.type = record_type::upsert;
    stored.flags = flag_batch_continues | flag_encrypted;
    stored.payload = payload;
    byte_vector into;
    CHECK(as_text(cipher.open(stored, into).value().payload) == "payload");
}
