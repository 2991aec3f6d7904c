#include <vecstore/wal/record_cipher.hpp>

#include <algorithm>
#include <cstring>

namespace vecstore::wal {
namespace {

constexpr unsigned lsns_of_key_log2 = 20;
constexpr std::size_t bound_bytes = 20;

std::array<std::byte, bound_bytes> bound_to(const record& value) noexcept {
    std::array<std::byte, bound_bytes> bound;
    store_le(bound.data(), value.lsn);
    store_le(bound.data() + 8, value.term);
    store_le(bound.data() + 16, static_cast<std::uint16_t>(value.type));
    store_le(bound.data() + 18, static_cast<std::uint16_t>(value.flags | flag_encrypted));
    return bound;
}

}  // namespace

result<std::shared_ptr<const storage::cipher>> record_cipher::cipher_of(std::uint64_t lsn) const {
    const auto number = lsn >> lsns_of_key_log2;
    const lock_guard lock(mutex_);
    auto& place = kept_[number % kept_.size()];
    if (place.number != number || place.key == nullptr) {
        std::array<std::byte, 8> salt;
        store_le(salt.data(), number);
        VECSTORE_TRY(auto made, keys_->cipher_for("log", salt));
        place = {number, std::move(made)};
    }
    return place.key;
}

result<byte_vector> record_cipher::seal(const record& value, storage::nonce_sequence& nonces) const {
    VECSTORE_TRY(const auto key, cipher_of(value.lsn));
    byte_vector sealed(value.payload.size() + sealed_payload_extra);
    const auto& nonce = nonces.next();
    std::copy(nonce.begin(), nonce.end(), sealed.begin());
    VECSTORE_CHECK(
        key->seal(nonce, bound_to(value), value.payload, std::span(sealed).subspan(storage::cipher_nonce_bytes)));
    return sealed;
}

result<record> record_cipher::open(const record& stored, byte_vector& into) const {
    const auto what = [&] { return "log record " + std::to_string(stored.lsn); };
    if (!stored.encrypted() || stored.payload.size() < sealed_payload_extra)
        return corruption(what() + " is not encrypted, but the store is", {}, 0);
    VECSTORE_TRY(const auto key, cipher_of(stored.lsn));
    storage::cipher_nonce nonce;
    std::memcpy(nonce.data(), stored.payload.data(), nonce.size());
    into.resize(stored.payload.size() - sealed_payload_extra);
    auto opened = key->open(nonce, bound_to(stored), stored.payload.subspan(nonce.size()), into);
    if (!opened) {
        if (opened.error().code != errc::corruption) return std::move(opened).error();
        return corruption(what() + " cannot be decrypted: damaged, or of another place", {}, 0);
    }
    auto plain = stored;
    plain.payload = into;
    return plain;
}

}  // namespace vecstore::wal
