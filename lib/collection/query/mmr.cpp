#include "mmr.hpp"

#include "checks.hpp"
#include "example_score.hpp"

#include <vecstore/distance/computer.hpp>
#include <vecstore/distance/pack.hpp>

#include <algorithm>
#include <limits>

namespace vecstore::detail {

result<std::vector<candidate>> diversify(read_session& session, std::size_t slot, const mmr& how,
                                         std::vector<candidate> candidates, std::size_t count) {
    const auto& options = session.collection().options().vectors[slot];
    struct choice {
        candidate point;
        const void* row;
        float to_taken = -std::numeric_limits<float>::infinity();  ///< largest similarity to one that was taken
    };
    std::vector<choice> left;
    left.reserve(candidates.size());
    for (const auto& c : candidates) {
        VECSTORE_TRY(const auto row, session.vector(slot, c.ordinal));
        if (row) left.push_back({c, row->data()});
    }
    const auto relevance = [&](const choice& c) { return similarity(options.metric, c.point.distance); };
    const auto value = [&](const choice& c) { return (1 - how.diversity) * relevance(c) - how.diversity * c.to_taken; };
    std::vector<candidate> taken;
    std::vector<float> values(options.dim);
    while (taken.size() < count && !left.empty() && !session.interrupted()) {
        const auto best = std::max_element(left.begin(), left.end(), [&](const auto& a, const auto& b) {
            return taken.empty() ? relevance(a) < relevance(b) : value(a) < value(b);
        });
        taken.push_back(best->point);
        unpack(options.type, best->row, values);
        left.erase(best);
        VECSTORE_TRY(const auto ready, make_ready(options, values, "mmr"));
        const distance_computer distance(options.metric, options.type, ready.data, options.dim);
        for (auto& c : left) c.to_taken = std::max(c.to_taken, similarity(options.metric, distance(c.row)));
    }
    return taken;
}

}  // namespace vecstore::detail
