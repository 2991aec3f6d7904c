#include <vecstore/index/sparse.hpp>

#include <algorithm>
#include <bit>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>

namespace vecstore::index {
namespace {

constexpr row_id window_rows = 256;
constexpr row_id rows_between_checks = 4096;

/// The upper half of the least such f32 that is not below `value`.
std::uint16_t rounded_up(float value) noexcept {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const auto half = static_cast<std::uint16_t>(bits >> 16);
    return static_cast<std::uint16_t>(half + (value > 0 && (bits & 0xFFFF) != 0 ? 1 : 0));
}
std::uint16_t rounded_down(float value) noexcept {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const auto half = static_cast<std::uint16_t>(bits >> 16);
    return static_cast<std::uint16_t>(half + (value < 0 && (bits & 0xFFFF) != 0 ? 1 : 0));
}

/// Of one index: first how much of it there is, then where the next of it goes.
struct term_state {
    std::uint32_t postings = 0, blocks = 0;
    std::uint32_t window = std::numeric_limits<std::uint32_t>::max();  ///< of the last row
    float upper = 0, lower = 0;                                        ///< of the current block
};
using term_map = std::unordered_map<std::uint32_t, term_state>;

/// Calls `visit(row, index, value)` for all values, rows ascending.
template <class Visit>
result<void> for_each_value(row_id count, const sparse_row_reader& read, const sparse_progress& progress, int pass,
                            const Visit& visit) {
    for (row_id row = 0; row < count; ++row) {
        const auto done = (std::size_t{row} + static_cast<std::size_t>(pass) * count) / 2;
        if (row % rows_between_checks == 0 && progress && !progress(done, count))
            return error{errc::cancelled, "building inverted lists was cancelled"};
        const auto vector = read(row);
        for (std::size_t i = 0; i < vector.size(); ++i) visit(row, vector.indices[i], vector.values[i]);
    }
    return {};
}

class sparse_builder {
public:
    result<sparse_arrays> run(row_id count, const sparse_row_reader& read, const sparse_progress& progress) {
        std::uint64_t postings = 0;
        VECSTORE_CHECK(for_each_value(count, read, progress, 0, [&](row_id row, std::uint32_t index, float) {
            auto& term = terms_[index];
            ++postings;
            ++term.postings;
            term.blocks += std::exchange(term.window, row / window_rows) != row / window_rows;
        }));
        if (postings >= std::numeric_limits<std::uint32_t>::max())
            return error{errc::resource_exhausted,
                         "a part with " + std::to_string(postings) + " sparse values has too many for inverted lists"};
        lay_out(static_cast<std::size_t>(postings));
        VECSTORE_CHECK(for_each_value(count, read, progress, 1, [&](row_id row, std::uint32_t index, float value) {
            place(terms_.find(index)->second, row, value);
        }));
        return std::move(arrays_);
    }

private:
    /// Makes the arrays, and turns counts into places.
    void lay_out(std::size_t postings) {
        std::vector<std::uint32_t> indexes;
        indexes.reserve(terms_.size());
        for (const auto& [index, term] : terms_) indexes.push_back(index);
        std::sort(indexes.begin(), indexes.end());
        const auto bytes = std::as_bytes(std::span(indexes));
        arrays_.terms.assign(bytes.begin(), bytes.end());
        byte_writer starts;
        std::uint32_t posting = 0, block = 0;
        for (const auto index : indexes) {
            auto& term = terms_.find(index)->second;
            starts.put(block);
            posting += std::exchange(term.postings, posting);
            block += std::exchange(term.blocks, block);
            term.window = std::numeric_limits<std::uint32_t>::max();
        }
        starts.put(block);
        arrays_.starts = std::move(starts).take();
        arrays_.blocks.resize(block * block_bytes);
        arrays_.rows.resize(postings);
        arrays_.values.resize(postings * sizeof(float));
    }

    void place(term_state& term, row_id row, float value) noexcept {
        const auto window = row / window_rows;
        if (term.window != window) {
            term.window = window;
            term.upper = term.lower = value;
            auto* const entry = arrays_.blocks.data() + std::size_t{term.blocks++} * block_bytes;
            store_le(entry, window);
            store_le(entry + 4, term.postings);
        }
        term.upper = std::max(term.upper, value);
        term.lower = std::min(term.lower, value);
        auto* const entry = arrays_.blocks.data() + (std::size_t{term.blocks} - 1) * block_bytes;
        store_le(entry + 8, rounded_up(term.upper));
        store_le(entry + 10, rounded_down(term.lower));
        arrays_.rows[term.postings] = static_cast<std::byte>(row % window_rows);
        store_le(arrays_.values.data() + std::size_t{term.postings} * sizeof(float), value);
        ++term.postings;
    }

    static constexpr std::size_t block_bytes = 12;
    term_map terms_;
    sparse_arrays arrays_;
};

}  // namespace

result<sparse_arrays> build_sparse(row_id count, const sparse_row_reader& read, const sparse_progress& progress) {
    return sparse_builder().run(count, read, progress);
}

}  // namespace vecstore::index
