#include <vecstore/storage/cipher.hpp>

#include <catch2/catch.hpp>
#include <support/encryption.hpp>

#include <algorithm>
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace vecstore;
using namespace vecstore::storage;
using vecstore::test::from_hex;

namespace {

secret_key secret_of(byte_span bytes) { return secret_key(bytes.first<cipher_key_bytes>()); }

secret_key sample_key(std::uint8_t fill) { return secret_of(byte_vector(cipher_key_bytes, std::byte{fill})); }

}  // namespace

TEST_CASE("cipher: AES-256-GCM gives what its specification says", "[cipher][golden]") {
    if (!encryption_available()) return;
    // McGrew, Viega, "The Galois/Counter Mode of Operation", test case 16.
    const auto key = from_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    const auto plain = from_hex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de6"
        "57"
        "ba637b39");
    const auto bound = from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    const auto expected = from_hex(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a"
        "0a"
        "bcc9f66276fc6ece0f4e1768cddf8853bb2d551b");
    cipher_nonce nonce;
    const auto nonce_bytes = from_hex("cafebabefacedbaddecaf888");
    std::copy(nonce_bytes.begin(), nonce_bytes.end(), nonce.begin());
    const auto made = cipher::make(secret_of(key)).value();
    byte_vector sealed(plain.size() + cipher_tag_bytes), opened(plain.size());
    made->seal(nonce, bound, plain, sealed).value();
    CHECK(sealed == expected);
    made->open(nonce, bound, sealed, opened).value();
    CHECK(opened == plain);
}

TEST_CASE("cipher: keys are derived as RFC 5869 says", "[cipher][golden]") {
    if (!encryption_available()) return;
    // The RFC's first case has other sizes; this is HMAC-SHA256 twice, computed by another program (python3, hmac).
    const auto derived = derive_key(sample_key(0x0B), from_hex("000102030405060708090a0b0c"), "vecstore test").value();
    const byte_vector bytes(derived.bytes().begin(), derived.bytes().end());
    CHECK(bytes == from_hex("245d94b8d8b3a563bde9bc22a060585a2bdd7b3e5c5172cb7b6b0c829ce7511c"));
    CHECK(derive_key(sample_key(0x0B), from_hex("00"), "vecstore test").value().bytes()[0] != bytes[0]);
}

TEST_CASE("cipher: every flipped bit, another nonce and other bound bytes are found", "[cipher]") {
    if (!encryption_available()) return;
    const auto made = cipher::make(sample_key(7)).value();
    const auto plain = as_bytes("what nobody else may read");
    const auto bound = as_bytes("where it belongs");
    cipher_nonce nonce{};
    byte_vector sealed(plain.size() + cipher_tag_bytes), opened(plain.size());
    made->seal(nonce, bound, plain, sealed).value();
    const auto refused = [&](const cipher_nonce& with, byte_span bound_to, byte_span bytes) {
        std::fill(opened.begin(), opened.end(), std::byte{1});
        const auto outcome = made->open(with, bound_to, bytes, opened);
        const bool zero = std::all_of(opened.begin(), opened.end(), [](std::byte b) { return b == std::byte{0}; });
        return !outcome && outcome.error().code == errc::corruption && zero;
    };
    for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
        auto changed = sealed;
        changed[bit / 8] ^= std::byte{1} << (bit % 8);
        REQUIRE(refused(nonce, bound, changed));
    }
    CHECK(refused(nonce, as_bytes("where it belonga"), sealed));
    CHECK(refused(nonce, {}, sealed));
    auto other = nonce;
    other[11] = std::byte{1};
    CHECK(refused(other, bound, sealed));
    const auto stranger = cipher::make(sample_key(8)).value();
    CHECK_FALSE(stranger->open(nonce, bound, sealed, opened));
    // After all that the right one still opens.
    made->open(nonce, bound, sealed, opened).value();
    CHECK(as_text(opened) == as_text(plain));
}

TEST_CASE("cipher: sizes from nothing to a megabyte, in place too", "[cipher]") {
    if (!encryption_available()) return;
    const auto made = cipher::make(sample_key(9)).value();
    for (const std::size_t size : {0, 1, 15, 16, 17, 4096, 1'000'000}) {
        byte_vector plain(size);
        for (std::size_t i = 0; i < size; ++i) plain[i] = static_cast<std::byte>(i * 7);
        auto nonces = nonce_sequence::start().value();
        const auto nonce = nonces.next();
        auto buffer = plain;
        buffer.resize(size + cipher_tag_bytes);
        made->seal(nonce, {}, byte_span(buffer).first(size), buffer).value();
        if (size > 16) CHECK_FALSE(std::equal(plain.begin(), plain.end(), buffer.begin()));
        made->open(nonce, {}, buffer, std::span(buffer).first(size)).value();
        buffer.resize(size);
        CHECK(buffer == plain);
    }
}

TEST_CASE("cipher: nonces of a sequence differ", "[cipher]") {
    if (!encryption_available()) return;
    std::set<cipher_nonce> seen;
    for (int run = 0; run < 4; ++run) {
        auto nonces = nonce_sequence::start().value();
        for (int i = 0; i < 1000; ++i) CHECK(seen.insert(nonces.next()).second);
    }
}

TEST_CASE("cipher: many threads share one", "[cipher][threads]") {
    if (!encryption_available()) return;
    const auto made = cipher::make(sample_key(1)).value();
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (std::uint8_t t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            cipher_nonce nonce{};
            nonce[0] = std::byte{t};
            for (std::uint32_t i = 0; i < 500; ++i) {
                store_le(nonce.data() + 4, i);
                const byte_vector plain(i, std::byte{t});
                byte_vector sealed(i + cipher_tag_bytes), opened(i);
                const bool fine = made->seal(nonce, {}, plain, sealed) && made->open(nonce, {}, sealed, opened);
                if (!fine || opened != plain) ++wrong;
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(wrong == 0);
}
