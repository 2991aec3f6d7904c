/// The originals of a part, by which candidates are put in order: mapped, or read from the file one by one, so that
/// they take no memory of the process.
/// Thread safety: constant; any number of threads.
#pragma once

#include <vecstore/core/error.hpp>
#include <vecstore/distance/computer.hpp>
#include <vecstore/index/row_distances.hpp>
#include <vecstore/index/rows.hpp>
#include <vecstore/storage/file_system.hpp>

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
};

/// Distances to rows that are read for each comparison (models index::row_distances). The first row that cannot be read
/// is told in `failure`; what was found is then of no use.
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
            const auto read = rows_.file->read_at(rows_.offset + std::uint64_t{ids[i]} * rows_.stride, into);
            if (!read || *read != into.size()) {
                if (!failure_)
                    failure_ = read ? corruption("the file ends within a row", rows_.file->path(), 0) : read.error();
                std::fill(into.begin(), into.end(), std::byte{0});
            }
            vectors[i] = into.data();
        }
        distance_.many(vectors.data(), count, out);
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
    if (rows.file == nullptr) return use(index::exact_distances(rows.mapped, distance));
    return use(read_distances(rows, distance, failure));
}

}  // namespace vecstore::detail
