#include "ivf_support.hpp"

#include <vecstore/index/ivf/query.hpp>
#include <vecstore/quantization/fast_scan.hpp>

#include <catch2/catch.hpp>

#include <set>

using namespace vecstore;
using namespace vecstore::index;
using namespace vecstore::test;

namespace {

/// Half the squared distance from a list's centroid, less what all lists share.
double distance_of(const ivf_lists& lists, std::span<const float> query, std::uint32_t list) {
    constexpr auto lanes = quantization::panel_rows;
    const float* const panel = lists.centroids() + list / lanes * lists.dim() * lanes;
    double product = 0;
    for (std::size_t d = 0; d < lists.dim(); ++d)
        product += static_cast<double>(query[d] - lists.mean()[d]) * panel[d * lanes + list % lanes];
    return (lists.metric() == metric::euclid ? lists.half_norms()[list] : 0) - product;
}

}  // namespace

TEST_CASE("ivf query: every list comes once, the nearest first", "[ivf]") {
    if (!can_build()) return;
    const auto m = GENERATE(metric::cosine, metric::dot, metric::euclid);
    sample s(m, 12, 3000, 21);
    if (m == metric::euclid)  // beside rows so far away, all others are about as near
        for (std::size_t i = 0; i < 3 * s.dim; ++i) s.values[i] = 1e6f;
    const auto b = built::make(s, {.lists = 90});
    const auto& lists = b.index.lists();
    ivf_query query;
    for (std::size_t i = 0; i < 10; ++i) {
        query.start(lists, s.query(i));
        REQUIRE(query.list_count() == lists.list_count());
        std::set<std::uint32_t> seen;
        double before = -1e30;
        for (std::size_t rank = 0; rank < query.list_count(); ++rank) {
            const auto list = query.list_at(rank);
            CHECK(seen.insert(list).second);
            const auto distance = distance_of(lists, s.query(i), list);
            CHECK(distance >= before - 1e-4 * std::abs(before) - 1e-4);
            before = distance;
        }
    }
}
