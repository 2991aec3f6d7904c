/// A sparse vector as users give it and get it: numbers, or a text that stands for them.
/// Thread safety: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace vecstore {

/// Shape: as many values as indices, at most `sparse_values_max`; indices in any order, no one twice; values finite, zeros are
/// kept. Read back ascending by index. Instead of numbers a text, for a vector with `sparse_vector_options::bm25`: what it
/// becomes is stored, the text is not.
struct sparse_value {
    std::vector<std::uint32_t> indices = {};
    std::vector<float> values = {};
    std::string text = {};

    [[nodiscard]] bool empty() const noexcept { return indices.empty() && values.empty() && text.empty(); }

    friend bool operator==(const sparse_value&, const sparse_value&) = default;
};

/// A text for a vector with `sparse_vector_options::bm25`, of a point or of a query.
[[nodiscard]] inline sparse_value bm25(std::string text) { return {{}, {}, std::move(text)}; }

/// A sparse vector under its name. One without any values is still there, unlike one that is not given.
struct named_sparse_vector {
    std::string name = {};
    sparse_value value = {};

    friend bool operator==(const named_sparse_vector&, const named_sparse_vector&) = default;
};

}  // namespace vecstore
