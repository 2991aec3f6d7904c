#include "calibration.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vecstore::detail {
namespace {

constexpr std::uint32_t tables_max = 8, steps_max = 64;

/// Of queries in these bands; `banded` when the step was measured for each.
class expectation {
public:
    expectation(const band_shares& shares, bool banded) noexcept : shares_(shares), banded_(banded) {}
    [[nodiscard]] float operator()(const measured_step& step) const noexcept {
        double recall = step.recall;
        if (banded_) {
            recall = 0;
            for (std::size_t band = 0; band < query_bands; ++band) recall += shares_[band] * step.band_recall[band];
        }
        return std::max(0.0f, static_cast<float>(recall) - step.recall_error);
    }

private:
    const band_shares& shares_;
    bool banded_;
};

/// A share that is not found, as a number with a logarithm.
double missed(double recall) noexcept { return std::max(1 - recall, 1e-5); }

/// From `a` at 0 to `b` at 1, along a power where both are positive.
double between(double a, double b, double at) noexcept {
    if (a > 0 && b > 0) return a * std::pow(b / a, at);
    return a + (b - a) * at;
}
std::uint32_t between(std::uint32_t a, std::uint32_t b, double at) noexcept {
    return static_cast<std::uint32_t>(std::lround(between(static_cast<double>(a), static_cast<double>(b), at)));
}
chosen_setting between(const chosen_setting& a, const chosen_setting& b, double at) noexcept {
    return {{between(a.setting.breadth, b.setting.breadth, at), between(a.setting.rescored, b.setting.rescored, at)},
            static_cast<float>(1 - between(missed(a.recall), missed(b.recall), at)),
            static_cast<float>(between(double{a.microseconds}, double{b.microseconds}, at)),
            a.reached && b.reached};
}
chosen_setting as_chosen(const measured_step& step, float recall, bool reached) noexcept {
    return {step.setting, recall, step.microseconds, reached};
}

chosen_setting for_recall(const std::vector<measured_step>& steps, double recall,
                          const expectation& expected) noexcept {
    // Steps that find less than a cheaper one are noise, or a waste.
    const auto* below = &steps.front();
    if (expected(*below) >= recall) return as_chosen(*below, expected(*below), true);
    for (const auto& step : steps) {
        if (expected(step) >= recall) {
            const auto from = std::log(missed(expected(*below))), to = std::log(missed(expected(step)));
            const auto at = from > to ? (from - std::log(missed(recall))) / (from - to) : 1;
            return between(as_chosen(*below, expected(*below), true), as_chosen(step, expected(step), true),
                           std::clamp(at, 0.0, 1.0));
        }
        if (expected(step) > expected(*below)) below = &step;
    }
    return as_chosen(*below, expected(*below), false);
}

chosen_setting for_breadth(const std::vector<measured_step>& steps, std::size_t breadth,
                           const expectation& expected) noexcept {
    const auto above = std::find_if(steps.begin(), steps.end(),
                                    [&](const measured_step& step) { return step.setting.breadth >= breadth; });
    const auto chosen = [&](const measured_step& step) { return as_chosen(step, expected(step), true); };
    auto found = chosen(above == steps.end() ? steps.back() : *above);
    if (above != steps.end() && above != steps.begin()) {
        const auto &low = above[-1], &high = *above;
        const auto at = std::log(static_cast<double>(breadth) / low.setting.breadth) /
                        std::log(static_cast<double>(high.setting.breadth) / low.setting.breadth);
        found = between(chosen(low), chosen(high), at);
    }
    found.setting.breadth = static_cast<std::uint32_t>(breadth);
    return found;
}

}  // namespace

void calibration::add_table(std::uint32_t k, std::vector<measured_step> steps) {
    tables_.push_back({k, std::move(steps)});
}

template <class Pick>
chosen_setting calibration::between_tables(std::size_t k, const Pick& pick) const noexcept {
    const auto above = std::find_if(tables_.begin(), tables_.end(), [&](const measured_table& t) { return t.k >= k; });
    if (above == tables_.end()) {
        // More neighbours than were measured: the same share needs about as many times more candidates.
        auto found = pick(tables_.back().steps);
        const auto more = static_cast<double>(k) / tables_.back().k;
        const auto grown = [&](std::uint32_t n) {
            return static_cast<std::uint32_t>(std::min(n * more, double{std::numeric_limits<std::uint32_t>::max()}));
        };
        found.setting = {grown(found.setting.breadth), grown(found.setting.rescored)};
        found.microseconds = static_cast<float>(found.microseconds * more);
        return found;
    }
    auto found = pick(above->steps);
    if (above == tables_.begin() || above->k == k) return found;
    const auto& below = above[-1];
    const auto at = std::log(static_cast<double>(k) / below.k) / std::log(static_cast<double>(above->k) / below.k);
    return between(pick(below.steps), found, at);
}

double calibration::missed(const measured_step& step, const band_shares& shares) const noexcept {
    if (band_edges_.empty()) return 1.0 - step.recall;
    double missed = 0;
    for (std::size_t band = 0; band < query_bands; ++band) missed += shares[band] * (1.0 - step.band_recall[band]);
    return missed;
}

std::size_t calibration::band_of(float distance) const noexcept {
    return static_cast<std::size_t>(std::upper_bound(band_edges_.begin(), band_edges_.end(), distance) -
                                    band_edges_.begin());
}

chosen_setting calibration::choose(double recall, std::size_t k, const band_shares& shares) const noexcept {
    const expectation expected(shares, !band_edges_.empty());
    return between_tables(k, [&](const auto& steps) { return for_recall(steps, recall, expected); });
}

chosen_setting calibration::at_breadth(std::size_t breadth, std::size_t k, const band_shares& shares) const noexcept {
    const expectation expected(shares, !band_edges_.empty());
    auto found = between_tables(k, [&](const auto& steps) { return for_breadth(steps, breadth, expected); });
    found.setting.breadth = static_cast<std::uint32_t>(breadth);
    return found;
}

void calibration::save(byte_writer& out) const {
    out.put(static_cast<std::uint32_t>(band_edges_.size()));
    for (const auto edge : band_edges_) out.put(edge);
    out.put(static_cast<std::uint32_t>(tables_.size()));
    for (const auto& t : tables_) {
        out.put(t.k);
        out.put(static_cast<std::uint32_t>(t.steps.size()));
        for (const auto& step : t.steps) {
            out.put(step.setting.breadth);
            out.put(step.setting.rescored);
            out.put(step.recall);
            out.put(step.recall_error);
            out.put(step.microseconds);
            for (const auto recall : step.band_recall) out.put(recall);
        }
    }
}

result<calibration> calibration::load(byte_span bytes) {
    const error damaged{errc::corruption, "calibration does not parse"};
    const auto is_share = [](float x) { return x >= 0 && x <= 1; };
    byte_reader in(bytes);
    calibration loaded;
    const auto edges = in.get<std::uint32_t>();
    if (edges != 0 && edges != query_bands - 1) return damaged;
    for (std::uint32_t i = 0; i < edges; ++i) {
        loaded.band_edges_.push_back(in.get<float>());
        if (!std::isfinite(loaded.band_edges_.back())) return damaged;
    }
    if (!std::is_sorted(loaded.band_edges_.begin(), loaded.band_edges_.end())) return damaged;
    const auto tables = in.get<std::uint32_t>();
    if (tables == 0 || tables > tables_max) return damaged;
    for (std::uint32_t i = 0; i < tables; ++i) {
        measured_table t{in.get<std::uint32_t>(), {}};
        const auto steps = in.get<std::uint32_t>();
        if (in.failed() || steps == 0 || steps > steps_max) return damaged;
        if (t.k == 0 || (i > 0 && t.k <= loaded.tables_.back().k)) return damaged;
        for (std::uint32_t s = 0; s < steps; ++s) {
            measured_step step;
            step.setting.breadth = in.get<std::uint32_t>();
            step.setting.rescored = in.get<std::uint32_t>();
            step.recall = in.get<float>();
            step.recall_error = in.get<float>();
            step.microseconds = in.get<float>();
            bool shares_in_bands = true;
            for (auto& recall : step.band_recall) shares_in_bands &= is_share(recall = in.get<float>());
            const bool ascends =
                s == 0 ? step.setting.breadth > 0 : step.setting.breadth > t.steps.back().setting.breadth;
            if (in.failed() || !ascends || !shares_in_bands || !is_share(step.recall) || !is_share(step.recall_error) ||
                !(step.microseconds >= 0 && std::isfinite(step.microseconds)))
                return damaged;
            t.steps.push_back(step);
        }
        loaded.tables_.push_back(std::move(t));
    }
    if (!in.finished()) return damaged;
    return loaded;
}

result<calibration> calibration::load_version_1(byte_span bytes) {
    const error damaged{errc::corruption, "calibration does not parse"};
    byte_reader in(bytes);
    std::vector<measured_step> steps;
    for (auto left = in.get<std::uint32_t>(); left > 0 && !in.failed() && steps.size() < steps_max; --left) {
        const auto ef = in.get<std::uint32_t>();
        const auto recall = in.get<float>();
        if (ef <= (steps.empty() ? 0 : steps.back().setting.breadth) || !(recall >= 0 && recall <= 1)) return damaged;
        steps.push_back({{ef, 0}, recall, 0, 0, {}});
    }
    if (!in.finished() || steps.empty()) return damaged;
    calibration loaded;
    loaded.add_table(10, std::move(steps));
    return loaded;
}

}  // namespace vecstore::detail
