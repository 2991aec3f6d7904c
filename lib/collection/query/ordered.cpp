#include "ordered.hpp"

#include "ordered_index.hpp"
#include "random_choice.hpp"

#include <collection/fields/filtered_read.hpp>
#include <collection/fields/strict.hpp>

#include <algorithm>
#include <cmath>

namespace vecstore::detail {
namespace {

/// Negative, zero, positive: how an integer compares with a number.
int compare(std::int64_t a, double b) noexcept {
    constexpr double end = 9223372036854775808.0;  // 2^63
    if (b >= end) return -1;
    if (b < -end) return 1;
    const auto whole = static_cast<std::int64_t>(b);
    if (a != whole) return a < whole ? -1 : 1;
    const double rest = b - static_cast<double>(whole);
    return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}

std::optional<order_value> start_of(const order_by& question) {
    if (!question.start_from) return std::nullopt;
    if (const auto* integer = std::get_if<std::int64_t>(&*question.start_from)) return *integer;
    if (const auto* number = std::get_if<double>(&*question.start_from)) return *number;
    return std::get_if<datetime>(&*question.start_from)->us();
}

}  // namespace

bool before(const order_value& a, const order_value& b) noexcept {
    const auto *x = std::get_if<std::int64_t>(&a), *y = std::get_if<std::int64_t>(&b);
    if (x != nullptr && y != nullptr) return *x < *y;
    if (x != nullptr) return compare(*x, *std::get_if<double>(&b)) < 0;
    if (y != nullptr) return compare(*y, *std::get_if<double>(&a)) > 0;
    return *std::get_if<double>(&a) < *std::get_if<double>(&b);
}

std::optional<order_value> order_value_of(payload::view content) {
    switch (content.kind()) {
        case payload::kind::int64: return content.int64();
        case payload::kind::float64: return content.float64();
        case payload::kind::string:
            if (const auto us = filter::parse_datetime_us(content.string())) return *us;
            return std::nullopt;
        default: return std::nullopt;
    }
}

result<void> check(const order_by& question) {
    if (const auto path = payload::path::parse(question.key); !path)
        return invalid_argument("order_by.key: " + path.error().message);
    if (question.start_from)
        if (const auto* number = std::get_if<double>(&*question.start_from);
            number != nullptr && !std::isfinite(*number))
            return invalid_argument("order_by.start_from is not finite");
    return {};
}

ordering::ordering(const order_by& question, payload::path key, std::size_t count)
    : key_(std::move(key)),
      start_(start_of(question)),
      descending_(question.direction == sort_direction::descending),
      first_(count) {}

void ordering::add(ordinal_id ordinal, const point_ref& point) {
    values_.clear();
    const auto note = [&](payload::view content) {
        if (const auto value = order_value_of(content)) values_.push_back(*value);
    };
    key_.any_of(point.payload, [&](payload::view reached) {
        if (!reached.is_array()) note(reached);
        for (const auto element : reached.elements()) note(element);
        return false;
    });
    std::sort(values_.begin(), values_.end());  // once for each value, however often it is there
    values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
    for (const auto& value : values_)
        if (wants(value)) add(value, point.id, ordinal);
}

point_list ordering::take() {
    point_list list;
    for (const auto& p : first_.take_sorted()) list.points.push_back({p.ordinal, 1, p.value});
    return list;
}

result<point_list> ordered(read_session& session, const order_by& question, const filter::compiled& filter,
                           const ordinal_list* only, std::size_t count, query_plan& plan) {
    VECSTORE_TRY(const auto key, payload::path::parse(question.key));
    ordering order(question, key, count);
    if (only != nullptr) {
        for (const auto ordinal : *only) {
            VECSTORE_TRY(const auto point, session.point(ordinal));
            order.add(ordinal, point);
        }
        return order.take();
    }
    VECSTORE_CHECK(check_key(session, question.key, "order_by.key",
                             {field_kind::integer, field_kind::floating, field_kind::datetime}));
    VECSTORE_TRY(auto matches, match_reader::open(session, filter, plan));
    if (!matches.few_candidates()) {
        VECSTORE_TRY(const bool done, order_by_index(session, key, matches, order, count));
        if (done) return order.take();
        order = ordering(question, key, count);
    }
    VECSTORE_CHECK(matches.for_each([&](ordinal_id ordinal, const point_ref& point) {
        order.add(ordinal, point);
        return true;
    }));
    return order.take();
}

result<point_list> sampled(read_session& session, const random_sample& question, const filter::compiled& filter,
                           const ordinal_list* only, std::size_t count, query_plan& plan) {
    std::optional<ordinal_list> matches;
    if (only == nullptr) {
        VECSTORE_TRY(matches, matching_points(session, filter, plan));
        only = matches ? &*matches : nullptr;
    }
    random_choice<ordinal_id> choice(count, question.seed);
    const auto* lost = session.state().lost.get();
    if (only != nullptr) {
        for (const auto ordinal : *only) choice.see(ordinal);
    } else {
        for (ordinal_id ordinal = 0; ordinal < session.state().ordinal_end; ++ordinal)
            if (session.visible(ordinal) && (lost == nullptr || !lost->points.contains(ordinal))) choice.see(ordinal);
    }
    point_list list;
    for (const auto ordinal : choice.take()) list.points.push_back({ordinal, 1});
    return list;
}

result<point_list> by_id(read_session& session, const filter::compiled& filter, std::size_t count, query_plan& plan) {
    point_list list;
    VECSTORE_TRY(auto matches, match_reader::open(session, filter, plan));
    const auto& known = matches.known();
    if (known.bounded() && worth_sorting(known.candidates(), count, session.state().point_count)) {
        VECSTORE_TRY(const auto found, candidates_by_id(session, known, filter, point_id{}, count));
        for (const auto& [id, ordinal] : found) list.points.push_back({ordinal, 1});
        return list;
    }
    std::optional<error> failure;
    VECSTORE_CHECK(session.for_each_id(point_id{}, [&](const point_id&, ordinal_id ordinal) {
        const auto verdict = matches.verdict(ordinal);
        if (verdict == filter_plan::verdict::no) return true;
        if (verdict == filter_plan::verdict::ask) {
            const auto point = session.point(ordinal);
            if (!point) failure = point.error();
            if (!point || !matches.matches(verdict, ordinal, *point)) return !failure;
        }
        list.points.push_back({ordinal, 1});
        return list.points.size() < count;
    }));
    if (failure) return *std::move(failure);
    return list;
}

}  // namespace vecstore::detail
