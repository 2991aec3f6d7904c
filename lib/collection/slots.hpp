/// Named vectors by number: first the dense ones of a collection, then its sparse ones, each in the order of the options.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/collection/options.hpp>
#include <vecstore/distance/pack.hpp>

#include <cstddef>
#include <string>

namespace vecstore::detail {

[[nodiscard]] inline std::size_t slot_count(const collection_options& options) noexcept {
    return options.vectors.size() + options.sparse_vectors.size();
}
[[nodiscard]] inline bool is_sparse(const collection_options& options, std::size_t slot) noexcept {
    return slot >= options.vectors.size();
}
/// A dense vector has one dimension at least, so none stands for a sparse one where only the slot's options are known.
[[nodiscard]] inline bool is_sparse(const vector_options& options) noexcept { return options.dim == 0; }

/// Rows have a length each: sparse ones, and those of several vectors.
[[nodiscard]] inline bool rows_vary(const vector_options& options) noexcept {
    return is_sparse(options) || options.multi;
}
/// The length of a row is a multiple of this; of one that does not vary, this.
[[nodiscard]] inline std::size_t row_unit(const vector_options& options) noexcept {
    constexpr std::size_t sparse_entry = 8;
    return is_sparse(options) ? sparse_entry : row_bytes(options.type, options.dim);
}

/// What memtables, parts and their upkeep need to know of a slot. Precondition: slot < slot_count(options).
[[nodiscard]] inline const vector_options& slot_options(const collection_options& options, std::size_t slot) {
    static const vector_options sparse{.dim = 0, .metric = metric::dot};
    return is_sparse(options, slot) ? sparse : options.vectors[slot];
}
[[nodiscard]] inline const sparse_vector_options& sparse_options(const collection_options& options, std::size_t slot) {
    return options.sparse_vectors[slot - options.vectors.size()];
}
[[nodiscard]] inline const std::string& slot_name(const collection_options& options, std::size_t slot) {
    return is_sparse(options, slot) ? sparse_options(options, slot).name : options.vectors[slot].name;
}

}  // namespace vecstore::detail
