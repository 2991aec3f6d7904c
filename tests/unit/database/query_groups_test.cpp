// Groups, facets, distance matrices, and pages in the order of a field.
#include "support/store.hpp"

#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::payload::value;

namespace {

std::vector<std::uint64_t> numbers(const std::vector<vs::hit>& hits) {
    std::vector<std::uint64_t> ids;
    for (const auto& h : hits) ids.push_back(h.id.number());
    return ids;
}
using list = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("groups: the best hits for each value of a field, groups by their best", "[groups]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(1)).value();
    (void)docs
        .upsert({make_point(1, {1}, {{"g", "a"}}), make_point(2, {2}, {{"g", "a"}}), make_point(3, {3}, {{"g", "b"}}),
                 make_point(4, {4}, {{"g", value::array{"a", 7, "a"}}}), make_point(5, {5}, {{"g", 2.5}}),
                 make_point(6, {6}, {{"g", true}}), make_point(7, {7}), make_point(8, {8}, {{"g", "b"}}),
                 make_point(9, {9}, {{"g", 7}})})
        .value();
    vs::group_query q;
    q.query = nearest_to({0}, 10);
    q.group_by = "g";
    const auto all = docs.query_groups(q).value().groups;
    REQUIRE(all.size() == 3);
    CHECK(std::get<std::string>(all[0].id) == "a");
    CHECK(numbers(all[0].hits) == list{1, 2, 4});
    CHECK(std::get<std::string>(all[1].id) == "b");
    CHECK(numbers(all[1].hits) == list{3, 8});
    CHECK(std::get<std::int64_t>(all[2].id) == 7);
    CHECK(numbers(all[2].hits) == list{4, 9});
    CHECK(all[2].hits[1].score == 9);
    q.group_size = 1;
    q.query.limit = 2;
    q.query.filter = vs::has_id({2, 3, 4, 8, 9});
    const auto few = docs.query_groups(q).value().groups;
    REQUIRE(few.size() == 2);
    CHECK(numbers(few[0].hits) == list{2});
    CHECK(numbers(few[1].hits) == list{3});
    q.group_by = "g[]";
    CHECK(docs.query_groups(q).value().groups.size() == 2);
    q.group_by = "nowhere";
    CHECK(docs.query_groups(q).value().groups.empty());
    for (auto spoil : {+[](vs::group_query& g) { g.group_size = 0; }, +[](vs::group_query& g) { g.query.limit = 0; },
                       +[](vs::group_query& g) { g.query.offset = 1; }, +[](vs::group_query& g) { g.group_by = "a b"; },
                       +[](vs::group_query& g) { g.group_size = 65'536; }}) {
        auto bad = q;
        spoil(bad);
        CHECK(code_of(docs.query_groups(bad)) == vs::errc::invalid_argument);
    }
}

TEST_CASE("groups: are filled however far their points lie behind others", "[groups]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(1)).value();
    std::vector<vs::point> points;
    for (int i = 0; i < 1'000; ++i) points.push_back(make_point(i, {static_cast<float>(i)}, {{"g", i / 400}}));
    points.push_back(make_point(5'000, {2'000}, {{"g", "far"}}));
    (void)docs.upsert(points).value();
    vs::group_query q;
    q.query = nearest_to({0}, 4);
    q.group_by = "g";
    q.group_size = 2;
    for (const bool tree : {false, true}) {
        if (tree) {
            q.query = nearest_to({0}, 4);
            q.query.prefetch = {nearest_to({0}, 2'000)};
        }
        const auto groups = docs.query_groups(q).value().groups;
        REQUIRE(groups.size() == 4);
        CHECK(numbers(groups[0].hits) == list{0, 1});
        CHECK(numbers(groups[1].hits) == list{400, 401});
        CHECK(numbers(groups[2].hits) == list{800, 801});
        CHECK(numbers(groups[3].hits) == list{5'000});
    }
    q.query = {};
    q.query.ask = vs::random_sample{};
    q.query.limit = 3;
    const auto random = docs.query_groups(q).value().groups;
    CHECK(random.size() == 3);
}

TEST_CASE("groups: with the record of another collection", "[groups]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(1)).value();
    auto authors = db.create_collection("authors", {}).value();
    const std::string uuid = "11111111-1111-1111-1111-111111111111";
    (void)docs
        .upsert({make_point(1, {1}, {{"g", 7}}), make_point(2, {2}, {{"g", uuid}}), make_point(3, {3}, {{"g", 8}}),
                 make_point(4, {4}, {{"g", "name"}})})
        .value();
    (void)authors.upsert({make_point(7, {}, {{"who", "seven"}}), make_point(uuid_of(0x11), {}, {{"who", "uuid"}})})
        .value();
    vs::group_query q;
    q.query = nearest_to({0}, 10);
    q.group_by = "g";
    q.with_lookup = vs::group_lookup{"authors"};
    const auto groups = docs.query_groups(q).value().groups;
    REQUIRE(groups.size() == 4);
    REQUIRE(groups[0].lookup);
    CHECK(groups[0].lookup->payload["who"].string_or("") == "seven");
    REQUIRE(groups[1].lookup);
    CHECK(groups[1].lookup->payload["who"].string_or("") == "uuid");
    CHECK_FALSE(groups[2].lookup);
    CHECK_FALSE(groups[3].lookup);
    q.with_lookup->with_payload = false;
    CHECK(docs.query_groups(q).value().groups[0].lookup->payload.empty());
    q.with_lookup->collection = "nowhere";
    CHECK(code_of(docs.query_groups(q)) == vs::errc::not_found);
}

TEST_CASE("facets: how many points have each value", "[facet]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(1)).value();
    (void)docs
        .upsert({make_point(1, {1}, {{"k", "x"}, {"n", 1}}), make_point(2, {1}, {{"k", "y"}, {"n", 2}}),
                 make_point(3, {1}, {{"k", value::array{"x", "x", "y", 3, true, 1.5, nullptr}}, {"n", 3}}),
                 make_point(4, {1}, {{"k", 3}}), make_point(5, {1}, {{"k", false}}), make_point(6, {1})})
        .value();
    using hits = std::vector<vs::facet_hit>;
    vs::facet_query q;
    q.key = "k";
    CHECK(docs.facet(q).value() ==
          hits{{std::int64_t{3}, 2}, {std::string("x"), 2}, {std::string("y"), 2}, {false, 1}, {true, 1}});
    q.limit = 1;
    CHECK(docs.facet(q).value() == hits{{std::int64_t{3}, 2}});
    q.limit = 10;
    q.filter = vs::field("n") >= 2;
    CHECK(docs.facet(q).value() == hits{{std::string("y"), 2}, {true, 1}, {std::int64_t{3}, 1}, {std::string("x"), 1}});
    (void)docs.erase({vs::point_id(3)}).value();
    CHECK(docs.facet(q).value() == hits{{std::string("y"), 1}});
    q.key = "a b";
    CHECK(code_of(docs.facet(q)) == vs::errc::invalid_argument);
    q.key = "k";
    q.limit = 0;
    CHECK(code_of(docs.facet(q)) == vs::errc::invalid_argument);
}

TEST_CASE("distance matrix: the nearest to each other of a sample", "[matrix]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(1)).value();
    std::vector<vs::point> points;
    for (int i = 0; i < 40; ++i) points.push_back(make_point(i, {static_cast<float>(i * i)}, {{"n", i}}));
    points.push_back(make_point(100, {}));
    (void)docs.upsert(points).value();
    (void)db.checkpoint().value();
    vs::matrix_query q;
    q.sample = 100;
    q.limit = 2;
    auto all = docs.distance_matrix(q).value();
    REQUIRE(all.ids.size() == 40);
    REQUIRE(all.scores.size() == 80);
    CHECK(all.ids[5] == vs::point_id(5));  // 25: next to 16 and 36
    CHECK(all.rows[10] == 5);
    CHECK(all.columns[10] == 4);
    CHECK(all.scores[10] == 9);
    CHECK(all.columns[11] == 6);
    CHECK(all.scores[11] == 11);
    q.sample = 8;
    q.filter = vs::field("n") < 20;
    q.seed = 5;
    const auto some = docs.distance_matrix(q).value(), again = docs.distance_matrix(q).value();
    REQUIRE(some.ids.size() == 8);
    CHECK(some.ids == again.ids);
    for (std::size_t i = 0; i < some.scores.size(); ++i) {
        const auto a = some.ids[some.rows[i]].number(), b = some.ids[some.columns[i]].number();
        CHECK((a != b && a < 20 && b < 20));
        CHECK(static_cast<double>(some.scores[i]) == std::abs(static_cast<double>(a * a) - static_cast<double>(b * b)));
    }
    q.sample = 1;
    CHECK(code_of(docs.distance_matrix(q)) == vs::errc::invalid_argument);
    q.sample = 10;
    q.using_vector = "other";
    CHECK(code_of(docs.distance_matrix(q)) == vs::errc::not_found);
}

TEST_CASE("scroll: in the order of a field", "[scroll]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(3)).value();
    (void)docs.upsert(numbered_points(1, 10)).value();
    vs::scroll page;
    page.order_by =
        vs::order_by{.key = "n", .direction = vs::sort_direction::descending, .start_from = std::int64_t{8}};
    page.limit = 3;
    page.filter = vs::field("n") != 7;
    const auto found = docs.scroll(page).value();
    REQUIRE(found.records.size() == 3);
    CHECK(found.records[0].id == vs::point_id(8));
    CHECK(found.records[1].id == vs::point_id(6));
    CHECK(std::get<std::int64_t>(*found.records[2].order_value) == 5);
    CHECK_FALSE(found.next);
    page.offset = vs::point_id(1);
    CHECK(code_of(docs.scroll(page)) == vs::errc::invalid_argument);
}
