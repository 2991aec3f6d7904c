// Bodies of the query calls, out of JSON.
#include "checks.hpp"
#include "json_reading.hpp"
#include "tree.hpp"

#include <vecstore/collection/query_json.hpp>
#include <vecstore/core/limits.hpp>
#include <vecstore/filter/json.hpp>
#include <vecstore/payload/json.hpp>

#include <algorithm>
#include <array>

namespace vecstore {
namespace {

using namespace detail;  // NOLINT: the readers of json_reading.hpp

result<filter::expression> filter_of(const value& json, const std::string& place) {
    auto parsed = filter::from_value(json);
    if (parsed) return parsed;
    // Its errors begin with `filter`, as the last name of the place does.
    const auto above = place.size() > 6 ? place.substr(0, place.size() - 7) : std::string();
    return below(above, std::move(parsed).error());
}

result<float> score_of(const value& json, const std::string& place) {
    VECSTORE_TRY(const double number, number_of(json, place));
    return static_cast<float>(number);
}

result<std::vector<std::string>> texts_of(const value& json, const std::string& place) {
    const auto* list = json.if_array();
    if (list == nullptr) return bad(place, "must be a list of strings");
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < list->size(); ++i) {
        VECSTORE_TRY(auto text, text_of((*list)[i], at(place, i)));
        texts.push_back(std::move(text));
    }
    return texts;
}

result<payload::selector> payload_selector_of(const value& json, const std::string& place) {
    const auto made = [&](result<payload::selector> selector) -> result<payload::selector> {
        if (!selector) return bad(place, selector.error().message);
        return selector;
    };
    if (const auto* flag = json.if_bool()) return payload::selector(*flag);
    if (json.is_array()) {
        VECSTORE_TRY(const auto paths, texts_of(json, place));
        return made(payload::selector::include(paths));
    }
    VECSTORE_TRY(const auto* const object, object_of(json, place));
    const auto *include = present(*object, "include"), *exclude = present(*object, "exclude");
    if ((include == nullptr) == (exclude == nullptr)) return bad(place, "must have one of include and exclude");
    VECSTORE_TRY(const auto paths, texts_of(include != nullptr ? *include : *exclude,
                                            member(place, include != nullptr ? "include" : "exclude")));
    return made(include != nullptr ? payload::selector::include(paths) : payload::selector::exclude(paths));
}

result<vector_selector> vector_selector_of(const value& json, const std::string& place) {
    if (const auto* flag = json.if_bool()) return vector_selector(*flag);
    if (const auto* name = json.if_string()) return vector_selector(std::vector<std::string>{*name});
    VECSTORE_TRY(auto names, texts_of(json, place));
    return vector_selector(std::move(names));
}

/// `with_vector` and its other spelling.
result<void> read_vector_selector(const document& object, const std::string& place, vector_selector& into) {
    VECSTORE_CHECK(read(object, "with_vectors", place, into, vector_selector_of));
    return read(object, "with_vector", place, into, vector_selector_of);
}

result<std::vector<example>> examples_of(const value& json, const std::string& place) {
    const auto* list = json.if_array();
    if (list == nullptr) return bad(place, "must be a list of vectors and point ids");
    if (list->size() > examples_max) return bad(place, "more than " + std::to_string(examples_max) + " examples");
    std::vector<example> examples;
    for (std::size_t i = 0; i < list->size(); ++i) {
        VECSTORE_TRY(auto one, example_of((*list)[i], at(place, i)));
        examples.push_back(std::move(one));
    }
    return examples;
}

result<example_pair> pair_of(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto* const object, object_of(json, place));
    for (const auto* key : {"positive", "negative"})
        if (!present(*object, key)) return bad(member(place, key), "is missing");
    VECSTORE_TRY(auto positive, example_of((*object)["positive"], member(place, "positive")));
    VECSTORE_TRY(auto negative, example_of((*object)["negative"], member(place, "negative")));
    return example_pair{std::move(positive), std::move(negative)};
}

/// A list of pairs, or one pair in place of a list.
result<std::vector<example_pair>> pairs_of(const value& json, const std::string& place) {
    std::vector<example_pair> pairs;
    if (json.is_object()) {
        VECSTORE_TRY(auto only, pair_of(json, place));
        pairs.push_back(std::move(only));
        return pairs;
    }
    const auto* list = json.if_array();
    if (list == nullptr) return bad(place, "must be a list of pairs or one pair");
    if (list->size() > examples_max / 2) return bad(place, "more than " + std::to_string(examples_max / 2) + " pairs");
    for (std::size_t i = 0; i < list->size(); ++i) {
        VECSTORE_TRY(auto one, pair_of((*list)[i], at(place, i)));
        pairs.push_back(std::move(one));
    }
    return pairs;
}

result<question> recommend_of(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto* const object, object_of(json, place));
    recommend parsed;
    VECSTORE_CHECK(read(*object, "positive", place, parsed.positive, examples_of));
    VECSTORE_CHECK(read(*object, "negative", place, parsed.negative, examples_of));
    std::string strategy = "average_vector";
    VECSTORE_CHECK(read(*object, "strategy", place, strategy, text_of));
    if (strategy == "best_score")
        parsed.strategy = recommend_strategy::best_score;
    else if (strategy == "sum_scores")
        parsed.strategy = recommend_strategy::sum_scores;
    else if (strategy != "average_vector")
        return bad(member(place, "strategy"), "must be average_vector, best_score or sum_scores");
    return question(std::move(parsed));
}

result<question> discover_of(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto* const object, object_of(json, place));
    if (!present(*object, "target")) return bad(member(place, "target"), "is missing");
    VECSTORE_TRY(auto target, example_of((*object)["target"], member(place, "target")));
    discover parsed{std::move(target)};
    VECSTORE_CHECK(read(*object, "context", place, parsed.context, pairs_of));
    return question(std::move(parsed));
}

result<question> fusion_of(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto name, text_of(json, place));
    if (name == "rrf") return question(rrf{});
    if (name == "dbsf") return question(dbsf{});
    return bad(place, "must be rrf or dbsf");
}

result<std::vector<double>> numbers_of(const value& json, const std::string& place) {
    const auto* list = json.if_array();
    if (list == nullptr) return bad(place, "must be a list of numbers");
    std::vector<double> numbers;
    for (std::size_t i = 0; i < list->size(); ++i) {
        VECSTORE_TRY(const double number, number_of((*list)[i], at(place, i)));
        numbers.push_back(number);
    }
    return numbers;
}

result<question> rrf_of(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto* const object, object_of(json, place));
    rrf parsed;
    VECSTORE_CHECK(read(*object, "k", place, parsed.k,
                        [](const value& k, const std::string& where) { return count_of(k, where, 1); }));
    VECSTORE_CHECK(read(*object, "weights", place, parsed.weights, numbers_of));
    return question(std::move(parsed));
}

result<question> sample_of(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto name, text_of(json, place));
    if (name == "random") return question(random_sample{});
    return bad(place, "must be random");
}

result<mmr> mmr_of(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto* const object, object_of(json, place));
    mmr parsed;
    VECSTORE_CHECK(read(*object, "diversity", place, parsed.diversity, score_of));
    VECSTORE_CHECK(read(*object, "candidates_limit", place, parsed.candidates_limit,
                        [](const value& n, const std::string& where) { return count_of(n, where, 1); }));
    return parsed;
}

/// A vector of any kind or the id of a point.
result<void> read_nearest(const value& json, const std::string& place, query& into) {
    if (is_sparse(json)) {
        VECSTORE_TRY(into.nearest_sparse, sparse_of(json, place));
        return {};
    }
    if (is_multi(json)) {
        VECSTORE_TRY(into.nearest_multi, multi_of(json, place));
        return {};
    }
    VECSTORE_TRY(auto parsed, example_of(json, place));
    if (const auto* id = parsed.if_id())
        into.ask = nearest_to_point{*id};
    else
        into.nearest = *parsed.if_vector();
    return {};
}

result<question> context_of(const value& json, const std::string& place) {
    VECSTORE_TRY(auto pairs, pairs_of(json, place));
    return question(context{std::move(pairs)});
}
result<question> ordered_of(const value& json, const std::string& place) {
    VECSTORE_TRY(auto order, order_by_of(json, place));
    return question(std::move(order));
}
result<question> feedback_of(const value&, const std::string& place) {
    return error{errc::unsupported, place + ": is not supported"};
}
result<question> formula_of(const document& object, const std::string& place) {
    formula parsed;
    VECSTORE_TRY(parsed.expression, expression_of(object["formula"], member(place, "formula")));
    if (const auto* defaults = present(object, "defaults")) {
        VECSTORE_TRY(const auto* const values, object_of(*defaults, member(place, "defaults")));
        parsed.defaults = *values;
    }
    return question(std::move(parsed));
}

struct kind_of_question {
    std::string_view key;
    result<question> (*read)(const value&, const std::string&);
};
constexpr std::array<kind_of_question, 8> kinds = {{{"recommend", recommend_of},
                                                    {"discover", discover_of},
                                                    {"context", context_of},
                                                    {"order_by", ordered_of},
                                                    {"fusion", fusion_of},
                                                    {"rrf", rrf_of},
                                                    {"sample", sample_of},
                                                    {"relevance_feedback", feedback_of}}};

result<void> read_question(const value& json, const std::string& place, query& into) {
    const auto* object = json.if_object();
    if (object == nullptr || is_sparse(json)) return read_nearest(json, place, into);
    if (const auto* nearest = present(*object, "nearest")) {
        VECSTORE_CHECK(read(*object, "mmr", place, into.mmr, mmr_of));
        return read_nearest(*nearest, member(place, "nearest"), into);
    }
    if (present(*object, "formula") != nullptr) {
        VECSTORE_TRY(into.ask, formula_of(*object, place));
        return {};
    }
    for (const auto& kind : kinds) {
        const auto* content = present(*object, kind.key);
        if (content == nullptr) continue;
        VECSTORE_TRY(into.ask, kind.read(*content, member(place, kind.key)));
        return {};
    }
    // Nothing that has a name: a vector of another kind, or a mistake.
    auto parsed = example_of(json, place);
    if (!parsed && parsed.error().code == errc::unsupported) return std::move(parsed).error();
    return bad(place, "unknown kind of query");
}

result<void> read_params(const document& object, const std::string& place, query& into) {
    const auto* json = present(object, "params");
    if (json == nullptr) return {};
    const auto here = member(place, "params");
    VECSTORE_TRY(const auto* const params, object_of(*json, here));
    VECSTORE_CHECK(read(*params, "exact", here, into.exact, flag_of));
    VECSTORE_CHECK(read(*params, "hnsw_ef", here, into.ef,
                        [](const value& ef, const std::string& where) { return count_of(ef, where, 1); }));
    if (into.ef) into.ef = std::min(*into.ef, ef_max);
    return {};
}

result<lookup_from> lookup_of(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto* const object, object_of(json, place));
    lookup_from parsed;
    if (!present(*object, "collection")) return bad(member(place, "collection"), "is missing");
    VECSTORE_CHECK(read(*object, "collection", place, parsed.collection, text_of));
    VECSTORE_CHECK(read(*object, "vector", place, parsed.vector, text_of));
    return parsed;
}

result<query> query_of(const value& json, const std::string& place, std::size_t depth);

/// A list, or one in place of a list.
result<void> read_prefetches(const document& object, const std::string& place, query& into, std::size_t depth) {
    const auto* json = present(object, "prefetch");
    if (json == nullptr) return {};
    const auto here = member(place, "prefetch");
    if (depth == query_depth_max) return bad(here, "nested deeper than " + std::to_string(query_depth_max));
    if (json->is_object()) {
        VECSTORE_TRY(auto only, query_of(*json, at(here, 0), depth + 1));
        into.prefetch.push_back(std::move(only));
        return {};
    }
    const auto* list = json->if_array();
    if (list == nullptr) return bad(here, "must be a list of queries or one query");
    if (list->size() > prefetches_max) return bad(here, "more than " + std::to_string(prefetches_max));
    for (std::size_t i = 0; i < list->size(); ++i) {
        VECSTORE_TRY(auto one, query_of((*list)[i], at(here, i), depth + 1));
        into.prefetch.push_back(std::move(one));
    }
    return {};
}

result<query> query_of(const value& json, const std::string& place, std::size_t depth) {
    VECSTORE_TRY(const auto* const object, object_of(json, place));
    const auto count_from = [](std::size_t least) {
        return [least](const value& n, const std::string& where) { return count_of(n, where, least); };
    };
    query parsed;
    parsed.with_payload = false;
    VECSTORE_CHECK(read_prefetches(*object, place, parsed, depth));
    if (const auto* asked = present(*object, "query"))
        VECSTORE_CHECK(read_question(*asked, member(place, "query"), parsed));
    else if (parsed.prefetch.empty())
        parsed.ask = all_points{};
    VECSTORE_CHECK(read(*object, "using", place, parsed.using_vector, text_of));
    VECSTORE_CHECK(read(*object, "filter", place, parsed.filter, filter_of));
    VECSTORE_CHECK(read(*object, "limit", place, parsed.limit, count_from(1)));
    VECSTORE_CHECK(read(*object, "offset", place, parsed.offset, count_from(0)));
    VECSTORE_CHECK(read(*object, "score_threshold", place, parsed.score_threshold, score_of));
    VECSTORE_CHECK(read(*object, "with_payload", place, parsed.with_payload, payload_selector_of));
    VECSTORE_CHECK(read_vector_selector(*object, place, parsed.with_vectors));
    VECSTORE_CHECK(read(*object, "lookup_from", place, parsed.lookup_from, lookup_of));
    VECSTORE_CHECK(read_params(*object, place, parsed));
    return parsed;
}

result<query> checked_query_of(const value& json, const std::string& place) {
    VECSTORE_TRY(auto parsed, query_of(json, place, 0));
    if (auto checked = check_tree(parsed); !checked) {
        if (place.empty()) return std::move(checked).error();
        return bad(place, checked.error().message);
    }
    return parsed;
}

result<group_lookup> group_lookup_of(const value& json, const std::string& place) {
    group_lookup parsed;
    if (const auto* name = json.if_string()) {
        parsed.collection = *name;
        parsed.with_vectors = false;
        return parsed;
    }
    VECSTORE_TRY(const auto* const object, object_of(json, place));
    if (!present(*object, "collection")) return bad(member(place, "collection"), "is missing");
    VECSTORE_CHECK(read(*object, "collection", place, parsed.collection, text_of));
    VECSTORE_CHECK(read(*object, "with_payload", place, parsed.with_payload, payload_selector_of));
    VECSTORE_CHECK(read_vector_selector(*object, place, parsed.with_vectors));
    return parsed;
}

result<value> parsed_text(std::string_view json) {
    payload::json_options options;
    options.depth_max = query_json_depth_max;
    options.wide_integers_as_text = true;
    return payload::parse_json(json, options);
}

}  // namespace

result<query> query_from_value(const payload::value& json) { return checked_query_of(json, ""); }

result<group_query> group_query_from_value(const payload::value& json) {
    group_query parsed;
    VECSTORE_TRY(parsed.query, query_from_value(json));
    const auto& object = *json.if_object();
    if (!present(object, "group_by")) return bad("group_by", "is missing");
    VECSTORE_CHECK(read(object, "group_by", "", parsed.group_by, text_of));
    VECSTORE_CHECK(read(object, "group_size", "", parsed.group_size,
                        [](const value& n, const std::string& where) { return count_of(n, where, 1); }));
    VECSTORE_CHECK(read(object, "with_lookup", "", parsed.with_lookup, group_lookup_of));
    return parsed;
}

result<facet_query> facet_query_from_value(const payload::value& json) {
    VECSTORE_TRY(const auto* const object, object_of(json, ""));
    facet_query parsed;
    if (!present(*object, "key")) return bad("key", "is missing");
    VECSTORE_CHECK(read(*object, "key", "", parsed.key, text_of));
    VECSTORE_CHECK(read(*object, "limit", "", parsed.limit,
                        [](const value& n, const std::string& where) { return count_of(n, where, 1); }));
    VECSTORE_CHECK(read(*object, "filter", "", parsed.filter, filter_of));
    return parsed;
}

result<matrix_query> matrix_query_from_value(const payload::value& json) {
    VECSTORE_TRY(const auto* const object, object_of(json, ""));
    matrix_query parsed;
    VECSTORE_CHECK(read(*object, "sample", "", parsed.sample,
                        [](const value& n, const std::string& where) { return count_of(n, where, 2); }));
    VECSTORE_CHECK(read(*object, "limit", "", parsed.limit,
                        [](const value& n, const std::string& where) { return count_of(n, where, 1); }));
    VECSTORE_CHECK(read(*object, "using", "", parsed.using_vector, text_of));
    VECSTORE_CHECK(read(*object, "filter", "", parsed.filter, filter_of));
    return parsed;
}

result<scroll> scroll_from_value(const payload::value& json) {
    VECSTORE_TRY(const auto* const object, object_of(json, ""));
    scroll parsed;
    VECSTORE_CHECK(read(*object, "offset", "", parsed.offset, id_of));
    VECSTORE_CHECK(read(*object, "limit", "", parsed.limit,
                        [](const value& n, const std::string& where) { return count_of(n, where, 1); }));
    VECSTORE_CHECK(read(*object, "filter", "", parsed.filter, filter_of));
    VECSTORE_CHECK(read(*object, "with_payload", "", parsed.with_payload, payload_selector_of));
    VECSTORE_CHECK(read_vector_selector(*object, "", parsed.with_vectors));
    VECSTORE_CHECK(read(*object, "order_by", "", parsed.order_by, order_by_of));
    return parsed;
}

result<query> parse_query(std::string_view json) {
    VECSTORE_TRY(const auto parsed, parsed_text(json));
    return query_from_value(parsed);
}
result<std::vector<query>> parse_query_batch(std::string_view json) {
    VECSTORE_TRY(const auto parsed, parsed_text(json));
    VECSTORE_TRY(const auto* const object, object_of(parsed, ""));
    const auto* searches = (*object)["searches"].if_array();
    if (searches == nullptr) return bad("searches", "must be a list of queries");
    if (searches->size() > batch_queries_max)
        return bad("searches", "more than " + std::to_string(batch_queries_max) + " queries");
    std::vector<query> queries;
    for (std::size_t i = 0; i < searches->size(); ++i) {
        VECSTORE_TRY(auto one, checked_query_of((*searches)[i], at("searches", i)));
        queries.push_back(std::move(one));
    }
    return queries;
}
result<group_query> parse_group_query(std::string_view json) {
    VECSTORE_TRY(const auto parsed, parsed_text(json));
    return group_query_from_value(parsed);
}
result<facet_query> parse_facet_query(std::string_view json) {
    VECSTORE_TRY(const auto parsed, parsed_text(json));
    return facet_query_from_value(parsed);
}
result<matrix_query> parse_matrix_query(std::string_view json) {
    VECSTORE_TRY(const auto parsed, parsed_text(json));
    return matrix_query_from_value(parsed);
}
result<scroll> parse_scroll(std::string_view json) {
    VECSTORE_TRY(const auto parsed, parsed_text(json));
    return scroll_from_value(parsed);
}
result<filter::expression> parse_count(std::string_view json) {
    VECSTORE_TRY(const auto parsed, parsed_text(json));
    VECSTORE_TRY(const auto* const object, object_of(parsed, ""));
    filter::expression filter;
    VECSTORE_CHECK(read(*object, "filter", "", filter, filter_of));
    return filter;
}

}  // namespace vecstore
