#include <vecstore/distance/reference.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;
namespace reference = vecstore::distance::reference;

TEST_CASE("reference: small vectors by hand", "[distance]") {
    const float a[] = {1, -2, 3}, b[] = {4, 5, -6};
    CHECK(reference::dot(a, b, 3) == -24.0);
    CHECK(reference::l2_squared(a, b, 3) == 139.0);
    CHECK(reference::l1(a, b, 3) == 19.0);
    CHECK(reference::dot(a, b, 0) == 0.0);
}

TEST_CASE("reference: internal distances", "[distance]") {
    const float a[] = {1, 0}, b[] = {0, 1};
    CHECK(reference::distance_of(metric::cosine, a, b, 2) == 1.0);
    CHECK(reference::distance_of(metric::dot, a, a, 2) == -1.0);
    CHECK(reference::distance_of(metric::euclid, a, b, 2) == 2.0);
    CHECK(reference::distance_of(metric::manhattan, a, b, 2) == 2.0);
}
