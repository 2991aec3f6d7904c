/// Looking over what the checkpoint holds of collections: tables against each other, parts against tables, indexes
/// against parts. Nothing is trusted and nothing changed.
/// Thread safety: belongs to one thread; nobody may write meanwhile.
#pragma once

#include <vecstore/collection/options.hpp>
#include <vecstore/core/error.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/storage/file_system.hpp>

#include <collection/fields/run_files.hpp>
#include <collection/newest/tombstones.hpp>
#include <collection/part/part.hpp>
#include <collection/tables.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore::detail {

/// What is wrong with a collection; the database's findings have the same kinds.
enum class collection_fault : std::uint8_t {
    tables,
    catalog,
    id,
    point,
    death,
    part,
    part_block,
    graph,
    lists,
    field_index
};

/// What a check needs of whoever runs it.
struct check_port {
    storage::file_system& files;
    std::string root;
    /// Calls `visit(key, value)` for each readable entry of a table, in the order of keys. Errors end the check.
    std::function<result<void>(std::string_view table, const std::function<result<void>(byte_span, byte_span)>&)> walk;
    std::function<void(collection_fault, error)> fault;
    /// False cancels.
    std::function<bool(std::string_view what, std::uint64_t done, std::uint64_t total)> keep_going;
    bool search_indexes = true;
};

struct collection_counts {
    std::uint64_t entries = 0;
    std::uint64_t points = 0;
    std::uint64_t parts = 0;
    std::uint64_t rows = 0;
    std::uint64_t blocks = 0;
    std::uint64_t indexes = 0;
    std::uint64_t bytes = 0;
};

/// One collection as its tables tell it.
struct checked_collection {
    std::string name;
    collection_options options;
    ordinal_id ordinal_end = 0;
    std::uint64_t point_count = 0;
    tombstones deaths;
    struct listed_part {
        std::size_t slot;
        part_descriptor descriptor;
    };
    std::vector<listed_part> parts;
};

/// What is looked at in the file of an index.
struct index_check {
    std::uint32_t file_kind;
    collection_fault fault;
    /// Opens it; which of the part's rows it finds, if it is to be searched. Errors: corruption, unsupported.
    result<std::vector<bool>> (*rows)(const storage::block_file& file, row_id rows, bool search);
    const char* not_found;  ///< "living rows ..."
};

class collection_checker {
public:
    explicit collection_checker(check_port port) : port_(std::move(port)) {}

    /// Errors: cancelled, io, resource_exhausted.
    result<void> run();

    [[nodiscard]] const collection_counts& counts() const noexcept { return counts_; }
    /// By id; those whose catalog entry can be read.
    [[nodiscard]] const std::map<collection_id, std::unique_ptr<checked_collection>>& collections() const noexcept {
        return collections_;
    }
    /// Files of payload indexes, as their manifest lists them.
    [[nodiscard]] const std::vector<field_manifest_entry>& runs() const noexcept { return runs_; }
    [[nodiscard]] tables::applied_position applied() const noexcept { return applied_; }
    [[nodiscard]] std::uint32_t format() const noexcept { return format_; }

private:
    /// Whose ordinal a point is: from `ids`, compared with `points`.
    struct owner {
        collection_id collection;
        ordinal_id ordinal;
        std::uint64_t id_hash;
    };

    result<void> read_meta();
    result<void> read_catalog();
    result<void> read_deaths();
    result<void> read_edits();
    result<void> read_ids();
    result<void> read_points();
    result<void> read_manifest();
    result<void> check_fields();
    void read_point(byte_span key, byte_span value, std::size_t& next_owner, std::vector<owner>& points);
    void note_orphans(const owner& each);
    result<void> check_parts(collection_id id, const checked_collection& collection);
    result<void> check_part(collection_id id, const checked_collection& collection,
                            const checked_collection::listed_part& listed);
    result<bool> check_blocks(const storage::block_file& file, collection_fault fault);
    result<void> check_rows(collection_id id, const checked_collection& collection, const part& opened,
                            const std::string& path);
    result<void> check_index(const checked_collection& collection, std::uint64_t owner_root, const part& opened,
                             const std::string& path, const index_check& check);
    [[nodiscard]] checked_collection* find(collection_id id) const;
    [[nodiscard]] const owner* owner_of(collection_id id, ordinal_id ordinal) const;
    void table_fault(collection_fault kind, std::string what, const char* table);

    check_port port_;
    collection_counts counts_;
    tables::applied_position applied_;
    std::uint32_t format_ = tables::format_version;
    std::map<collection_id, std::unique_ptr<checked_collection>> collections_;
    std::vector<field_manifest_entry> runs_;
    std::vector<owner> owners_;  ///< by collection, then ordinal: from `ids`, later from `points`
};

}  // namespace vecstore::detail
