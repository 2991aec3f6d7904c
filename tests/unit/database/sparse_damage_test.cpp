// Parts and lists of sparse vectors, checked, damaged, saved and repaired.
#include "support/damage.hpp"
#include "support/full_sample.hpp"

#include <vecstore/database/backup.hpp>
#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;
using vs::finding_kind;

namespace {

vs::database_options salvaging() {
    auto options = quiet();
    options.salvage = true;
    return options;
}

/// A closed store with a part of sparse rows over several blocks, with lists, and a few dead rows.
struct sparse_sample {
    temporary_directory directory;
    static constexpr std::uint64_t count = 3'000;

    sparse_sample() {
        auto db = vs::database::open(path(), quiet()).value();
        vs::collection_options options;
        options.sparse_vectors = {{.name = "s"}};
        auto docs = db.create_collection("docs", options).value();
        std::vector<vs::point> points;
        for (std::uint64_t id = 0; id < count; ++id) {
            auto p = make_point(id, {});
            p.sparse = {{"s", value_of(id)}};
            points.push_back(p);
        }
        (void)docs.upsert(points).value();
        db.optimize().value();
        (void)docs.erase({5, 6}).value();
        db.close().value();
    }
    [[nodiscard]] static vs::sparse_value value_of(std::uint64_t id) {
        vs::sparse_value value;
        for (std::uint32_t i = 0; i < 8; ++i) {
            value.indices.push_back(i * 50 + static_cast<std::uint32_t>(id % 50));
            value.values.push_back(static_cast<float>(id) * 0.5f);
        }
        return value;
    }
    [[nodiscard]] std::string path() const { return directory / "db"; }
    [[nodiscard]] std::string file(const char* ending) const { return file_ending_in(path(), ending); }
    /// How many of the points have the vector that they were given; the others have none that can be read.
    [[nodiscard]] static std::size_t right_ones(const vs::database& db) {
        const auto docs = db.open_collection("docs").value();
        std::size_t right = 0;
        for (std::uint64_t id = 0; id < count; ++id) {
            const auto r = docs.get(id, false, {"s"});
            if (!r) continue;
            REQUIRE(r->sparse == std::vector<vs::named_sparse_vector>{{"s", value_of(id)}});
            ++right;
        }
        return right;
    }
    [[nodiscard]] static vs::query best_of(std::uint64_t id) {
        vs::query q;
        q.using_vector = "s";
        q.nearest_sparse = {{static_cast<std::uint32_t>(id % 50)}, {1}};
        q.limit = 1;
        return q;
    }
};

}  // namespace

TEST_CASE("sparse damage: a right store is healthy, and can be backed up and restored", "[sparse]") {
    const sparse_sample s;
    vs::check_options thorough;
    thorough.search_indexes = true;
    const auto report = vs::check(s.path(), thorough).value();
    INFO(texts(report));
    CHECK(report.healthy());
    {
        auto db = vs::database::open(s.path(), quiet()).value();
        CHECK(sparse_sample::right_ones(db) == sparse_sample::count - 2);
        db.snapshot(s.directory / "copy").value();
    }
    auto options = quiet();
    options.read_only = true;
    const auto copy = vs::database::open(s.directory / "copy", options).value();
    CHECK(sparse_sample::right_ones(copy) == sparse_sample::count - 2);
    CHECK(copy.open_collection("docs").value().info().value().rows_in_lists > 0);
}

TEST_CASE("sparse damage: lists that are damaged cost speed alone, and are made again", "[sparse]") {
    const sparse_sample s;
    flip_byte(s.file(".ivf"), 300);
    CHECK(has(vs::check(s.path()).value(), finding_kind::lists));
    {
        const auto db = vs::database::open(s.path(), quiet()).value();
        const auto found = db.open_collection("docs").value().query(sparse_sample::best_of(49)).value();
        REQUIRE(found.size() == 1);
        CHECK(found[0].id == vs::point_id(2'999));
    }
    const auto report = vs::repair(s.path()).value();
    CHECK(report.after.healthy());
    auto db = vs::database::open(s.path(), quiet()).value();
    CHECK(db.open_collection("docs").value().info().value().rows_in_lists > 0);
}

TEST_CASE("sparse damage: rows of a damaged part are an error, and the others are saved", "[sparse]") {
    const sparse_sample s;
    // In the first block of 64 KiB, behind the header: some of the rows, but not their places and ordinals.
    flip_byte(s.file(".part"), 5'000);
    CHECK(has(vs::check(s.path()).value(), finding_kind::part_block));
    {
        const auto db = vs::database::open(s.path(), quiet()).value();
        CHECK(code_of(db.open_collection("docs").value().get(0, false, {"s"})) == errc::corruption);
        CHECK(db.open_collection("docs").value().get(2'999, false, {"s"}));
    }
    std::size_t saved = 0;
    {
        const auto db = vs::database::open(s.path(), salvaging()).value();
        saved = sparse_sample::right_ones(db);
        CHECK(saved > 1'500);
        CHECK(saved < sparse_sample::count - 2);
        const auto docs = db.open_collection("docs").value();
        CHECK(code_of(docs.get(0, false, {"s"})) == errc::corruption);
        CHECK(docs.query(sparse_sample::best_of(49)).value()[0].id == vs::point_id(2'999));
    }
    const auto report = vs::repair(s.path(), {.drop_damaged = true}).value();
    CHECK(report.after.healthy());
    const auto db = vs::database::open(s.path(), quiet()).value();
    const auto docs = db.open_collection("docs").value();
    CHECK(docs.count().value() == sparse_sample::count - 2);
    CHECK(docs.get(0, false, {"s"}).value().sparse.empty());
    CHECK(docs.query(sparse_sample::best_of(49)).value()[0].id == vs::point_id(2'999));
    (void)docs.verify_state().value();
}
