/// Reads LMDB's file without LMDB, page by page, believing nothing: LMDB follows a damaged page number out of its map,
/// so that a file which may be damaged must not be given to it. For checking, for what can be saved of a damaged file,
/// and for making its sums anew.
///
/// What is checked of each page: its number, its kind, that its nodes lie inside, that its keys ascend and lie between
/// the keys its parent has for it, that no page is used twice or listed as free, that each table has as many entries as
/// its record says; and of each value its checksum (lmdb_table_store.hpp). Format: LMDB 0.9 on 64-bit machines.
/// Memory: a bit for each page, and one page for each level of the tree; the file is read with `read_at`, never mapped.
/// Thread safety: belongs to one thread; nobody may write to the file meanwhile.
#pragma once

#include "page_sums.hpp"

#include <vecstore/core/result.hpp>
#include <vecstore/storage/file_system.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore::storage::detail {

class lmdb_pages {
public:
    /// Finds the newest meta page that is right, and walks the list of free pages. `directory` is that of the tables.
    /// Errors: corruption (no meta page is right), not_found, io.
    [[nodiscard]] static result<lmdb_pages> open(file_system& files, const std::string& directory);

    /// An entry whose checksum is right. The value is without its checksum; both live for the call.
    /// An error ends the walk with that error.
    using entry_visitor = std::function<result<void>(byte_span key, byte_span value)>;

    /// How values of tables are read that are not stored as they are (encrypted); what it refuses with corruption is
    /// damage.
    using value_opener = std::function<result<byte_vector>(std::string_view table, byte_span key, byte_span value)>;
    void open_values_with(value_opener opener) { opener_ = std::move(opener); }

    /// Visits each readable entry of a table, in the order of keys; what cannot be read goes to `damages()`. A table that
    /// does not exist has no entries.
    /// Errors: io, and those of `visit`.
    [[nodiscard]] result<void> walk(std::string_view table, const entry_visitor& visit);

    [[nodiscard]] std::vector<std::string> table_names() const;

    /// Path, offset and kind of what was found damaged so far.
    [[nodiscard]] const std::vector<error>& damages() const noexcept { return damages_; }
    /// More were found than are kept.
    [[nodiscard]] std::uint64_t damage_count() const noexcept { return damage_count_; }
    [[nodiscard]] std::uint64_t pages_read() const noexcept { return pages_read_; }

    /// For `sum_pages`. Right only if all tables were walked and nothing was damaged.
    [[nodiscard]] const page_usage& usage() const noexcept { return usage_; }

private:
    struct table_record {
        std::uint64_t entries = 0;
        std::uint64_t root = 0;
        std::uint16_t depth = 0;
    };
    /// Where a page stands in a tree: its keys are at least `low`, and below `high` if there is one.
    struct place {
        std::uint64_t page = 0;
        std::uint16_t levels = 0;  ///< pages from here down to a leaf, both counted
        byte_vector low{};
        byte_vector high{};
        bool bounded = false;
    };
    struct walk_state;

    lmdb_pages(std::unique_ptr<file> tables, std::string path) : file_(std::move(tables)), path_(std::move(path)) {}
    [[nodiscard]] static table_record parse_record(byte_span bytes) noexcept;
    result<void> read_metas();
    result<void> read_free_pages();
    result<void> find_tables();
    result<void> walk_tree(const table_record& table, walk_state& state);
    result<void> walk_page(const place& at, walk_state& state);
    result<void> walk_branch(const place& at, byte_span page, walk_state& state);
    result<void> walk_leaf(const place& at, byte_span page, walk_state& state);
    [[nodiscard]] bool check_shape(const place& at, byte_span page);
    [[nodiscard]] bool claim(std::uint64_t page, std::uint64_t referrer);
    [[nodiscard]] result<bool> read_page(std::uint64_t number, byte_vector& into);
    result<bool> read_overflow(std::uint64_t number, std::size_t bytes, std::uint64_t referrer, byte_vector& into);
    void damage(std::string what, std::uint64_t page);

    std::unique_ptr<file> file_;
    std::string path_;
    std::uint64_t file_bytes_ = 0;
    page_usage usage_;
    table_record free_, main_;
    std::vector<std::pair<std::string, table_record>> tables_;
    std::vector<bool> used_;
    value_opener opener_;  ///< null: values are what is stored
    std::vector<error> damages_;
    std::uint64_t damage_count_ = 0;
    std::uint64_t pages_read_ = 0;
};

}  // namespace vecstore::storage::detail
