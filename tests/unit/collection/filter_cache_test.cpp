#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>
#include <collection/fields/filter_cache.hpp>

using namespace vecstore;
using namespace vecstore::detail;

namespace {

std::shared_ptr<const field_list> some_fields() { return std::make_shared<const field_list>(); }

std::shared_ptr<const known_matches> some_matches(std::uint64_t size) {
    auto known = std::make_shared<known_matches>();
    known->size = size;
    return known;
}

}  // namespace

TEST_CASE("filter cache: finds what was kept for the same filter, indexes and points", "[filter_cache]") {
    const auto fields = some_fields();
    filter_cache cache;
    CHECK(cache.find(fields, 100, field("a") == 1) == nullptr);
    const auto known = some_matches(7);
    cache.keep(fields, 100, field("a") == 1, known);
    CHECK(cache.find(fields, 100, field("a") == 1) == known);
    CHECK(cache.find(fields, 100, field("a") == 2) == nullptr);
    CHECK(cache.find(fields, 101, field("a") == 1) == nullptr);
    CHECK(cache.find(some_fields(), 100, field("a") == 1) == nullptr);
}

TEST_CASE("filter cache: indexes that are gone are never taken for others, and not kept alive", "[filter_cache]") {
    filter_cache cache;
    auto fields = some_fields();
    const std::weak_ptr<const field_list> watched = fields;
    cache.keep(fields, 100, field("a") == 1, some_matches(1));
    fields.reset();
    CHECK(watched.expired());
    for (int i = 0; i < 100; ++i) {
        fields = some_fields();  // perhaps at the same address
        REQUIRE(cache.find(fields, 100, field("a") == 1) == nullptr);
    }
}

TEST_CASE("filter cache: one that is asked for stays, others make room", "[filter_cache]") {
    const auto fields = some_fields();
    filter_cache cache;
    const auto filter_of = [](std::size_t i) { return field("a") == static_cast<std::int64_t>(i); };
    cache.keep(fields, 100, filter_of(0), some_matches(0));
    for (std::size_t i = 1; i < 5 * filter_cache::entries_max; ++i) {
        cache.keep(fields, 100, filter_of(i), some_matches(i));
        REQUIRE(cache.find(fields, 100, filter_of(i)) != nullptr);
        REQUIRE(cache.find(fields, 100, filter_of(0)) != nullptr);
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < 5 * filter_cache::entries_max; ++i)
        kept += cache.find(fields, 100, filter_of(i)) != nullptr;
    CHECK(kept == filter_cache::entries_max);
}
