#include "reader.hpp"

#include "state_hash.hpp"

#include <algorithm>

namespace vecstore::detail {

result<tables::applied_position> read_applied(storage::table_reader& tables) {
    VECSTORE_TRY(const auto value, tables.get(tables::meta, as_bytes("applied")));
    if (!value) return tables::applied_position{};
    byte_reader in(*value);
    tables::applied_position applied{in.get<std::uint64_t>(), in.get<std::uint64_t>()};
    if (!in.finished()) return error{errc::corruption, "the checkpoint's position does not parse", "meta", 0};
    return applied;
}

result<read_session> read_session::open(const collection_access& access) {
    constexpr int attempts_max = 1'000;  // each needs another checkpoint between two instructions
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        VECSTORE_CHECK(access.database->check_open());
        auto pinned = access.state->pin();
        if (!pinned || pinned->dropped)
            return error{errc::not_found, "no collection \"" + access.state->name() + "\": it was dropped"};
        VECSTORE_TRY(auto tables, access.database->tables().read());
        VECSTORE_TRY(const auto newest, access.database->checkpoint_bound(*tables));
        if (newest <= pinned->lsn) return read_session(std::move(pinned), std::move(tables), *access.state);
        VECSTORE_CHECK(access.database->refresh());
    }
    return error{errc::internal, "checkpoints overtook a read a thousand times"};
}

result<row_identity> read_session::identity(ordinal_id ordinal, const part* owner, row_id row) {
    if (owner != nullptr && !view_->edits->contains(ordinal)) {
        VECSTORE_TRY(const auto known, owner->checked_identity_of(row));
        if (known) return *known;
    }
    VECSTORE_TRY(const auto found, point(ordinal));
    return row_identity{found.id, found.version};
}

result<std::optional<byte_span>> read_session::vector(std::size_t slot, ordinal_id ordinal) const {
    return find_vector(view_->vectors[slot], ordinal);
}

bool read_session::has_vector(std::string_view name, ordinal_id ordinal) const noexcept {
    const auto& options = collection_->options();
    for (std::size_t slot = 0; slot < slot_count(options); ++slot)
        if (slot_name(options, slot) == name) return holds_vector(view_->vectors[slot], ordinal);
    return false;
}

result<void> read_session::for_each_point(const std::function<bool(ordinal_id, const point_ref&)>& visit) {
    const auto& overlays = view_->overlays;
    const auto from_overlays = overlays.back()->first_ordinal();
    std::size_t visited = 0;
    const auto go_on = [&] {
        if (visited++ % interruption_interval != interruption_interval - 1 || !interrupted()) return true;
        interruption_->points_left(view_->point_count - std::min(view_->point_count, visited));
        return false;
    };
    const auto changed = [&](ordinal_id ordinal) -> const point_version* {
        for (const auto& overlay : overlays)
            if (const auto* version = overlay->find_point(ordinal, view_->lsn); version != nullptr) return version;
        return nullptr;
    };
    VECSTORE_TRY(const auto cursor, tables_->cursor(tables::points));
    VECSTORE_CHECK(cursor->seek(tables::collection_key(collection_->id())));
    while (cursor->valid() && tables::of_collection(cursor->key(), collection_->id())) {
        byte_reader key(cursor->key().subspan(sizeof(collection_id)));
        const auto ordinal = key.get_big_endian<ordinal_id>();
        if (key.failed() || ordinal >= from_overlays)
            break;  // the overlays hold the later ones, whatever the tables say
        if (visible(ordinal)) {
            if (!go_on()) return {};
            if (const auto* version = changed(ordinal); version != nullptr) {
                if (!visit(ordinal, to_ref(*version))) return {};
            } else {
                VECSTORE_TRY(const auto point, parse_point(cursor->value()));
                if (!visit(ordinal, point)) return {};
            }
        }
        VECSTORE_CHECK(cursor->next());
    }
    for (auto ordinal = from_overlays; ordinal < view_->ordinal_end; ++ordinal) {
        if (!visible(ordinal)) continue;
        if (!go_on()) return {};
        if (const auto* version = changed(ordinal); version != nullptr && !visit(ordinal, to_ref(*version))) return {};
    }
    return {};
}

result<void> read_session::for_each_id(const point_id& first,
                                       const std::function<bool(const point_id&, ordinal_id)>& visit) {
    std::vector<const overlay::id_list::node*> nodes;  // beside view_->overlays, newest first
    for (const auto& overlay : view_->overlays) nodes.push_back(overlay->ids().lower_bound(first));
    VECSTORE_TRY(const auto cursor, tables_->cursor(tables::ids));
    VECSTORE_CHECK(cursor->seek(tables::id_key(collection_->id(), first)));
    for (std::size_t visited = 1;; ++visited) {
        if (visited % interruption_interval == 0 && interrupted()) return {};
        std::optional<point_id> table_id;
        if (cursor->valid() && tables::of_collection(cursor->key(), collection_->id())) {
            byte_reader key(cursor->key().subspan(sizeof(collection_id)));
            table_id = point_id::get_key(key);
            if (!key.finished()) return error{errc::corruption, "a key of the ids does not parse", "ids", 0};
        }
        auto smallest = table_id;
        for (const auto* node : nodes)
            if (node != nullptr && (!smallest || node->key < *smallest)) smallest = node->key;
        if (!smallest) return {};
        const id_version* newest = nullptr;
        for (auto& node : nodes) {
            if (node == nullptr || node->key != *smallest) continue;
            if (newest == nullptr) newest = newest_at(node->value, view_->lsn);
            node = node->next();
        }
        auto ordinal = newest != nullptr ? newest->ordinal : ordinal_none;
        if (table_id == smallest) {
            if (newest == nullptr && cursor->value().size() == sizeof(ordinal_id))
                ordinal = load_le<ordinal_id>(cursor->value().data());
            VECSTORE_CHECK(cursor->next());
        }
        if (ordinal != ordinal_none && view_->lost && view_->lost->points.contains(ordinal)) continue;
        if (ordinal != ordinal_none && !visit(*smallest, ordinal)) return {};
    }
}

}  // namespace vecstore::detail
