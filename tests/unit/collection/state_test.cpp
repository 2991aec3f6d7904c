#include <vecstore/storage/memory_table_store.hpp>

#include <catch2/catch.hpp>
#include <collection/state.hpp>
#include <collection/tables.hpp>

#include <vector>

using namespace vecstore;

TEST_CASE("state: what a failed record left behind is not shown when parts are installed", "[collection]") {
    const collection_options options{.vectors = {{.dim = 2, .metric = metric::euclid}}};
    detail::collection_state state(1, "c", options);
    const auto store = storage::make_memory_table_store(detail::tables::names());
    const auto tables = store->read().value();
    const std::vector<point> points = {{.id = 1, .vector = {1, 0}}, {.id = 2, .vector = {0, 1}}};
    const auto first = detail::encode_upsert(1, options, std::span(points).first(1)).value();
    state.apply({.lsn = 1, .type = wal::record_type::upsert, .payload = first[0].payload}, *tables).value();
    state.publish(1);

    // Both points, but cut off behind the first: one more ordinal is given, then the record fails.
    const auto both = detail::encode_upsert(1, options, points).value();
    const auto cut = byte_span(both[0].payload).first(both[0].payload.size() - 1);
    const auto applied = state.apply({.lsn = 2, .type = wal::record_type::upsert, .payload = cut}, *tables);
    REQUIRE_FALSE(applied);
    CHECK(applied.error().code == errc::corruption);

    state.install(state.parts(), false);
    const auto view = state.pin();
    CHECK(view->lsn == 1);
    CHECK(view->ordinal_end == 1);
    CHECK(view->point_count == 1);
    REQUIRE(view->vectors[0].memtables.size() == 1);
    CHECK(view->vectors[0].memtables[0].rows == 1);
}

TEST_CASE("state: installing drops what was sealed and keeps what is newer", "[collection]") {
    const collection_options options{.vectors = {{.dim = 2, .metric = metric::euclid}}};
    detail::collection_state state(1, "c", options);
    const auto store = storage::make_memory_table_store(detail::tables::names());
    const auto tables = store->read().value();
    const std::vector<point> points = {{.id = 1, .vector = {1, 0}}, {.id = 2, .vector = {0, 1}}};
    for (std::uint64_t lsn = 1; lsn <= 2; ++lsn) {
        const auto encoded = detail::encode_upsert(1, options, std::span(points).subspan(lsn - 1, 1)).value();
        state.apply({.lsn = lsn, .type = wal::record_type::upsert, .payload = encoded[0].payload}, *tables).value();
        state.publish(lsn);
        if (lsn == 1) state.seal(1);
    }
    CHECK(state.pin()->overlays.size() == 2);
    CHECK(state.pin()->vectors[0].memtables.size() == 2);
    state.install(state.parts(), true);
    CHECK_FALSE(state.sealed());
    CHECK(state.pin()->overlays.size() == 1);
    REQUIRE(state.pin()->vectors[0].memtables.size() == 1);
    CHECK(state.pin()->vectors[0].memtables[0].table->ordinal_of(0) == 1);
    CHECK(state.pin()->lsn == 2);
}
