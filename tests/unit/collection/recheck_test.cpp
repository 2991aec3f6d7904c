#include "support/store.hpp"

#include <catch2/catch.hpp>
#include <collection/part/index_build.hpp>
#include <collection/part/recheck.hpp>

#include <algorithm>
#include <memory>
#include <vector>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::detail::part;

namespace {

constexpr std::size_t dim = 16;
constexpr vs::row_id rows = 3'000;
const vs::detail::keep_measuring always = [] { return true; };

/// A part with indexes.
struct fixture {
    vs::storage::memory_file_system files;
    vs::vector_options options;
    std::shared_ptr<const part> built;

    explicit fixture(vs::vector_options with) : options(std::move(with)) {
        auto writer = vs::detail::part_writer::create(files, "parts", 1, options).value();
        vs::random_source random(1);
        vs::byte_vector packed(vs::row_bytes(options.type, dim));
        for (vs::ordinal_id o = 0; o < rows; ++o) {
            REQUIRE(vs::pack(options.type, drawn(random, 1), packed));
            REQUIRE(writer.append(o, packed.data(), std::nullopt));
        }
        const auto bare = part::open(files, "parts", writer.finish().value(), options).value();
        built = vs::detail::build_indexes(files, "parts", *bare, options, {}).value();
    }
    /// Half of the numbers are `spread` times as large as in rows.
    [[nodiscard]] std::vector<float> drawn(vs::random_source& random, float spread) const {
        auto v = random_vector(random, dim);
        for (std::size_t i = 0; i < dim / 2; ++i) v[i] *= 0.2f * spread;
        if (options.metric == vs::metric::cosine) REQUIRE(vs::normalize(v));
        return v;
    }
    [[nodiscard]] std::vector<vs::detail::asked_query> queries(std::uint64_t seed, float spread,
                                                               std::size_t k = 10) const {
        vs::random_source random(seed);
        std::vector<vs::detail::asked_query> all;
        for (std::size_t i = 0; i < 300; ++i) {
            const auto v = drawn(random, spread);
            const auto* const bytes = reinterpret_cast<const std::byte*>(v.data());
            all.push_back({{bytes, bytes + dim * sizeof(float)}, k});
        }
        return all;
    }
    /// With `setting`, against all rows that live.
    template <class Alive>
    double recall(const vs::detail::part_index& index, const std::vector<vs::detail::asked_query>& asked, std::size_t k,
                  const vs::detail::search_setting& setting, const Alive& alive) const {
        const vs::detail::row_predicate allow(alive);
        double sum = 0;
        for (const auto& query : asked) {
            const std::vector<vs::distance_computer> one{{options.metric, options.type, query.vector.data(), dim}};
            const auto truth =
                vs::detail::nearest_of_all(
                    built->vectors(), one, k, [&](std::size_t, vs::row_id row) { return alive(row); }, always)
                    .value();
            vs::detail::part_cost cost;
            const auto found = index.search_unnoted({query.vector.data(), k, setting, std::nullopt, &allow}, cost);
            sum += vs::detail::share_found(vs::detail::target_of(truth[0], k), found);
        }
        return sum / static_cast<double>(asked.size());
    }
};

vs::vector_options options_of(vs::index_kind kind, vs::metric m = vs::metric::euclid) {
    auto options = vector_of(dim, m);
    options.index = kind;
    return options;
}
constexpr auto all_live = [](vs::row_id) { return true; };

}  // namespace

TEST_CASE("recheck: a part promises what queries get, for each kind, metric and element type", "[collection]") {
    auto small = options_of(vs::index_kind::hnsw);
    small.quantization = vs::quantization_kind::int4;
    auto originals = options_of(vs::index_kind::hnsw, vs::metric::cosine);
    originals.quantization = vs::quantization_kind::none;
    auto halves = options_of(vs::index_kind::hnsw, vs::metric::cosine);
    halves.type = vs::element_type::f16;
    auto on_disk = options_of(vs::index_kind::hnsw);
    on_disk.on_disk = true;
    for (const auto& options : {options_of(vs::index_kind::hnsw), options_of(vs::index_kind::ivf), small, originals,
                                halves, on_disk, options_of(vs::index_kind::hnsw, vs::metric::dot)}) {
        INFO(to_string(options.index) << " " << to_string(options.metric) << " " << to_string(options.type) << " "
                                      << to_string(options.quantization));
        const fixture f(options);
        const auto asked = f.queries(2, 6);
        REQUIRE(vs::detail::recheck_part({*f.built, options, asked, nullptr, always}));
        std::size_t measured = 0;
        for (const auto* index : {f.built->graph(), f.built->lists()}) {
            if (index == nullptr) continue;
            ++measured;
            REQUIRE(index->measured_by_queries() != nullptr);
            const auto chosen = index->choose(0.9, 10);
            CHECK(chosen.by_queries);
            // The very queries that were measured, which nothing but the share of the rows can spoil.
            const auto got = f.recall(*index, asked, 10, chosen.setting, all_live);
            CHECK(got >= 0.9 - 0.015);
            if (chosen.setting.breadth > index->measured().tables().front().steps.front().setting.breadth)
                CHECK(got <= 0.9 + 0.04);
            CHECK(f.recall(*index, f.queries(3, 6), 10, chosen.setting, all_live) >= 0.9 - 0.04);
        }
        CHECK(measured > 0);
    }
}

TEST_CASE("recheck: where many neighbours are wanted, that is what is measured", "[collection]") {
    const fixture f(options_of(vs::index_kind::hnsw));
    const auto asked = f.queries(2, 6, 100);
    REQUIRE(vs::detail::recheck_part({*f.built, f.options, asked, nullptr, always}));
    const auto chosen = f.built->graph()->choose(0.95, 100);
    CHECK(f.recall(*f.built->graph(), asked, 100, chosen.setting, all_live) >= 0.94);
}

TEST_CASE("recheck: dead rows are not to be found", "[collection]") {
    const fixture f(options_of(vs::index_kind::hnsw));
    const auto asked = f.queries(2, 6);
    const auto lives = [](vs::row_id row) { return row % 3 != 0; };
    const vs::detail::row_predicate alive(lives);
    REQUIRE(vs::detail::recheck_part({*f.built, f.options, asked, &alive, always}));
    const auto got = f.recall(*f.built->graph(), asked, 10, f.built->graph()->choose(0.9, 10).setting, lives);
    CHECK(got >= 0.88);
    CHECK(got <= 0.96);
}

TEST_CASE("recheck: one query asked often tells little", "[collection]") {
    const fixture f(options_of(vs::index_kind::hnsw));
    const auto before = f.built->graph()->choose(0.95, 10);
    const std::vector<vs::detail::asked_query> same(300, f.queries(2, 6)[7]);
    REQUIRE(vs::detail::recheck_part({*f.built, f.options, same, nullptr, always}));
    // Its band is what it is; but the rows' curve there is believed nearly as it was.
    const auto& graph = *f.built->graph();
    vs::detail::band_shares shares{};
    const auto& rows_say = graph.measured();
    const auto& step = rows_say.tables()[0].steps[0];
    shares[3] = 1;
    const auto now = graph.measured_by_queries()->tables()[0].steps[0];
    CHECK(std::abs((1 - now.band_recall[3]) - rows_say.missed(step, shares)) < 0.3);
    CHECK(before.setting.breadth > 0);
}

TEST_CASE("recheck: cancelled or damaged, all stays as it was", "[collection]") {
    const fixture f(options_of(vs::index_kind::hnsw));
    const auto asked = f.queries(2, 6);
    for (const int allowed : {0, 1, 5, 30}) {
        int left = allowed;
        const vs::detail::keep_measuring some = [&] { return left-- > 0; };
        CHECK(code_of(vs::detail::recheck_part({*f.built, f.options, asked, nullptr, some})) == vs::errc::cancelled);
        CHECK(f.built->graph()->measured_by_queries() == nullptr);
        CHECK_FALSE(f.built->graph()->choose(0.9, 10).by_queries);
    }
    CHECK(vs::detail::recheck_part({*f.built, f.options, {}, nullptr, always}));
    CHECK(f.built->graph()->measured_by_queries() == nullptr);
    CHECK(vs::detail::recheck_cost(*f.built, f.options) > 0);
}
