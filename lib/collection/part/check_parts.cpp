// Parts against the manifest and the points, indexes against parts.
#include "block_section.hpp"
#include "sparse_index.hpp"

#include <vecstore/index/hnsw/frozen_graph.hpp>
#include <vecstore/index/ivf/lists.hpp>

#include <collection/slots.hpp>
#include <collection/upkeep/check.hpp>
#include <collection/upkeep/checkpoint.hpp>

#include <algorithm>
#include <functional>

namespace vecstore::detail {
namespace {

constexpr std::uint64_t blocks_between_calls = 64;
constexpr row_id rows_between_calls = 65'536;

error cancelled() { return {errc::cancelled, "checking was cancelled"}; }

bool is_damage(const error& e) noexcept {
    return e.code == errc::corruption || e.code == errc::not_found || e.code == errc::unsupported;
}

/// Rows that lists and edges lead to, from the entry of the graph.
std::vector<bool> reached_rows(const index::frozen_graph& graph) {
    std::vector<bool> reached(graph.row_bound());
    const auto entry = graph.entry();
    if (entry.row >= graph.row_bound()) return reached;
    std::vector<row_id> open{entry.row};
    reached[entry.row] = true;
    while (!open.empty()) {
        const auto row = open.back();
        open.pop_back();
        for (unsigned level = 0; level <= graph.level_of(row); ++level)
            graph.for_each_neighbor(row, level, [&](row_id next) {
                if (reached[next]) return;
                reached[next] = true;
                open.push_back(next);
            });
    }
    return reached;
}

std::string count_of(std::uint64_t count, const char* what) { return std::to_string(count) + " " + what; }

/// Opens a graph; which rows it leads to, if `search`.
result<std::vector<bool>> rows_of_graph(const storage::block_file& file, row_id rows, bool search) {
    VECSTORE_TRY(const auto header, file.section(storage::fourcc("GHDR")));
    VECSTORE_TRY(const auto level0, file.section(storage::fourcc("LVL0")));
    VECSTORE_TRY(const auto upper, file.section(storage::fourcc("UPPR")));
    VECSTORE_TRY(const auto graph, index::frozen_graph::open(header, level0, upper, rows));
    return search ? reached_rows(graph) : std::vector<bool>();
}
/// Opens lists; which rows are in them, if `search`.
result<std::vector<bool>> rows_of_lists(const storage::block_file& file, row_id rows, bool search) {
    VECSTORE_TRY(const auto header, file.section(storage::fourcc("HEAD")));
    VECSTORE_TRY(const auto model, file.section(storage::fourcc("MODL")));
    VECSTORE_TRY(const auto codes, file.section(storage::fourcc("CODE")));
    VECSTORE_TRY(const auto ids, file.section(storage::fourcc("IDS_")));
    VECSTORE_TRY(const auto lists, index::ivf_lists::open(header, model, codes, ids, rows));
    std::vector<bool> listed(rows);
    for (std::size_t i = 0; search && i < lists.list_count(); ++i) {
        const auto list = lists.at(i);
        for (std::size_t entry = 0; entry < list.entries; ++entry)
            listed[lists.id(index::ivf_lists::first_entry(list) + entry)] = true;
    }
    return listed;
}

/// The same of lists of sparse rows; a row without values is in none and not looked for.
result<std::vector<bool>> rows_of_sparse(const storage::block_file& file, row_id rows, bool) {
    VECSTORE_CHECK(open_sparse_lists(file, rows));
    return std::vector<bool>(rows, true);
}

constexpr index_check check_of_sparse{sparse_file_kind, collection_fault::lists, rows_of_sparse,
                                      "living rows are in no list"};
constexpr index_check check_of_graph{storage::fourcc("VGRF"), collection_fault::graph, rows_of_graph,
                                     "living rows are not reached in the graph"};
constexpr index_check check_of_lists{storage::fourcc("VIVF"), collection_fault::lists, rows_of_lists,
                                     "living rows are in no list"};

}  // namespace

result<void> collection_checker::check_parts(collection_id id, const checked_collection& collection) {
    auto listed = collection.parts;
    std::sort(listed.begin(), listed.end(), [](const auto& a, const auto& b) {
        return a.slot != b.slot ? a.slot < b.slot : a.descriptor.first_ordinal < b.descriptor.first_ordinal;
    });
    for (std::size_t i = 0; i < listed.size(); ++i) {
        const auto& d = listed[i].descriptor;
        const auto path = part_path(part_directory(port_.root, id, listed[i].slot), d.number);
        if (i > 0 && listed[i - 1].slot == listed[i].slot && listed[i - 1].descriptor.last_ordinal >= d.first_ordinal)
            port_.fault(collection_fault::part, corruption("ordinals overlap with those of another part", path, 0));
        if (d.last_ordinal >= collection.ordinal_end)
            port_.fault(collection_fault::part, corruption("ordinals that were never given", path, 0));
        VECSTORE_CHECK(check_part(id, collection, listed[i]));
    }
    return {};
}

/// True when all blocks are right.
result<bool> collection_checker::check_blocks(const storage::block_file& file, collection_fault fault) {
    bool right = true;
    for (std::uint64_t block = 0; block < file.block_count(); ++block) {
        if (block % blocks_between_calls == 0 && !port_.keep_going(file.path(), block, file.block_count()))
            return cancelled();
        if (auto verified = file.verify(block, 1); !verified) {
            right = false;
            port_.fault(fault, std::move(verified).error());
        }
    }
    counts_.blocks += file.block_count();
    counts_.bytes += file.bytes();
    return right;
}

result<void> collection_checker::check_part(collection_id id, const checked_collection& collection,
                                            const checked_collection::listed_part& listed) {
    const auto directory = part_directory(port_.root, id, listed.slot);
    const auto path = part_path(directory, listed.descriptor.number);
    const auto& options = slot_options(collection.options, listed.slot);
    ++counts_.parts;
    auto file = storage::block_file::open(port_.files, path, storage::fourcc("VPRT"), storage::verify_mode::footer);
    if (!file) {
        if (!is_damage(file.error())) return std::move(file).error();
        auto e = std::move(file).error();
        if (e.code == errc::not_found) e.message = "a part that the manifest names is missing";
        port_.fault(collection_fault::part, std::move(e));
        return {};
    }
    VECSTORE_TRY(const bool right, check_blocks(**file, collection_fault::part_block));
    if (!right) return {};
    auto bare = listed.descriptor;  // its indexes are looked at apart
    bare.graph_root = bare.ivf_root = 0;
    auto opened = part::open(port_.files, directory, bare, options);
    if (!opened) {
        if (!is_damage(opened.error())) return std::move(opened).error();
        port_.fault(collection_fault::part, std::move(opened).error());
        return {};
    }
    counts_.rows += (*opened)->size();
    VECSTORE_CHECK(check_rows(id, collection, **opened, path));
    if (listed.descriptor.graph_root != 0 && listed.descriptor.graph_root != index_declined)
        VECSTORE_CHECK(check_index(collection, listed.descriptor.root, **opened,
                                   graph_path(directory, listed.descriptor.number), check_of_graph));
    if (listed.descriptor.ivf_root != 0 && listed.descriptor.ivf_root != index_declined)
        VECSTORE_CHECK(check_index(collection, listed.descriptor.root, **opened,
                                   ivf_path(directory, listed.descriptor.number),
                                   is_sparse(options) ? check_of_sparse : check_of_lists));
    return {};
}

result<void> collection_checker::check_rows(collection_id id, const checked_collection& collection, const part& opened,
                                            const std::string& path) {
    std::uint64_t pointless = 0, strangers = 0;
    for (row_id row = 0; row < opened.size(); ++row) {
        if (row % rows_between_calls == 0 && !port_.keep_going(path, row, opened.size())) return cancelled();
        const auto ordinal = opened.ordinal_of(row);
        if (row > 0 && ordinal == opened.ordinal_of(row - 1)) {
            port_.fault(collection_fault::part, corruption("two rows have one ordinal", path, 0));
            return {};
        }
        if (collection.deaths.died_at(ordinal) != 0) continue;
        const auto* const point = owner_of(id, ordinal);
        if (point == nullptr) {
            ++pointless;
        } else if (const auto named = opened.identity_of(row);
                   named && std::hash<point_id>{}(named->id) != point->id_hash) {
            ++strangers;
        }
    }
    if (pointless > 0)
        port_.fault(collection_fault::point,
                    corruption(count_of(pointless, "living rows of this part have no point"), path, 0));
    if (strangers > 0)
        port_.fault(collection_fault::point,
                    corruption(count_of(strangers, "rows of this part have the point of another id"), path, 0));
    return {};
}

result<void> collection_checker::check_index(const checked_collection& collection, std::uint64_t owner_root,
                                             const part& opened, const std::string& path, const index_check& check) {
    ++counts_.indexes;
    const auto damaged = [&](error e) -> result<void> {
        if (!is_damage(e)) return e;
        if (e.path.empty()) e.path = path;
        port_.fault(check.fault, std::move(e));
        return {};
    };
    auto file = storage::block_file::open(port_.files, path, check.file_kind, storage::verify_mode::footer);
    if (!file) return damaged(std::move(file).error());
    VECSTORE_TRY(const bool right, check_blocks(**file, check.fault));
    if (!right) return {};
    if (auto owned = check_owner(**file, owner_root); !owned) return damaged(std::move(owned).error());
    const auto found = check.rows(**file, opened.size(), port_.search_indexes);
    if (!found) return damaged(found.error());
    if (!port_.search_indexes) return {};
    if (!port_.keep_going(path, 0, 0)) return cancelled();
    std::uint64_t lost = 0;
    for (row_id row = 0; row < opened.size(); ++row)
        lost += !(*found)[row] && collection.deaths.died_at(opened.ordinal_of(row)) == 0;
    if (lost > 0) return damaged(corruption(count_of(lost, check.not_found), path, 0));
    return {};
}

}  // namespace vecstore::detail
