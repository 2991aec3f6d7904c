/// The inside of `check`, which `repair` uses as well: with what it learned on the way.
/// Thread safety: belongs to one thread; the caller holds the database's lock.
#pragma once

#include "backup_directory.hpp"
#include "storage/lmdb_pages.hpp"
#include "store_cipher.hpp"

#include <vecstore/database/check.hpp>
#include <vecstore/storage/control_file.hpp>
#include <vecstore/storage/file_system.hpp>
#include <vecstore/storage/table_store.hpp>
#include <vecstore/wal/check.hpp>

#include <collection/upkeep/check.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace vecstore::detail {

/// Calls `visit` for each readable entry of a table, wherever the tables are.
using table_walk =
    std::function<result<void>(std::string_view table, const std::function<result<void>(byte_span, byte_span)>& visit)>;

/// Walks tables of a store; the first damage ends the walk of that table, and goes to `damaged`.
[[nodiscard]] table_walk walk_store(storage::table_store& store, std::function<void(const error&)> damaged);

class database_checker {
public:
    database_checker(std::string directory, const check_options& options, const database_environment& environment);

    /// Errors: as `vecstore::check`, without the lock.
    [[nodiscard]] result<check_report> run();

    // What was found, for repair.
    [[nodiscard]] const std::optional<storage::control_state>& control() const noexcept { return control_; }
    /// Null: the tables are not LMDB's, or there are none.
    [[nodiscard]] storage::detail::lmdb_pages* pages() noexcept { return pages_ ? &*pages_ : nullptr; }
    [[nodiscard]] const wal::log_check& log() const noexcept { return log_; }
    [[nodiscard]] const collection_checker* collections() const noexcept { return collections_.get(); }
    [[nodiscard]] const store_cipher& cipher() const noexcept { return cipher_; }

private:
    void add(finding_kind kind, const error& e);
    [[nodiscard]] bool keep_going(std::string_view task, std::uint64_t done, std::uint64_t total) const;
    [[nodiscard]] std::string path(std::string_view name) const { return storage::join_path(directory_, name); }
    [[nodiscard]] result<bool> open_cipher();
    result<void> check_control();
    result<void> open_tables();
    result<void> check_tables();
    result<void> check_sums();
    result<void> check_log();
    result<void> check_log_record(const wal::record& record, std::map<collection_id, bool>& known) const;
    result<void> check_left_overs();
    result<void> check_part_files(const std::string& directory, const std::map<std::string, bool>& listed);
    void finish();

    const std::string directory_;
    const check_options options_;
    const database_environment environment_;
    std::shared_ptr<storage::file_system> files_;
    store_cipher cipher_;
    std::shared_ptr<storage::file_system> part_files_;
    std::shared_ptr<storage::table_store> given_tables_;
    std::optional<storage::control_state> control_;
    std::optional<storage::detail::lmdb_pages> pages_;
    std::unique_ptr<collection_checker> collections_;
    table_walk walk_;
    wal::log_check log_;
    check_report report_;
    std::map<std::pair<finding_kind, std::string>, std::uint64_t> counts_;  ///< findings of one kind and file
};

}  // namespace vecstore::detail
