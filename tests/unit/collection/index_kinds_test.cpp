// Stores with each kind of index: reopened, damaged, filtered, within a radius.
#include "support/store.hpp"

#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>

#include <set>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::index_kind;
using vs::quantization_kind;

namespace {

constexpr std::size_t dim = 12, count = 2'600;

struct kinds {
    index_kind index;
    quantization_kind quantization;
    bool on_disk = false;
};
constexpr kinds all_kinds[] = {
    {index_kind::automatic, quantization_kind::automatic}, {index_kind::hnsw, quantization_kind::int8},
    {index_kind::hnsw, quantization_kind::int4},           {index_kind::hnsw, quantization_kind::none},
    {index_kind::ivf, quantization_kind::automatic},       {index_kind::flat, quantization_kind::automatic}};

vs::vector_options options_of(const kinds& kind) {
    auto options = vector_of(dim);
    options.index = kind.index;
    options.quantization = kind.quantization;
    options.on_disk = kind.on_disk;
    return options;
}

std::vector<std::vector<float>> vectors() {
    vs::random_source random(5);
    std::vector<std::vector<float>> rows;
    for (std::size_t i = 0; i < count; ++i) rows.push_back(random_vector(random, dim));
    return rows;
}

vs::collection filled(vs::database& db, const kinds& kind) {
    auto points = db.create_collection("c", {{options_of(kind)}}).value();
    std::vector<vs::point> batch;
    const auto rows = vectors();
    for (std::size_t i = 0; i < count; ++i)
        batch.push_back(make_point(i, rows[i], {{"third", i % 3 == 0}, {"rare", i % 400 == 7}}));
    REQUIRE(points.upsert(batch));
    REQUIRE(db.optimize());
    return points;
}

}  // namespace

TEST_CASE("index kinds: as many hits as match, for every kind, filtered, after deletes, within a radius",
          "[collection]") {
    using vs::field;
    for (const auto& kind : all_kinds) {
        INFO(to_string(kind.index) << " " << to_string(kind.quantization));
        auto db = vs::database::in_memory({.background_threads = 0}).value();
        auto points = filled(db, kind);
        const auto info = points.info().value();
        CHECK(info.options.vectors[0] == options_of(kind));
        CHECK((info.rows_indexed == count) == (kind.index != index_kind::flat));
        CHECK((info.index_bytes > 0) == (kind.index != index_kind::flat));
        std::vector<vs::point_id> dead;
        for (std::uint64_t id = 1; id < count; id += 11) dead.emplace_back(id);
        REQUIRE(points.erase(dead));
        vs::random_source random(9);
        std::size_t near_found = 0, near_wanted = 0;
        for (int i = 0; i < 10; ++i) {
            const auto vector = random_vector(random, dim);
            for (const auto& filter : {vs::filter::expression{}, field("third") == true, field("rare") == true}) {
                auto q = nearest_to(vector, 20, filter);
                const auto found = points.query(q).value();
                q.exact = true;
                const auto truth = points.query(q).value();
                REQUIRE(found.size() == truth.size());
                std::set<vs::point_id> ids;
                for (const auto& hit : found) {
                    CHECK(ids.insert(hit.id).second);
                    CHECK(hit.id.number() % 11 != 1);
                }
                for (std::size_t h = 1; h < found.size(); ++h) CHECK(found[h - 1].score <= found[h].score);
                CHECK(found[0].score <= truth[truth.size() / 2].score);
            }
            auto within = nearest_to(vector, 1'000);
            within.within = 1.6f;
            const auto near = points.query(within).value();
            within.exact = true;
            const auto all = points.query(within).value();
            CHECK(near.size() <= all.size());
            near_found += near.size();
            near_wanted += all.size();
        }
        CHECK(static_cast<double>(near_found) >= 0.8 * static_cast<double>(near_wanted));
    }
}

TEST_CASE("index kinds: a query tells how it was answered", "[collection]") {
    for (const auto& kind : all_kinds) {
        INFO(to_string(kind.index) << " " << to_string(kind.quantization));
        auto db = vs::database::in_memory({.background_threads = 0}).value();
        auto points = filled(db, kind);
        const auto in_lists = points.info().value().rows_in_lists > 0;
        const auto plan = points.query(nearest_to(vectors()[3])).value().plan;
        if (kind.index == index_kind::flat) {
            CHECK(plan.strategy == vs::search_strategy::exact_scan);
            CHECK(plan.expected_recall == 1);
            continue;
        }
        CHECK(plan.strategy == vs::search_strategy::plain_walk);
        CHECK((plan.ef > 0) != (plan.lists_probed > 0));
        CHECK(plan.expected_recall >= 0.94);
        CHECK((plan.rescored > 0) == (kind.quantization != quantization_kind::none));
        auto q = nearest_to(vectors()[3]);
        q.ef = 77;
        const auto by_hand = points.query(q).value().plan;
        const bool in_graphs = points.info().value().rows_in_graphs > 0;
        CHECK((!in_graphs && in_lists ? by_hand.lists_probed : by_hand.ef) == 77);
    }
}

TEST_CASE("index kinds: on disk, an original that cannot be read is an error, not a worse answer", "[collection]") {
    for (const auto kind : {index_kind::hnsw, index_kind::ivf}) {
        const memory_disk disk;
        auto db = disk.open().value();
        const auto points = filled(db, {kind, quantization_kind::automatic, true});
        const auto query = nearest_to(vectors()[5]);
        CHECK(points.query(query).value().hits.at(0).id == vs::point_id(5));
        const auto folders = disk.files->list("db/parts").value();
        for (const auto& folder : folders)
            for (const auto& name : disk.files->list("db/parts/" + folder + "/0").value())
                if (name.size() > 5 && name.substr(name.size() - 5) == ".part")
                    REQUIRE(disk.files->open("db/parts/" + folder + "/0/" + name, vs::storage::open_mode::read_write)
                                .value()
                                ->truncate(100));
        CHECK(code_of(points.query(query)) == vs::errc::corruption);
        // Of a batch, which is answered in another order, the first that needs an original; the first two need none.
        std::vector<vs::query> batch;
        const auto rows = vectors();
        for (std::size_t i = 0; i < 400; ++i) batch.push_back(nearest_to(rows[i]));
        batch[0].filter = batch[1].filter = vs::field("no_such_field") == 1;
        const auto refused = points.query_batch(batch);
        REQUIRE(code_of(refused) == vs::errc::corruption);
        CHECK(refused.error().message.find("queries[2]: ") == 0);
        batch[399].limit = 0;
        CHECK(points.query_batch(batch).error().message.find("queries[399]: ") == 0);
    }
}
