#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/keyring.hpp>

#include <catch2/catch.hpp>
#include <support/encryption.hpp>

#include <algorithm>
#include <string>

using namespace vecstore;
using namespace vecstore::storage;
using vecstore::test::key_of;

namespace {

errc refusal(byte_span file, const encryption_key& key) {
    const auto opened = keyring::open(file, key, "d/keys");
    return opened ? errc{} : opened.error().code;
}

/// Tells two data keys apart without showing them.
byte_vector sealed_by(const keyring& keys) {
    byte_vector sealed(4 + cipher_tag_bytes);
    keys.cipher_for("test", as_bytes("x")).value()->seal({}, {}, as_bytes("text"), sealed).value();
    return sealed;
}

/// What its data key seals.
constexpr std::string_view old_sealed = "a8d911634f3598a84a486fb789ccc106279e2e14";

}  // namespace

TEST_CASE("keyring: the right key opens it, no other does", "[keyring]") {
    if (!encryption_available()) return;
    const auto made = keyring::create(key_of(1)).value();
    const auto opened = keyring::open(made->file(), key_of(1), "d/keys").value();
    CHECK(sealed_by(*opened) == sealed_by(*made));
    CHECK(std::equal(opened->file().begin(), opened->file().end(), made->file().begin(), made->file().end()));
    CHECK(refusal(made->file(), key_of(2)) == errc::wrong_key);
    CHECK(refusal(made->file(), {}) == errc::wrong_key);
    CHECK(sealed_by(*keyring::create(key_of(1)).value()) != sealed_by(*made));
}

TEST_CASE("keyring: a source of the key is asked, and may refuse", "[keyring]") {
    if (!encryption_available()) return;
    int asked = 0;
    const encryption_key source([&](std::span<std::byte, encryption_key::bytes> into) {
        ++asked;
        std::fill(into.begin(), into.end(), std::byte{1});
        return true;
    });
    const auto made = keyring::create(source).value();
    CHECK(asked == 1);
    CHECK(refusal(made->file(), key_of(1)) == errc{});
    CHECK(refusal(made->file(), encryption_key([](auto) { return false; })) == errc::wrong_key);
    CHECK(keyring::create({}).error().code == errc::wrong_key);
}

TEST_CASE("keyring: wrapped anew it is the same under another key", "[keyring]") {
    if (!encryption_available()) return;
    const auto made = keyring::create(key_of(1)).value();
    const auto file = made->wrapped_by(key_of(2)).value();
    CHECK(refusal(file, key_of(1)) == errc::wrong_key);
    CHECK(sealed_by(*keyring::open(file, key_of(2), "d/keys").value()) == sealed_by(*made));
}

TEST_CASE("keyring: every flipped bit and every truncation is damage, not a wrong key", "[keyring]") {
    if (!encryption_available()) return;
    const auto made = keyring::create(key_of(1)).value();
    const byte_vector file(made->file().begin(), made->file().end());
    for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
        auto changed = file;
        changed[bit / 8] ^= std::byte{1} << (bit % 8);
        REQUIRE(refusal(changed, key_of(1)) == errc::corruption);
    }
    for (std::size_t size = 0; size < file.size(); ++size)
        REQUIRE(refusal(byte_span(file).first(size), key_of(1)) == errc::corruption);
    auto longer = file;
    longer.push_back(std::byte{0});
    CHECK(refusal(longer, key_of(1)) == errc::corruption);
}

TEST_CASE("keyring: a newer version is told from damage", "[keyring]") {
    if (!encryption_available()) return;
    const auto made = keyring::create(key_of(1)).value();
    byte_vector file(made->file().begin(), made->file().end());
    store_le(file.data() + 8, std::uint32_t{2});
    store_le(file.data() + 104, checksum64(byte_span(file).first(104)));
    CHECK(refusal(file, key_of(1)) == errc::unsupported);
}

TEST_CASE("keyring: the bytes are as documented", "[keyring][golden]") {
    if (!encryption_available()) return;
    const auto file = test::from_hex(test::old_keyring_file);
    REQUIRE(file.size() == keyring_bytes);
    CHECK(as_text(byte_span(file).first(8)) == "VSKEYRNG");
    CHECK(load_le<std::uint32_t>(file.data() + 8) == 1);
    CHECK(load_le<std::uint32_t>(file.data() + 12) == 1);
    CHECK(load_le<std::uint64_t>(file.data() + 104) == checksum64(byte_span(file).first(104)));
    CHECK(sealed_by(*keyring::open(file, key_of(0x11), "d/keys").value()) == test::from_hex(old_sealed));
}
