/// One read: a pinned view and a snapshot of the tables that belong together.
/// A view holds all changes since some checkpoint; the tables hold a checkpoint. They fit when the tables' checkpoint
/// is not newer than the view: what both hold, the view overrides. So the view is pinned first, then the tables; if a
/// checkpoint was committed in between and is newer than the view, both are taken again.
/// Thread safety: belongs to one thread.
#pragma once

#include "interruption.hpp"
#include "lookup.hpp"
#include "port.hpp"
#include "slots.hpp"

#include <vecstore/collection/query.hpp>
#include <vecstore/filter/evaluate.hpp>

#include <collection/sparse/sparse_row.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace vecstore::detail {

class read_session {
public:
    /// Errors: unavailable (closed), not_found (dropped), corruption, io.
    [[nodiscard]] static result<read_session> open(const collection_access& access);

    [[nodiscard]] const view& state() const noexcept { return *view_; }
    [[nodiscard]] const collection_state& collection() const noexcept { return *collection_; }

    /// From now on, reads ask `reason` whether to go on; null: they do. It outlives them. Gives what they asked before.
    interruption* interrupt_for(interruption* reason) noexcept { return std::exchange(interruption_, reason); }
    /// True when the read is to end with what it has.
    [[nodiscard]] bool interrupted() { return interruption_ != nullptr && interruption_->due(); }
    /// True when it has been told so.
    [[nodiscard]] bool was_interrupted() const noexcept {
        return interruption_ != nullptr && interruption_->reason().has_value();
    }
    /// The same as `interrupted`, and so many rows are left out by it.
    [[nodiscard]] bool interrupted_before(std::size_t rows) {
        if (!interrupted()) return false;
        interruption_->rows_left(rows);
        return true;
    }

    [[nodiscard]] bool visible(ordinal_id ordinal) const noexcept {
        return ordinal < view_->ordinal_end && view_->deaths->alive_at(ordinal, view_->lsn);
    }
    [[nodiscard]] result<std::optional<ordinal_id>> find(const point_id& id) {
        return find_ordinal(view_->overlays, view_->lsn, collection_->id(), id, *tables_);
    }
    [[nodiscard]] result<point_ref> point(ordinal_id ordinal) {
        return find_point(view_->overlays, view_->lsn, collection_->id(), ordinal, *tables_, view_->expiring);
    }
    /// Id and version of the point that has `ordinal`. `owner`: the part that has its `row`, null when a memtable does.
    /// Cost: a look into the part's file, unless the payload was edited since or the row is new.
    [[nodiscard]] result<row_identity> identity(ordinal_id ordinal, const part* owner, row_id row);
    /// The packed vector; nothing when the point lacks it. Valid while the session lives.
    /// Errors: corruption (its block is damaged), io.
    [[nodiscard]] result<std::optional<byte_span>> vector(std::size_t slot, ordinal_id ordinal) const;

    /// Whether the point has a vector of that name.  Cost: a search in the parts that may have it.
    [[nodiscard]] bool has_vector(std::string_view name, ordinal_id ordinal) const noexcept;
    /// Whether the filter lets the point pass.
    [[nodiscard]] bool passes(const filter::compiled& filter, ordinal_id ordinal,
                              const point_ref& point) const noexcept {
        const auto has = [&](std::string_view name) noexcept { return has_vector(name, ordinal); };
        return filter(point.id, point.payload, has);
    }

    /// Calls `visit(ordinal, point)` for each visible point in the order of ordinals, until it returns false.
    result<void> for_each_point(const std::function<bool(ordinal_id, const point_ref&)>& visit);
    /// Calls `visit(id, ordinal)` for each visible point from `first` on in the order of ids, until it returns false.
    result<void> for_each_id(const point_id& first, const std::function<bool(const point_id&, ordinal_id)>& visit);

    /// Fills payload and vectors as selected.  Errors: as `vector`; corruption (a salvaged collection has lost one).
    template <class Record>
    result<void> fill(Record& record, ordinal_id ordinal, const point_ref& point, const payload::selector& with_payload,
                      const vector_selector& with_vectors) const;
    template <class Record>
    result<void> fill_vectors(Record& record, ordinal_id ordinal, const vector_selector& with_vectors) const;

private:
    read_session(snapshot<view> pinned, std::unique_ptr<storage::table_reader> tables,
                 const collection_state& collection)
        : view_(std::move(pinned)), tables_(std::move(tables)), collection_(&collection) {}

    snapshot<view> view_;
    std::unique_ptr<storage::table_reader> tables_;
    const collection_state* collection_;
    interruption* interruption_ = nullptr;
};

/// The checkpoint that a snapshot of the tables holds.  Errors: corruption.
[[nodiscard]] result<tables::applied_position> read_applied(storage::table_reader& tables);

template <class Record>
result<void> read_session::fill(Record& record, ordinal_id ordinal, const point_ref& point,
                                const payload::selector& with_payload, const vector_selector& with_vectors) const {
    record.id = point.id;
    record.version = point.version;
    if constexpr (requires { record.expire_at; }) record.expire_at = point.expire_at;
    if (with_payload.reads_payload()) record.payload = with_payload.apply(point.payload);
    return fill_vectors(record, ordinal, with_vectors);
}

template <class Record>
result<void> read_session::fill_vectors(Record& record, ordinal_id ordinal, const vector_selector& with_vectors) const {
    if (with_vectors.none()) return {};
    const auto& options = collection_->options();
    for (std::size_t slot = 0; slot < slot_count(options); ++slot) {
        const bool sparse = is_sparse(options, slot);
        const auto& name = slot_name(options, slot);
        if (!with_vectors.includes(name)) continue;
        VECSTORE_TRY(const auto row, vector(slot, ordinal));
        if (!row && view_->lost && view_->lost->may_have_lost_vector(slot, ordinal))
            return error{errc::corruption, "a vector of this point is lost: \"" + name + "\"", "parts", 0};
        if (!row) continue;
        if (sparse) {
            record.sparse.push_back({name, unpack_sparse(*row)});
            continue;
        }
        if (options.vectors[slot].multi) {
            record.multi.push_back({name, unpack_multi(*row, options.vectors[slot])});
            continue;
        }
        auto& out = name.empty() ? record.vector : record.vectors.emplace_back().values;
        if (!name.empty()) record.vectors.back().name = name;
        out.resize(options.vectors[slot].dim);
        unpack(options.vectors[slot].type, row->data(), out);
    }
    return {};
}

}  // namespace vecstore::detail
