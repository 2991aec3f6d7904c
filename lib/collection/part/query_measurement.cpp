#include "query_measurement.hpp"

#include <algorithm>
#include <cmath>

namespace vecstore::detail {
namespace {

/// How far queries may be from what rows in their bands miss, before anything is known of them: by half of it. When they are
/// farther than that and than their error, the distance itself says how little the rows tell.
constexpr double prior_spread = 0.5;
/// Added to shares of misses before they are compared, since no sample tells whether so little is missed.
constexpr double least_missed = 5e-4;
/// The error that is taken off counts up to this share of the misses. To be surer costs more than it is worth: half as many
/// misses take nearly twice the time.
constexpr double error_share_max = 0.1;
constexpr double slowest = 4;
/// Times what all queries together miss.
constexpr double band_missed_max = 4;

/// Misses as a multiple of the rows', with the standard error as a share of them.
struct correction {
    double rows_missed = 0;
    double ratio = 1;
    double error = 0;
    bool beyond_rows = false;  ///< broader than what was measured with rows
};

/// The mean of two guesses, weighed by their variances.
correction correct(const query_rung& rung, double rows_missed, double rows_error, bool beyond_rows) {
    // Beyond the rows' ladder theirs is a bound, and no guess.
    const auto spread = prior_spread * (rows_missed + least_missed), apart = rung.missed - rows_missed;
    const auto prior = std::max(spread * spread, apart * apart - rung.variance) + rows_error * rows_error;
    const auto weight = beyond_rows ? 1 : prior / (prior + rung.variance);
    const auto missed = weight * rung.missed + (1 - weight) * rows_missed;
    return {rows_missed, (missed + least_missed) / (rows_missed + least_missed),
            std::sqrt(weight * rung.variance) / (missed + least_missed), beyond_rows};
}

/// Where rows miss `rows_missed`, on a line that ascends in it; its ends go on level.
correction at(const std::vector<correction>& line, double rows_missed) {
    const auto above =
        std::find_if(line.begin(), line.end(), [&](const correction& c) { return c.rows_missed >= rows_missed; });
    if (above == line.end()) return line.back();
    if (above == line.begin()) return line.front();
    const auto &low = above[-1], &high = *above;
    const auto from = std::log(low.rows_missed + least_missed), to = std::log(high.rows_missed + least_missed);
    const auto share = (std::log(rows_missed + least_missed) - from) / (to - from);
    return {rows_missed, low.ratio * std::pow(high.ratio / low.ratio, share),
            low.error + (high.error - low.error) * share, false};
}

class combiner {
public:
    combiner(const calibration& rows, const query_measurement& queries) : rows_(rows), queries_(queries) {}

    calibration run() {
        for (const auto& table : rows_.tables()) lines_.push_back(line_of(table));
        calibration combined;
        combined.set_band_edges(rows_.band_edges());
        for (std::size_t i = 0; i < lines_.size(); ++i) {
            const auto& table = rows_.tables()[i];
            combined.add_table(table.k, lines_[i].empty() ? by_another(table) : by_its_own(table, lines_[i]));
        }
        return combined;
    }

private:
    [[nodiscard]] const query_table* queries_for(std::uint32_t k) const {
        for (const auto& table : queries_.tables)
            if (table.k == k && !table.rungs.empty()) return &table;
        return nullptr;
    }
    /// The step of a rung; of one beyond all, the last.
    [[nodiscard]] static const measured_step& like(const measured_table& table, std::uint32_t breadth) {
        const auto step = std::find_if(table.steps.begin(), table.steps.end(),
                                       [&](const measured_step& s) { return s.setting.breadth >= breadth; });
        return step == table.steps.end() ? table.steps.back() : *step;
    }
    /// Of what the rows say of the queries' bands: a band has only its share of the rows.
    [[nodiscard]] double rows_error(const measured_step& step) const {
        double times = 0;
        for (std::size_t band = 0; band < query_bands; ++band)
            times += queries_.shares[band] * queries_.shares[band] / shares_of_rows[band];
        return double{step.recall_error} * std::sqrt(times);
    }
    std::vector<correction> line_of(const measured_table& table) {
        std::vector<correction> line;
        const auto* const measured = queries_for(table.k);
        if (measured == nullptr) return line;
        for (const auto& rung : measured->rungs) {
            const bool beyond = rung.setting.breadth > table.steps.back().setting.breadth;
            const auto& step = like(table, rung.setting.breadth);
            line.push_back(correct(rung, rows_.missed(step, queries_.shares), rows_error(step), beyond));
            if (beyond || step.microseconds <= 0) continue;
            time_ += rung.microseconds;
            rows_time_ += double{step.microseconds};
        }
        return line;
    }
    [[nodiscard]] double slower() const {
        return rows_time_ > 0 && time_ > 0 ? std::clamp(time_ / rows_time_, 1 / slowest, slowest) : 1;
    }
    [[nodiscard]] measured_step corrected(const measured_step& step, const correction& by) const {
        auto made = step;
        const auto missed = [&](double rows_missed) {
            return std::clamp((rows_missed + least_missed) * by.ratio - least_missed, 0.0, 1.0);
        };
        const auto all = missed(rows_.missed(step, queries_.shares));
        // A ratio that comes of queries in one band, in which few rows were, must not say that others find nothing.
        const auto most = band_missed_max * all;
        made.recall = static_cast<float>(1 - all);
        made.recall_error = static_cast<float>(std::min(by.error, error_share_max) * all);
        for (auto& recall : made.band_recall) {
            const auto from_rows = 1.0 - recall;
            recall = static_cast<float>(1 - std::min(missed(from_rows), std::max(from_rows, most)));
        }
        made.setting = deepened(step.setting, queries_);
        made.microseconds *= static_cast<float>(slower());
        return made;
    }
    /// Rungs between those that were measured are left out: the rows' noise there says less than the line between its neighbours.
    [[nodiscard]] std::vector<measured_step> by_its_own(const measured_table& table,
                                                        const std::vector<correction>& line) const {
        const auto& rungs = queries_for(table.k)->rungs;
        std::vector<measured_step> steps;
        for (const auto& step : table.steps)
            if (step.setting.breadth < rungs.front().setting.breadth) steps.push_back(corrected(step, line.front()));
        for (std::size_t i = 0; i < rungs.size(); ++i) {
            auto step = corrected(like(table, rungs[i].setting.breadth), line[i]);
            if (line[i].beyond_rows) step.setting = rungs[i].setting;
            step.microseconds = static_cast<float>(rungs[i].microseconds);
            steps.push_back(step);
        }
        for (const auto& step : table.steps)
            if (step.setting.breadth > rungs.back().setting.breadth) steps.push_back(corrected(step, line.back()));
        return steps;
    }
    /// By what was measured for another k, where the rows miss as much. That queries are easier is believed by half.
    [[nodiscard]] std::vector<measured_step> by_another(const measured_table& table) const {
        auto line = *std::find_if(lines_.begin(), lines_.end(), [](const auto& other) { return !other.empty(); });
        if (line.size() > 1 && !line.front().beyond_rows)
            std::erase_if(line, [](const correction& c) { return c.beyond_rows; });
        std::stable_sort(line.begin(), line.end(),
                         [](const correction& a, const correction& b) { return a.rows_missed < b.rows_missed; });
        std::vector<measured_step> steps;
        for (const auto& step : table.steps) {
            auto by = at(line, rows_.missed(step, queries_.shares));
            if (by.ratio < 1) by.ratio = std::sqrt(by.ratio);
            steps.push_back(corrected(step, by));
        }
        return steps;
    }

    const calibration& rows_;
    const query_measurement& queries_;
    std::vector<std::vector<correction>> lines_;  ///< beside the tables; empty: not measured
    double time_ = 0, rows_time_ = 0;
};

}  // namespace

search_setting deepened(search_setting setting, const query_measurement& queries) noexcept {
    const auto rescored = setting.rescored * queries.depth;
    setting.rescored = queries.walked ? std::max(setting.rescored, std::min(rescored, setting.breadth)) : rescored;
    return setting;
}

calibration with_queries(const calibration& rows, const query_measurement& queries) {
    return combiner(rows, queries).run();
}

}  // namespace vecstore::detail
