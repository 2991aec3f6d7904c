/// What a formula should give: the tree walked over a document, as the documentation says.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/collection/query/formula.hpp>
#include <vecstore/filter/evaluate.hpp>
#include <vecstore/payload/codec.hpp>

#include <cmath>
#include <optional>
#include <vector>

namespace vecstore::test {

/// Of top-level fields only. Nothing when a value is missing or not finite.
[[nodiscard]] inline std::optional<double> naive_value(const scoring::expression& e, const point_id& id,
                                                       const payload::document& payload,
                                                       const std::vector<std::optional<double>>& scores) {
    using scoring::operation;
    std::vector<double> in;
    const auto value_of = [&](const scoring::expression& operand) { return naive_value(operand, id, payload, scores); };
    if (e.what == operation::product) {
        double all = 1;
        for (const auto& operand : e.operands) {
            const auto value = value_of(operand);
            if (!value) return std::nullopt;
            if (*value == 0) return 0;
            all *= *value;
        }
        return all;
    }
    if (e.what == operation::quotient) {
        const auto left = value_of(e.operands[0]);
        if (!left || *left == 0) return left;
        const auto right = value_of(e.operands[1]);
        if (right && *right == 0 && e.by_zero) return e.by_zero;
        if (!right || *right == 0) return std::nullopt;
        return *left / *right;
    }
    for (const auto& operand : e.operands) {
        const auto value = value_of(operand);
        if (!value) return std::nullopt;
        in.push_back(*value);
    }
    const auto distance = [&] { return std::abs(in[0] - (in.size() > 1 ? in[1] : 0)); };
    const auto finite = [](double x) { return std::isfinite(x) ? std::optional(x) : std::nullopt; };
    switch (e.what) {
        case operation::constant:
        case operation::datetime: return e.number;
        case operation::score: return e.index < scores.size() ? scores[e.index].value_or(0) : 0;
        case operation::field: {
            const auto& value = payload[e.path];
            if (!value.is_int64() && !value.is_double()) return std::nullopt;
            return value.double_or(0);
        }
        case operation::condition: {
            const auto bytes = payload::encode(payload).value();
            return filter::compiled::compile(e.matches).value()(id, payload::view::trusted(bytes)) ? 1 : 0;
        }
        case operation::sum: {
            double all = 0;
            for (const double x : in) all += x;
            return all;
        }
        case operation::negation: return -in[0];
        case operation::absolute: return in[0] < 0 ? -in[0] : in[0];
        case operation::square_root: return finite(std::sqrt(in[0]));
        case operation::exponential: return finite(std::exp(in[0]));
        case operation::natural_logarithm: return finite(std::log(in[0]));
        case operation::decimal_logarithm: return finite(std::log10(in[0]));
        case operation::power: return finite(std::pow(in[0], in[1]));
        case operation::linear_decay: return std::max(0.0, 1 - (1 - e.midpoint) * distance() / e.scale);
        case operation::exponential_decay: return std::pow(e.midpoint, distance() / e.scale);
        case operation::gaussian_decay: return std::pow(e.midpoint, std::pow(distance() / e.scale, 2));
        default: return std::nullopt;
    }
}

}  // namespace vecstore::test
