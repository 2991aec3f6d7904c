#include "support/store.hpp"

#include <catch2/catch.hpp>
#include <collection/part/calibration.hpp>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;
using vs::detail::calibration;
using vs::detail::measured_step;

namespace {

/// Errors fall as the inverse of the breadth: 10 finds 0.8, 20 finds 0.9, 40 finds 0.95; costs grow with it.
std::vector<measured_step> steps_of(std::uint32_t k) {
    std::vector<measured_step> steps;
    for (const std::uint32_t factor : {1u, 2u, 4u, 8u})
        steps.push_back(
            {{k * factor, k + factor}, 1 - 0.2f / static_cast<float>(factor), 0, static_cast<float>(factor), {}});
    return steps;
}
calibration two_tables() {
    calibration made;
    made.add_table(10, steps_of(10));
    made.add_table(100, steps_of(100));
    return made;
}
vs::byte_vector saved(const calibration& c) {
    vs::byte_writer out;
    c.save(out);
    return std::move(out).take();
}

}  // namespace

TEST_CASE("calibration: a recall between two rungs gets a breadth between them", "[collection]") {
    const auto c = two_tables();
    CHECK(c.choose(0.9, 10).setting.breadth == 20);
    CHECK(c.choose(0.9, 10).microseconds == Approx(2));
    CHECK(c.choose(0.5, 10).setting.breadth == 10);
    CHECK(c.choose(0.5, 1).setting.breadth == 10);
    const auto between = c.choose(1 - 0.2 / 3, 10);
    CHECK(between.setting.breadth == 30);
    CHECK(between.microseconds == Approx(3));
    CHECK(between.recall == Approx(1 - 0.2 / 3));
    CHECK(between.reached);
}

TEST_CASE("calibration: what no rung reaches gets the best one, and says so", "[collection]") {
    const auto best = two_tables().choose(0.99, 10);
    CHECK(best.setting.breadth == 80);
    CHECK_FALSE(best.reached);
    CHECK(best.recall == Approx(0.975));
}

TEST_CASE("calibration: other numbers of neighbours lie between and beyond the tables", "[collection]") {
    const auto c = two_tables();
    std::uint32_t before = 0;
    for (const std::size_t k : {1u, 10u, 20u, 32u, 64u, 100u, 200u, 1'000u, 65'536u}) {
        const auto chosen = c.choose(0.9, k);
        CHECK(chosen.setting.breadth >= before);
        before = chosen.setting.breadth;
    }
    CHECK(c.choose(0.9, 100).setting.breadth == 200);
    CHECK(c.choose(0.9, 32).setting.breadth == Approx(64).margin(2));
    CHECK(c.choose(0.9, 1'000).setting.breadth == 2'000);
}

TEST_CASE("calibration: the standard error is taken off, and rungs that find less are passed over", "[collection]") {
    calibration c;
    c.add_table(10,
                {{{10, 10}, 0.90f, 0.01f, 1, {}}, {{20, 10}, 0.88f, 0.01f, 2, {}}, {{40, 10}, 0.97f, 0.01f, 4, {}}});
    CHECK(c.choose(0.89, 10).setting.breadth == 10);
    CHECK(c.choose(0.90, 10).setting.breadth > 10);
    CHECK(c.choose(0.96, 10).setting.breadth == 40);
    CHECK_FALSE(c.choose(0.97, 10).reached);
}

TEST_CASE("calibration: a given breadth is kept, and gets its re-scoring", "[collection]") {
    const auto c = two_tables();
    CHECK(c.at_breadth(40, 10).setting == vs::detail::search_setting{40, 14});
    CHECK(c.at_breadth(40, 10).recall == Approx(0.95));
    CHECK(c.at_breadth(3, 10).setting.breadth == 3);
    CHECK(c.at_breadth(5'000, 10).setting.breadth == 5'000);
    CHECK(c.at_breadth(5'000, 5'000).setting.breadth == 5'000);
}

TEST_CASE("calibration: saved and loaded", "[collection]") {
    const auto c = two_tables();
    const auto bytes = saved(c);
    CHECK(bytes.size() == 4 + 4 + 2 * (8 + 4 * 36));
    CHECK(calibration::load(bytes).value() == c);
    // The bytes: edges 0.5, 1 and 2, one table, k = 10, one step of ef 16, 20 re-scored, 0.5, 0.25, 1.5; bands 1, 0.5, 0.25, 0.
    const std::uint8_t golden[] = {3,  0, 0,    0,    0,  0, 0, 0x3F, 0, 0, 0x80, 0x3F, 0,  0, 0,    0x40,
                                   1,  0, 0,    0,    10, 0, 0, 0,    1, 0, 0,    0,    16, 0, 0,    0,
                                   20, 0, 0,    0,    0,  0, 0, 0x3F, 0, 0, 0x80, 0x3E, 0,  0, 0xC0, 0x3F,
                                   0,  0, 0x80, 0x3F, 0,  0, 0, 0x3F, 0, 0, 0x80, 0x3E, 0,  0, 0,    0};
    calibration small;
    small.set_band_edges(std::vector<float>{0.5f, 1, 2});
    small.add_table(10, {{{16, 20}, 0.5f, 0.25f, 1.5f, {1, 0.5f, 0.25f, 0}}});
    const auto written = saved(small);
    REQUIRE(written.size() == sizeof golden);
    CHECK(std::memcmp(written.data(), golden, sizeof golden) == 0);
    CHECK(calibration::load(written).value() == small);
}

TEST_CASE("calibration: what does not parse is corruption", "[collection]") {
    const auto good = saved(two_tables());
    for (std::size_t size = 0; size < good.size(); ++size)
        REQUIRE(code_of(calibration::load(vs::byte_span(good).first(size))) == errc::corruption);
    const auto patched = [&](std::size_t at, std::uint32_t value) {
        auto bytes = good;
        vs::store_le(bytes.data() + at, value);
        return code_of(calibration::load(bytes));
    };
    CHECK(patched(0, 2) == errc::corruption);  // edges
    CHECK(patched(4, 3) == errc::corruption);
    CHECK(patched(4, ~0u) == errc::corruption);
    CHECK(patched(8, 0) == errc::corruption);             // k
    CHECK(patched(8, 100) == errc::corruption);           // not ascending
    CHECK(patched(12, 0) == errc::corruption);            // no steps
    CHECK(patched(16, 0) == errc::corruption);            // breadth
    CHECK(patched(16, 20) == errc::corruption);           // not ascending
    CHECK(patched(24, 0x7FC0'0000) == errc::corruption);  // NaN
    CHECK(patched(24, 0x3FC0'0000) == errc::corruption);  // a recall of 1.5
    CHECK(patched(32, 0x7F80'0000) == errc::corruption);  // infinite cost
    CHECK(patched(36, 0x3FC0'0000) == errc::corruption);  // a band's recall of 1.5
    CHECK(code_of(calibration::load_version_1({})) == errc::corruption);
    const auto version_1 = [](std::uint32_t ef, float recall) {
        vs::byte_writer out;
        out.put(std::uint32_t{2});
        out.put(std::uint32_t{10});
        out.put(0.5f);
        out.put(ef);
        out.put(recall);
        return code_of(calibration::load_version_1(out.bytes()));
    };
    CHECK(version_1(20, 1.4f) == errc::corruption);
    CHECK(version_1(10, 0.9f) == errc::corruption);
    CHECK(version_1(0, 0.9f) == errc::corruption);
}

TEST_CASE("calibration: the bands in which queries lie decide how far they go", "[collection]") {
    calibration c;
    c.set_band_edges(std::vector<float>{1, 2, 3});
    c.add_table(10, {{{10, 10}, 0.9f, 0, 1, {1, 0.9f, 0.8f, 0.6f}},
                     {{20, 10}, 0.95f, 0, 2, {1, 1, 0.9f, 0.7f}},
                     {{40, 10}, 0.99f, 0, 4, {1, 1, 1, 0.95f}}});
    CHECK(c.band_of(0.5f) == 0);
    CHECK(c.band_of(1) == 1);
    CHECK(c.band_of(99) == 3);
    CHECK(c.choose(0.9, 10, {1, 0, 0, 0}).setting.breadth == 10);
    CHECK(c.choose(0.9, 10, {0, 0, 1, 0}).setting.breadth == 20);
    CHECK(c.choose(0.9, 10, {0, 0, 0, 1}).setting.breadth > 30);
    CHECK(c.choose(0.9, 10, {0, 0, 0.5, 0.5}).recall == Approx(0.9));
}

TEST_CASE("query_mix: like the rows at first, then like the queries, of late above all", "[collection]") {
    vs::detail::query_mix mix;
    CHECK(mix.shares()[0] == Approx(0.4));
    CHECK(mix.shares()[3] == Approx(0.1));
    for (int i = 0; i < 500; ++i) mix.note(3);
    CHECK(mix.shares()[3] > 0.9);
    for (int i = 0; i < 20'000; ++i) mix.note(1);
    CHECK(mix.shares()[1] > 0.9);
    const auto shares = mix.shares();
    CHECK(shares[0] + shares[1] + shares[2] + shares[3] == Approx(1));
}
