#include <vecstore/collection/query_json.hpp>
#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>

#include <string>

namespace vs = vecstore;

namespace {

template <class T>
std::string message(const vs::result<T>& r) {
    return r ? "" : r.error().message;
}
template <class T>
vs::errc code(const vs::result<T>& r) {
    return r ? vs::errc{} : r.error().code;
}

}  // namespace

TEST_CASE("query json: common members and their defaults", "[query_json]") {
    const auto plain = vs::parse_query(R"({"query": [1, 2.5]})").value();
    CHECK(plain.nearest == std::vector<float>{1, 2.5f});
    CHECK(plain.limit == 10);
    CHECK(plain.offset == 0);
    CHECK_FALSE(plain.with_payload.reads_payload());
    CHECK(plain.with_vectors.none());
    const auto full = vs::parse_query(R"({"query": [1], "using": "a", "limit": 3, "offset": 2, "score_threshold": 0.5,
        "with_payload": ["x"], "with_vectors": ["a", "b"], "params": {"hnsw_ef": 64, "exact": true, "indexed_only": false},
        "filter": {"must_not": [{"is_null": {"key": "x"}}]}, "lookup_from": {"collection": "c", "vector": null},
        "shard_key": "ignored", "unknown": 1})")
                          .value();
    CHECK(full.using_vector == "a");
    CHECK(full.limit == 3);
    CHECK(full.offset == 2);
    CHECK(full.score_threshold == 0.5f);
    CHECK(full.with_payload.selected() == vs::payload::selector::mode::include);
    CHECK(full.with_vectors.names() == std::vector<std::string>{"a", "b"});
    CHECK(full.ef == 64u);
    CHECK(full.exact);
    CHECK(full.filter == !vs::field("x").is_null());
    CHECK(full.lookup_from == vs::lookup_from{"c", {}});
    CHECK(vs::parse_query(R"({"query": [1], "with_payload": {"exclude": ["x"]}, "with_vector": true})")
              .value()
              .with_payload.selected() == vs::payload::selector::mode::exclude);
    CHECK(std::holds_alternative<vs::all_points>(vs::parse_query("{}").value().ask));
    CHECK(std::holds_alternative<vs::all_points>(vs::parse_query(R"({"prefetch": [], "query": null})").value().ask));
}

TEST_CASE("query json: ids keep all 64 bits, and may be uuids", "[query_json]") {
    const auto id_of = [](const std::string& text) {
        return std::get<vs::nearest_to_point>(vs::parse_query(R"({"query": )" + text + "}").value().ask).id;
    };
    CHECK(id_of("7") == vs::point_id(7));
    CHECK(id_of("18446744073709551615") == vs::point_id(18'446'744'073'709'551'615u));
    CHECK(id_of("\"11111111-1111-1111-1111-111111111111\"").is_uuid());
    CHECK(message(vs::parse_query(R"({"query": "7"})")).starts_with("query: value \"7\" is not a valid point ID"));
    CHECK(message(vs::parse_query(R"({"query": -1})")).starts_with("query: value -1 is not a valid point ID"));
}

TEST_CASE("query json: mistakes are named by their place", "[query_json]") {
    const auto said = [](const std::string& json) { return message(vs::parse_query(json)); };
    CHECK(said("[1]") == "must be an object");
    CHECK(said(R"({"query": true})").starts_with("query: value true is not"));
    CHECK(said(R"({"query": {"what": 1}})") == "query: unknown kind of query");
    CHECK(said(R"({"query": []})") == "query: an empty vector");
    CHECK(said(R"({"query": [1, "x"]})") == "query[1]: must be a number");
    CHECK(said(R"({"query": [1e39]})") == "query[0]: is beyond the range of f32");
    CHECK(said(R"({"query": [1], "limit": 0})") == "limit: value 0 invalid, must be 1 or larger");
    CHECK(said(R"({"query": [1], "limit": -1})") == "limit: must be an integer, 1 or larger");
    CHECK(said(R"({"query": [1], "offset": "x"})") == "offset: must be an integer, 0 or larger");
    CHECK(said(R"({"query": [1], "with_payload": 1})") == "with_payload: must be an object");
    CHECK(said(R"({"query": [1], "with_payload": ["a b"]})").starts_with("with_payload: "));
    CHECK(said(R"({"query": [1], "with_payload": {"include": [], "exclude": []}})") ==
          "with_payload: must have one of include and exclude");
    CHECK(said(R"({"query": [1], "filter": {"must": [{"key": 1}]}})") == "filter.must[0].key: must be a string");
    CHECK(said(R"({"query": [1], "params": {"hnsw_ef": 0}})").starts_with("params.hnsw_ef: "));
    CHECK(said(R"({"query": {"recommend": {"positive": [1, true]}}})").starts_with("query.recommend.positive[1]: "));
    CHECK(said(R"({"prefetch": [{"query": {"recommend": {"positive": [1, [1, "x"]]}}}], "query": [1]})") ==
          "prefetch[0].query.recommend.positive[1][1]: must be a number");
    CHECK(
        said(
            R"({"prefetch": {"prefetch": [{"query": [1]}, {"query": [1], "filter": {"x": 1}}], "query": [1]}, "query": [1]})") ==
        "prefetch[0].prefetch[1].filter.x: unknown key");
    CHECK(said(R"({"query": {"recommend": {"strategy": "x"}}})") ==
          "query.recommend.strategy: must be average_vector, best_score or sum_scores");
    CHECK(said(R"({"query": {"discover": {}}})") == "query.discover.target: is missing");
    CHECK(said(R"({"query": {"context": [{"positive": 1}]}})") == "query.context[0].negative: is missing");
    CHECK(said(R"({"query": {"fusion": "x"}, "prefetch": {}})") == "query.fusion: must be rrf or dbsf");
    CHECK(said(R"({"query": {"rrf": {"k": 0}}, "prefetch": {}})") ==
          "query.rrf.k: value 0 invalid, must be 1 or larger");
    CHECK(said(R"({"query": {"order_by": {"direction": "asc"}}})") == "query.order_by.key: is missing");
    CHECK(said(R"({"query": {"order_by": {"key": "a", "direction": "up"}}})") ==
          "query.order_by.direction: must be asc or desc");
    CHECK(
        said(R"({"query": {"order_by": {"key": "a", "start_from": "x"}}})").starts_with("query.order_by.start_from: "));
    CHECK(said(R"({"query": {"sample": "x"}})") == "query.sample: must be random");
    CHECK(said(R"({"query": {"nearest": [1], "mmr": {"diversity": 2}}})").starts_with("mmr.diversity = 2"));
    CHECK(said(R"({"query": [1], "lookup_from": {}})") == "lookup_from.collection: is missing");
}

TEST_CASE("query json: what makes no sense together is refused", "[query_json]") {
    const auto said = [](const std::string& json) { return message(vs::parse_query(json)); };
    CHECK(said(R"({"prefetch": {"query": [1]}})") ==
          "A query is needed to merge the prefetches. Can't have prefetches without defining a query.");
    CHECK(said(R"({"score_threshold": 1})") ==
          "A query is needed to use the score_threshold. Can't have score_threshold without defining a query.");
    CHECK(said(R"({"query": {"order_by": "a"}, "score_threshold": 1})") ==
          "Can't use score_threshold with an order_by query.");
    CHECK_FALSE(said(R"({"query": {"fusion": "rrf"}, "prefetch": {"query": [1]}, "using": "a"})").empty());
    CHECK_FALSE(said(R"({"query": {"fusion": "rrf"}})").empty());
    CHECK_FALSE(said(R"({"query": {"recommend": {}}})").empty());
    CHECK_FALSE(said(R"({"query": {"formula": 1}})").empty());
    CHECK(said(R"({"prefetch": [{"query": {"order_by": "a b"}}], "query": [1]})")
              .starts_with("prefetch[0]: order_by.key: "));
    for (const auto* json : {R"({"query": {"text": "x", "model": "y"}})", R"({"query": {"image": "x", "model": "y"}})",
                             R"({"query": {"recommend": {"positive": [[[1, 2], [3, 4]]]}}})",
                             R"({"query": {"recommend": {"positive": [{"indices": [1], "values": [1]}]}}})",
                             R"({"query": {"relevance_feedback": {}}})"})
        CHECK(code(vs::parse_query(json)) == vs::errc::unsupported);
}

TEST_CASE("query json: formulas", "[query_json]") {
    using namespace vs::scoring;
    const auto parsed = [](const std::string& json) {
        return vs::parse_query(R"({"prefetch": {}, "query": {"formula": )" + json + "}}");
    };
    const auto read = [&](const std::string& json) {
        return std::get<vs::formula>(parsed(json).value().ask).expression;
    };
    CHECK(read("2") == expression(2));
    CHECK(read(R"("$score")") == score());
    CHECK(read(R"("$score[12]")") == score(12));
    CHECK(read(R"("a.b[]")") == field_value("a.b[]"));
    CHECK(read(R"({"sum": [1, {"neg": "a"}]})") == sum({1, -field_value("a")}));
    CHECK(read(R"({"key": "a", "match": {"value": 1}})") == when(vs::field("a") == 1));
    CHECK(read(R"({"must_not": [{"key": "a", "match": {"value": 1}}]})") == when(!(vs::field("a") == 1)));
    CHECK(read(R"({"div": {"left": 1, "right": "a", "by_zero_default": null}})") == expression(1) / "a");
    CHECK(read(R"({"lin_decay": {"x": "a"}})").scale == 1);
    const auto said = [&](const std::string& json) { return message(parsed(json)); };
    CHECK(said(R"("$other")") == "query.formula: unknown variable '$other'");
    CHECK(said(R"("$score[x]")") == "query.formula: unknown variable '$score[x]'");
    CHECK(said(R"("$score[]")") == "query.formula: unknown variable '$score[]'");
    CHECK(said(R"({"sum": 1})") == "query.formula.sum: must be a list");
    CHECK(said(R"({"sum": [1, {"pow": {"base": 1}}]})") == "query.formula.sum[1].pow.exponent: is missing");
    CHECK(said(R"({"sum": [1, {"exp_decay": {"x": 1, "scale": "s"}}]})") ==
          "query.formula.sum[1].exp_decay.scale: must be a number");
    CHECK(said(R"({"exp_decay": {"x": 1, "scale": 0}})").starts_with("formula.exp_decay.scale: "));
    CHECK(said(R"({"geo_distance": {"origin": {"lon": 1}, "to": "a"}})") ==
          "query.formula.geo_distance.origin.lat: is missing");
    CHECK(said(R"({"datetime": "x"})").starts_with("query.formula.datetime: "));
    CHECK_FALSE(said(R"({"key": "a"})").empty());
    CHECK(said("{}") == "query.formula: an expression must not be empty");
    std::string deep = "1";
    for (int i = 0; i < 70; ++i) deep = R"({"neg": )" + deep + "}";
    CHECK(said(deep).find("nested deeper than 64") != std::string::npos);
}

TEST_CASE("query json: nesting of prefetches is bounded", "[query_json]") {
    std::string deep = R"({"query": [1]})";
    for (int i = 0; i < 32; ++i) deep = R"({"query": [1], "prefetch": )" + deep + "}";
    CHECK(vs::parse_query(deep).has_value());
    deep = R"({"query": [1], "prefetch": )" + deep + "}";
    CHECK(message(vs::parse_query(deep)).find("nested deeper than 32") != std::string::npos);
    CHECK_FALSE(vs::parse_query(std::string(100'000, '[')).has_value());
}

TEST_CASE("query json: batches, groups, facets, matrices, pages and counts", "[query_json]") {
    const auto batch = vs::parse_query_batch(R"({"searches": [{"query": [1]}, {"query": 5, "limit": 2}]})").value();
    REQUIRE(batch.size() == 2);
    CHECK(batch[1].limit == 2);
    CHECK(vs::parse_query_batch(R"({"searches": []})").value().empty());
    CHECK(message(vs::parse_query_batch(R"({"searches": [{}, {"limit": 0}]})")) ==
          "searches[1].limit: value 0 invalid, must be 1 or larger");
    CHECK(message(vs::parse_query_batch("{}")) == "searches: must be a list of queries");

    const auto groups =
        vs::parse_group_query(R"({"query": [1], "group_by": "a", "limit": 4, "with_lookup": "other"})").value();
    CHECK(groups.group_by == "a");
    CHECK(groups.group_size == 3);
    CHECK(groups.query.limit == 4);
    CHECK(groups.with_lookup->collection == "other");
    CHECK(groups.with_lookup->with_payload.reads_payload());
    const auto looked = vs::parse_group_query(
        R"({"query": [1], "group_by": "a", "group_size": 2, "with_lookup": {"collection": "c", "with_payload": false, "with_vectors": true}})");
    CHECK_FALSE(looked.value().with_lookup->with_payload.reads_payload());
    CHECK(message(vs::parse_group_query(R"({"query": [1]})")) == "group_by: is missing");
    CHECK(message(vs::parse_group_query(R"({"query": [1], "group_by": "a", "group_size": 0})")) ==
          "group_size: value 0 invalid, must be 1 or larger");

    const auto facet = vs::parse_facet_query(R"({"key": "a", "limit": 4, "exact": true, "filter": {}})").value();
    CHECK(facet.key == "a");
    CHECK(facet.limit == 4);
    CHECK(message(vs::parse_facet_query("{}")) == "key: is missing");

    CHECK(vs::parse_matrix_query("{}").value().sample == 10);
    CHECK(vs::parse_matrix_query(R"({"sample": 5, "limit": 1, "using": "a"})").value().using_vector == "a");
    CHECK(message(vs::parse_matrix_query(R"({"sample": 1})")) == "sample: value 1 invalid, must be 2 or larger");
    CHECK(message(vs::parse_matrix_query(R"({"limit": 0})")) == "limit: value 0 invalid, must be 1 or larger");

    const auto page = vs::parse_scroll(R"({"offset": 7, "limit": 3, "order_by": null})").value();
    CHECK(page.offset == vs::point_id(7));
    CHECK(page.with_payload.reads_payload());
    CHECK_FALSE(page.order_by);
    CHECK(vs::parse_scroll(R"({"order_by": {"key": "a", "start_from": 2.5}})").value().order_by ==
          vs::order_by{"a", vs::sort_direction::ascending, 2.5});
    CHECK(vs::parse_count(R"({"filter": {"must": {"key": "a", "match": {"value": 1}}}, "exact": false})").value() ==
          (vs::field("a") == 1));
    CHECK(vs::parse_count("{}").value().empty());
}
