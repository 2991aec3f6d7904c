#include "ivf_support.hpp"

#include <vecstore/index/ivf/members.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <cstdint>

using namespace vecstore;
using namespace vecstore::index;
using namespace vecstore::test;

namespace {

constexpr std::array<std::uint32_t, 7> doubling{4, 8, 16, 32, 60, 60, 60};
constexpr std::array<std::uint32_t, 1> all_lists{60};  // then it does not matter which come first

/// Rows of the half space around the first row: those far from it have no such row near them.
auto near_the_first(const sample& s) {
    return [&s, distance = distance_computer(s.m, s.values.data(), s.dim)](row_id row) {
        return distance(s.values.data() + row * s.dim) < 0.8f;
    };
}

}  // namespace

TEST_CASE("ivf members: a search finds the same with them as by asking", "[ivf]") {
    if (!can_build()) return;
    const auto code = GENERATE(ivf_code::flat, ivf_code::int8, ivf_code::pq4, ivf_code::rabitq);
    const sample s(metric::cosine, 20, 3000, 9);
    const auto b = built::make(s, {.lists = 60, .code = code, .second_assignment = code == ivf_code::pq4});
    const auto allow = [](row_id row) { return row % 7 == 2; };
    const ivf_members members(b.index.lists(), allow);
    for (std::size_t i = 0; i < s.query_count(); ++i) {
        ivf_search_options options{.k = 10, .nprobe = 60, .breadths = all_lists, .rescore = 200};
        const auto asked = b.search(s, i, options, allow);
        options.members = &members;
        CHECK(agree(b.search(s, i, options, allow), asked));
        options.members_sure = true;
        const auto nobody_asked = [](row_id) -> bool { throw std::logic_error("asked"); };
        CHECK(agree(b.search(s, i, options, nobody_asked), asked));
    }
}

TEST_CASE("ivf members: lists without one are passed over", "[ivf]") {
    if (!can_build()) return;
    const sample s(metric::cosine, 20, 3000, 10);
    const auto b = built::make(s, {.lists = 60});
    const auto allow = [](row_id row) { return row == 5 || row == 1234; };
    const ivf_members members(b.index.lists(), allow);
    for (std::size_t i = 0; i < 5; ++i) {
        ivf_search_stats stats;
        const auto found =
            b.search(s, i, {.k = 10, .nprobe = 1, .breadths = doubling, .members = &members, .members_sure = true},
                     allow, &stats);
        CHECK(found.size() == 2);
        CHECK(stats.lists <= 2);
    }
}

TEST_CASE("ivf breadths: rows that pass are found where few of those near the query do", "[ivf]") {
    if (!can_build()) return;
    const auto code = GENERATE(ivf_code::flat, ivf_code::int8, ivf_code::pq4);
    const sample s(metric::cosine, 20, 6000, 11);
    const auto b = built::make(s, {.lists = 60, .code = code});
    const auto allow = near_the_first(s);
    const ivf_search_options narrow{.k = 10, .nprobe = 4, .rescore = 100};
    auto wide = narrow;
    wide.breadths = doubling;
    CHECK(b.recall(s, wide, allow) > 0.9);
    ivf_search_stats all, few;
    (void)b.search(
        s, 0, wide, [](row_id) { return true; }, &all);
    (void)b.search(
        s, 0, wide, [](row_id row) { return row % 10 == 0; }, &few);
    CHECK(all.lists == 4);
    CHECK(few.lists > 16);
}
