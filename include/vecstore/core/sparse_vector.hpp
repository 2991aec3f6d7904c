/// A vector of which only some elements are given; the others are absent, which is not the same as zero.
/// Thread safety: plain values.
#pragma once

#include <cstdint>
#include <vector>

namespace vecstore {

/// Shape: `indices` and `values` have the same length; no index twice, values finite. The order does not matter to those
/// who take one; collections store and return them ascending by index. Zero values are kept.
struct sparse_vector {
    std::vector<std::uint32_t> indices = {};
    std::vector<float> values = {};

    [[nodiscard]] bool empty() const noexcept { return indices.empty(); }

    friend bool operator==(const sparse_vector&, const sparse_vector&) = default;
};

}  // namespace vecstore
