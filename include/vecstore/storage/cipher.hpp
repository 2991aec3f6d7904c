/// Authenticated encryption for what the store writes: AES-256-GCM, keys derived by HKDF-SHA256, random bytes.
/// OpenSSL does the work, behind this header (lib/storage/aes_gcm.cpp); a build without it has the same functions, which
/// give `unsupported`.
///
/// AES-GCM must never see one nonce twice under one key. Who uses a `cipher` says in his header why it does not:
///   files of parts     a key of each file's own, nonce = number of the block (sealed_file_system.hpp)
///   values of tables   a key of each table's own, `nonce_sequence` of each transaction (encrypted_table_store.hpp)
///   records of the log a key for each 2^20 lsns, `nonce_sequence` of each append (wal/record_cipher.hpp)
///   the data key       a key of each wrapping key's own, a random nonce (keyring.hpp)
/// Paper: Dworkin, "Galois/Counter Mode (GCM) and GMAC", NIST SP 800-38D, 2007. Krawczyk, Eronen, RFC 5869 (HKDF).
/// Thread safety: a cipher may be used from any thread; nobody waits. The rest are functions without state.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace vecstore::storage {

inline constexpr std::size_t cipher_key_bytes = 32;
inline constexpr std::size_t cipher_nonce_bytes = 12;
inline constexpr std::size_t cipher_tag_bytes = 16;

using cipher_nonce = std::array<std::byte, cipher_nonce_bytes>;

/// True when this build can encrypt.
[[nodiscard]] bool encryption_available() noexcept;

/// Overwrites memory in a way that the compiler does not leave out.
void wipe(std::span<std::byte> bytes) noexcept;

/// Bytes that nobody can guess.  Errors: unsupported (built without OpenSSL), io (the system has none to give).
result<void> fill_random(std::span<std::byte> bytes);

/// 32 bytes that are wiped when they are not needed any more. Never copied by accident: `clone` does it.
class secret_key {
public:
    secret_key() = default;
    explicit secret_key(std::span<const std::byte, cipher_key_bytes> bytes) noexcept;
    secret_key(secret_key&& other) noexcept;
    secret_key& operator=(secret_key&& other) noexcept;
    ~secret_key() { wipe(bytes_); }

    [[nodiscard]] secret_key clone() const noexcept { return secret_key(bytes()); }
    [[nodiscard]] std::span<const std::byte, cipher_key_bytes> bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::span<std::byte, cipher_key_bytes> bytes() noexcept { return bytes_; }

private:
    std::array<std::byte, cipher_key_bytes> bytes_{};
};

/// A key from `from` for one purpose alone: who knows it learns nothing of `from` or of other purposes' keys.
/// HKDF-SHA256 with the given salt and info, 32 bytes.  Errors: unsupported.  Cost: two HMACs, about a microsecond.
[[nodiscard]] result<secret_key> derive_key(const secret_key& from, byte_span salt, std::string_view info);

/// One key of AES-256-GCM, ready for use.
class cipher {
public:
    /// Errors: unsupported, resource_exhausted.
    [[nodiscard]] static result<std::unique_ptr<cipher>> make(const secret_key& key);
    virtual ~cipher() = default;
    cipher(const cipher&) = delete;
    cipher& operator=(const cipher&) = delete;

    /// Encrypts `plain` into `sealed`, which is cipher_tag_bytes larger: ciphertext, then tag. The two may begin at the same
    /// place, and must not overlap otherwise. `bound` is authenticated with it and not kept: opening needs the same.
    /// Precondition: the nonce was never used under this key; plain.size() < 2^31.
    /// Errors: resource_exhausted.  Cost: about 0.2 microseconds and 0.2 ns a byte.
    virtual result<void> seal(const cipher_nonce& nonce, byte_span bound, byte_span plain,
                              std::span<std::byte> sealed) const = 0;

    /// The reverse: `plain` is cipher_tag_bytes smaller than `sealed`, and may begin at the same place.
    /// Errors: corruption (no path: not what was sealed with this key, nonce and `bound`; `plain` is then zero),
    ///         resource_exhausted.
    virtual result<void> open(const cipher_nonce& nonce, byte_span bound, byte_span sealed,
                              std::span<std::byte> plain) const = 0;

protected:
    cipher() = default;
};

/// Nonces of one run: a random beginning of 96 bits, then counted up. With q nonces in r runs under one key two are
/// equal with a chance of at most q * r / 2^96.
/// Thread safety: belongs to one thread.
class nonce_sequence {
public:
    /// Errors: as `fill_random`.
    [[nodiscard]] static result<nonce_sequence> start();
    [[nodiscard]] const cipher_nonce& next() noexcept;

private:
    nonce_sequence() = default;
    cipher_nonce current_{};
};

}  // namespace vecstore::storage
