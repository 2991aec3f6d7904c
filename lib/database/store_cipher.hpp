/// Between a database and its files: passes everything through, or encrypts it.
/// Thread safety: immutable once made; any thread.
#pragma once

#include "storage/lmdb_pages.hpp"

#include <vecstore/core/result.hpp>
#include <vecstore/storage/encrypted_table_store.hpp>
#include <vecstore/storage/encryption_key.hpp>
#include <vecstore/storage/file_system.hpp>
#include <vecstore/storage/keyring.hpp>
#include <vecstore/storage/table_store.hpp>
#include <vecstore/wal/record_cipher.hpp>

#include <memory>
#include <string>

namespace vecstore::detail {

class store_cipher {
public:
    /// Encrypts nothing.
    store_cipher() = default;
    [[nodiscard]] static result<store_cipher> make(std::shared_ptr<const storage::keyring> keys);
    /// Of the database in `directory`, which has a control file or `keys`.
    /// Errors: wrong_key (also a key for a plain one, and none for an encrypted one), corruption (`keys` is damaged or missing),
    ///         unsupported, io.
    [[nodiscard]] static result<store_cipher> open(storage::file_system& files, const std::string& directory,
                                                   const encryption_key& key);
    /// Of a new one: writes `keys` when a key is given.  Errors: unsupported, io, resource_exhausted.
    [[nodiscard]] static result<store_cipher> create(storage::file_system& files, const std::string& directory,
                                                     const encryption_key& key);

    [[nodiscard]] bool encrypts() const noexcept { return keys_ != nullptr; }
    /// The `keys` file, for copies of the database. Precondition: encrypts().
    [[nodiscard]] byte_span keys_file() const noexcept { return keys_->file(); }
    /// What the control file says.
    [[nodiscard]] std::uint32_t format_version() const noexcept;

    /// For files of parts and dumps of tables.
    [[nodiscard]] std::shared_ptr<storage::file_system> files(std::shared_ptr<storage::file_system> raw) const;
    [[nodiscard]] std::shared_ptr<storage::table_store> tables(std::shared_ptr<storage::table_store> raw) const;
    /// Lets `pages` open the values that it reads. `pages` must not outlive this.
    void read_values_of(storage::detail::lmdb_pages& pages) const;

    /// The log. Precondition: encrypts().
    [[nodiscard]] const wal::record_cipher& records() const noexcept { return *records_; }
    /// The record as it was written; its payload lies in `into` if it had to be decrypted.
    /// Errors: corruption, wrong_key (encrypted, and the database is not).
    [[nodiscard]] result<wal::record> open(const wal::record& stored, byte_vector& into) const;

    /// `value`, or what stands for it where everybody can read it: equal for equal values, and only then.
    [[nodiscard]] result<std::uint64_t> masked(std::uint64_t value) const;

private:
    std::shared_ptr<const storage::keyring> keys_;
    std::shared_ptr<const storage::value_ciphers> values_;
    std::shared_ptr<const wal::record_cipher> records_;
};

}  // namespace vecstore::detail
