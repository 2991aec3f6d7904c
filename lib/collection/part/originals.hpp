/// The originals of a part, by which candidates are put in order: mapped, or read from the file one by one, so that
/// they take no memory of the process. Either way a row is held against the checksum of its block when it is the first
/// one of it that is read.
/// Thread safety: any number of threads.
#pragma once

#include <vecstore/core/error.hpp>
#include <vecstore/distance/computer.hpp>
#include <vecstore/index/row_distances.hpp>
#include <vecstore/index/rows.hpp>
#include <vecstore/storage/block_file.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace vecstore::detail {

struct originals {
    index::contiguous_rows mapped;
    std::shared_ptr<const storage::file> file;  ///< null: rows are compared where they are mapped
    std::uint64_t offset = 0;                   ///< of row 0 in the file
    std::size_t stride = 0;
    std::shared_ptr<const storage::block_file> blocks = nullptr;  ///< what they lie in; null: nothing to check

    /// True when rows need only be looked at.
    [[nodiscard]] bool plain() const noexcept {
        return file == nullptr && (blocks == nullptr || blocks->all_checked());
    }
    /// True when `file` gives right rows or none, and the mapping nothing that was not fetched.
    [[nodiscard]] bool read_alone() const noexcept {
        return file != nullptr && blocks != nullptr && blocks->on_demand();
    }
    [[nodiscard]] byte_span bytes_of(row_id row) const noexcept {
        return {static_cast<const std::byte*>(mapped.at(row)), stride};
    }
    /// Makes sure that the row is as it was written.  Errors: corruption (path and offset of its block), io.
    [[nodiscard]] result<void> check(row_id row) const {
        if (blocks == nullptr || blocks->checked(bytes_of(row))) return {};
        return blocks->check(bytes_of(row), file.get());
    }
};

/// Distances to rows that are checked, and read if need be, for each comparison (models index::row_distances). The first
/// row that cannot be had is told in `failure`; what was found is then of no use.
/// Lifetime: borrows all. Thread safety: belongs to one thread.
class read_distances {
public:
    read_distances(const originals& rows, const distance_computer& distance, std::optional<error>& failure)
        : rows_(rows), distance_(distance), failure_(failure), buffer_(batch * rows.stride) {}

    [[nodiscard]] float operator()(row_id row) const noexcept {
        float distance;
        many(&row, 1, &distance);
        return distance;
    }
    void many(const row_id* ids, std::size_t count, float* out) const noexcept {
        for (std::size_t first = 0; first < count; first += batch)
            compare(ids + first, std::min(batch, count - first), out + first);
    }
    void prefetch(row_id) const noexcept {}

private:
    static constexpr std::size_t batch = 64;

    void compare(const row_id* ids, std::size_t count, float* out) const noexcept {
        std::array<const void*, batch> vectors;
        for (std::size_t i = 0; i < count; ++i) {
            const std::span<std::byte> into(buffer_.data() + i * rows_.stride, rows_.stride);
            // What is decrypted as it is read is authenticated by that.
            const auto had = rows_.read_alone() ? result<void>{} : rows_.check(ids[i]);
            vectors[i] = had && rows_.file == nullptr ? rows_.mapped.at(ids[i]) : into.data();
            if (vectors[i] != into.data() || (had && read(ids[i], into))) continue;
            if (!had && !failure_) failure_ = had.error();
            std::fill(into.begin(), into.end(), std::byte{0});
        }
        distance_.many(vectors.data(), count, out);
    }
    /// False when it cannot be read; then `failure_` tells why.
    bool read(row_id row, std::span<std::byte> into) const noexcept {
        const auto count = rows_.file->read_at(rows_.offset + std::uint64_t{row} * rows_.stride, into);
        if (count && *count == into.size()) return true;
        if (!failure_)
            failure_ = count ? corruption("the file ends within a row", rows_.file->path(), 0) : count.error();
        return false;
    }

    const originals& rows_;
    const distance_computer& distance_;
    std::optional<error>& failure_;
    mutable std::vector<std::byte> buffer_;
};

/// Calls `use` with the distances from `distance`'s query; `failure` as above.
template <class Use>
auto with_distances(const originals& rows, const distance_computer& distance, std::optional<error>& failure,
                    const Use& use) {
    if (rows.plain()) return use(index::exact_distances(rows.mapped, distance));
    return use(read_distances(rows, distance, failure));
}

}  // namespace vecstore::detail
