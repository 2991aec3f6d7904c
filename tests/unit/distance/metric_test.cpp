#include <vecstore/distance/metric.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;

TEST_CASE("metric: names are read back", "[metric]") {
    for (const auto m : {metric::cosine, metric::dot, metric::euclid, metric::manhattan, metric::hamming})
        CHECK(parse_metric(to_string(m)).value() == m);
}

TEST_CASE("metric: an unknown name is an invalid argument that says it", "[metric]") {
    const auto parsed = parse_metric("Cosine");
    REQUIRE(!parsed);
    CHECK(parsed.error().code == errc::invalid_argument);
    CHECK(parsed.error().message.find("Cosine") != std::string::npos);
}

TEST_CASE("metric: values on disk do not change", "[metric]") {
    CHECK(static_cast<int>(metric::cosine) == 1);
    CHECK(static_cast<int>(metric::dot) == 2);
    CHECK(static_cast<int>(metric::euclid) == 3);
    CHECK(static_cast<int>(metric::manhattan) == 4);
    CHECK(static_cast<int>(metric::hamming) == 5);
    CHECK(known(metric::hamming));
    CHECK_FALSE(known(metric{0}));
    CHECK_FALSE(known(metric{6}));
}

TEST_CASE("metric: score and distance are inverse, and order as larger_is_better says", "[metric]") {
    for (const auto m : {metric::cosine, metric::dot, metric::euclid, metric::manhattan, metric::hamming}) {
        for (const float distance : {0.0f, 0.25f, 1.0f, 1.75f})
            CHECK(to_distance(m, to_score(m, distance)) == Approx(distance));
        CHECK((to_score(m, 0.1f) > to_score(m, 0.2f)) == larger_is_better(m));
    }
    CHECK(to_score(metric::euclid, 9.0f) == 3.0f);
    CHECK(to_score(metric::cosine, 0.0f) == 1.0f);
}
