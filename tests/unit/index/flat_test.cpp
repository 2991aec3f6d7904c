#include "support.hpp"

#include <vecstore/distance/reference.hpp>
#include <vecstore/index/flat.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <vector>

using namespace vecstore;

TEST_CASE("flat: finds what sorting by reference distances finds", "[flat]") {
    const auto data = test::random_vectors(777, 31, 5), queries = test::random_vectors(5, 31, 6);
    for (const auto m : {metric::dot, metric::euclid, metric::manhattan}) {
        index::flat flat(31, m);
        for (std::size_t i = 0; i < data.rows; ++i) REQUIRE(flat.insert(data[i]).value() == i);
        for (std::size_t q = 0; q < queries.rows; ++q) {
            std::vector<neighbor> right;
            for (row_id i = 0; i < data.rows; ++i)
                right.push_back(
                    {static_cast<float>(distance::reference::distance_of(m, queries[q].data(), data[i].data(), 31)),
                     i});
            std::sort(right.begin(), right.end());
            right.resize(10);
            const auto found = flat.search(queries[q], 10).value();
            REQUIRE(found.size() == 10);
            CHECK(test::recall(found, right) == 1.0);
            CHECK(std::is_sorted(found.begin(), found.end()));
            CHECK(found[0].distance == Approx(right[0].distance).margin(1e-5));
        }
    }
}

TEST_CASE("flat: removed and disallowed rows are never returned; fewer rows give a shorter answer", "[flat]") {
    const auto data = test::random_vectors(100, 8, 5);
    index::flat flat(8, metric::cosine);
    for (std::size_t i = 0; i < data.rows; ++i) (void)flat.insert(data[i]).value();
    for (row_id i = 0; i < 50; ++i) REQUIRE(flat.remove(i));
    CHECK(flat.size() == 50);
    const auto found = flat.search(data[0], 1000, [](row_id row) { return row % 2 == 0; }).value();
    CHECK(found.size() == 25);
    for (const auto& n : found) CHECK((n.row >= 50 && n.row % 2 == 0));
    CHECK(flat.remove(0).error().code == errc::not_found);
    CHECK(flat.remove(100).error().code == errc::not_found);
    CHECK(flat.search(data[0], 0).value().empty());
}

TEST_CASE("flat: bad input is an invalid argument", "[flat]") {
    index::flat flat(3, metric::cosine);
    const std::vector<float> bad[] = {{1, 2}, {0, 0, 0}, {1, std::numeric_limits<float>::infinity(), 0}};
    for (const auto& v : bad) {
        CHECK(flat.insert(v).error().code == errc::invalid_argument);
        CHECK(flat.search(v, 1).error().code == errc::invalid_argument);
    }
    CHECK(flat.search(std::vector<float>{1, 2, 3}, 1).value().empty());
    CHECK(index::flat(0, metric::dot).insert({}).error().code == errc::invalid_argument);
}
