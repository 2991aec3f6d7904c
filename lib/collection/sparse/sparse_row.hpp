/// Rows that have a length each, as bytes. A multi-vector: its vectors one after another, packed as the element type says; in
/// the log a u32 with their number stands before them.
/// A sparse vector, in log, memtables and parts: its indices as u32, ascending, then its values as f32; so many of
/// each as the length says. In the log a u32 with their number stands before it.
/// These are bytes on disk: do not change.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/collection/options.hpp>
#include <vecstore/collection/sparse_value.hpp>
#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/index/sparse.hpp>
#include <vecstore/text/bm25.hpp>

#include <cmath>
#include <cstddef>
#include <optional>
#include <vector>

namespace vecstore::detail {

inline constexpr std::size_t sparse_entry_bytes = sizeof(std::uint32_t) + sizeof(float);

/// Precondition: `row` begins at a multiple of 4 in memory, as it does in memtables and parts.
[[nodiscard]] inline index::sparse_view view_of(byte_span row) noexcept {
    const auto count = row.size() / sparse_entry_bytes;
    const auto* const indices = reinterpret_cast<const std::uint32_t*>(row.data());
    return {{indices, count}, {reinterpret_cast<const float*>(indices + count), count}};
}

/// True when the bytes are a row, wherever they begin: for what comes from the log.
[[nodiscard]] inline bool is_sparse_row(byte_span row) noexcept {
    const auto count = row.size() / sparse_entry_bytes;
    if (row.size() % sparse_entry_bytes != 0) return false;
    for (std::size_t i = 0; i < count; ++i) {
        const auto index = [&](std::size_t at) { return load_le<std::uint32_t>(row.data() + at * 4); };
        if (i > 0 && index(i - 1) >= index(i)) return false;
        if (!std::isfinite(load_le<float>(row.data() + (count + i) * 4))) return false;
    }
    return true;
}

/// Reads count and row of the log; nothing when they are not right.
[[nodiscard]] std::optional<byte_span> get_sparse_row(byte_reader& in);

/// The rows of a multi-vector, one after another; nothing when there are none, or too many.
[[nodiscard]] std::optional<byte_span> get_multi_row(byte_reader& in, const vector_options& options);
[[nodiscard]] std::vector<std::vector<float>> unpack_multi(byte_span row, const vector_options& options);

/// The packed row of any slot as it stands in the log, behind the number of the slot; nothing when it is not right.
/// Precondition: slot < slot_count(options).
[[nodiscard]] std::optional<byte_span> get_row(byte_reader& in, const collection_options& options, std::size_t slot);
/// The same of a row that a memtable or part has: what stands before it in the log.
void put_row_head(byte_writer& out, const collection_options& options, std::size_t slot, byte_span row);

/// The numbers of `value`, ascending.  Errors: invalid_argument that says what is wrong with them.
[[nodiscard]] result<sparse_value> sorted_numbers(const sparse_value& value);
[[nodiscard]] byte_vector pack_sparse(const sparse_value& sorted);
[[nodiscard]] sparse_value unpack_sparse(byte_span row);

/// The encoders of the vectors that take texts, made once.
/// Thread safety: immutable.
class text_encoders {
public:
    explicit text_encoders(const collection_options& options);

    /// What is stored of `value` for sparse vector `number` (of the options), or asked with it.
    /// Errors: invalid_argument (numbers that are no sparse vector; a text for a vector without bm25; both), unsupported.
    [[nodiscard]] result<sparse_value> for_document(std::size_t number, const sparse_value& value) const;
    [[nodiscard]] result<sparse_value> for_query(std::size_t number, const sparse_value& value) const;

private:
    [[nodiscard]] result<const text::bm25_encoder*> encoder(std::size_t number, const sparse_value& value) const;

    std::vector<std::optional<result<text::bm25_encoder>>> encoders_;
};

}  // namespace vecstore::detail
