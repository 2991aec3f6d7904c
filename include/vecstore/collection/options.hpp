/// What a collection is made of. All of it is fixed when the collection is created, but for metadata and models.
/// Thread safety: plain values.
#pragma once

#include <vecstore/core/limits.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/distance/element_type.hpp>
#include <vecstore/distance/metric.hpp>
#include <vecstore/payload/value.hpp>
#include <vecstore/text/bm25.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore {

/// How the sealed rows of a vector are searched. The values are on disk, do not renumber.
enum class index_kind : std::uint8_t {
    /// Graph and inverted lists are both built and measured; each query takes what reaches its recall sooner, and lists
    /// that would never be taken are thrown away.
    automatic = 0,
    hnsw = 1,  ///< a graph: fast to search, slow to build
    ivf = 2,   ///< inverted lists: a little memory, fast to build; not for hamming
    flat = 3,  ///< none: every row is compared
};
[[nodiscard]] std::string_view to_string(index_kind kind) noexcept;
/// Errors: invalid_argument.
[[nodiscard]] result<index_kind> parse_index_kind(std::string_view name);

/// What of each row an index compares. The best candidates are compared by their originals in any case, so this trades
/// memory and speed, not the order of results. The values are on disk, do not renumber.
enum class quantization_kind : std::uint8_t {
    automatic = 0,  ///< int8, or none where codes make no sense (binary vectors, very many dimensions)
    none = 1,       ///< originals
    int8 = 2,       ///< a byte for each number
    int4 = 3,       ///< half a byte
};
[[nodiscard]] std::string_view to_string(quantization_kind kind) noexcept;
/// Errors: invalid_argument.
[[nodiscard]] result<quantization_kind> parse_quantization_kind(std::string_view name);

/// One named vector of a collection.
struct vector_options {
    /// "" is the default vector, the one that `point::vector` and an empty `query::using_vector` mean.
    /// UTF-8, at most `name_bytes_max` bytes, without control characters and without any of <>:"/\|?*
    std::string name = {};

    /// Numbers in each vector, 1 to `dim_max`.
    std::size_t dim = 0;

    /// How nearness is measured. Under cosine, vectors are stored (and read back) with unit length,
    /// but int8 vectors as they are given.
    vecstore::metric metric = vecstore::metric::cosine;

    /// Neighbours of each row in the upper layers of the graph; twice as many in the lowest. 2 to 128.
    /// More: better recall for hard data, more memory (about 8 * m bytes a vector), slower building.
    std::size_t m = 16;

    /// Candidates considered while the graph is built. 8 to 4,096. More: better graph, slower building.
    std::size_t ef_construct = 200;

    /// How numbers are kept in memory, log and files (element_type.hpp has the table). f16 and bf16 halve the bytes and
    /// round; int8 takes integers in [-128, 127] only; binary takes 0 and 1 only and goes with metric::hamming only.
    /// Reads return what is kept. Queries are numbers of any size, but 0 and 1 for binary.
    element_type type = element_type::f32;

    /// How sealed rows are searched.
    index_kind index = index_kind::automatic;

    /// What a graph keeps in memory of each row. Lists have codes of their own, two bits a number, unless it is `none`.
    quantization_kind quantization = quantization_kind::automatic;

    /// True: originals stay on disk and are read for the few rows that are compared by them; `automatic` then means
    /// inverted lists alone, which take about a quarter of a byte for each number and 5 bytes for each row. A graph keeps its
    /// lists in memory all the same, over codes of half a byte a number. Slower, for sets larger than memory.
    /// Exact scans and vectors returned still read through a mapping.
    bool on_disk = false;

    /// Names the model that makes these vectors, e.g. "bge-m3"; "" = not told. Points and queries that name another are
    /// refused, those that name none are taken. May be told later, too (`collection::set_model`), but not changed:
    /// another model's vectors belong under another name.
    std::string model = {};

    /// True: a point has any number of such vectors under this name, one for each token or patch as late interaction models give
    /// them, and a query, too; the score is MaxSim (`query::nearest_multi`). Not for hamming. There is no index over them:
    /// searches compare all points that match, and `index` is automatic or flat.
    bool multi = false;

    friend bool operator==(const vector_options&, const vector_options&) = default;
};

/// What is done to the weights of a query. The values are on disk, do not renumber.
enum class sparse_modifier : std::uint8_t {
    none = 0,
    idf = 1,  ///< weights grow with how rare their indexes are (`query::nearest_sparse`)
};
[[nodiscard]] std::string_view to_string(sparse_modifier modifier) noexcept;
/// Errors: invalid_argument.
[[nodiscard]] result<sparse_modifier> parse_sparse_modifier(std::string_view name);

/// One sparse named vector of a collection, searched by dot product.
struct sparse_vector_options {
    /// As of `vector_options`, but not empty, and different from those of dense vectors.
    std::string name = {};

    sparse_modifier modifier = sparse_modifier::none;

    /// With it the vector takes texts (`bm25("...")`) in points and queries, and `modifier` is idf whatever it says.
    std::optional<text::bm25_options> bm25 = {};

    friend bool operator==(const sparse_vector_options&, const sparse_vector_options&) = default;
};

struct collection_options {
    /// 0 to `vectors_per_point_max` vectors with different names.
    std::vector<vector_options> vectors = {};

    /// Points that are upserted without `expire_at` expire so many milliseconds after their write; 0 = never.
    std::uint64_t expire_after_ms = 0;

    /// Whatever the application wants to know of the collection; `collection::set_metadata` changes it.
    payload::document metadata = {};

    /// True: reads, and writes by filter or with `only_matching`, refuse filters on fields that have no payload index for the
    /// test, and reads the fields that they order, count or group by, so that none reads payloads of all points by mistake. An
    /// index that is still being built counts.
    bool strict_filters = false;

    /// Beside `vectors`; together at most `vectors_per_point_max`.
    std::vector<sparse_vector_options> sparse_vectors = {};

    friend bool operator==(const collection_options&, const collection_options&) = default;
};

/// Checks a name of a collection (`empty_allowed` = false) or of a vector.
/// Errors: invalid_argument that names `what` and the offending byte or length.
[[nodiscard]] result<void> validate_name(std::string_view what, std::string_view name, bool empty_allowed);

/// Errors: invalid_argument that names the field and the value.
[[nodiscard]] result<void> validate(const collection_options& options);

}  // namespace vecstore
