/// What a payload index knows of the values of a field: for reads that want the values themselves and not a filter's answer.
/// Each run speaks of the visible points that no newer run covers, that no overlay changed, and whose values are all in its
/// dictionaries. The others are told apart: their payloads must be read.
/// Thread safety: belongs to one thread, as the session does; borrows from it.
#pragma once

#include "changed_points.hpp"
#include "indexed_field.hpp"

#include <vecstore/core/result.hpp>

#include <collection/query/point_list.hpp>
#include <field_index/ordinal_bitmap.hpp>
#include <field_index/segment.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace vecstore::detail {

class indexed_values {
public:
    struct run {
        const field_index::segment* content = nullptr;
        field_index::ordinal_bitmap speaks_for = {};
        bool all = false;  ///< of all that the segment covers
    };

    /// Nothing when there is no index, or it cannot be asked.
    /// Cost: a look at each ordinal that is covered, once a point was changed or has died.
    [[nodiscard]] static std::optional<indexed_values> make(const read_session& session, const indexed_field* field);

    /// Newest first.
    [[nodiscard]] std::span<const run> runs() const noexcept { return runs_; }
    /// Calls `visit(ordinal)` for each visible point that no run speaks of, until it returns false.
    template <class Visit>
    void for_each_other(const read_session& session, const Visit& visit) const {
        for (const auto ordinal : others_)
            if (!visit(ordinal)) return;
        changed_.for_each(session, visit);
    }
    /// How many these are, at most.
    [[nodiscard]] std::uint64_t others() const noexcept { return others_.size() + changed_.count(); }

private:
    std::vector<run> runs_;
    ordinal_list others_;
    changed_points changed_;
};

/// The values of a kind that the run has.  Errors: corruption (it is then not asked again), io.
[[nodiscard]] result<const field_index::dictionary*> values_of(const indexed_values::run& from,
                                                               field_index::dictionary_kind kind);
/// The points of the value at `rank` that the run speaks of, in any order.
/// Errors: as above.  Precondition: `in` is of the run.
[[nodiscard]] result<void> read_points(const indexed_values::run& from, const field_index::dictionary& in,
                                       std::uint64_t rank, ordinal_list& points);
/// How many of `among` have the value at `rank`.  Errors, Precondition: as above; the run speaks for `among`.
[[nodiscard]] result<std::uint64_t> count_points(const indexed_values::run& from, const field_index::dictionary& in,
                                                 std::uint64_t rank, const field_index::ordinal_bitmap& among);

}  // namespace vecstore::detail
