/// Hits by groups, counts of values, and distances among points.
/// Thread safety: plain values.
#pragma once

#include <vecstore/collection/query.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace vecstore {

/// The record of another collection that has the group's id: an integer, or a UUID as text.
struct group_lookup {
    std::string collection = {};
    payload::selector with_payload = true;
    vector_selector with_vectors = false;
};

/// The best hits of a query for each value of a field. Points without a string or an integer there are left out, one with
/// several is in several groups.
struct group_query {
    vecstore::query query = {};  ///< its `limit` is how many groups; no offset
    std::string group_by = {};   ///< path of the payload
    std::size_t group_size = 3;  ///< hits of a group at most, 1 or larger; limit * group_size <= query_limit_max
    std::optional<group_lookup> with_lookup = {};
};

using group_id = std::variant<std::string, std::int64_t>;

struct point_group {
    group_id id;
    std::vector<hit> hits;              ///< best first
    std::optional<record> lookup = {};  ///< absent: not asked for, or there is none
};

/// Groups by their best hits.
struct group_result {
    std::vector<point_group> groups;
    query_plan plan;
    bool partial = false;  ///< as in query_result
    std::string missing = {};
};

/// How often values occur in a field: in how many points that match.
struct facet_query {
    std::string key = {};    ///< path of the payload
    std::size_t limit = 10;  ///< 1 to query_limit_max
    filter::expression filter = {};
    std::uint64_t timeout_ms = 0;  ///< these three as in `query`
    std::stop_token stop = {};
    bool allow_partial = false;
};

using facet_value = std::variant<bool, std::int64_t, std::string>;

struct facet_hit {
    facet_value value;
    std::size_t count = 0;

    friend bool operator==(const facet_hit&, const facet_hit&) = default;
};

/// The most frequent first.
struct facet_result : std::vector<facet_hit> {
    bool partial = false;  ///< as in query_result; counts are too small then, and values may be missing
    std::string missing = {};
};

/// Distances among points drawn at random.
struct matrix_query {
    std::size_t sample = 10;  ///< points, 2 to matrix_sample_max; fewer when not so many match and have the vector
    std::size_t limit = 3;    ///< nearest ones of the sample for each, 1 or larger
    std::string using_vector = {};
    filter::expression filter = {};
    std::optional<std::uint64_t> seed = {};  ///< as in random_sample
    std::uint64_t timeout_ms = 0;            ///< these three as in `query`
    std::stop_token stop = {};
    bool allow_partial = false;
};

/// A sparse matrix: entry i is at row `rows[i]` and column `columns[i]`, both numbers in `ids`. Of each row the best come
/// first, itself left out; rows are ascending. Scores are those of a search for the nearest.
struct distance_matrix {
    std::vector<point_id> ids = {};
    std::vector<std::uint32_t> rows = {};
    std::vector<std::uint32_t> columns = {};
    std::vector<float> scores = {};
    bool partial = false;  ///< as in query_result: only some of the points were drawn from, or rows are missing
    std::string missing = {};
};

}  // namespace vecstore
