/// What the crash test's writer writes, as a function of the batch's number, so that the test knows what must be there.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/collection/options.hpp>
#include <vecstore/collection/point.hpp>
#include <vecstore/core/random.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace vecstore::test {

inline constexpr std::uint64_t crash_batch_points = 20;

[[nodiscard]] inline vector_options crash_vector() {
    vector_options options;
    options.dim = 4;
    options.metric = metric::euclid;
    return options;
}

[[nodiscard]] inline std::vector<point> crash_batch(std::uint64_t number) {
    std::vector<point> points;
    for (std::uint64_t i = 0; i < crash_batch_points; ++i) {
        point p;
        p.id = number * crash_batch_points + i;
        random_source random(number * crash_batch_points + i);
        for (int d = 0; d < 4; ++d) p.vector.push_back(static_cast<float>(random.unit()));
        p.payload = {{"batch", number}, {"text", std::string(random.below(100), 'x')}};
        points.push_back(std::move(p));
    }
    return points;
}

/// The ids erased together with batch `number`: the first half of the batch four before.
[[nodiscard]] inline std::vector<point_id> crash_erased(std::uint64_t number) {
    std::vector<point_id> ids;
    for (std::uint64_t i = 0; i < crash_batch_points / 2; ++i) ids.push_back((number - 4) * crash_batch_points + i);
    return ids;
}

}  // namespace vecstore::test
