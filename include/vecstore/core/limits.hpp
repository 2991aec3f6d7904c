/// Every bound in one place. Input above a bound gives `errc::invalid_argument` that names field and value.
/// Units are in the names.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vecstore {

inline constexpr std::size_t dim_max = 65'536;
inline constexpr std::size_t name_bytes_max = 255;          ///< collection, vector name
inline constexpr std::size_t vectors_per_point_max = 64;    ///< named vectors in one collection
inline constexpr std::size_t sparse_values_max = 1u << 20;  ///< values of one sparse vector
inline constexpr std::size_t multi_vectors_max = 4'096;     ///< vectors of one point under one name, or of one query
inline constexpr std::size_t collections_max = 10'000;
inline constexpr std::size_t aliases_max = 10'000;          ///< of one database
inline constexpr std::size_t payload_bytes_max = 8u << 20;  ///< one point's payload, encoded
inline constexpr std::size_t payload_depth_max = 64;        ///< nesting of arrays and objects
inline constexpr std::size_t json_bytes_max = 64u << 20;
inline constexpr std::size_t filter_depth_max = 32;
inline constexpr std::size_t filter_conditions_max = 4'096;
inline constexpr std::size_t filter_values_max = 65'536;      ///< values in one any / except / has_id list
inline constexpr std::size_t filter_text_bytes_max = 65'536;  ///< one text, phrase or prefix
inline constexpr std::size_t query_limit_max = 65'536;        ///< limit + offset of one query
inline constexpr std::size_t batch_queries_max = 10'000;
inline constexpr std::size_t query_depth_max = 32;    ///< prefetches inside prefetches
inline constexpr std::size_t prefetches_max = 1'024;  ///< in one query, at all depths
inline constexpr std::size_t examples_max = 4'096;    ///< of one question
inline constexpr std::size_t matrix_sample_max = 16'384;
inline constexpr std::size_t formula_depth_max = 64;
inline constexpr std::size_t formula_nodes_max = 4'096;
inline constexpr std::size_t mmr_candidates_max = 16'384;
inline constexpr std::size_t ef_max = 65'536;
inline constexpr std::size_t record_bytes_max = 16u << 20;    ///< one WAL record
inline constexpr std::size_t write_bytes_max = 64u << 20;     ///< one write call, encoded
inline constexpr std::uint64_t write_ids_window = 1'000'000;  ///< log records that a `write_id` is remembered for
inline constexpr std::uint32_t points_max = 0xFFFF'FF00u;     ///< ordinals of one collection between vacuums

}  // namespace vecstore
