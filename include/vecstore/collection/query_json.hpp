/// Questions in Qdrant's JSON dialect (release 1.19), read into the structs of this layer.
/// `{"prefetch": [{"query": [0.1, 0.9], "limit": 100}, {"query": 42, "using": "title"}], "query": {"rrf": {"k": 60}}}`
///
/// What is searched by is `[0.1, 0.9]`, a point's id, `{"indices": [7, 42], "values": [1.5, 0.5]}` for a sparse vector, `{"text": "blue
/// whale", "model": "bm25"}` (or "qdrant/bm25") for a sparse vector with `sparse_vector_options::bm25`, and `[[0.1, 0.9], [0.3, 0.7]]`
/// for a multi-vector. The examples of other questions (recommend, discover, context) are dense vectors and ids.
///
/// Null is the same as absence, and members that the dialect does not know are ignored, but in filters. Without a query, all
/// points are asked for by id. What is about a cluster (`shard_key`, `consistency`) or about tuning that does not exist here
/// (`params.quantization`, `indexed_only`, `acorn`) is ignored, too. `params.hnsw_ef` is `query::ef`.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/collection/query.hpp>
#include <vecstore/collection/query/groups.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/payload/value.hpp>

#include <string_view>
#include <vector>

namespace vecstore {

/// Arrays and objects in each other that these texts may have.
inline constexpr std::size_t query_json_depth_max = 512;

/// A body of `/points/query`. What is accepted is a valid query, as far as that can be told without its collection.
/// Errors: invalid_argument with the place and the reason, `prefetch[0].query.recommend.positive[1]: ...`; unsupported for
///         what the dialect has and this library has not (texts to be embedded by other models than bm25, relevance
///         feedback).
[[nodiscard]] result<query> parse_query(std::string_view json);
/// A body of `/points/query/batch`.  Errors: as `parse_query`, `searches[3].limit: ...`.
[[nodiscard]] result<std::vector<query>> parse_query_batch(std::string_view json);
/// A body of `/points/query/groups`.  Errors: as `parse_query`.
[[nodiscard]] result<group_query> parse_group_query(std::string_view json);
/// A body of `/facet`.  Errors: as `parse_query`.
[[nodiscard]] result<facet_query> parse_facet_query(std::string_view json);
/// A body of `/points/search/matrix/pairs` and `/offsets`.  Errors: as `parse_query`.
[[nodiscard]] result<matrix_query> parse_matrix_query(std::string_view json);
/// A body of `/points/scroll`.  Errors: as `parse_query`.
[[nodiscard]] result<scroll> parse_scroll(std::string_view json);
/// The filter of a body of `/points/count`; counts are exact whatever it says.  Errors: as `parse_query`.
[[nodiscard]] result<filter::expression> parse_count(std::string_view json);

/// The same from JSON already parsed, whose integers beyond the int64 range are texts (payload::json_options).
[[nodiscard]] result<query> query_from_value(const payload::value& json);
[[nodiscard]] result<group_query> group_query_from_value(const payload::value& json);
[[nodiscard]] result<facet_query> facet_query_from_value(const payload::value& json);
[[nodiscard]] result<matrix_query> matrix_query_from_value(const payload::value& json);
[[nodiscard]] result<scroll> scroll_from_value(const payload::value& json);

}  // namespace vecstore
