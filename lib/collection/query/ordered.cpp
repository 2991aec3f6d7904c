#include "ordered.hpp"

#include "random_choice.hpp"
#include "row_scan.hpp"

#include <vecstore/core/top_k.hpp>

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

/// A point under one of its values.
struct placed {
    order_value value;
    point_id id;
    ordinal_id ordinal = ordinal_none;
    bool descending = false;

    friend bool operator<(const placed& a, const placed& b) noexcept {
        const auto& first = a.descending ? b : a;
        const auto& second = a.descending ? a : b;
        if (before(first.value, second.value)) return true;
        return !before(second.value, first.value) && first.id < second.id;
    }
};

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

result<point_list> ordered(read_session& session, const order_by& question, const filter::compiled& filter,
                           const ordinal_list* only, std::size_t count, query_plan& plan) {
    VECSTORE_TRY(const auto key, payload::path::parse(question.key));
    const auto start = start_of(question);
    const bool descending = question.direction == sort_direction::descending;
    top_k<placed> first(count);
    const auto add = [&](ordinal_id ordinal, const point_ref& point) {
        const auto add_value = [&](payload::view content) {
            const auto value = order_value_of(content);
            if (!value || (start && (descending ? before(*start, *value) : before(*value, *start)))) return;
            first.push({*value, point.id, ordinal, descending});
        };
        key.any_of(point.payload, [&](payload::view reached) {
            if (!reached.is_array()) add_value(reached);
            for (const auto element : reached.elements()) add_value(element);
            return false;
        });
    };
    if (only != nullptr) {
        for (const auto ordinal : *only) {
            VECSTORE_TRY(const auto point, session.point(ordinal));
            add(ordinal, point);
        }
    } else {
        VECSTORE_CHECK(session.for_each_point([&](ordinal_id ordinal, const point_ref& point) {
            ++plan.filter_evaluations;
            if (session.passes(filter, ordinal, point)) add(ordinal, point);
            return true;
        }));
    }
    point_list list;
    for (const auto& p : first.take_sorted()) list.points.push_back({p.ordinal, 1, p.value});
    return list;
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
    std::optional<error> failure;
    VECSTORE_CHECK(session.for_each_id(point_id{}, [&](const point_id&, ordinal_id ordinal) {
        if (!filter.passes_all()) {
            ++plan.filter_evaluations;
            const auto point = session.point(ordinal);
            if (!point) failure = point.error();
            if (!point || !session.passes(filter, ordinal, *point)) return !failure;
        }
        list.points.push_back({ordinal, 1});
        return list.points.size() < count;
    }));
    if (failure) return *std::move(failure);
    return list;
}

}  // namespace vecstore::detail
