/// A named set of points: the handle through which an application writes and asks.
/// Thread safety: every function may be called from any number of threads, on one handle or on copies. Reads take no
/// lock and see one state of the collection: all writes acknowledged before the read began, each write whole or not at
/// all. Writes of all collections of a database are put in one order (the log's).
/// Copies: writes to one of several copies of a database have two more errors, `not_leader` and `unknown_outcome`
/// (database.hpp).
/// Lifetime: a handle keeps its database open in memory; after `database::close` or a drop, calls give `unavailable` or
/// `not_found`.
#pragma once

#include <vecstore/collection/field_index.hpp>
#include <vecstore/collection/options.hpp>
#include <vecstore/collection/point.hpp>
#include <vecstore/collection/query.hpp>
#include <vecstore/collection/query/groups.hpp>
#include <vecstore/core/hash128.hpp>
#include <vecstore/core/result.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore {

class write_batch;

namespace detail {
struct collection_access;
}

/// What a collection holds, and where. Sizes in bytes.
struct collection_info {
    std::string name;
    collection_options options;  ///< metadata and models as they are now
    std::size_t points = 0;
    /// Sum of the hashes of all points (id, version, vectors, payload): equal in stores that hold the same. Nothing
    /// after damage to the tables, until the database is opened anew.
    std::optional<hash128> state_hash = std::nullopt;
    std::size_t parts = 0;                 ///< immutable runs of rows on disk, over all vectors
    std::size_t rows_indexed = 0;          ///< rows in parts that have an index
    std::size_t rows_in_graphs = 0;        ///< of these, in graphs
    std::size_t rows_in_lists = 0;         ///< of these, in inverted lists; automatic parts can have both
    std::size_t rows_scanned = 0;          ///< rows that a query compares one by one: memtables, parts without an index
    std::size_t memtable_bytes = 0;        ///< newest vectors, in memory
    std::size_t overlay_bytes = 0;         ///< newest ids and payloads, in memory
    std::size_t index_bytes = 0;           ///< graphs, lists and codes, in memory
    std::size_t index_file_bytes = 0;      ///< their files, read when a database is opened
    std::size_t mapped_bytes = 0;          ///< files of parts: vectors, mapped
    std::vector<field_index_info> fields;  ///< payload indexes, by path
    std::size_t sampled_queries = 0;       ///< kept in memory to measure indexes with, over all vectors
    std::size_t sample_bytes = 0;          ///< their memory
    /// Of `rows_indexed`, in parts that were measured with queries that came; the others were measured with rows alone.
    std::size_t rows_measured_by_queries = 0;

    /// In memory of this process, for each point, when all that is mapped has been read; the tables of ids and payloads
    /// (database_stats::tables_bytes) come on top.
    [[nodiscard]] double bytes_per_point() const noexcept {
        const auto all = memtable_bytes + overlay_bytes + index_bytes + mapped_bytes + sample_bytes;
        return points > 0 ? static_cast<double>(all) / static_cast<double>(points) : 0;
    }
};

class collection {
public:
    explicit collection(std::shared_ptr<detail::collection_access> access) noexcept : access_(std::move(access)) {}

    [[nodiscard]] const std::string& name() const noexcept;

    /// Writes points; one that exists is replaced whole, vectors and payload. If an id occurs twice, the last wins.
    /// Shapes:     each vector [dim of its name] f32, finite; not zero under cosine.
    /// Errors:     invalid_argument (the message names point, field and value; nothing is written),
    ///             conflict (a condition of `options` is not met: nothing is written),
    ///             resource_exhausted (disk full: nothing is written), unavailable (closed, read-only, failed sync).
    /// Cost:       one log record for each MiB, one sync shared with the writers that wait; no graph is built here.
    /// Durability: as `options.durability` says.  Idempotent: yes, but for versions.
    result<write_result> upsert(const std::vector<point>& points, write_options options = {});
    result<write_result> upsert(std::span<const point> points, write_options options = {});

    /// Erases points; ids that do not exist are ignored.
    /// Errors, Durability: as `upsert`.  Idempotent: yes.
    result<write_result> erase(const point_selector& points, write_options options = {});

    /// Merges the keys of `values` into each payload (top level; a nested object is replaced as a whole).
    /// Errors: as `upsert`, and not_found when one of the ids listed does not exist (then nothing is changed).
    result<write_result> set_payload(const point_selector& points, const payload::document& values,
                                     write_options options = {});
    /// Replaces each payload by `values`.  Errors: as `set_payload`.
    result<write_result> overwrite_payload(const point_selector& points, const payload::document& values,
                                           write_options options = {});
    /// Erases fields by path ("a", "b.c", "d[].e"); what is not there is ignored.  Errors: as `set_payload`.
    result<write_result> erase_payload(const point_selector& points, const std::vector<std::string>& paths,
                                       write_options options = {});
    /// Erases all fields.  Errors: as `set_payload`.
    result<write_result> clear_payload(const point_selector& points, write_options options = {});

    /// Merges the keys of `values` into the object at the path `key` ("a.b", "list[].c") of each payload. Objects are
    /// made on the way, and what is no object replaced by one; `[0]` and `[]` mean elements that exist.
    /// Errors: as `set_payload`.
    result<write_result> set_payload_at(const point_selector& points, const std::string& key,
                                        const payload::document& values, write_options options = {});

    /// Replaces the vectors given, of points that exist; all else of them stays. If an id occurs twice, both happen.
    /// Shapes: as `upsert`.  Errors: as `upsert`, and not_found when an id does not exist (then nothing is changed).
    /// Cost:   as an upsert of the whole points, which must be read, too.
    result<write_result> update_vectors(const std::vector<point_vectors>& points, write_options options = {});
    result<write_result> update_vectors(std::span<const point_vectors> points, write_options options = {});
    /// Erases vectors by name. Points that have none of them are left as they are, and not counted.
    /// Errors: as `set_payload`; invalid_argument (a name that the collection has not; more than `write_bytes_max` bytes
    ///         of points, which a filter may choose).
    result<write_result> erase_vectors(const point_selector& points, const std::vector<std::string>& names,
                                       write_options options = {});

    /// Merges the keys of `values` into the collection's metadata (`info().options.metadata`).
    /// Errors: invalid_argument (too large), not_found (dropped), resource_exhausted, unavailable.  Durability: sync.
    result<void> set_metadata(const payload::document& values);
    /// Tells which model makes the vectors of that name (`vector_options::model`).
    /// Errors: conflict (another one is told already), not_found (no such name, dropped), invalid_argument,
    ///         resource_exhausted, unavailable.  Durability: sync.  Idempotent: yes.
    result<void> set_model(const std::string& vector_name, const std::string& model);

    /// The points with these ids that exist, in the order asked.
    /// Errors: corruption, io, unavailable.
    result<std::vector<record>> get(std::span<const point_id> ids, const payload::selector& with_payload = true,
                                    const vector_selector& with_vectors = false) const;
    /// One point.  Errors: as above, and not_found.
    result<record> get(point_id id, const payload::selector& with_payload = true,
                       const vector_selector& with_vectors = false) const;

    /// The nearest points to `query.nearest` that match `query.filter`, best first; or what else the query asks.
    /// Errors: invalid_argument (names place, field and value: `prefetch[0]: ...`), not_found (no such vector name, or no
    ///         such point or collection that an example names), corruption, io, unavailable.
    /// Cost:   a graph walk in each part, an exact scan of the newest rows; an exact scan of all that match when few
    ///         do. Of other questions, as their headers say.
    result<query_result> query(const vecstore::query& query) const;
    /// Many queries over one state of the collection.
    /// Errors: those of the first query that is not valid, else of the first that cannot be answered; no partial answer.
    result<std::vector<query_result>> query_batch(std::span<const vecstore::query> queries) const;

    /// The best hits for each value of a field. Exact as the query is, among its query_limit_max best points.
    /// Errors: as `query`, and not_found (the collection of `with_lookup`).
    /// Cost:   the query, for as many points as fill the groups; it is asked again when they were too few.
    result<group_result> query_groups(const group_query& query) const;
    /// The values of a field and how many matching points have them, the most frequent first, of equal ones the smaller
    /// (booleans, integers, texts). A point counts once for each of its values. Exact.
    /// Errors: as `query`.
    /// Cost:   with a payload index (keyword, integer, bool) that also knows the filter's answer, a look at each value; else
    ///         reads the payload of each point that matches.
    result<facet_result> facet(const facet_query& query) const;
    /// The nearest to each other of points drawn at random. Exact.
    /// Errors: as `query`.  Cost: O(sample^2) distances, and one look at each row to draw.
    result<vecstore::distance_matrix> distance_matrix(const matrix_query& query) const;

    /// A page of points in the order of their ids, or of a field.  Errors: as `query`.
    result<scroll_page> scroll(const vecstore::scroll& page) const;

    /// How many points match.  Cost: O(1) without a filter, else as far as payload indexes do not tell one evaluation for each point.
    result<std::size_t> count(const filter::expression& filter = {}) const;
    /// The same, within a time.  Errors: as `query`.
    result<count_result> count_within(const count_query& query) const;

    /// Indexes a payload field, so that filters on it need not read payloads. Points that are there are looked at while
    /// writes and queries go on; those to come are indexed by checkpoints. The same index again changes nothing, another
    /// schema replaces it. Answers are the same with and without, but for indexes of texts and of UUIDs, which change at
    /// once what their field's tests mean (`field_schema::analyzer`, `field_kind::uuid`).
    /// Errors:     invalid_argument (path, schema), resource_exhausted (`field_indexes_max`, disk full), cancelled (the
    ///             index is there, and built later), io, unavailable, not_found (dropped).
    /// Cost:       a checkpoint, then one pass over all payloads.
    /// Durability: synced. After a crash meanwhile the index is built by the background thread or `optimize`.
    result<write_result> create_field_index(const std::string& path, const field_schema& schema,
                                            const field_index_options& options = {});
    /// Errors: not_found (no such index, or the collection was dropped), invalid_argument (path), unavailable.
    result<write_result> drop_field_index(const std::string& path);

    /// Computes the state hash from ids, vectors and payloads themselves, and compares it with the one that was kept.
    /// Errors: corruption (they differ, or something cannot be read), io, unavailable, not_found (dropped).
    /// Cost:   reads all points.
    [[nodiscard]] result<hash128> verify_state() const;

    /// Errors: unavailable.
    [[nodiscard]] result<collection_info> info() const;

private:
    friend class write_batch;
    std::shared_ptr<detail::collection_access> access_;
};

}  // namespace vecstore
