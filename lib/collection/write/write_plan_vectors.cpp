// Steps of a write that change some vectors of points.
#include "write_plan.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/payload/codec.hpp>

#include <collection/notes.hpp>
#include <collection/slots.hpp>

#include <algorithm>

namespace vecstore::detail {
namespace {

result<std::size_t> slot_of(const collection_options& options, const std::string& name) {
    for (std::size_t slot = 0; slot < slot_count(options); ++slot)
        if (slot_name(options, slot) == name) return slot;
    return invalid_argument("no vector \"" + name + "\" in this collection");
}

/// A filter may choose more points than one write can hold.
class whole_points {
public:
    result<void> add(whole_point p) {
        bytes_ += p.payload.size();
        for (const auto& row : p.rows) bytes_ += row ? row->size() : 0;
        if (bytes_ > write_bytes_max)
            return invalid_argument("points of more than " + std::to_string(write_bytes_max) +
                                    " bytes would be written; cut it into smaller batches");
        points_.push_back(std::move(p));
        return {};
    }
    [[nodiscard]] const std::vector<whole_point>& points() const noexcept { return points_; }

private:
    std::vector<whole_point> points_;
    std::size_t bytes_ = 0;
};

}  // namespace

result<void> write_plan::update_vectors(const std::shared_ptr<collection_access>& in,
                                        std::span<const point_vectors> points, const write_condition& condition) {
    step added;
    added.access = in;
    added.condition = &condition;
    added.vectors.emplace();
    const auto now = in->state->pin();
    for (std::size_t i = 0; i < points.size(); ++i) {
        const auto& p = points[i];
        auto rows = pack_rows(*in->state, given_by(p));
        if (rows && given_by(p).size() == 0) rows = invalid_argument("no vector is given");
        if (rows)
            if (auto right = check_models(in->state->options(), *now->notes, p); !right) rows = right.error();
        if (!rows)
            return error{rows.error().code,
                         "points[" + std::to_string(i) + "] (id " + to_string(p.id) + "): " + rows.error().message};
        added.vectors->push_back({p.id, *std::move(rows)});
    }
    return add(std::move(added));
}

result<void> write_plan::erase_vectors(const std::shared_ptr<collection_access>& in, const point_selector& points,
                                       const std::vector<std::string>& names, const write_condition& condition) {
    step added;
    added.access = in;
    added.condition = &condition;
    added.selector = &points;
    if (names.empty()) return invalid_argument("no vector is named");
    for (const auto& name : names) {
        VECSTORE_TRY(const auto slot, slot_of(in->state->options(), name));
        added.erased_slots.push_back(slot);
    }
    return add(std::move(added));
}

/// The point as the steps so far leave it. Precondition: it exists.
result<whole_point> write_plan::whole_of(target& on, const point_id& id) {
    whole_point whole;
    whole.id = id;
    VECSTORE_TRY(const auto found, find(on, id, true));
    VECSTORE_TRY(whole.payload, found.own != nullptr && found.own->payload
                                    ? result<byte_vector>(*found.own->payload)
                                    : payload::encode(found.payload.to_document()));
    if (found.own != nullptr && found.own->rows) {
        whole.rows = *found.own->rows;
        whole.expire_at = found.own->expire_at;
    } else if (found.own != nullptr && found.own->upserted != nullptr) {
        const auto& p = *found.own->upserted;
        const auto& options = on.session.collection().options();
        VECSTORE_TRY(whole.rows, pack_rows(on.session.collection(), given_by(p)));
        whole.expire_at = p.expire_at;
        if (p.expire_at == 0 && options.expire_after_ms > 0)
            whole.expire_at = database_->now_ms() + options.expire_after_ms;
    } else {
        VECSTORE_TRY(whole.rows, read_rows(on.session, *found.ordinal));
        VECSTORE_TRY(const auto point, on.session.point(*found.ordinal));
        whole.expire_at = point.expire_at;
    }
    return whole;
}

void write_plan::note_whole(target& on, const whole_point& whole) {
    auto& change = on.changed[whole.id];
    change = {};
    change.exists = true;
    change.payload = whole.payload;
    change.rows = whole.rows;
    change.expire_at = whole.expire_at;
}

result<void> write_plan::resolve_vectors(const step& s, target& on, write_request& request) {
    whole_points written;
    if (s.vectors) {
        for (std::size_t i = 0; i < s.vectors->size(); ++i) {
            const auto& [id, rows] = (*s.vectors)[i];
            VECSTORE_TRY(const bool good, meets(s, on, i, id));
            if (!good) {
                request.skipped.push_back(id);
                continue;
            }
            VECSTORE_TRY(const auto found, find(on, id, false));
            if (!found.exists) return error{errc::not_found, "no point with id " + to_string(id)};
            VECSTORE_TRY(auto whole, whole_of(on, id));
            for (std::size_t slot = 0; slot < rows.size(); ++slot)
                if (rows[slot]) whole.rows[slot] = rows[slot];
            note_whole(on, whole);
            VECSTORE_CHECK(written.add(std::move(whole)));
        }
    } else {
        VECSTORE_TRY(const auto ids, select(s, on, request));
        for (const auto& id : ids) {
            VECSTORE_TRY(auto whole, whole_of(on, id));
            bool changed = false;
            for (const auto slot : s.erased_slots) {
                changed |= whole.rows[slot].has_value();
                whole.rows[slot].reset();
            }
            if (!changed) continue;
            note_whole(on, whole);
            VECSTORE_CHECK(written.add(std::move(whole)));
        }
    }
    VECSTORE_TRY(auto records, encode_whole(s.access->state->id(), written.points()));
    request.points += written.points().size();
    append(request.operations, std::move(records));
    return {};
}

}  // namespace vecstore::detail
