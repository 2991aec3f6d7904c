#include <catch2/catch.hpp>
#include <collection/search/planner.hpp>

using vecstore::search_strategy;
using vecstore::detail::choose_strategy;
using vecstore::detail::plan_input;
using vecstore::detail::settled;

namespace {

/// 100,000 points, nine in ten in a graph, an unfiltered query for ten; then changed.
template <class Change>
search_strategy chosen(Change change) {
    plan_input in;
    in.points = 100'000;
    in.rows_in_graphs = 90'000;
    in.wanted = 10;
    in.ef = 50;
    change(in);
    return choose_strategy(in);
}

template <class Change>
search_strategy chosen_for_filter(std::size_t matches_of_64, Change change) {
    return chosen([&](plan_input& in) {
        in.filtered = true;
        in.sampled = 64;
        in.sampled_matches = matches_of_64;
        change(in);
    });
}

constexpr auto nothing = [](plan_input&) {};

}  // namespace

TEST_CASE("planner: without a filter a graph is walked unless exactness is asked for", "[collection]") {
    CHECK(chosen(nothing) == search_strategy::plain_walk);
    CHECK(chosen([](auto& in) { in.rows_in_graphs = 0; }) == search_strategy::exact_scan);
    CHECK(chosen([](auto& in) { in.exact = true; }) == search_strategy::exact_scan);
    CHECK(chosen([](auto& in) { in.wanted = 60'000; }) == search_strategy::plain_walk);
    CHECK(choose_strategy({}) == search_strategy::exact_scan);
}

TEST_CASE("planner: with a filter the share of matches decides", "[collection]") {
    CHECK(chosen_for_filter(64, nothing) == search_strategy::filtered_walk);
    CHECK(chosen_for_filter(32, nothing) == search_strategy::filtered_walk);
    CHECK(chosen_for_filter(0, [](auto& in) { in.points = 5'000; }) == search_strategy::exact_scan);
    CHECK(chosen_for_filter(32, [](auto& in) { in.exact = true; }) == search_strategy::exact_scan);
    CHECK(chosen_for_filter(32, [](auto& in) { in.few_listed = true; }) == search_strategy::exact_scan);
    CHECK(chosen_for_filter(32, [](auto& in) { in.wanted = 60'000; }) == search_strategy::exact_scan);
    CHECK(chosen_for_filter(32, [](auto& in) { in.ef = 60'000; }) == search_strategy::exact_scan);
    // Once a scan, always a scan when fewer match.
    bool scan = false;
    for (std::size_t matches = 64;; --matches) {
        const bool now = chosen_for_filter(matches, [](auto& in) { in.points = 8'000; }) == search_strategy::exact_scan;
        CHECK((now || !scan));
        scan = now;
        if (matches == 0) break;
    }
    CHECK(scan);
}

TEST_CASE("planner: a sample settles the choice when it is far from the border, and more of it more often",
          "[collection]") {
    const auto settled_by = [](std::size_t sampled, std::size_t matches, std::size_t points) {
        plan_input in;
        in.points = in.rows_in_graphs = points;
        in.wanted = 10;
        in.ef = 50;
        in.filtered = true;
        in.sampled = sampled;
        in.sampled_matches = matches;
        return settled(in);
    };
    CHECK_FALSE(settled_by(0, 0, 100'000));
    CHECK(settled_by(8, 8, 100'000));
    CHECK(settled_by(8, 4, 100'000));
    CHECK_FALSE(settled_by(8, 0, 100'000));
    CHECK_FALSE(settled_by(16, 0, 100'000));
    CHECK(settled_by(8, 0, 1'000));  // a scan costs next to nothing
    CHECK(settled_by(8, 8, 1'000));
    CHECK_FALSE(settled_by(8, 2, 3'000));
    CHECK(settled_by(64, 8, 100'000));
    CHECK(settled_by(64, 64, 8'000));
}

TEST_CASE("planner: what payload indexes know is weighed by time", "[collection]") {
    const auto chosen_for = [](std::uint64_t matches, double walk_microseconds, std::size_t code_bytes) {
        return chosen([&](plan_input& in) {
            in.filtered = in.matches_known = true;
            in.matches = matches;
            in.walk_microseconds = walk_microseconds;
            in.bytes_of_row = 400;
            in.bytes_of_code = code_bytes;
        });
    };
    CHECK(chosen_for(50'000, 100, 100) == search_strategy::filtered_walk);
    CHECK(chosen_for(3'000, 100, 100) == search_strategy::code_scan);
    CHECK(chosen_for(3'000, 100, 0) == search_strategy::filtered_walk);
    CHECK(chosen_for(2'000, 100, 0) == search_strategy::exact_scan);
    CHECK(chosen_for(100, 100, 100) == search_strategy::exact_scan);
    CHECK(chosen_for(15, 0.1, 100) == search_strategy::exact_scan);  // no walk finds them all
}

TEST_CASE("planner: strategies have names", "[collection]") {
    CHECK(to_string(search_strategy::exact_scan) == "exact scan");
    CHECK(to_string(search_strategy::plain_walk) == "plain walk");
    CHECK(to_string(search_strategy::filtered_walk) == "filtered walk");
    CHECK(to_string(search_strategy::code_scan) == "scan of codes");
    CHECK(to_string(static_cast<search_strategy>(99)) == "unknown");
}
