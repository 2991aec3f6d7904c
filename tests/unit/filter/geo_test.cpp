#include <vecstore/filter/geo.hpp>
#include <vecstore/filter/value_of.hpp>
#include <vecstore/payload/codec.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;
using filter::contains;
using filter::haversine_m;

TEST_CASE("geo: known distances", "[filter]") {
    const geo_point berlin{13.4050, 52.5200}, paris{2.3522, 48.8566}, wellington{174.7762, -41.2866},
        santiago{-70.6693, -33.4489};
    CHECK(haversine_m(berlin, berlin) == 0);
    CHECK(haversine_m(berlin, paris) == Approx(877'464).epsilon(0.001));
    CHECK(haversine_m(paris, berlin) == Approx(haversine_m(berlin, paris)));
    CHECK(haversine_m(wellington, santiago) == Approx(9'346'000).epsilon(0.005));  // over the antimeridian
    CHECK(haversine_m({0, 0}, {1, 0}) == Approx(111'195.08).epsilon(1e-6));
    CHECK(haversine_m({0, 90}, {120, 90}) == Approx(0).margin(1e-6));
    CHECK(haversine_m({0, 0}, {180, 0}) == Approx(20'015'114.4).epsilon(1e-6));
    CHECK(haversine_m({0, -90}, {77, 90}) == Approx(20'015'114.4).epsilon(1e-6));
}

TEST_CASE("geo: a circle is open", "[filter]") {
    CHECK(contains(geo_radius{{0, 0}, 111'196}, {1, 0}));
    CHECK_FALSE(contains(geo_radius{{0, 0}, 111'195}, {1, 0}));
    CHECK_FALSE(contains(geo_radius{{5, 5}, 0}, {5, 5}));
    CHECK(contains(geo_radius{{180, 0}, 10}, {-180, 0}));
}

TEST_CASE("geo: boxes exclude their edges and may cross the antimeridian", "[filter]") {
    const geo_bounding_box box{{1, 5}, {3, 2}};
    CHECK(contains(box, {2, 3}));
    for (const geo_point p : {geo_point{1, 3}, {3, 3}, {2, 5}, {2, 2}, {0, 3}, {2, 6}}) CHECK_FALSE(contains(box, p));
    const geo_bounding_box wide{{179, 5}, {-179, -5}};
    CHECK(contains(wide, {179.5, 0}));
    CHECK(contains(wide, {-179.5, 0}));
    CHECK(contains(wide, {180, 0}));
    CHECK_FALSE(contains(wide, {0, 0}));
    CHECK_FALSE(contains(wide, {179.5, 5}));
}

TEST_CASE("geo: polygons exclude rings and holes", "[filter]") {
    const geo_ring square = {{0, 0}, {10, 0}, {10, 10}, {0, 10}, {0, 0}};
    const geo_polygon ring_shaped{square, {{{4, 4}, {4, 6}, {6, 6}, {6, 4}, {4, 4}}}};
    CHECK(contains(geo_polygon{square}, {5, 5}));
    CHECK_FALSE(contains(ring_shaped, {5, 5}));
    CHECK(contains(ring_shaped, {5, 3}));
    for (const geo_point p : {geo_point{0, 0}, {10, 5}, {5, 10}, {4, 5}, {5, 6}, {6, 6}, {-1, 5}, {11, 10}, {5, 11}})
        CHECK_FALSE(contains(ring_shaped, p));
    // A ray through a corner counts once.
    const geo_polygon diamond{{{0, -5}, {5, 0}, {0, 5}, {-5, 0}, {0, -5}}};
    CHECK(contains(diamond, {0, 0}));
    CHECK_FALSE(contains(diamond, {-6, 0}));
    CHECK_FALSE(contains(diamond, {-1, 5}));
    CHECK_FALSE(contains(diamond, {2.5, 2.5}));
    const geo_polygon notched{{{0, 0}, {10, 0}, {10, 10}, {5, 5}, {0, 10}, {0, 0}}};
    CHECK(contains(notched, {5, 4}));
    CHECK_FALSE(contains(notched, {5, 6}));
    CHECK(contains(notched, {2, 5}));
    CHECK(contains(notched, {8, 5}));
}

TEST_CASE("geo: which payload values are places", "[filter]") {
    using payload::value;
    const auto place_of = [](const value& v) {
        const auto bytes = payload::encode({{"a", v}}).value();
        return filter::geo_point_of(*payload::view::trusted(bytes).find("a"));
    };
    CHECK(place_of({{"lon", 1}, {"lat", 2.5}}) == geo_point{1, 2.5});
    CHECK(place_of({{"lat", 200}, {"x", nullptr}, {"lon", -500}}) == geo_point{-500, 200});
    CHECK_FALSE(place_of({{"lon", 1}}));
    CHECK_FALSE(place_of({{"lon", "1"}, {"lat", 2}}));
    CHECK_FALSE(place_of(value::array{1, 2}));
    CHECK_FALSE(place_of("1,2"));
}
