#include <vecstore/text/bm25.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace vecstore::text {
namespace {

std::uint32_t murmur3(std::string_view bytes) noexcept {
    constexpr std::uint32_t c1 = 0xCC9E2D51, c2 = 0x1B873593;
    const auto scramble = [](std::uint32_t k) { return std::rotl(k * c1, 15) * c2; };
    std::uint32_t hash = 0;
    std::size_t at = 0;
    for (; at + 4 <= bytes.size(); at += 4) {
        std::uint32_t k = 0;
        std::memcpy(&k, bytes.data() + at, 4);
        hash = std::rotl(hash ^ scramble(k), 13) * 5 + 0xE6546B64;
    }
    std::uint32_t tail = 0;
    for (auto i = bytes.size(); i > at; --i) tail = tail << 8 | static_cast<unsigned char>(bytes[i - 1]);
    if (at < bytes.size()) hash ^= scramble(tail);
    hash ^= static_cast<std::uint32_t>(bytes.size());
    hash = (hash ^ hash >> 16) * 0x85EBCA6B;
    hash = (hash ^ hash >> 13) * 0xC2B2AE35;
    return hash ^ hash >> 16;
}

result<void> in_range(const char* field, double value, double low, double high) {
    if (value >= low && value <= high) return {};
    return invalid_argument(std::string(field) + " = " + std::to_string(value) + " is not in " + std::to_string(low) +
                            " to " + std::to_string(high));
}

}  // namespace

std::uint32_t token_index(std::string_view token) noexcept {
    const auto hash = murmur3(token);
    return hash >> 31 != 0 ? ~hash + 1 : hash;
}

result<void> validate(const bm25_options& options) {
    VECSTORE_CHECK(in_range("k1", options.k1, 0, 1000));
    VECSTORE_CHECK(in_range("b", options.b, 0, 1));
    VECSTORE_CHECK(in_range("average_length", options.average_length, 1e-3, 1e9));
    return validate(options.analyzer);
}

result<bm25_encoder> bm25_encoder::create(bm25_options options) {
    VECSTORE_CHECK(validate(options));
    VECSTORE_TRY(auto ready, analyzer::create(options.analyzer));
    return bm25_encoder(std::move(options), std::move(ready));
}

sparse_vector bm25_encoder::document(std::string_view text) const {
    std::vector<std::uint32_t> tokens;
    analyzer_.document_tokens(text, [&](std::string_view token) { tokens.push_back(token_index(token)); });
    std::sort(tokens.begin(), tokens.end());
    const double length =
        options_.k1 * (1 - options_.b + options_.b * static_cast<double>(tokens.size()) / options_.average_length);
    sparse_vector vector;
    for (std::size_t i = 0; i < tokens.size();) {
        const auto end = static_cast<std::size_t>(
            std::upper_bound(tokens.begin() + static_cast<std::ptrdiff_t>(i), tokens.end(), tokens[i]) -
            tokens.begin());
        const auto tf = static_cast<double>(end - i);
        vector.indices.push_back(tokens[i]);
        vector.values.push_back(static_cast<float>(tf * (options_.k1 + 1) / (tf + length)));
        i = end;
    }
    return vector;
}

sparse_vector bm25_encoder::query(std::string_view text) const {
    sparse_vector vector;
    analyzer_.query_tokens(text, [&](std::string_view token) { vector.indices.push_back(token_index(token)); });
    std::sort(vector.indices.begin(), vector.indices.end());
    vector.indices.erase(std::unique(vector.indices.begin(), vector.indices.end()), vector.indices.end());
    vector.values.assign(vector.indices.size(), 1.0f);
    return vector;
}

}  // namespace vecstore::text
