/// Tables whose values are encrypted. Keys stay as they are, because they must sort: ids of points, numbers of collections
/// and ordinals, times of expiry and names of log readers can be read by whoever has the files.
///
/// A value is stored as nonce (12) | ciphertext | tag (16), bound to its table's name and its key: a value that was changed,
/// or put under another key or into another table, is corruption when it is read. (An older value of the same key is not
/// noticed, nor is an entry that was removed: a file as a whole is as old as its owner lets it be.)
/// Key of a table: HKDF(data key, salt = name of the table, "vecstore table"). Nonces: a `nonce_sequence` for each
/// transaction. After 2^36 values in 2^24 transactions two nonces of one table are equal with a chance of 2^-36.
/// Thread safety: as table_store.
#pragma once

#include <vecstore/storage/cipher.hpp>
#include <vecstore/storage/keyring.hpp>
#include <vecstore/storage/table_store.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore::storage {

/// How much longer a stored value is.
inline constexpr std::size_t sealed_value_extra = cipher_nonce_bytes + cipher_tag_bytes;

/// The ciphers of all tables, also for those who read values without a store.
/// Thread safety: immutable; any number of threads.
class value_ciphers {
public:
    /// `names` of the tables, in the order of their ids.  Errors: invalid_argument (a name above 64 bytes), unsupported, resource_exhausted.
    [[nodiscard]] static result<std::shared_ptr<const value_ciphers>> make(const keyring& keys,
                                                                           const std::vector<std::string>& names);
    [[nodiscard]] std::size_t count() const noexcept { return tables_.size(); }
    /// `into` is sealed_value_extra larger than `value`. Precondition: a table that there is.
    result<void> seal(table_id table, byte_span key, byte_span value, const cipher_nonce& nonce,
                      std::span<std::byte> into) const;
    /// `into` is sealed_value_extra smaller than `stored`. Precondition: a table that there is.
    /// Errors: corruption (damaged, or of another place).
    result<void> open(table_id table, byte_span key, byte_span stored, std::span<std::byte> into) const;
    /// The same by the name of a table. Errors: also not_found (no such table).
    [[nodiscard]] result<byte_vector> open(std::string_view table, byte_span key, byte_span stored) const;

private:
    value_ciphers() = default;
    struct entry {
        std::string name;
        std::unique_ptr<cipher> key;
    };
    std::vector<entry> tables_;
};

/// `inner` with encrypted values. What `table_reader::get` gives is decrypted into memory of the reader's own, which is
/// given back with the reader; what a cursor gives is overwritten when it moves.
[[nodiscard]] std::unique_ptr<table_store> encrypt_values(std::shared_ptr<table_store> inner,
                                                          std::shared_ptr<const value_ciphers> ciphers);

}  // namespace vecstore::storage
