#include "store_cipher.hpp"

#include "backup_directory.hpp"

#include <vecstore/database/encryption.hpp>
#include <vecstore/storage/control_file.hpp>
#include <vecstore/storage/sealed_file_system.hpp>

#include <collection/tables.hpp>

namespace vecstore {
namespace detail {
namespace {

using storage::join_path;

std::string keys_path(const std::string& directory) { return join_path(directory, storage::keyring_file_name); }

error not_encrypted(const std::string& directory) {
    return {errc::wrong_key, "a key was given, and the database is not encrypted", directory, 0};
}

}  // namespace

result<store_cipher> store_cipher::make(std::shared_ptr<const storage::keyring> keys) {
    store_cipher made;
    VECSTORE_TRY(made.values_, storage::value_ciphers::make(*keys, tables::names()));
    made.records_ = std::make_shared<const wal::record_cipher>(keys);
    made.keys_ = std::move(keys);
    return made;
}

result<store_cipher> store_cipher::open(storage::file_system& files, const std::string& directory,
                                        const encryption_key& key) {
    const auto path = keys_path(directory);
    if (!files.exists(path)) {
        const auto control = storage::control_file::open(files, directory, true);
        if (control && control->state().format_version == tables::encrypted_format_version)
            return corruption("the keys of an encrypted database are missing", path, 0);
        return key.given() ? result<store_cipher>(not_encrypted(directory)) : store_cipher();
    }
    if (!storage::encryption_available())
        return error{errc::unsupported, "the database is encrypted, and this program was built without OpenSSL",
                     directory, 0};
    if (!key.given()) return error{errc::wrong_key, "the database is encrypted, and no key was given", directory, 0};
    VECSTORE_TRY(const auto file, storage::read_file(files, path));
    VECSTORE_TRY(auto keys, storage::keyring::open(file, key, path));
    return make(std::move(keys));
}

result<store_cipher> store_cipher::create(storage::file_system& files, const std::string& directory,
                                          const encryption_key& key) {
    if (!key.given()) return store_cipher();
    VECSTORE_TRY(auto keys, storage::keyring::create(key));
    VECSTORE_CHECK(storage::write_file(files, keys_path(directory), keys->file()));
    return make(std::move(keys));
}

std::uint32_t store_cipher::format_version() const noexcept {
    return encrypts() ? tables::encrypted_format_version : tables::format_version;
}

std::shared_ptr<storage::file_system> store_cipher::files(std::shared_ptr<storage::file_system> raw) const {
    return encrypts() ? storage::seal_files(std::move(raw), keys_) : raw;
}

std::shared_ptr<storage::table_store> store_cipher::tables(std::shared_ptr<storage::table_store> raw) const {
    if (!encrypts()) return raw;
    return storage::encrypt_values(std::move(raw), values_);
}

void store_cipher::read_values_of(storage::detail::lmdb_pages& pages) const {
    if (!encrypts()) return;
    pages.open_values_with([values = values_](std::string_view table, byte_span key, byte_span value) {
        auto opened = values->open(table, key, value);
        // A table that a newer version has added: nobody here knows what its values say.
        const bool unknown = !opened && opened.error().code == errc::not_found;
        return unknown ? result<byte_vector>(byte_vector(value.begin(), value.end())) : std::move(opened);
    });
}

result<wal::record> store_cipher::open(const wal::record& stored, byte_vector& into) const {
    if (encrypts()) return records_->open(stored, into);
    if (stored.encrypted()) return error{errc::wrong_key, "log record " + std::to_string(stored.lsn) + " is encrypted"};
    return stored;
}

result<std::uint64_t> store_cipher::masked(std::uint64_t value) const {
    if (!encrypts() || value == 0) return value;
    return keys_->keyed_hash("root", std::as_bytes(std::span(&value, 1)));
}

}  // namespace detail

result<void> rekey(const std::string& directory, const encryption_key& from, const encryption_key& to,
                   const database_environment& environment) {
    using namespace detail;
    const auto files = files_of(environment);
    const auto path = keys_path(directory);
    if (!files->exists(join_path(directory, "control")) && !files->exists(path))
        return error{errc::not_found, "no database here", directory, 0};
    if (files->exists(join_path(directory, snapshot_manifest_name)))
        return error{errc::unsupported, "a snapshot keeps its key: restore it first", directory, 0};
    if (!files->exists(path)) return not_encrypted(directory);
    VECSTORE_TRY(const auto lock, files->lock(join_path(directory, "LOCK")));
    VECSTORE_TRY(const auto file, storage::read_file(*files, path));
    VECSTORE_TRY(const auto keys, storage::keyring::open(file, from, path));
    VECSTORE_TRY(const auto wrapped, keys->wrapped_by(to));
    return storage::write_file(*files, path, wrapped);
}

}  // namespace vecstore
