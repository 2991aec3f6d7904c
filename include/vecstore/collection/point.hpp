/// What goes into a collection and what comes out of it.
/// Thread safety: plain values.
#pragma once

#include <vecstore/core/point_id.hpp>
#include <vecstore/filter/expression.hpp>
#include <vecstore/payload/value.hpp>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace vecstore {

/// A vector under its name. Shape: values [dim] f32, finite, and such as the vector's element type holds.
struct named_vector {
    std::string name = {};
    std::vector<float> values = {};

    friend bool operator==(const named_vector&, const named_vector&) = default;
};

/// The user's record. A point may lack any vector of its collection; it is then not found through that vector.
struct point {
    point_id id = {};
    std::vector<float> vector = {};          ///< the default vector, named ""; empty = absent
    std::vector<named_vector> vectors = {};  ///< further vectors by name
    payload::document payload = {};

    friend bool operator==(const point&, const point&) = default;
};

/// A point as read. `version` is the lsn of its last change.
struct record {
    point_id id = {};
    std::uint64_t version = 0;
    payload::document payload = {};          ///< empty unless asked for
    std::vector<float> vector = {};          ///< empty unless asked for
    std::vector<named_vector> vectors = {};  ///< empty unless asked for
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

struct write_options {
    vecstore::durability durability = vecstore::durability::sync;
};

/// Where a write stands in the log. Later reads through the same database see it.
struct write_result {
    std::uint64_t term = 0;
    std::uint64_t lsn = 0;
    std::size_t points = 0;  ///< points written, changed or erased
};

}  // namespace vecstore
