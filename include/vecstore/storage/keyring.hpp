/// The data key of an encrypted store, from which the keys of all its files are derived, and the file `keys` that holds
/// it, wrapped (encrypted) by the key of the caller. So the caller's key can change without rewriting any data.
///
/// `keys`, little-endian, 112 bytes:
///   0    8   magic "VSKEYRNG"
///   8    4   version (1)
///   12   4   cipher (1 = AES-256-GCM, subkeys by HKDF-SHA256)
///   16   16  id of the data key, random
///   32   12  nonce, random, new with each wrapping
///   44   32  data key, encrypted under HKDF(caller's key, salt = id, "vecstore wrap"); bound to bytes 0..31
///   76   16  tag
///   92   12  zero
///   104  8   XXH3-64 of bytes 0..103
/// The checksum tells a damaged file from a wrong key.
/// A nonce serves once under a wrapping key: it is random, and a key wraps a handful of times in its life.
/// Thread safety: immutable; any number of threads.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/storage/cipher.hpp>
#include <vecstore/storage/encryption_key.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace vecstore::storage {

inline constexpr std::string_view keyring_file_name = "keys";
inline constexpr std::size_t keyring_bytes = 112;

class keyring {
public:
    /// A new data key, wrapped by `key`.  Errors: wrong_key (none given), unsupported, io.
    [[nodiscard]] static result<std::shared_ptr<const keyring>> create(const encryption_key& key);

    /// Reads the bytes of a `keys` file. `path` is for errors.
    /// Errors: wrong_key, corruption, unsupported (a newer version; or built without OpenSSL).
    [[nodiscard]] static result<std::shared_ptr<const keyring>> open(byte_span file, const encryption_key& key,
                                                                     const std::string& path);

    /// The `keys` file under another key.  Errors: as `create`.
    [[nodiscard]] result<byte_vector> wrapped_by(const encryption_key& key) const;
    /// The `keys` file that this was made from.
    [[nodiscard]] byte_span file() const noexcept { return file_; }

    /// The cipher of one purpose ("file", "table", "log") and, within it, of one `id`.
    /// Errors: unsupported, resource_exhausted.  Cost: about two microseconds.
    [[nodiscard]] result<std::unique_ptr<cipher>> cipher_for(std::string_view purpose, byte_span id) const;

    /// 64 bits that stand for `value` and tell who lacks the key nothing of it.  Errors: unsupported.
    [[nodiscard]] result<std::uint64_t> keyed_hash(std::string_view purpose, byte_span value) const;

private:
    keyring() = default;

    secret_key data_key_;
    std::array<std::byte, 16> id_{};
    byte_vector file_;
};

}  // namespace vecstore::storage
