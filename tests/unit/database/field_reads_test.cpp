// Payload indexes under every kind of read and write: they change what is read, never what is answered.
#include "support/store.hpp"

#include <vecstore/filter/dsl.hpp>
#include <vecstore/filter/json.hpp>
#include <vecstore/payload/json.hpp>

#include <catch2/catch.hpp>

#include <functional>
#include <string>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;
using vs::field;
using vs::field_kind;
using vs::payload::value;

namespace {

vs::collection_options three_vectors() {
    auto options = one_vector(3);
    auto multi = vector_of(2, vs::metric::dot, "multi");
    multi.multi = true;
    options.vectors.push_back(multi);
    options.sparse_vectors = {{.name = "sparse"}};
    return options;
}

/// Cities of which one is frequent, numbers of both kinds with repeats, times, lists, and now and then something else.
std::vector<vs::point> mixed_points(std::uint64_t first, std::size_t count) {
    constexpr const char* cities[] = {"Aachen", "Bonn", "Bonn", "Celle", "Essen"};
    vs::random_source random(first + 1);
    std::vector<vs::point> points;
    for (auto i = first; i < first + count; ++i) {
        vs::payload::document payload{{"city", cities[random.below(5)]}, {"n", static_cast<std::int64_t>(i % 90)}};
        if (i % 7 == 0) payload.set("n", static_cast<double>(i % 11) / 2);
        if (i % 50 == 1) payload.set("n", "2024-03-01");
        if (i % 13 == 0) payload.set("n", value::array{3, 3, 1.5, 3.0});
        if (i % 17 == 0) payload.set("city", value::array{"Bonn", "Ulm", "Bonn", 7, true});
        payload.set("flag", i % 3 == 0);
        payload.set("time", "2024-02-" + std::to_string(10 + i % 15) + "T10:00:00Z");
        auto p = make_point(i, random_vector(random, 3), std::move(payload));
        p.sparse.push_back({"sparse", {{static_cast<std::uint32_t>(i % 5), 9}, {1.0f, 0.01f * static_cast<float>(i)}}});
        p.multi.push_back({"multi", {{static_cast<float>(i % 19), 1}, {0, static_cast<float>(i)}}});
        points.push_back(std::move(p));
    }
    return points;
}

void index_all(vs::collection& in) {
    in.create_field_index("city", {}).value();
    in.create_field_index("n", {.kind = field_kind::integer}).value();
    in.create_field_index("flag", {.kind = field_kind::boolean}).value();
    in.create_field_index("time", {.kind = field_kind::datetime}).value();
}

/// All, few, some, many, none, a list of ids, and what no index serves.
std::vector<vs::filter::expression> questions() {
    return {{},
            field("city") == "Ulm",
            field("city") == "Bonn",
            field("city") == "Bonn" && field("n") >= 40,
            field("n") < 0,
            !(field("city") == "Celle"),
            vs::has_id({1, 5, 17, 34, 900}) && field("city") == "Bonn",
            field("city").text("on") && field("flag") == true};
}

std::string text_of(const vs::payload::document& d) { return vs::payload::to_json(d); }
std::string text_of(const std::optional<vs::order_value>& v) {
    if (!v) return "";
    return std::visit([](auto x) { return "=" + std::to_string(x); }, *v);
}
std::string text_of(const std::vector<vs::hit>& hits) {
    std::string text;
    for (const auto& h : hits) text += " " + to_string(h.id) + text_of(h.order_value);
    return text;
}

using read = std::function<std::string(const vs::collection&, const vs::filter::expression&)>;

vs::query asking(vs::question ask, const vs::filter::expression& filter, std::size_t limit = 12) {
    vs::query q;
    q.ask = std::move(ask);
    q.filter = filter;
    q.limit = limit;
    q.exact = true;
    return q;
}
read query_of(vs::question ask, std::size_t limit = 12) {
    return [ask, limit](const vs::collection& c, const vs::filter::expression& f) {
        return text_of(c.query(asking(ask, f, limit)).value().hits);
    };
}
read page_by(vs::order_by order, std::size_t limit) {
    return [order, limit](const vs::collection& c, const vs::filter::expression& f) {
        vs::scroll page;
        page.order_by = order;
        page.limit = limit;
        page.filter = f;
        std::string text;
        for (const auto& r : c.scroll(page).value().records) text += " " + to_string(r.id) + text_of(r.order_value);
        return text;
    };
}
read facet_of(std::string key) {
    return [key](const vs::collection& c, const vs::filter::expression& f) {
        std::string text;
        for (const auto& hit : c.facet({.key = key, .limit = 100, .filter = f}).value()) {
            if (const auto* s = std::get_if<std::string>(&hit.value)) text += " \"" + *s + "\"";
            if (const auto* n = std::get_if<std::int64_t>(&hit.value)) text += " " + std::to_string(*n);
            if (const auto* b = std::get_if<bool>(&hit.value)) text += *b ? " true" : " false";
            text += ":" + std::to_string(hit.count);
        }
        return text;
    };
}

std::vector<std::pair<std::string, read>> reads() {
    using vs::sort_direction;
    const auto tree = [](const vs::collection& c, const vs::filter::expression& f) {
        vs::query q = asking(vs::rrf{}, f);
        q.prefetch = {nearest_to({0.5f, 0, 0}, 20), nearest_to({-0.5f, 0, 0}, 20, field("flag") == true)};
        for (auto& p : q.prefetch) p.exact = true;
        return text_of(c.query(q).value().hits);
    };
    const auto sparse = [](const vs::collection& c, const vs::filter::expression& f) {
        auto q = asking({}, f);
        q.using_vector = "sparse";
        q.nearest_sparse = {{1, 9}, {1, 1}};
        return text_of(c.query(q).value().hits);
    };
    const auto multi = [](const vs::collection& c, const vs::filter::expression& f) {
        auto q = asking({}, f);
        q.using_vector = "multi";
        q.nearest_multi = {{1, 0.01f}};
        return text_of(c.query(q).value().hits);
    };
    const auto groups = [](const vs::collection& c, const vs::filter::expression& f) {
        std::string text;
        for (const auto& g :
             c.query_groups({asking(vs::discover{std::vector<float>{0.1f, 0, 0}, {}}, f, 4), "city", 2}).value().groups)
            text += " |" + text_of(g.hits);
        return text;
    };
    const auto matrix = [](const vs::collection& c, const vs::filter::expression& f) {
        const auto m = c.distance_matrix({.sample = 8, .limit = 2, .filter = f, .seed = 5}).value();
        std::string text;
        for (const auto& id : m.ids) text += " " + to_string(id);
        return text;
    };
    const vs::example near = std::vector<float>{0.2f, 0.1f, 0}, far = std::vector<float>{-0.9f, 0.1f, 0};
    return {{"sample", query_of(vs::random_sample{.seed = 3})},
            {"all", query_of(vs::all_points{})},
            {"best score", query_of(vs::recommend{{near}, {far}, vs::recommend_strategy::best_score})},
            {"sum of scores", query_of(vs::recommend{{near}, {far}, vs::recommend_strategy::sum_scores})},
            {"discover", query_of(vs::discover{near, {{near, far}}})},
            {"context", query_of(vs::context{{{near, far}}})},
            {"by number", page_by({.key = "n"}, 7)},
            {"by number, downwards", page_by({"n", sort_direction::descending}, 30)},
            {"by number, all", page_by({.key = "n"}, 1'000)},
            {"by number, from", page_by({.key = "n", .start_from = 41.5}, 5)},
            {"by number, downwards from", page_by({"n", sort_direction::descending, std::int64_t{3}}, 9)},
            {"by time", page_by({.key = "time"}, 5)},
            {"by flag, which has no order", page_by({.key = "flag"}, 5)},
            {"by order in a query", query_of(vs::order_by{.key = "n"}, 6)},
            {"facet of texts", facet_of("city")},
            {"facet of numbers", facet_of("n")},
            {"facet of flags", facet_of("flag")},
            {"facet of times", facet_of("time")},
            {"tree", tree},
            {"sparse", sparse},
            {"multi", multi},
            {"groups", groups},
            {"matrix", matrix}};
}

void compare(const vs::collection& plain, const vs::collection& indexed) {
    for (const auto& [name, ask] : reads())
        for (const auto& question : questions()) {
            INFO(name << " of " << vs::filter::to_json(question));
            CHECK(ask(indexed, question) == ask(plain, question));
        }
}

std::string all_of(const vs::collection& c) {
    vs::scroll page;
    page.limit = 10'000;
    std::string text;
    for (const auto& r : c.scroll(page).value().records) text += to_string(r.id) + text_of(r.payload) + "\n";
    return text;
}

}  // namespace

TEST_CASE("payload index: every read answers the same with and without", "[field_index]") {
    const memory_disk disk;
    auto db = disk.open().value();
    auto plain = db.create_collection("plain", three_vectors()).value();
    auto indexed = db.create_collection("indexed", three_vectors()).value();
    for (auto* each : {&plain, &indexed}) each->upsert(mixed_points(0, 400)).value();
    index_all(indexed);
    compare(plain, indexed);
    for (auto* each : {&plain, &indexed}) {
        each->upsert(mixed_points(380, 40)).value();
        each->erase({3, 4, 5, 17, 390}).value();
    }
    compare(plain, indexed);
    db.checkpoint().value();
    for (auto* each : {&plain, &indexed}) {
        each->set_payload({vs::point_id(9), vs::point_id(410)}, {{"city", "Ulm"}, {"n", 41}}).value();
        each->erase({8, 100}).value();
    }
    compare(plain, indexed);
    db.optimize().value();
    compare(plain, indexed);
    CHECK(indexed.verify_state().has_value());
}

TEST_CASE("payload index: writes by a filter change the same points with and without", "[field_index]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto plain = db.create_collection("plain", three_vectors()).value();
    auto indexed = db.create_collection("indexed", three_vectors()).value();
    for (auto* each : {&plain, &indexed}) each->upsert(mixed_points(0, 400)).value();
    index_all(indexed);
    for (auto* each : {&plain, &indexed}) {
        each->upsert(mixed_points(400, 10)).value();
        each->set_payload(field("city") == "Ulm", {{"seen", true}}).value();
        each->set_payload_at(field("city") == "Bonn" && field("flag") == true, "deep", {{"seen", true}}).value();
        each->erase_payload(field("n") < 2, {"time"}).value();
        vs::write_options some;
        some.condition.only_matching = field("flag") == true;
        some.condition.when_unmet = vs::unmet::skip;
        each->overwrite_payload(field("n") >= 80, {{"city", "Trier"}}, some).value();
        each->erase_vectors(field("city") == "Celle", {"sparse"}).value();
        each->upsert(mixed_points(7, 3), some).value();
        each->erase(field("city") == "Essen").value();
        each->clear_payload(!(field("n") < 60)).value();
    }
    CHECK(all_of(indexed) == all_of(plain));
    CHECK(indexed.info().value().points < 400);
}

TEST_CASE("payload index: what indexes know is not read", "[field_index]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto points = db.create_collection("points", three_vectors()).value();
    points.upsert(mixed_points(0, 400)).value();
    index_all(points);
    const auto asked = [&](vs::question ask, const vs::filter::expression& filter) {
        return points.query(asking(std::move(ask), filter)).value().plan.filter_evaluations;
    };
    const auto known = field("flag") == true && !field("time").is_empty();
    const vs::example near = std::vector<float>{0.2f, 0.1f, 0};
    CHECK(asked(vs::random_sample{}, known) == 0);
    CHECK(asked(vs::all_points{}, known) == 0);
    CHECK(asked(vs::order_by{.key = "n"}, known) == 0);
    CHECK(asked(vs::recommend{{near}, {}, vs::recommend_strategy::best_score}, known) == 0);
    CHECK(asked(vs::random_sample{}, field("city").text("Bonn")) == 400);
    const auto explained = [&](const vs::filter::expression& filter) {
        return points.query(asking(vs::random_sample{}, filter)).value().plan;
    };
    CHECK(explained(field("flag") == true).matches_at_most == 134);
    CHECK(explained(field("flag") == true).matches_told);
    CHECK(explained(field("flag") == true && field("city").text("on")).matches_at_most == 134);
    CHECK_FALSE(explained(field("flag") == true && field("city").text("on")).matches_told);
    CHECK_FALSE(explained(field("city").text("on")).matches_at_most);
    CHECK_FALSE(explained({}).matches_at_most);
    points.set_payload({vs::point_id(1), vs::point_id(2)}, {{"flag", true}}).value();
    CHECK(explained(field("flag") == true).matches_at_most == 136);
    CHECK(explained(field("flag") == true).filter_evaluations == 2);
}

TEST_CASE("payload index: strict collections refuse every read and write that would go through payloads",
          "[field_index]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto options = three_vectors();
    options.strict_filters = true;
    auto points = db.create_collection("points", options).value();
    points.upsert(mixed_points(0, 40)).value();
    points.create_field_index("city", {}).value();
    points.create_field_index("n", {.kind = field_kind::integer}).value();
    const auto good = field("city") == "Bonn", bad = field("flag") == true;
    const auto refused = errc::invalid_argument;
    const vs::example near = std::vector<float>{0.2f, 0.1f, 0};
    for (const auto& ask :
         {vs::question(vs::random_sample{}), vs::question(vs::all_points{}), vs::question(vs::order_by{.key = "n"}),
          vs::question(vs::recommend{{near}, {}, vs::recommend_strategy::best_score}),
          vs::question(vs::discover{near, {}}), vs::question(vs::context{{{near, near}}})}) {
        CHECK(code_of(points.query(asking(ask, good))) == errc{});
        CHECK(code_of(points.query(asking(ask, bad))) == refused);
    }
    auto sparse = asking({}, bad), multi = asking({}, bad), tree = asking(vs::rrf{}, {});
    sparse.using_vector = "sparse";
    sparse.nearest_sparse = {{1}, {1}};
    multi.using_vector = "multi";
    multi.nearest_multi = {{1, 0}};
    tree.prefetch = {nearest_to({1, 0, 0}, 3, bad)};
    for (auto q : {sparse, multi, tree}) {
        CHECK(code_of(points.query(q)) == refused);
        q.filter = good;
        if (q.prefetch.empty()) CHECK(code_of(points.query(q)) == errc{});
    }
    CHECK(code_of(points.query(asking(vs::order_by{.key = "time"}, {}))) == refused);
    CHECK(code_of(points.facet({.key = "city", .filter = good})) == errc{});
    CHECK(code_of(points.facet({.key = "city", .filter = bad})) == refused);
    CHECK(code_of(points.facet({.key = "flag"})) == refused);
    CHECK(code_of(points.distance_matrix({.filter = bad})) == refused);
    CHECK(code_of(points.query_groups({nearest_to({1, 0, 0}, 3), "city"})) == errc{});
    const auto by_flag = points.query_groups({nearest_to({1, 0, 0}, 3), "flag"});
    CHECK(by_flag.error().message ==
          "group_by: strict_filters refuses \"flag\", which takes a payload index of kind keyword");
    CHECK(code_of(points.erase(bad)) == refused);
    CHECK(code_of(points.set_payload(bad, {{"a", 1}})) == refused);
    CHECK(code_of(points.erase_vectors(bad, {"sparse"})) == refused);
    CHECK(code_of(points.set_payload(good, {{"a", 1}})) == errc{});
    vs::write_options some;
    some.condition.only_matching = bad;
    CHECK(code_of(points.upsert(mixed_points(1, 1), some)) == refused);
    some.condition.only_matching = good;
    some.condition.when_unmet = vs::unmet::skip;
    CHECK(code_of(points.upsert(mixed_points(1, 1), some)) == errc{});
}
