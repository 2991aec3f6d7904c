#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/keyring.hpp>

#include <algorithm>
#include <cstring>

namespace vecstore::storage {
namespace {

constexpr std::uint64_t magic = 0x474E'5259'454B'5356;  // "VSKEYRNG"
constexpr std::uint32_t version = 1, aes_256_gcm = 1;
constexpr std::size_t bound_bytes = 32, nonce_at = 32, wrapped_at = 44, checksum_at = 104;

result<std::unique_ptr<cipher>> wrapping_cipher(const encryption_key& key, byte_span id) {
    VECSTORE_TRY(const auto given, key.get());
    VECSTORE_TRY(const auto wrapping, derive_key(given, id, "vecstore wrap"));
    return cipher::make(wrapping);
}

}  // namespace

result<std::shared_ptr<const keyring>> keyring::create(const encryption_key& key) {
    std::shared_ptr<keyring> made(new keyring);
    VECSTORE_CHECK(fill_random(made->data_key_.bytes()));
    VECSTORE_CHECK(fill_random(made->id_));
    VECSTORE_TRY(made->file_, made->wrapped_by(key));
    return std::shared_ptr<const keyring>(std::move(made));
}

result<byte_vector> keyring::wrapped_by(const encryption_key& key) const {
    byte_writer out;
    out.put(magic);
    out.put(version);
    out.put(aes_256_gcm);
    out.put_bytes(id_);
    cipher_nonce nonce;
    VECSTORE_CHECK(fill_random(nonce));
    out.put_bytes(nonce);
    std::array<std::byte, cipher_key_bytes + cipher_tag_bytes> wrapped;
    VECSTORE_TRY(const auto wrapping, wrapping_cipher(key, id_));
    VECSTORE_CHECK(wrapping->seal(nonce, out.bytes().first(bound_bytes), data_key_.bytes(), wrapped));
    out.put_bytes(wrapped);
    while (out.size() < checksum_at) out.put(std::uint32_t{0});
    out.put(checksum64(out.bytes()));
    return std::move(out).take();
}

result<std::shared_ptr<const keyring>> keyring::open(byte_span file, const encryption_key& key,
                                                     const std::string& path) {
    if (file.size() < keyring_bytes) return corruption("the file of keys is cut short", path, file.size());
    if (load_le<std::uint64_t>(file.data()) != magic) return corruption("not a file of keys", path, 0);
    if (load_le<std::uint64_t>(file.data() + checksum_at) != checksum64(file.first(checksum_at)))
        return corruption("the file of keys: checksum differs", path, 0);
    if (load_le<std::uint32_t>(file.data() + 8) != version || load_le<std::uint32_t>(file.data() + 12) != aes_256_gcm)
        return error{errc::unsupported, "a file of keys of a newer version", path, 8};
    if (file.size() != keyring_bytes) return corruption("the file of keys is too long", path, keyring_bytes);
    std::shared_ptr<keyring> opened(new keyring);
    std::memcpy(opened->id_.data(), file.data() + 16, opened->id_.size());
    cipher_nonce nonce;
    std::memcpy(nonce.data(), file.data() + nonce_at, nonce.size());
    auto wrapping = wrapping_cipher(key, opened->id_);
    if (!wrapping) {
        auto e = std::move(wrapping).error();
        e.path = path;
        return e;
    }
    const auto wrapped = file.subspan(wrapped_at, cipher_key_bytes + cipher_tag_bytes);
    if (auto unwrapped = (*wrapping)->open(nonce, file.first(bound_bytes), wrapped, opened->data_key_.bytes());
        !unwrapped) {
        if (unwrapped.error().code != errc::corruption) return std::move(unwrapped).error();
        return error{errc::wrong_key, "this is not the key that the store was encrypted with", path, 0};
    }
    opened->file_.assign(file.begin(), file.end());
    return std::shared_ptr<const keyring>(std::move(opened));
}

result<std::unique_ptr<cipher>> keyring::cipher_for(std::string_view purpose, byte_span id) const {
    VECSTORE_TRY(const auto key, derive_key(data_key_, id, "vecstore " + std::string(purpose)));
    return cipher::make(key);
}

result<std::uint64_t> keyring::keyed_hash(std::string_view purpose, byte_span value) const {
    VECSTORE_TRY(const auto derived, derive_key(data_key_, value, "vecstore hash " + std::string(purpose)));
    return load_le<std::uint64_t>(derived.bytes().data());
}

}  // namespace vecstore::storage
