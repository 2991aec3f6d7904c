#include <vecstore/core/random.hpp>
#include <vecstore/quantization/scalar_codec.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

using namespace vecstore;
using namespace vecstore::quantization;

namespace {

constexpr metric metrics[] = {metric::cosine, metric::dot, metric::euclid, metric::manhattan};
constexpr code_type types[] = {code_type::u8, code_type::u4};

/// Rows one after another.
struct rows {
    std::size_t dim;
    std::vector<float> values;

    rows(std::size_t d, std::size_t count) : dim(d), values(d * count) {}
    template <class Draw>
    rows(std::size_t d, std::size_t count, Draw draw) : rows(d, count) {
        for (auto& x : values) x = static_cast<float>(draw());
    }
    [[nodiscard]] std::size_t count() const { return values.size() / dim; }
    [[nodiscard]] const float* at(std::size_t row) const { return values.data() + row * dim; }
    [[nodiscard]] scalar_codec train(code_type type, metric m) const {
        return scalar_codec::train(type, m, dim, count(), [&](std::size_t row, std::span<float> out) {
            std::copy_n(at(row), dim, out.begin());
        });
    }
};

std::vector<float> round_trip(const scalar_codec& codec, const float* vector) {
    std::vector<std::byte> code(codec.code_bytes());
    std::vector<float> back(codec.dim());
    codec.encode(vector, code.data());
    codec.decode(code.data(), back.data());
    return back;
}

double unit_normal(random_source& random) {
    double sum = 0;
    for (int i = 0; i < 12; ++i) sum += random.unit();
    return sum - 6;
}

}  // namespace

TEST_CASE("scalar codec: codes are whole lines", "[scalar_codec]") {
    CHECK(code_bytes(code_type::u8, 1) == 64);
    CHECK(code_bytes(code_type::u8, 64) == 64);
    CHECK(code_bytes(code_type::u8, 65) == 128);
    CHECK(code_bytes(code_type::u8, 100) == 128);
    CHECK(code_bytes(code_type::u4, 100) == 64);
    CHECK(code_bytes(code_type::u4, 128) == 64);
    CHECK(code_bytes(code_type::u4, 129) == 128);
    CHECK(code_bytes(code_type::u4, 384) == 192);
}

TEST_CASE("scalar codec: even numbers are off by a step at most, ends cut off or not", "[scalar_codec]") {
    random_source random(5);
    for (const auto type : types)
        for (const auto m : metrics)
            for (const std::size_t dim : {1u, 2u, 63u, 64u, 65u, 100u, 128u, 129u, 300u}) {
                INFO("type " << int(type) << ", " << std::string(to_string(m)) << ", dim " << dim);
                // uniform, so that no outlier is cut off
                const rows all(dim, 500, [&] { return random.unit() * 2 - 1; });
                const auto codec = all.train(type, m);
                const double step = 2.0 / (type == code_type::u8 ? 254 : 15);
                for (std::size_t row = 0; row < all.count(); row += 10) {
                    const auto back = round_trip(codec, all.at(row));
                    for (std::size_t d = 0; d < dim; ++d)
                        REQUIRE(std::fabs(double{back[d]} - all.at(row)[d]) <= step + 1e-6);
                }
            }
}

TEST_CASE("scalar codec: the error of normal numbers is what their bits allow", "[scalar_codec]") {
    random_source random(6);
    const rows all(40, 2'000, [&] { return unit_normal(random); });
    for (const auto type : types)
        for (const auto m : metrics) {
            const auto codec = all.train(type, m);
            double error = 0;
            for (std::size_t row = 0; row < all.count(); ++row) {
                const auto back = round_trip(codec, all.at(row));
                for (std::size_t d = 0; d < 40; ++d) error += std::pow(double{back[d]} - all.at(row)[d], 2);
            }
            error /= static_cast<double>(all.values.size());
            INFO("type " << int(type) << ", " << std::string(to_string(m)) << ", mean squared error " << error);
            // 0.01154 and about 0.0001 are the best that uniform levels can do
            CHECK(error < (type == code_type::u8 ? 0.0002 : 0.0125));
        }
}

TEST_CASE("scalar codec: integers that fit the levels are kept exactly", "[scalar_codec]") {
    random_source random(7);
    const auto exact = [&](code_type type, metric m, int low, int high) {
        INFO("type " << int(type) << ", " << std::string(to_string(m)) << ", " << low << " to " << high);
        const rows all(70, 300, [&] { return low + static_cast<int>(random.below(std::uint64_t(high - low + 1))); });
        const auto codec = all.train(type, m);
        for (std::size_t row = 0; row < all.count(); ++row) {
            const auto back = round_trip(codec, all.at(row));
            REQUIRE(std::equal(back.begin(), back.end(), all.at(row)));
        }
    };
    for (const auto m : {metric::euclid, metric::manhattan}) {
        exact(code_type::u8, m, 0, 255);
        exact(code_type::u8, m, 0, 3);
        exact(code_type::u8, m, 1'000, 1'255);
        exact(code_type::u8, m, -128, 127);
        exact(code_type::u4, m, 0, 15);
        exact(code_type::u4, m, -8, 7);
    }
    for (const auto m : {metric::cosine, metric::dot}) {
        exact(code_type::u8, m, -128, 127);
        exact(code_type::u8, m, 0, 100);
        exact(code_type::u4, m, -3, 12);
    }
}

TEST_CASE("scalar codec: rows unlike the sample are moved to the ends of the grid", "[scalar_codec]") {
    const rows all(2, 2, [i = 0]() mutable { return i++ * 85; });  // 0 .. 255
    const auto codec = all.train(code_type::u8, metric::euclid);
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (const float high : {256.0f, 1e30f, infinity}) {
        const float values[] = {high, -high};
        CHECK(round_trip(codec, values) == std::vector<float>{255, 0});
    }
    const float none[] = {std::numeric_limits<float>::quiet_NaN(), 7};
    CHECK(round_trip(codec, none) == std::vector<float>{0, 7});
}

TEST_CASE("scalar codec: a few outliers do not spoil the grid for all", "[scalar_codec]") {
    random_source random(8);
    rows all(50, 2'000, [&] { return unit_normal(random); });
    all.values[1'234] = 1e6f;
    for (const auto m : metrics) {
        const auto codec = all.train(code_type::u8, m);
        INFO(std::string(to_string(m)));
        // the squared error of the outlier outweighs all others, so its own level is kept, or all others are
        const auto back = round_trip(codec, all.at(0));
        const auto far = round_trip(codec, all.at(1'234 / 50));
        const bool kept_far = std::fabs(far[1'234 % 50] - 1e6f) < 1e5f;
        const bool kept_near = std::fabs(back[0] - all.at(0)[0]) < 0.1f;
        CHECK((kept_far || kept_near));
    }
}

TEST_CASE("scalar codec: trains on anything finite", "[scalar_codec]") {
    constexpr float most = std::numeric_limits<float>::max();
    for (const auto type : types)
        for (const auto m : metrics)
            for (const float scale : {0.0f, 1e-40f, 1e-20f, 1.0f, 1e20f, most}) {
                const rows all(3, 5, [&, i = 0]() mutable { return (i++ % 3 - 1) * scale; });
                const auto codec = all.train(type, m);
                INFO("type " << int(type) << ", " << std::string(to_string(m)) << ", scale " << scale);
                for (const float x : round_trip(codec, all.at(1))) REQUIRE(std::isfinite(x));
                REQUIRE(scalar_codec::load(codec.save()).has_value());
                code_query query;
                codec.prepare(all.at(2), query);
                CHECK(std::isfinite(query.view().scale));
                CHECK(std::isfinite(query.view().bias));
            }
    for (const auto m : metrics) CHECK(rows(4, 0).train(code_type::u4, m).dim() == 4);
}

TEST_CASE("scalar codec: what is saved is loaded", "[scalar_codec]") {
    random_source random(9);
    for (const auto type : types)
        for (const auto m : metrics) {
            const rows all(33, 100, [&] { return unit_normal(random); });
            const auto codec = all.train(type, m);
            const auto bytes = codec.save();
            const auto loaded = scalar_codec::load(bytes);
            REQUIRE(loaded.has_value());
            CHECK(loaded->type() == type);
            CHECK(loaded->metric() == m);
            CHECK(loaded->dim() == 33);
            CHECK(loaded->save() == bytes);
            std::vector<std::byte> a(codec.code_bytes()), b(codec.code_bytes());
            for (std::size_t row = 0; row < all.count(); ++row) {
                codec.encode(all.at(row), a.data());
                loaded->encode(all.at(row), b.data());
                REQUIRE(a == b);
            }
            CHECK(rows(all).train(type, m).save() == bytes);
        }
}

TEST_CASE("scalar codec: the saved layout does not change", "[scalar_codec]") {
    const rows all(2, 2, [i = 0]() mutable { return i++ * 85; });
    const unsigned char golden[] = {1, 0, 0, 0, 1, 3, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x3F};
    const auto bytes = all.train(code_type::u8, metric::euclid).save();
    REQUIRE(bytes.size() == sizeof golden);
    CHECK(std::memcmp(bytes.data(), golden, sizeof golden) == 0);
}

TEST_CASE("scalar codec: damaged bytes are refused", "[scalar_codec]") {
    random_source random(10);
    const rows all(5, 50, [&] { return unit_normal(random); });
    const auto right = all.train(code_type::u4, metric::dot).save();
    const auto refused = [](const byte_vector& bytes) {
        const auto loaded = scalar_codec::load(bytes);
        return !loaded && loaded.error().code == errc::corruption;
    };
    for (std::size_t size = 0; size < right.size(); ++size)
        CHECK(refused(byte_vector(right.begin(), right.begin() + static_cast<std::ptrdiff_t>(size))));
    auto longer = right;
    longer.push_back({});
    CHECK(refused(longer));
    const auto with = [&](std::size_t at, auto value) {
        auto bytes = right;
        store_le(bytes.data() + at, value);
        return bytes;
    };
    CHECK(refused(with(0, std::uint32_t{2})));
    CHECK(refused(with(4, std::uint8_t{0})));
    CHECK(refused(with(4, std::uint8_t{3})));
    CHECK(refused(with(4, std::uint8_t{1})));  // one grid would be right then
    CHECK(refused(with(5, static_cast<std::uint8_t>(metric::hamming))));
    CHECK(refused(with(5, std::uint8_t{0})));
    CHECK(refused(with(5, static_cast<std::uint8_t>(metric::euclid))));
    CHECK(refused(with(6, std::uint16_t{1})));
    CHECK(refused(with(8, std::uint32_t{0})));
    CHECK(refused(with(8, std::uint32_t{codec_dim_max + 1})));
    CHECK(refused(with(12, std::uint32_t{1})));
    for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()})
        for (std::size_t at = 16; at < right.size(); at += 4) CHECK(refused(with(at, bad)));
    for (const float bad : {0.0f, -1.0f, 1e-30f, 1e30f}) CHECK(refused(with(20, bad)));
}
