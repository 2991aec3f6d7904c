#include "recheck.hpp"

#include "query_measurement.hpp"

#include <vecstore/index/coded_rows.hpp>
#include <vecstore/index/ivf.hpp>
#include <vecstore/index/slab_scan.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace vecstore::detail {
namespace {

/// Rungs at which rows find less are left out at the lower end, those behind one that finds as much at the upper.
constexpr double first_recall = 0.7, enough_recall = 0.995;
constexpr std::size_t rung_stride = 2;
/// Beyond the rows' ladder, where queries are harder than rows: each so much broader than the one before.
constexpr double beyond_growth = 1.5;
constexpr std::size_t beyond_rungs = 6;
constexpr std::uint32_t graph_breadth_max = 4'000;
/// Deeper re-scoring must find at least this share of the misses to be worth its time.
constexpr double depth_gain = 0.15;
constexpr std::uint32_t depth_max = 4;
/// Where one query in so many wants more than the smaller k of the rows' calibration (and a half), the larger is measured, too.
constexpr std::size_t larger_k_one_in = 20;

/// The queries, each once.
struct distinct_queries {
    std::vector<const std::byte*> vectors;
    std::vector<double> weights;  ///< their sum is 1
};
distinct_queries distinct(std::span<const asked_query> queries) {
    std::vector<const byte_vector*> sorted;
    for (const auto& query : queries) sorted.push_back(&query.vector);
    // All are of one size.
    const auto compared = [](const auto* a, const auto* b) { return std::memcmp(a->data(), b->data(), a->size()); };
    std::sort(sorted.begin(), sorted.end(), [&](const auto* a, const auto* b) { return compared(a, b) < 0; });
    distinct_queries found;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        if (i == 0 || compared(sorted[i], sorted[i - 1]) != 0) {
            found.vectors.push_back(sorted[i]->data());
            found.weights.push_back(0);
        }
        found.weights.back() += 1 / static_cast<double>(sorted.size());
    }
    return found;
}

class rechecker {
public:
    explicit rechecker(const recheck_task& task) : task_(task), part_(task.rows), queries_(distinct(task.queries)) {
        for (const auto* vector : queries_.vectors)
            computers_.emplace_back(task.options.metric, task.options.type, vector, task.options.dim);
    }

    result<void> run() {
        VECSTORE_CHECK(part_.verify());
        std::vector<std::pair<const part_index*, std::shared_ptr<const calibration>>> measured;
        for (const auto* index : {part_.graph(), part_.lists()}) {
            if (index == nullptr || index->waiting() || !index->ready()) continue;
            if (truth_.empty()) VECSTORE_CHECK(find_truth(index->measured()));
            VECSTORE_TRY(auto found, measure(*index));
            measured.emplace_back(index, std::make_shared<const calibration>(std::move(found)));
        }
        for (auto& [index, found] : measured) {
            index->remeasured(std::move(found));
            for (const auto& nearest : truth_) index->note(nearest);  // a part that is new has not seen any
        }
        return {};
    }

private:
    [[nodiscard]] bool alive(row_id row) const { return task_.alive == nullptr || (*task_.alive)(row); }

    /// Which tables of a calibration are measured: for what is asked.
    [[nodiscard]] std::vector<const measured_table*> wanted_tables(const calibration& rows) const {
        const auto tables = rows.tables();
        if (tables.size() < 2) return {&tables.front()};
        const auto larger = std::count_if(task_.queries.begin(), task_.queries.end(),
                                          [&](const asked_query& q) { return 2 * q.k > 3 * tables.front().k; });
        const auto count = task_.queries.size();
        std::vector<const measured_table*> wanted;
        if (static_cast<std::size_t>(larger) < count) wanted.push_back(&tables.front());
        if (static_cast<std::size_t>(larger) * larger_k_one_in >= count) wanted.push_back(&tables.back());
        return wanted;
    }

    result<void> find_truth(const calibration& rows) {
        const auto k = std::max<std::size_t>(wanted_tables(rows).back()->k, band_rank);
        const auto* const codes = part_.graph() != nullptr && !part_.graph()->waiting() && part_.graph()->ready()
                                      ? part_.graph()->shared().codes
                                      : nullptr;
        if (codes != nullptr && codes->codec.fits_slabs()) return find_by_codes(*codes, k);
        std::vector<std::size_t> all(computers_.size());
        std::iota(all.begin(), all.end(), std::size_t{0});
        truth_.resize(all.size());
        return find_by_originals(all, k);
    }
    result<void> find_by_originals(std::span<const std::size_t> queries, std::size_t k) {
        std::vector<distance_computer> some;
        for (const auto i : queries) some.push_back(computers_[i]);
        const auto allow = [this](std::size_t, row_id row) { return alive(row); };
        VECSTORE_TRY(auto found, nearest_of_all(part_.vectors(), some, k, allow, task_.keep_going));
        for (std::size_t i = 0; i < queries.size(); ++i) truth_[queries[i]] = std::move(found[i]);
        return {};
    }
    /// By the codes of a graph, as a batch is answered; by originals where these say too little.
    result<void> find_by_codes(const index::coded_rows& codes, std::size_t k) {
        constexpr std::size_t together = 128;
        const auto dim = task_.options.dim;
        const index::code_array source(codes.codes.data(), codes.codec.code_bytes());
        truth_.resize(computers_.size());
        std::vector<std::size_t> unsure;
        for (std::size_t first = 0; first < computers_.size(); first += together) {
            const auto count = std::min(together, computers_.size() - first);
            std::vector<float> values;
            for (std::size_t i = first; i < first + count; ++i) {
                const auto* const vector = reinterpret_cast<const float*>(queries_.vectors[i]);
                values.insert(values.end(), vector, vector + dim);
            }
            const auto distances_of = [&](std::size_t i) {
                return index::exact_distances(part_.vectors(), computers_[first + i]);
            };
            const auto ask_alone = [&](std::size_t i) { unsure.push_back(first + i); };
            const auto scan = [&](const auto& allow) {
                index::scan_all_slabs(codes.codec, source, part_.size(), values, distances_of, {.k = k}, allow,
                                      truth_.data() + first, ask_alone);
            };
            if (task_.alive == nullptr)
                scan(index::allow_all{});
            else
                scan(*task_.alive);
            if (!task_.keep_going()) return measuring_cancelled();
        }
        return unsure.empty() ? result<void>() : find_by_originals(unsure, k);
    }

    /// Shares of the queries in the bands of an index.
    [[nodiscard]] band_shares shares_in(const calibration& rows) const {
        if (rows.band_edges().empty()) return shares_of_rows;
        band_shares shares{};
        for (std::size_t i = 0; i < truth_.size(); ++i) {
            const auto& nearest = truth_[i];
            const auto distance = nearest.empty() ? 0 : nearest[std::min(band_rank, nearest.size()) - 1].distance;
            shares[rows.band_of(distance)] += queries_.weights[i];
        }
        return shares;
    }

    result<calibration> measure(const part_index& index) {
        const auto& rows = index.measured();
        query_measurement measurement;
        measurement.shares = shares_in(rows);
        measurement.walked = index.kind() == index_kind::hnsw;
        for (const auto* table : wanted_tables(rows)) {
            const auto lists = index.shared().lists;
            const auto breadth_max = lists != nullptr ? static_cast<std::uint32_t>(lists->list_count())
                                                      : std::min(graph_breadth_max, part_.size());
            VECSTORE_TRY(auto climbed, climb(index, *table, breadth_max, measurement));
            measurement.tables.push_back(std::move(climbed));
        }
        return with_queries(rows, measurement);
    }

    /// The ladder for one k. Sets the depth of re-scoring, where it is the first.
    result<query_table> climb(const part_index& index, const measured_table& table, std::uint32_t breadth_max,
                              query_measurement& measurement) {
        const auto& steps = table.steps;
        query_table climbed{table.k, {}};
        std::size_t first = 0;
        for (std::size_t i = 0; i < steps.size(); ++i)
            if (1 - index.measured().missed(steps[i], measurement.shares) < first_recall) first = i;
        bool depth_known = !measurement.tables.empty();
        const auto deep = [&](const search_setting& setting) { return deepened(setting, measurement); };
        const auto enough = [&] { return 1 - climbed.rungs.back().missed >= enough_recall; };
        VECSTORE_CHECK(pass(index, table.k, deep(steps[first].setting)));  // brings what it touches near
        for (std::size_t i = first;; i = std::min(i + rung_stride, steps.size() - 1)) {
            VECSTORE_TRY(auto rung, pass(index, table.k, deep(steps[i].setting)));
            const bool matters = rung.missed < 1 - 0.85 || i + 1 == steps.size();
            if (!depth_known && matters && rung.setting.rescored > 0) {
                VECSTORE_CHECK(deepen(index, table.k, steps[i].setting, measurement, rung));
                depth_known = true;
            }
            rung.setting = steps[i].setting;
            climbed.rungs.push_back(rung);
            if (enough() || i + 1 == steps.size()) break;
        }
        auto setting = deep(steps.back().setting);
        for (std::size_t more = 0; more < beyond_rungs && !enough() && setting.breadth < breadth_max; ++more) {
            const auto grown = static_cast<std::uint32_t>(std::ceil(setting.breadth * beyond_growth));
            setting.breadth = std::min(breadth_max, grown);
            setting.rescored += setting.rescored / 4;  // no more than the breadth, when it was not before
            VECSTORE_TRY(auto rung, pass(index, table.k, setting));
            climbed.rungs.push_back(rung);
        }
        return climbed;
    }
    /// Tries deeper re-scoring at one rung, as long as that finds enough more.
    result<void> deepen(const part_index& index, std::size_t k, const search_setting& setting,
                        query_measurement& measurement, query_rung& rung) {
        while (measurement.depth < depth_max && rung.missed > 1 - enough_recall) {
            auto deeper = measurement;
            deeper.depth *= 2;
            const auto tried = deepened(setting, deeper);
            if (tried == rung.setting) break;
            VECSTORE_TRY(const auto found, pass(index, k, tried));
            if (found.missed > rung.missed * (1 - depth_gain)) break;
            measurement.depth = deeper.depth;
            rung = found;
        }
        return {};
    }

    /// All queries with one setting.
    result<query_rung> pass(const part_index& index, std::size_t k, search_setting setting) {
        query_rung rung{setting, 0, 0, 0};
        std::vector<double> missed(truth_.size()), times(truth_.size());
        double weights_squared = 0;
        for (std::size_t i = 0; i < truth_.size(); ++i) {
            part_cost cost;
            const auto start = thread_microseconds();
            const auto found = index.search_unnoted({queries_.vectors[i], k, setting, std::nullopt, task_.alive}, cost);
            times[i] = thread_microseconds() - start;
            if (cost.failure) return *std::move(cost.failure);
            missed[i] = 1 - share_found(target_of(truth_[i], k), found);
            rung.missed += queries_.weights[i] * missed[i];
            weights_squared += queries_.weights[i] * queries_.weights[i];
            if (i % 16 == 0 && !task_.keep_going()) return measuring_cancelled();
        }
        // Others that use the processor's caches now and then must not decide which index is the faster.
        const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
        std::nth_element(times.begin(), middle, times.end());
        rung.microseconds = *middle;
        for (std::size_t i = 0; i < truth_.size(); ++i) {
            const auto apart = queries_.weights[i] * (missed[i] - rung.missed);
            rung.variance += apart * apart;
        }
        // At least what two misses of ten would make: a sample without a miss proves no perfection.
        rung.variance = std::max(rung.variance, 0.04 * weights_squared * weights_squared);
        return rung;
    }

    const recheck_task& task_;
    const part& part_;
    distinct_queries queries_;
    std::vector<distance_computer> computers_;
    std::vector<std::vector<neighbor>> truth_;
};

}  // namespace

result<void> recheck_part(const recheck_task& task) {
    return task.queries.empty() ? result<void>() : rechecker(task).run();
}

double recheck_cost(const part& rows, const vector_options& options) noexcept {
    constexpr double passes = 12, byte_nanoseconds = 0.003, number_nanoseconds = 0.1;
    const auto* const graph = rows.graph();
    const auto* const codes = graph != nullptr && !graph->waiting() ? graph->shared().codes : nullptr;
    const bool by_codes = codes != nullptr && codes->codec.fits_slabs();
    const auto numbers = static_cast<double>(rows.size()) * static_cast<double>(options.dim);
    auto cost = numbers * (by_codes ? byte_nanoseconds : number_nanoseconds) / 1'000;
    for (const auto* index : {graph, rows.lists()})
        if (index != nullptr) cost += passes * double{index->choose(0.95, 10).microseconds};
    return cost;
}

}  // namespace vecstore::detail
