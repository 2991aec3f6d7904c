#include "sparse_index.hpp"

#include "block_section.hpp"
#include "calibration.hpp"

#include <functional>
#include <utility>

namespace vecstore::detail {
namespace {

using storage::fourcc;

constexpr std::uint32_t file_version = 1;

}  // namespace

result<std::uint64_t> write_sparse_file(storage::file_system& files, const std::string& path, std::uint64_t owner_root,
                                        const index::sparse_sections& lists) {
    VECSTORE_TRY(auto file, storage::block_file_writer::create(files, path, sparse_file_kind, file_version));
    VECSTORE_CHECK(write_section(file, fourcc("TERM"), lists.terms));
    VECSTORE_CHECK(write_section(file, fourcc("STRT"), lists.starts));
    VECSTORE_CHECK(write_section(file, fourcc("BLKS"), lists.blocks));
    VECSTORE_CHECK(write_section(file, fourcc("ROWS"), lists.rows));
    VECSTORE_CHECK(write_section(file, fourcc("VALU"), lists.values));
    byte_writer owner;
    owner.put(owner_root);
    VECSTORE_CHECK(write_section(file, fourcc("OWNR"), owner.bytes()));
    return file.finish();
}

result<index::sparse_lists> open_sparse_lists(const storage::block_file& file, row_id rows) {
    if (file.version() != file_version) return corruption("a version that this program does not know", file.path(), 0);
    index::sparse_sections sections;
    VECSTORE_TRY(sections.terms, checked_section(file, fourcc("TERM")));
    VECSTORE_TRY(sections.starts, checked_section(file, fourcc("STRT")));
    VECSTORE_TRY(sections.blocks, checked_section(file, fourcc("BLKS")));
    VECSTORE_TRY(sections.rows, checked_section(file, fourcc("ROWS")));
    VECSTORE_TRY(sections.values, checked_section(file, fourcc("VALU")));
    auto opened = index::sparse_lists::open(sections, rows);
    if (!opened) return corruption(opened.error().message, file.path(), 0);
    return opened;
}

result<std::unique_ptr<const part_index>> sparse_index::open(storage::file_system& files, const std::string& path,
                                                             const index_owner& owner) {
    VECSTORE_TRY(auto file, storage::block_file::open(files, path, sparse_file_kind, storage::verify_mode::footer));
    VECSTORE_CHECK(check_owner(*file, owner.root));
    return std::unique_ptr<const part_index>(new sparse_index(std::move(file), owner.rows.mapped.size()));
}

const calibration& sparse_index::measured() const noexcept {
    static const calibration none;
    return none;
}

result<void> sparse_index::load() const {
    VECSTORE_CHECK(file_->check_blocks(0, file_->block_count()));
    VECSTORE_TRY(lists_, open_sparse_lists(*file_, rows_));
    return {};
}

std::vector<neighbor> sparse_index::find(const part_request& request, part_cost& cost) const {
    std::function<bool(row_id)> allow;
    if (request.allow != nullptr) allow = std::cref(*request.allow);
    index::sparse_cost spent;
    auto found =
        lists_.search(*static_cast<const index::sparse_view*>(request.query), request.k, allow, request.radius, spent);
    cost.distances += spent.rows_scored;
    return found;
}

}  // namespace vecstore::detail
