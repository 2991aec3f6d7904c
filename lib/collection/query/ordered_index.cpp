#include "ordered_index.hpp"

#include <collection/fields/filtered_read.hpp>
#include <collection/fields/indexed_values.hpp>

namespace vecstore::detail {
namespace {

using field_index::dictionary;
using field_index::dictionary_kind;

/// The values of one dictionary, in the order that is asked for.
class cursor {
public:
    cursor(const indexed_values::run& from, const dictionary& in, bool floating, const ordering& order)
        : from_(&from), in_(&in), floating_(floating), backwards_(order.descending()) {
        const auto& start = order.start();
        if (backwards_)
            left_ = start ? in.find([&](std::uint64_t rank) { return before(*start, at(rank)); }) : in.size();
        else
            rank_ = start ? in.find([&](std::uint64_t rank) { return !before(at(rank), *start); }) : 0;
    }
    [[nodiscard]] bool valid() const noexcept { return backwards_ ? left_ > 0 : rank_ < in_->size(); }
    [[nodiscard]] order_value value() const noexcept { return at(rank()); }
    void next() noexcept { backwards_ ? --left_ : ++rank_; }
    [[nodiscard]] result<void> read(ordinal_list& points) const { return read_points(*from_, *in_, rank(), points); }

private:
    [[nodiscard]] std::uint64_t rank() const noexcept { return backwards_ ? left_ - 1 : rank_; }
    [[nodiscard]] order_value at(std::uint64_t rank) const noexcept {
        if (floating_) return in_->floating(rank);
        return in_->integer(rank);
    }

    const indexed_values::run* from_;
    const dictionary* in_;
    bool floating_, backwards_;
    std::uint64_t rank_ = 0, left_ = 0;
};

bool has_order(field_kind kind) noexcept {
    return kind == field_kind::integer || kind == field_kind::floating || kind == field_kind::datetime;
}

class index_walk {
public:
    index_walk(read_session& session, match_reader& matches, ordering& order, std::size_t count)
        : session_(session), matches_(matches), order_(order), count_(count) {}

    result<bool> run(const indexed_values& known) {
        const auto points = session_.state().point_count;
        if (!few_of(known.others(), points)) return false;
        VECSTORE_CHECK(add_others(known));
        VECSTORE_CHECK(open(known));
        std::optional<order_value> last;
        std::uint64_t looked = known.others();
        for (auto* next = first(); next != nullptr && !interrupted_; next = first()) {
            const auto value = next->value();
            if (taken_ >= count_ && (!last || before(*last, value) || before(value, *last))) break;
            last = value;
            VECSTORE_CHECK(next->read(points_));
            looked += points_.size();
            if (!few_of(looked, points)) return false;
            VECSTORE_CHECK(add(value));
            next->next();
        }
        return true;
    }

private:
    result<void> open(const indexed_values& known) {
        for (const auto& run : known.runs())
            for (const auto kind : {dictionary_kind::integer, dictionary_kind::floating, dictionary_kind::time}) {
                VECSTORE_TRY(const auto* in, values_of(run, kind));
                if (in->size() > 0) cursors_.emplace_back(run, *in, kind == dictionary_kind::floating, order_);
            }
        return {};
    }
    cursor* first() noexcept {
        cursor* best = nullptr;
        for (auto& each : cursors_) {
            if (!each.valid()) continue;
            if (best == nullptr ||
                (order_.descending() ? before(best->value(), each.value()) : before(each.value(), best->value())))
                best = &each;
        }
        return best;
    }
    /// Calls `take(point)` when the point matches.
    template <class Take>
    result<void> look_at(ordinal_id ordinal, const Take& take) {
        if (++looks_ % interruption_interval == 0) interrupted_ = interrupted_ || session_.interrupted();
        const auto verdict = matches_.verdict(ordinal);
        if (verdict == filter_plan::verdict::no) return {};
        VECSTORE_TRY(const auto point, session_.point(ordinal));
        if (matches_.matches(verdict, ordinal, point)) take(point);
        return {};
    }
    result<void> add_others(const indexed_values& known) {
        result<void> done;
        known.for_each_other(session_, [&](ordinal_id ordinal) {
            done = look_at(ordinal, [&](const point_ref& point) { order_.add(ordinal, point); });
            return done.has_value() && !interrupted_;
        });
        return done;
    }
    result<void> add(const order_value& value) {
        for (const auto ordinal : points_) {
            if (interrupted_) break;
            VECSTORE_CHECK(look_at(ordinal, [&](const point_ref& point) {
                order_.add(value, point.id, ordinal);
                ++taken_;
            }));
        }
        return {};
    }

    read_session& session_;
    match_reader& matches_;
    ordering& order_;
    std::size_t count_;
    std::vector<cursor> cursors_;
    ordinal_list points_;
    std::size_t taken_ = 0, looks_ = 0;
    bool interrupted_ = false;
};

}  // namespace

result<bool> order_by_index(read_session& session, const payload::path& key, match_reader& matches, ordering& order,
                            std::size_t count) {
    const auto* const field = find_field(*session.state().fields, payload::to_string(key));
    if (field == nullptr || !has_order(field->schema().kind) || session.state().lost) return false;
    const auto known = indexed_values::make(session, field);
    if (!known) return false;
    auto done = index_walk(session, matches, order, count).run(*known);
    if (!done && !field->usable()) return false;  // a run was found damaged
    return done;
}

}  // namespace vecstore::detail
