/// Encryption of what records say. The log itself stays as it is: headers, checksums and chain are over the encrypted
/// payload, so that segments are recovered, checked, cut and archived without a key.
/// Payload of an encrypted record: nonce (12) | ciphertext | tag (16), bound to lsn, term, type and flags: a record that was
/// changed, moved, or put in by someone without the key is corruption when it is opened.
/// Keys: HKDF(data key, salt = lsn / 2^20 as u64, "vecstore log"). Nonces: a `nonce_sequence` for each append, not the lsn,
/// since an lsn is given again after a torn tail was cut off, and in another database after a restore. With one record
/// for each append, two nonces under one of these keys are equal with a chance of 2^-56.
/// Thread safety: any thread.
#pragma once

#include <vecstore/core/mutex.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/storage/keyring.hpp>
#include <vecstore/wal/record.hpp>

#include <array>
#include <cstdint>
#include <memory>

namespace vecstore::wal {

/// How much longer an encrypted payload is.
inline constexpr std::size_t sealed_payload_extra = storage::cipher_nonce_bytes + storage::cipher_tag_bytes;

class record_cipher {
public:
    explicit record_cipher(std::shared_ptr<const storage::keyring> keys) : keys_(std::move(keys)) {}

    /// The payload to be written for a record: `value` says lsn, term, type, flags (flag_encrypted is added to what is bound) and
    /// the plain payload.  Errors: resource_exhausted, unsupported.
    [[nodiscard]] result<byte_vector> seal(const record& value, storage::nonce_sequence& nonces) const;

    /// `stored` with its plain payload, which lies in `into`.
    /// Errors: corruption (not encrypted, or not what was sealed for this place), resource_exhausted.
    [[nodiscard]] result<record> open(const record& stored, byte_vector& into) const;

private:
    struct kept {
        std::uint64_t number = ~std::uint64_t{0};
        std::shared_ptr<const storage::cipher> key = nullptr;
    };
    [[nodiscard]] result<std::shared_ptr<const storage::cipher>> cipher_of(std::uint64_t lsn) const;

    std::shared_ptr<const storage::keyring> keys_;
    mutable mutex mutex_;
    mutable std::array<kept, 4> kept_ VECSTORE_GUARDED_BY(mutex_);
};

}  // namespace vecstore::wal
