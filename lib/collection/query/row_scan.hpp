/// Rows of a named vector one by one: all that are visible, or those of some points.
/// Thread safety: belongs to one thread, as the session does.
#pragma once

#include "point_list.hpp"

#include <collection/reader.hpp>

namespace vecstore::detail {

/// Calls `visit(ordinal, row)` for the visible rows of `slot`, or for those of `only`; `row` points to the stored vector.
/// Ends early, without an error, when the session is interrupted.
/// Errors: corruption (a row's block is damaged), io.
template <class Visit>
result<void> for_each_row(read_session& session, std::size_t slot, const ordinal_list* only, const Visit& visit) {
    std::size_t until_look = interruption_interval;
    const auto go_on = [&](std::size_t left) {
        if (--until_look > 0) return true;
        until_look = interruption_interval;
        return !session.interrupted_before(left);
    };
    const auto scan = [&](row_id count, const auto& ordinal_of, const auto& visit_row) -> result<void> {
        if (only == nullptr) {
            for (row_id row = 0; row < count && go_on(count - row); ++row)
                if (session.visible(ordinal_of(row))) VECSTORE_CHECK(visit_row(row));
            return {};
        }
        row_id row = 0;
        for (std::size_t i = 0; i < only->size(); ++i) {
            const auto wanted = (*only)[i];
            row = find_row(count, wanted, ordinal_of, row);
            if (row == count || !go_on(std::min<std::size_t>(count - row, only->size() - i))) break;
            if (ordinal_of(row) == wanted && session.visible(wanted)) VECSTORE_CHECK(visit_row(row));
        }
        return {};
    };
    const auto& rows = session.state().vectors[slot];
    for (const auto& part : *rows.parts) {
        if (session.interrupted_before(part->size())) continue;
        const bool plain = part->stored().plain();
        auto scanned = scan(
            part->size(), [&](row_id row) { return part->ordinal_of(row); },
            [&](row_id row) -> result<void> {
                if (!plain) VECSTORE_CHECK(part->stored().check(row));
                visit(part->ordinal_of(row), part->vectors().at(row));
                return {};
            });
        if (!scanned) return scanned;
    }
    for (const auto& newest : rows.memtables) {
        if (session.interrupted_before(newest.rows)) continue;
        const auto& table = *newest.table;
        (void)scan(
            newest.rows, [&](row_id row) { return table.ordinal_of(row); },
            [&](row_id row) -> result<void> {
                visit(table.ordinal_of(row), table.vectors().at(row));
                return {};
            });
    }
    return {};
}

}  // namespace vecstore::detail
