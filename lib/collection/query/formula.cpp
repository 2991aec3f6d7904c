#include "formula.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/filter/value_of.hpp>

#include <array>
#include <cmath>

namespace vecstore::detail {
namespace {

using scoring::operation;

/// As the JSON spelling calls it, so that errors of both name the same place.
std::string name_of(operation what) {
    constexpr std::array names = {"constant", "$score",       "field",     "condition", "geo_distance",
                                  "datetime", "datetime_key", "sum",       "mult",      "neg",
                                  "abs",      "sqrt",         "exp",       "ln",        "log10",
                                  "pow",      "div",          "lin_decay", "exp_decay", "gauss_decay"};
    return names[static_cast<std::size_t>(what)];
}

struct arity {
    std::size_t least, most;
};
arity arity_of(operation what) {
    switch (what) {
        case operation::sum:
        case operation::product: return {0, formula_nodes_max};
        case operation::negation:
        case operation::absolute:
        case operation::square_root:
        case operation::exponential:
        case operation::natural_logarithm:
        case operation::decimal_logarithm: return {1, 1};
        case operation::power:
        case operation::quotient: return {2, 2};
        case operation::linear_decay:
        case operation::exponential_decay:
        case operation::gaussian_decay: return {1, 2};
        default: return {0, 0};
    }
}

bool is_decay(operation what) { return what >= operation::linear_decay; }
bool has_path(operation what) {
    return what == operation::field || what == operation::geo_distance || what == operation::datetime_field;
}

/// The place of an operand, behind that of its operation.
std::string operand_place(operation what, std::size_t i) {
    switch (what) {
        case operation::sum:
        case operation::product: return "[" + std::to_string(i) + "]";
        case operation::power: return i == 0 ? ".base" : ".exponent";
        case operation::quotient: return i == 0 ? ".left" : ".right";
        default: return is_decay(what) ? (i == 0 ? ".x" : ".target") : "";
    }
}

/// A number of any kind that the operation can take from a payload, or its default.
std::optional<double> number_of(const payload::view& content, operation what, const geo_point& origin) {
    switch (what) {
        case operation::geo_distance: {
            const auto place = filter::geo_point_of(content);
            return place ? std::optional(filter::haversine_m(origin, *place)) : std::nullopt;
        }
        case operation::datetime_field: {
            const auto us = filter::datetime_us_of(content);
            if (!us) return std::nullopt;
            return static_cast<double>(*us) / 1e6;
        }
        default: return content.number();
    }
}
std::optional<double> number_of(const payload::value& content, operation what, const geo_point& origin) {
    const auto is_number = [](const payload::value& v) { return v.is_int64() || v.is_double(); };
    switch (what) {
        case operation::geo_distance: {
            const auto &lon = content["lon"], &lat = content["lat"];
            if (!is_number(lon) || !is_number(lat)) return std::nullopt;
            return filter::haversine_m(origin, {lon.double_or(0), lat.double_or(0)});
        }
        case operation::datetime_field: {
            const auto us = filter::parse_datetime_us(content.string_or(""));
            if (!us) return std::nullopt;
            return static_cast<double>(*us) / 1e6;
        }
        default: return is_number(content) ? std::optional(content.double_or(0)) : std::nullopt;
    }
}

const char* kind_wanted(operation what) {
    return what == operation::geo_distance ? "place" : what == operation::datetime_field ? "datetime" : "number";
}

}  // namespace

class ready_formula::maker {
public:
    maker(const formula& f, const filter_compiler& compile) : formula_(f), compile_(compile) {}

    result<node> make(const scoring::expression& e, const std::string& above, std::size_t depth) {
        if (depth > formula_depth_max) return bad(above, "nested deeper than " + std::to_string(formula_depth_max));
        if (++nodes_ > formula_nodes_max)
            return bad(above, "more than " + std::to_string(formula_nodes_max) + " terms");
        if (e.what > operation::gaussian_decay) return bad(above, "unknown operation");
        const bool leaf = arity_of(e.what).most == 0;
        const auto place = leaf ? above : above + "." + name_of(e.what);
        const auto [least, most] = arity_of(e.what);
        if (e.operands.size() < least || e.operands.size() > most) return bad(place, "wrong number of operands");
        if (!std::isfinite(e.number)) return bad(place, "is not finite");
        node made{e.what, e.number, e.index, e.path};
        made.origin = e.origin;
        made.by_zero = e.by_zero;
        if (e.by_zero && !std::isfinite(*e.by_zero)) return bad(place + ".by_zero_default", "is not finite");
        if (has_path(e.what)) VECSTORE_CHECK(read_path(e, place, made));
        if (e.what == operation::score) VECSTORE_CHECK(read_score(e, place, made));
        if (e.what == operation::condition) {
            auto compiled = compile_(e.matches);
            if (!compiled) return bad(place, compiled.error().message);
            made.matches = *std::move(compiled);
        }
        if (is_decay(e.what)) VECSTORE_CHECK(read_decay(e, place, made));
        for (std::size_t i = 0; i < e.operands.size(); ++i) {
            VECSTORE_TRY(auto operand, make(e.operands[i], place + operand_place(e.what, i), depth + 1));
            made.operands.push_back(std::move(operand));
        }
        return made;
    }

    /// Each default must be for a path or a score.
    result<void> check_defaults() const {
        for (const auto& [key, content] : formula_.defaults)
            if (!key.starts_with('$') && !payload::path::parse(key))
                return bad("formula.defaults", payload::path::parse(key).error().message);
        return {};
    }

private:
    static error bad(const std::string& place, const std::string& reason) {
        return invalid_argument(place + ": " + reason);
    }

    result<void> read_path(const scoring::expression& e, const std::string& place, node& made) {
        auto path = payload::path::parse(e.path);
        if (!path) return bad(place, path.error().message);
        for (const auto& [key, content] : formula_.defaults)
            if (const auto other = payload::path::parse(key); other && *other == *path) made.fallback = content;
        made.path = *std::move(path);
        const bool on_earth = std::abs(e.origin.lon) <= 180 && std::abs(e.origin.lat) <= 90;
        if (e.what == operation::geo_distance && !on_earth)
            return bad(place + ".geo_distance.origin", "longitude must be in -180 to 180 and latitude in -90 to 90");
        return {};
    }
    result<void> read_score(const scoring::expression& e, const std::string& place, node& made) {
        if (e.index >= prefetches_max) return bad(place, "no query has so many prefetches");
        const auto& named = formula_.defaults["$score[" + std::to_string(e.index) + "]"];
        made.fallback = named.is_null() && e.index == 0 ? formula_.defaults["$score"] : named;
        return {};
    }
    static result<void> read_decay(const scoring::expression& e, const std::string& place, node& made) {
        const double mid = e.midpoint;
        if (!(e.scale > 0 && std::isfinite(e.scale)))
            return bad(place + ".scale",
                       "Decay scale should be non-zero positive, got " + std::to_string(e.scale) + ".");
        if (e.what == operation::linear_decay) {
            if (!(mid >= 0 && mid <= 1))
                return bad(place + ".midpoint",
                           "Linear decay midpoint should be in the range [0.0, 1.0], got " + std::to_string(mid) + ".");
            made.number = (1 - mid) / e.scale;
            return {};
        }
        if (!(mid > 0 && mid < 1))
            return bad(place + ".midpoint",
                       "Decay midpoint should be in the range (0.0, 1.0), got " + std::to_string(mid) + ".");
        made.number = std::log(mid) / (e.what == operation::exponential_decay ? e.scale : e.scale * e.scale);
        return {};
    }

    const formula& formula_;
    const filter_compiler& compile_;
    std::size_t nodes_ = 0;
};

/// For one point. The first failure is kept; from then on all is zero.
class ready_formula::evaluation {
public:
    evaluation(const point_ref& point, std::span<const std::optional<float>> scores, filter::vector_presence vectors)
        : point_(point), scores_(scores), vectors_(vectors) {}

    [[nodiscard]] const std::optional<std::string>& failure() const noexcept { return failure_; }

    double value_of(const node& n) {
        if (failure_) return 0;
        switch (n.what) {
            case operation::constant:
            case operation::datetime: return n.number;
            case operation::score: return score_of(n);
            case operation::field:
            case operation::geo_distance:
            case operation::datetime_field: return read(n);
            case operation::condition: return n.matches(point_.id, point_.payload, vectors_) ? 1 : 0;
            case operation::sum: return sum_of(n);
            case operation::product: return product_of(n);
            case operation::negation: return -value_of(n.operands[0]);
            case operation::absolute: return std::abs(value_of(n.operands[0]));
            case operation::square_root: return finite(n, std::sqrt(value_of(n.operands[0])));
            case operation::exponential: return finite(n, std::exp(value_of(n.operands[0])));
            case operation::natural_logarithm: return finite(n, std::log(value_of(n.operands[0])));
            case operation::decimal_logarithm: return finite(n, std::log10(value_of(n.operands[0])));
            case operation::power: {
                const double base = value_of(n.operands[0]);
                return finite(n, std::pow(base, value_of(n.operands[1])));
            }
            case operation::quotient: return quotient_of(n);
            default: return decay_of(n);
        }
    }

private:
    double fail(std::string what) {
        if (!failure_) failure_ = std::move(what);
        return 0;
    }
    double finite(const node& n, double result) {
        return failure_ || std::isfinite(result) ? result : fail("the result of " + name_of(n.what) + " is not finite");
    }
    double score_of(const node& n) {
        if (n.index < scores_.size() && scores_[n.index]) return static_cast<double>(*scores_[n.index]);
        return n.fallback.double_or(0);
    }
    double read(const node& n) {
        std::optional<payload::view> content;
        std::size_t values = 0;
        const auto take = [&](payload::view v) {
            if (v.is_null()) return;
            content = v;
            ++values;
        };
        n.path->any_of(point_.payload, [&](payload::view reached) {
            if (!reached.is_array()) take(reached);
            for (const auto element : reached.elements()) take(element);
            return false;
        });
        std::optional<double> number;
        if (values == 1)
            number = number_of(*content, n.what, n.origin);
        else if (values == 0 && n.fallback.is_null())
            return fail(std::string("no ") + kind_wanted(n.what) + " at \"" + n.key + "\", and no default");
        else if (values == 0)
            number = number_of(n.fallback, n.what, n.origin);
        if (!number) return fail("the value at \"" + n.key + "\" is no " + kind_wanted(n.what));
        return *number;
    }
    double sum_of(const node& n) {
        double total = 0;
        for (const auto& term : n.operands) total += value_of(term);
        return finite(n, total);
    }
    double product_of(const node& n) {
        double total = 1;
        for (const auto& factor : n.operands) {
            const double value = value_of(factor);
            if (value == 0) return 0;
            total *= value;
        }
        return finite(n, total);
    }
    double quotient_of(const node& n) {
        const double left = value_of(n.operands[0]);
        if (left == 0) return 0;
        const double right = value_of(n.operands[1]);
        if (right == 0 && n.by_zero) return *n.by_zero;
        return finite(n, left / right);
    }
    double decay_of(const node& n) {
        const double x = value_of(n.operands[0]);
        const double target = n.operands.size() > 1 ? value_of(n.operands[1]) : 0;
        const double d = std::abs(x - target);
        switch (n.what) {
            case operation::linear_decay: return std::max(0.0, 1 - n.number * d);
            case operation::exponential_decay: return std::exp(n.number * d);
            default: return std::exp(n.number * d * d);
        }
    }

    const point_ref& point_;
    std::span<const std::optional<float>> scores_;
    filter::vector_presence vectors_;
    std::optional<std::string> failure_;
};

result<ready_formula> ready_formula::make(const formula& f, const filter_compiler& compile) {
    maker making(f, compile);
    VECSTORE_CHECK(making.check_defaults());
    VECSTORE_TRY(auto root, making.make(f.expression, "formula", 1));
    return ready_formula(std::move(root));
}

result<float> ready_formula::operator()(const point_ref& point, std::span<const std::optional<float>> scores,
                                        filter::vector_presence vectors) const {
    evaluation one(point, scores, vectors);
    const auto value = static_cast<float>(one.value_of(root_));
    const auto of_point = [&](const std::string& what) {
        return invalid_argument("formula: point " + to_string(point.id) + ": " + what);
    };
    if (one.failure()) return of_point(*one.failure());
    if (!std::isfinite(value)) return of_point("the score is not finite");
    return value;
}

}  // namespace vecstore::detail
