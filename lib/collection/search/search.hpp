/// The one search primitive: the nearest visible, matching points of one named vector in one view.
/// All queries are built on it.
/// Thread safety: belongs to one thread, as the session does.
#pragma once

#include <vecstore/collection/query.hpp>
#include <vecstore/core/top_k.hpp>
#include <vecstore/filter/evaluate.hpp>

#include <collection/reader.hpp>

#include <optional>
#include <vector>

namespace vecstore::detail {

class batch_answers;

struct nearest_request {
    std::size_t slot = 0;
    const void* vector = nullptr;  ///< [dim of the slot] f32, unit length under cosine; packed bits for binary
    std::size_t wanted = 0;        ///< limit + offset
    double recall = 0.95;
    std::optional<std::size_t> ef;
    bool exact = false;
    std::optional<float> radius;  ///< a range search: all at this distance or nearer, but not more than `wanted`
    const batch_answers* together = nullptr;  ///< what its batch found ahead; null: nothing
    std::size_t number = 0;                   ///< of the query in its batch
};

/// A point's ordinal and its distance, and where its row lies. Lifetime: borrows from the view.
struct candidate {
    float distance = 0;
    ordinal_id ordinal = ordinal_none;
    row_id row = row_none;
    const part* owner = nullptr;  ///< null: a memtable

    friend bool operator<(const candidate& a, const candidate& b) noexcept {
        return a.distance < b.distance || (a.distance == b.distance && a.ordinal < b.ordinal);
    }
};

/// Nearest first; `wanted` of them whenever so many match (and, with a radius, are within it). Adds its cost to `plan`.
/// Errors: corruption, io (payloads that a filter had to read).
[[nodiscard]] result<std::vector<candidate>> find_nearest(read_session& session, const nearest_request& request,
                                                          const filter::compiled& filter, query_plan& plan);

}  // namespace vecstore::detail
