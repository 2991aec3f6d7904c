/// The points of a view whose payloads overlays have: those that no run of a payload index speaks of.
/// Thread safety: belongs to one thread, as the session does; borrows the view.
#pragma once

#include <collection/reader.hpp>

#include <cstddef>
#include <cstdint>

namespace vecstore::detail {

class changed_points {
public:
    /// None.
    changed_points() = default;
    explicit changed_points(const view& state)
        : view_(&state),
          first_new_(state.overlays.back()->first_ordinal()),
          count_(state.ordinal_end - state.overlays.back()->first_ordinal()) {
        for (const auto& overlay : state.overlays) {
            const auto older = overlay->older_points().size();
            count_ += older;
            edited_ = edited_ || older > 0;
        }
    }

    /// At least as many as there are.
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    /// From here on, overlays have all.
    [[nodiscard]] ordinal_id first_new() const noexcept { return first_new_; }
    /// True when some are older than that.
    [[nodiscard]] bool edited() const noexcept { return edited_; }

    [[nodiscard]] bool contains(ordinal_id ordinal) const noexcept {
        return ordinal >= first_new_ || (edited_ && is_edited(ordinal, view_->overlays.size()));
    }
    /// Calls `visit(ordinal)` for each visible one, in no order that is promised, until it returns false.
    template <class Visit>
    void for_each(const read_session& session, const Visit& visit) const {
        if (view_ == nullptr) return;
        const auto& overlays = view_->overlays;
        for (std::size_t i = 0; i < overlays.size() && edited_; ++i) {
            const auto* node = overlays[i]->older_points().first();
            for (; node != nullptr && node->key < first_new_; node = node->next()) {
                if (newest_at(node->value, view_->lsn) == nullptr || is_edited(node->key, i)) continue;
                if (session.visible(node->key) && !visit(node->key)) return;
            }
        }
        for (auto ordinal = first_new_; ordinal < view_->ordinal_end; ++ordinal)
            if (session.visible(ordinal) && !visit(ordinal)) return;
    }

private:
    /// Whether one of the first `overlays` has a version of an older ordinal.
    [[nodiscard]] bool is_edited(ordinal_id ordinal, std::size_t overlays) const noexcept {
        for (std::size_t i = 0; i < overlays; ++i)
            if (view_->overlays[i]->find_point(ordinal, view_->lsn) != nullptr) return true;
        return false;
    }

    const view* view_ = nullptr;
    ordinal_id first_new_ = 0;
    std::uint64_t count_ = 0;
    bool edited_ = false;
};

}  // namespace vecstore::detail
