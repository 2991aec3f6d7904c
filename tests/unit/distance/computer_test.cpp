#include <vecstore/core/random.hpp>
#include <vecstore/distance/computer.hpp>
#include <vecstore/distance/pack.hpp>
#include <vecstore/distance/reference.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <vector>

using namespace vecstore;

namespace {

std::vector<float> random_vector(std::size_t dim, random_source& random) {
    std::vector<float> v(dim);
    for (auto& x : v) x = static_cast<float>(random.unit() * 2 - 1);
    return v;
}

}  // namespace

TEST_CASE("distance_computer: each metric gives its internal distance, one by one and many at once", "[distance]") {
    random_source random(3);
    for (const auto m : {metric::cosine, metric::dot, metric::euclid, metric::manhattan}) {
        auto query = random_vector(50, random), row = random_vector(50, random);
        if (m == metric::cosine) REQUIRE((normalize(query) && normalize(row)));
        const distance_computer distance(m, query.data(), query.size());
        const auto expected = vecstore::distance::reference::distance_of(m, query.data(), row.data(), 50);
        CHECK(distance(row.data()) == Approx(expected).margin(1e-5));
        const void* rows[] = {row.data(), query.data(), row.data(), row.data(), row.data()};
        float out[5];
        distance.many(rows, 5, out);
        CHECK(out[0] == Approx(expected).margin(1e-5));
        CHECK(out[4] == Approx(expected).margin(1e-5));
        CHECK(out[1] ==
              Approx(vecstore::distance::reference::distance_of(m, query.data(), query.data(), 50)).margin(1e-5));
    }
}

TEST_CASE("distance_computer: rows of each type, compared as what they hold", "[distance]") {
    random_source random(4);
    for (const auto type : {element_type::f32, element_type::f16, element_type::bf16, element_type::int8})
        for (const auto m : {metric::cosine, metric::dot, metric::euclid, metric::manhattan}) {
            auto query = random_vector(50, random), values = random_vector(50, random);
            for (auto& x : values) x = type == element_type::int8 ? std::round(100 * x) : x;
            if (m == metric::cosine) REQUIRE(normalize(query));
            if (stored_as_unit(m, type)) REQUIRE(normalize(values));
            std::vector<std::byte> row(row_bytes(type, 50));
            REQUIRE(pack(type, values, row));
            unpack(type, row.data(), values);
            if (m == metric::cosine && type == element_type::int8) REQUIRE(normalize(values));
            const auto expected = vecstore::distance::reference::distance_of(m, query.data(), values.data(), 50);
            const distance_computer distance(m, type, query.data(), 50);
            const void* rows[] = {row.data(), row.data()};
            float out[2];
            distance.many(rows, 2, out);
            INFO(to_string(type) << " " << to_string(m));
            CHECK(distance(row.data()) == Approx(expected).epsilon(1e-5).margin(1e-5));
            CHECK(out[1] == Approx(expected).epsilon(1e-5).margin(1e-5));
        }
    const unsigned char a[] = {0xFF, 0x01}, b[] = {0x0F, 0x00};
    CHECK(distance_computer(metric::hamming, element_type::binary, a, 9)(b) == 5);
}

TEST_CASE("normalize: makes unit length, whatever the scale", "[distance]") {
    for (const float scale : {1e-30f, 1.0f, 1e30f}) {
        std::vector<float> v{3 * scale, 4 * scale};
        REQUIRE(normalize(v));
        CHECK(v[0] == Approx(0.6f));
        CHECK(v[1] == Approx(0.8f));
    }
}

TEST_CASE("normalize: refuses a zero vector and what is not finite, and leaves it as it was", "[distance]") {
    std::vector<float> zero{0, 0}, broken{1, std::numeric_limits<float>::quiet_NaN()};
    CHECK_FALSE(normalize(zero));
    CHECK_FALSE(normalize(broken));
    CHECK(broken[0] == 1.0f);
    CHECK_FALSE(all_finite(broken));
    CHECK(all_finite(zero));
}
