#include "spelling.hpp"

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/random.hpp>
#include <vecstore/core/siphash.hpp>

#include <cmath>
#include <cstdint>
#include <string>

namespace rag {

std::vector<float> spelling_of(std::string_view word) {
    constexpr std::size_t shortest = 3, longest = 5;
    constexpr int places = 4;
    const auto marked = "<" + std::string(word) + ">";
    std::vector<float> sum(spelling_dim);
    for (auto length = shortest; length <= longest; ++length)
        for (std::size_t at = 0; at + length <= marked.size(); ++at) {
            vecstore::random_source hash(
                vecstore::siphash24(vecstore::as_bytes(std::string_view(marked).substr(at, length))));
            for (int i = 0; i < places; ++i) {
                const auto bits = hash();
                sum[bits % spelling_dim] += bits >> 63 != 0 ? 1.0f : -1.0f;
            }
        }
    double norm = 0;
    for (const auto x : sum) norm += static_cast<double>(x) * x;
    if (norm > 0)
        for (auto& x : sum) x = static_cast<float>(x / std::sqrt(norm));
    return sum;
}

}  // namespace rag
