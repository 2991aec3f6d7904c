// Which points have expired. They lie in two places: the newest ones in memory, the others in the tables, by time.
#include <collection/lookup.hpp>
#include <collection/state.hpp>

#include <algorithm>

namespace vecstore::detail {

result<std::vector<point_id>> collection_state::due_at(std::uint64_t now_ms, std::size_t limit,
                                                       storage::table_reader& tables) {
    std::vector<point_id> ids;
    const auto collect = [&](const std::set<expiry_entry>& entries, const overlay& changes) {
        for (const auto& [expire_at, ordinal] : entries) {
            if (expire_at > now_ms || ids.size() == limit) return;
            if (deaths_->died_at(ordinal) != 0) continue;
            if (const auto* point = changes.find_point(ordinal, ~std::uint64_t{0}); point != nullptr)
                ids.push_back(point->id);
        }
    };
    while (!due_.empty() && due_.begin()->first <= now_ms && deaths_->died_at(due_.begin()->second) != 0)
        due_.erase(due_.begin());
    collect(due_, *changes_);
    if (sealed_) collect(sealed_->expiring, *sealed_->changes);
    VECSTORE_CHECK(due_in_tables(now_ms, limit, tables, ids));
    // What was sealed may have come to the tables already, and is then seen in both places.
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

/// The dead stay in the tables until the next checkpoint; they are passed once, not at every look.
result<void> collection_state::due_in_tables(std::uint64_t now_ms, std::size_t limit, storage::table_reader& tables,
                                             std::vector<point_id>& ids) {
    VECSTORE_TRY(const auto cursor, tables.cursor(tables::expiry));
    VECSTORE_CHECK(cursor->seek(first_living_expiry_.empty() ? tables::collection_key(id_) : first_living_expiry_));
    bool all_dead = true;
    while (cursor->valid() && tables::of_collection(cursor->key(), id_) && ids.size() < limit) {
        byte_reader key(cursor->key().subspan(sizeof(collection_id)));
        const auto expire_at = key.get_big_endian<std::uint64_t>();
        const auto ordinal = key.get_big_endian<ordinal_id>();
        if (!key.finished()) return error{errc::corruption, "an entry of the expiry does not parse", "expiry", 0};
        const bool dead = deaths_->died_at(ordinal) != 0;
        all_dead = all_dead && dead;
        if (all_dead || first_living_expiry_.empty())
            first_living_expiry_.assign(cursor->key().begin(), cursor->key().end());
        if (expire_at > now_ms) return {};
        if (!dead) {
            VECSTORE_TRY(const auto value, tables.get(tables::points, tables::number_key(id_, ordinal)));
            if (!value) return error{errc::corruption, "no point for ordinal " + std::to_string(ordinal), "points", 0};
            VECSTORE_TRY(const auto point, parse_point(*value));
            ids.push_back(point.id);
        }
        VECSTORE_CHECK(cursor->next());
    }
    return {};
}

}  // namespace vecstore::detail
