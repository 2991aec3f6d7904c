#include <catch2/catch.hpp>
#include <collection/part/query_measurement.hpp>

#include <cmath>

using vecstore::detail::calibration;
using vecstore::detail::measured_step;
using vecstore::detail::query_measurement;
using vecstore::detail::query_rung;
using vecstore::detail::query_table;
using vecstore::detail::shares_of_rows;
using vecstore::detail::with_queries;

namespace {

/// Rows miss 0.2, 0.1, 0.05, 0.025; the farthest of them three times as much as the nearest.
calibration of_rows(float error = 0.002f) {
    calibration made;
    made.set_band_edges(std::array{1.0f, 2.0f, 3.0f});
    for (const std::uint32_t k : {10u, 100u}) {
        std::vector<measured_step> steps;
        for (const std::uint32_t factor : {1u, 2u, 4u, 8u}) {
            const auto missed = 0.2f / static_cast<float>(factor);
            // 0.4 x + 0.3 * 1.5 x + 0.2 * 2 x + 0.1 * 3 x = 1.55 x
            const auto x = missed / 1.55f;
            steps.push_back({{k * factor, k},
                             1 - missed,
                             error,
                             static_cast<float>(factor),
                             {1 - x, 1 - 1.5f * x, 1 - 2 * x, 1 - 3 * x}});
        }
        made.add_table(k, std::move(steps));
    }
    return made;
}
/// Queries that miss `ratio` times as much, at each step of k = 10.
query_measurement missing(double ratio, double queries) {
    query_measurement measured{shares_of_rows, 1, true, {{10, {}}}};
    for (const std::uint32_t factor : {1u, 2u, 4u, 8u}) {
        const auto missed = ratio * 0.2 / factor;
        measured.tables[0].rungs.push_back({{10 * factor, 10}, missed, missed * 0.15 / queries, 2.0 * factor});
    }
    return measured;
}
double missed_at(const calibration& c, std::size_t table, std::size_t step) {
    return c.missed(c.tables()[table].steps[step], shares_of_rows);
}

}  // namespace

TEST_CASE("query measurement: many queries are believed, few are drawn towards the rows", "[collection]") {
    const auto rows = of_rows();
    for (const double ratio : {0.5, 1.0, 1.6}) {
        INFO(ratio);
        const auto many = with_queries(rows, missing(ratio, 100'000)), few = with_queries(rows, missing(ratio, 20));
        for (std::size_t step = 0; step < 4; ++step) {
            const auto from_rows = missed_at(rows, 0, step), by_many = missed_at(many, 0, step);
            const auto by_few = missed_at(few, 0, step);
            CHECK(by_many == Approx(ratio * from_rows).epsilon(0.03));
            CHECK(std::abs(by_few - from_rows) <= std::abs(by_many - from_rows) + 1e-4);
            CHECK(few.tables()[0].steps[step].recall_error >= many.tables()[0].steps[step].recall_error);
            CHECK(few.tables()[0].steps[step].recall_error <= 0.11 * by_few);
        }
    }
}

TEST_CASE("query measurement: queries far from what rows say are believed though they are few", "[collection]") {
    CHECK(missed_at(with_queries(of_rows(), missing(4, 256)), 0, 2) > 0.18);
    CHECK(missed_at(with_queries(of_rows(), missing(0.05, 256)), 0, 2) < 0.006);
}

TEST_CASE("query measurement: bands keep their proportions, and costs are those of the queries", "[collection]") {
    const auto made = with_queries(of_rows(), missing(0.5, 100'000));
    const auto& step = made.tables()[0].steps[1];
    CHECK((1 - step.band_recall[3]) / (1 - step.band_recall[0]) == Approx(3).epsilon(0.05));
    CHECK(step.microseconds == Approx(4));
    CHECK(made.band_edges().size() == 3);
    CHECK(made.choose(0.9, 10).setting.breadth < of_rows().choose(0.9, 10).setting.breadth);
}

TEST_CASE("query measurement: what was not measured follows its neighbours, and another k", "[collection]") {
    auto some = missing(1.6, 100'000);
    some.tables[0].rungs.pop_back();
    some.tables[0].rungs.erase(some.tables[0].rungs.begin());
    const auto made = with_queries(of_rows(), some);
    for (std::size_t step = 0; step < 4; ++step) {
        CHECK(missed_at(made, 0, step) == Approx(1.6 * missed_at(of_rows(), 0, step)).epsilon(0.03));
        CHECK(missed_at(made, 1, step) == Approx(1.6 * missed_at(of_rows(), 1, step)).epsilon(0.03));
    }
    // Between two rungs what rows say of a third is noise.
    some = missing(1.6, 100'000);
    some.tables[0].rungs.erase(some.tables[0].rungs.begin() + 1);
    CHECK(with_queries(of_rows(), some).tables()[0].steps.size() == 3);
    const auto easier = with_queries(of_rows(), missing(0.25, 100'000));
    CHECK(missed_at(easier, 0, 1) == Approx(0.025).epsilon(0.05));
    CHECK(missed_at(easier, 1, 1) == Approx(0.05).epsilon(0.05));  // by half only
}

TEST_CASE("query measurement: harder queries go on beyond the rows' ladder", "[collection]") {
    auto hard = missing(3, 1'000);
    hard.tables[0].rungs.push_back({{120, 12}, 0.03, 1e-6, 30});
    hard.tables[0].rungs.push_back({{180, 15}, 0.008, 1e-7, 45});
    const auto made = with_queries(of_rows(), hard);
    REQUIRE(made.tables()[0].steps.size() == 6);
    CHECK(made.tables()[1].steps.size() == 4);
    CHECK(made.tables()[0].steps[5].setting == vecstore::detail::search_setting{180, 15});
    CHECK(made.tables()[0].steps[5].microseconds == 45);
    const auto chosen = made.choose(0.98, 10);
    CHECK(chosen.reached);
    CHECK(chosen.setting.breadth > 120);
    CHECK(chosen.setting.breadth < 180);
    CHECK_FALSE(of_rows().choose(0.98, 10).reached);
}

TEST_CASE("query measurement: rows that miss nothing do not hide that queries do", "[collection]") {
    calibration perfect;
    perfect.add_table(10, {{{10, 10}, 1, 5e-5f, 1, {}}, {{20, 10}, 1, 5e-5f, 2, {}}});
    query_measurement measured{shares_of_rows, 1, true, {{10, {{{10, 10}, 0.1, 1e-4, 1}, {{20, 10}, 0.0, 6e-7, 2}}}}};
    const auto made = with_queries(perfect, measured);
    CHECK(made.tables()[0].steps[0].recall == Approx(0.9).margin(0.02));
    CHECK(made.tables()[0].steps[1].recall > 0.999);
    CHECK(made.choose(0.99, 10).setting.breadth > 10);
}

TEST_CASE("query measurement: deeper re-scoring stays within the breadth of a walk", "[collection]") {
    using vecstore::detail::deepened;
    query_measurement measured;
    CHECK(deepened({40, 15}, measured).rescored == 15);
    measured.depth = 4;
    CHECK(deepened({40, 15}, measured).rescored == 40);
    CHECK(deepened({10, 15}, measured).rescored == 15);
    CHECK(deepened({40, 0}, measured).rescored == 0);
    measured.walked = false;
    CHECK(deepened({40, 15}, measured).rescored == 60);
}
