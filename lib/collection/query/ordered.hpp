/// Questions that are not about nearness: order_by, random_sample, all_points.
/// Each takes the points that pass `filter`, or those of `only`, and reads no more payloads than it must; they end early,
/// without an error, when the session is interrupted.
/// Thread safety: belong to one thread, as the session does.
#pragma once

#include "point_list.hpp"

#include <vecstore/core/top_k.hpp>
#include <vecstore/filter/evaluate.hpp>
#include <vecstore/payload/path.hpp>
#include <vecstore/payload/view.hpp>

#include <collection/reader.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace vecstore::detail {

/// Exactly, integers with integers and with doubles: no rounding on the way.
[[nodiscard]] bool before(const order_value& a, const order_value& b) noexcept;

/// A number, or of a datetime its microseconds since 1970; nothing for anything else.
[[nodiscard]] std::optional<order_value> order_value_of(payload::view content);

/// A point under one of its values.
struct placed {
    order_value value;
    point_id id;
    ordinal_id ordinal = ordinal_none;
    bool descending = false;

    friend bool operator<(const placed& a, const placed& b) noexcept {
        const auto& first = a.descending ? b : a;
        const auto& second = a.descending ? a : b;
        if (before(first.value, second.value)) return true;
        if (before(second.value, first.value)) return false;
        return first.id != second.id ? first.id < second.id : first.value.index() < second.value.index();
    }
};

/// The first points in the order of a field, of those that are added in any order.
class ordering {
public:
    ordering(const order_by& question, payload::path key, std::size_t count);

    [[nodiscard]] bool descending() const noexcept { return descending_; }
    [[nodiscard]] const std::optional<order_value>& start() const noexcept { return start_; }
    /// Whether it is not before the start.
    [[nodiscard]] bool wants(const order_value& value) const noexcept {
        return !start_ || !(descending_ ? before(*start_, value) : before(value, *start_));
    }
    /// Under all its values.
    void add(ordinal_id ordinal, const point_ref& point);
    void add(const order_value& value, const point_id& id, ordinal_id ordinal) {
        first_.push({value, id, ordinal, descending_});
    }
    [[nodiscard]] point_list take();

private:
    payload::path key_;
    std::optional<order_value> start_;
    bool descending_;
    top_k<placed> first_;
    std::vector<order_value> values_;
};

/// Errors: invalid_argument (the key does not parse, `start_from` is no datetime or not finite).
[[nodiscard]] result<void> check(const order_by& question);

/// The first `count`.  Errors: corruption, io.
[[nodiscard]] result<point_list> ordered(read_session& session, const order_by& question,
                                         const filter::compiled& filter, const ordinal_list* only, std::size_t count,
                                         query_plan& plan);
[[nodiscard]] result<point_list> sampled(read_session& session, const random_sample& question,
                                         const filter::compiled& filter, const ordinal_list* only, std::size_t count,
                                         query_plan& plan);
[[nodiscard]] result<point_list> by_id(read_session& session, const filter::compiled& filter, std::size_t count,
                                       query_plan& plan);

}  // namespace vecstore::detail
