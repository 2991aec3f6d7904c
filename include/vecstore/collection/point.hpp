/// What goes into a collection and what comes out of it.
/// Thread safety: plain values.
#pragma once

#include <vecstore/collection/query/order.hpp>
#include <vecstore/collection/sparse_value.hpp>
#include <vecstore/core/point_id.hpp>
#include <vecstore/filter/expression.hpp>
#include <vecstore/payload/value.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace vecstore {

/// A vector under its name. Shape: values [dim] f32, finite, and such as the vector's element type holds.
struct named_vector {
    std::string name = {};
    std::vector<float> values = {};
    /// Names the model that made it, when given to a write; it must be the collection's (`vector_options::model`). It is
    /// not kept with the vector: reads leave it empty.
    std::string model = {};

    friend bool operator==(const named_vector&, const named_vector&) = default;
};

/// Several vectors under one name (`vector_options::multi`). Shape: at least one, at most `multi_vectors_max`, each [dim].
struct named_multi_vector {
    std::string name = {};
    std::vector<std::vector<float>> values = {};

    friend bool operator==(const named_multi_vector&, const named_multi_vector&) = default;
};

/// The user's record. A point may lack any vector of its collection; it is then not found through that vector.
struct point {
    point_id id = {};
    std::vector<float> vector = {};          ///< the default vector, named ""; empty = absent
    std::vector<named_vector> vectors = {};  ///< further vectors by name
    payload::document payload = {};
    /// When the point is to be erased, in milliseconds since 1970; 0 = never, or as the collection's
    /// `expire_after_ms` says. It happens through the log, soon after (`database_options::expire_interval_ms`); until
    /// then the point is there. Edits of the payload leave it as it is.
    std::uint64_t expire_at = 0;
    std::string model = {};                        ///< of `vector`, as `named_vector::model`
    std::vector<named_sparse_vector> sparse = {};  ///< sparse vectors by name
    std::vector<named_multi_vector> multi = {};    ///< multi-vectors by name, "" for the default one

    friend bool operator==(const point&, const point&) = default;
};

/// New vectors of a point that exists; its other vectors, payload and expire_at stay.
struct point_vectors {
    point_id id = {};
    std::vector<float> vector = {};          ///< the default vector, named ""; empty = stays
    std::vector<named_vector> vectors = {};  ///< further vectors by name; those not named stay
    std::string model = {};                  ///< of `vector`, as `named_vector::model`
    std::vector<named_sparse_vector> sparse = {};
    std::vector<named_multi_vector> multi = {};

    friend bool operator==(const point_vectors&, const point_vectors&) = default;
};

/// A point as read. `version` is the lsn of its last change.
struct record {
    point_id id = {};
    std::uint64_t version = 0;
    payload::document payload = {};                         ///< empty unless asked for
    std::vector<float> vector = {};                         ///< empty unless asked for
    std::vector<named_vector> vectors = {};                 ///< empty unless asked for
    std::uint64_t expire_at = 0;                            ///< milliseconds since 1970; 0 = never
    std::optional<vecstore::order_value> order_value = {};  ///< what a scroll with `order_by` ordered it by
    std::vector<named_sparse_vector> sparse = {};           ///< empty unless asked for
    std::vector<named_multi_vector> multi = {};             ///< empty unless asked for
};

/// Which points a write is about: a list of ids, or all that match a filter when the write takes its turn.
class point_selector {
public:
    point_selector(std::initializer_list<point_id> ids) : ids_(ids) {}               // NOLINT: implicit by design
    point_selector(std::vector<point_id> ids) : ids_(std::move(ids)) {}              // NOLINT: implicit by design
    point_selector(std::span<const point_id> ids) : ids_(ids.begin(), ids.end()) {}  // NOLINT: implicit by design
    point_selector(filter::expression filter)                                        // NOLINT: implicit by design
        : filter_(std::move(filter)), by_filter_(true) {}

    [[nodiscard]] bool by_filter() const noexcept { return by_filter_; }
    [[nodiscard]] const std::vector<point_id>& ids() const noexcept { return ids_; }
    [[nodiscard]] const filter::expression& filter() const noexcept { return filter_; }

private:
    std::vector<point_id> ids_;
    filter::expression filter_;
    bool by_filter_ = false;
};

/// What survives a crash when a write returns.
enum class durability : std::uint8_t {
    sync,   ///< the write is on the disk (group commit: waiting writers share one sync)
    async,  ///< the write is with the operating system: it survives kill -9; power loss may take the last
            ///< `database_options::flush_interval_ms` of such writes, never a part of one
};

/// Which points an upsert writes.
enum class update_mode : std::uint8_t {
    upsert,       ///< all
    insert_only,  ///< those that do not exist yet
    update_only,  ///< those that exist
};

/// What becomes of a write when a point does not meet its condition.
enum class unmet : std::uint8_t {
    fail,  ///< nothing is written: errc::conflict, which names the first such point and its version
    skip,  ///< such points are left as they are, and listed in `write_result::skipped_ids`
};

/// A version that every point has, whether it exists or not.
inline constexpr std::uint64_t any_version = ~std::uint64_t{0};

/// Conditions of a write, checked for each of its points when the write takes its turn: nothing comes between the check
/// and the write. An upsert looks at what it has done itself already: of an id that is given twice, the second finds the
/// first, with a version that no number equals.
struct write_condition {
    /// For upserts.
    update_mode mode = update_mode::upsert;
    /// The version (`record::version`) that each point must have, in the order of the points or ids given; 0 = it must
    /// not exist, `any_version` = no matter. Empty: no condition. Not for selectors by filter.
    std::vector<std::uint64_t> if_versions = {};
    /// Points that exist are changed only if they match this; upserts insert new ones all the same.
    filter::expression only_matching = {};
    unmet when_unmet = unmet::fail;

    [[nodiscard]] bool empty() const noexcept {
        return mode == update_mode::upsert && if_versions.empty() && only_matching.empty();
    }
};

/// The name that a caller gives to one write, so that it can be tried again without being done twice: who, and which.
/// Both numbers are the caller's; a client that counts its writes and never uses a number again does it right.
struct write_id {
    std::uint64_t client = 0;
    std::uint64_t number = 0;

    friend bool operator==(const write_id&, const write_id&) = default;
};

struct write_options {
    vecstore::durability durability = vecstore::durability::sync;
    write_condition condition = {};
    /// A write with an id that was given to a write among the last `write_ids_window` records of the log is not done
    /// again: it gets the first one's result, whatever its points. Kept across reopening and crashes. A write that
    /// failed leaves no trace: its id is free.
    std::optional<write_id> operation_id = {};
};

/// Where a write stands in the log. Later reads through the same database see it.
struct write_result {
    std::uint64_t term = 0;
    std::uint64_t lsn = 0;
    std::size_t points = 0;                  ///< points written, changed or erased
    std::size_t skipped = 0;                 ///< points left as they were, because of `unmet::skip`
    std::vector<point_id> skipped_ids = {};  ///< which ones, in the order given; empty in a repeated result
    bool repeated = false;                   ///< this is what an earlier write with the same `operation_id` got
};

}  // namespace vecstore
