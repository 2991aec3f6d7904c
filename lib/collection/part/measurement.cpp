#include "measurement.hpp"

#include <vecstore/core/random.hpp>
#include <vecstore/index/hnsw/search.hpp>
#include <vecstore/quantization/code_distances.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace vecstore::detail {
namespace {

constexpr std::size_t query_count = 1'000;
constexpr std::array<std::size_t, 2> measured_k = {10, 100};
/// More than the largest k, since rows of the sample are left out of it.
constexpr std::size_t truth_size = 160;
constexpr std::uint32_t graph_ladder[] = {10,  12,  14,  17,  20,   24,   28,   34,   40,   50,
                                          60,  75,  90,  110, 135,  165,  200,  250,  310,  390,
                                          490, 610, 760, 950, 1200, 1500, 1900, 2400, 3000, 4000};
constexpr std::uint32_t ivf_ladder[] = {1,  2,  3,  4,   6,   8,   11,  15,  20,  27, 36,
                                        48, 64, 85, 113, 150, 200, 270, 360, 480, 640};
/// Nobody asks for more; what is left costs more than all before.
constexpr float enough[] = {0.998f, 0.995f};
/// What a smaller re-scoring may cost of recall.
constexpr float rescoring_loss = 0.0015f;

/// The mean of shares and its error, from their sums.
class share_of_found {
public:
    void add(double share) noexcept {
        sum_ += share;
        squares_ += share * share;
        ++count_;
    }
    [[nodiscard]] float mean() const noexcept { return static_cast<float>(count_ > 0 ? sum_ / count_ : 0); }
    /// Of the mean; at least what half a query would make, since a sample without a miss proves no perfection.
    [[nodiscard]] float error() const noexcept {
        if (count_ == 0) return 1;
        const auto mean = sum_ / count_;
        const auto deviation = std::sqrt(std::max(0.0, squares_ / count_ - mean * mean) / count_);
        return static_cast<float>(std::min(1.0, std::max(deviation, 0.05 / count_)));
    }

private:
    double sum_ = 0, squares_ = 0, count_ = 0;
};

/// Depths of re-scoring that are tried for `k`, ascending.
std::vector<std::size_t> depths_for(std::size_t k, std::size_t ef) {
    constexpr double multiples[] = {1, 1.5, 2, 3, 4, 6, 8, 12};
    std::vector<std::size_t> depths;
    for (const auto multiple : multiples) {
        const auto depth = std::min(ef, static_cast<std::size_t>(multiple * static_cast<double>(k)));
        if (depths.empty() || depth > depths.back()) depths.push_back(depth);
    }
    return depths;
}

/// The bands of a sample's queries.
struct bands_of_sample {
    std::array<float, query_bands - 1> edges{};
    std::vector<std::size_t> of_query;
};
/// Precondition: truth is not empty.
bands_of_sample bands_of(const std::vector<std::vector<neighbor>>& truth) {
    std::vector<float> distances;
    for (const auto& each : truth)
        distances.push_back(each.empty() ? 0 : each[std::min(band_rank, each.size()) - 1].distance);
    auto sorted = distances;
    std::sort(sorted.begin(), sorted.end());
    bands_of_sample bands;
    double nearer = 0;
    for (std::size_t i = 0; i < bands.edges.size(); ++i) {
        nearer += shares_of_rows[i];
        bands.edges[i] = sorted[static_cast<std::size_t>(nearer * static_cast<double>(sorted.size()))];
    }
    for (const auto distance : distances)
        bands.of_query.push_back(static_cast<std::size_t>(
            std::upper_bound(bands.edges.begin(), bands.edges.end(), distance) - bands.edges.begin()));
    return bands;
}

/// Shares of all queries, and of those of each band.
struct banded_shares {
    share_of_found all;
    std::array<share_of_found, query_bands> bands;

    void add(double share, std::size_t band) noexcept {
        all.add(share);
        bands[band].add(share);
    }
    [[nodiscard]] measured_step step(search_setting setting, double microseconds) const noexcept {
        measured_step made{setting, all.mean(), all.error(), static_cast<float>(microseconds), {}};
        for (std::size_t band = 0; band < query_bands; ++band) made.band_recall[band] = bands[band].mean();
        return made;
    }
};

/// One table of a graph's ladder while it grows.
class graph_table {
public:
    graph_table(std::size_t k, float enough_recall) : k_(k), enough_(enough_recall) {}

    [[nodiscard]] bool done() const noexcept { return !steps_.empty() && steps_.back().recall >= enough_; }
    [[nodiscard]] bool takes(std::size_t ef) const noexcept { return ef >= k_ && !done(); }
    void start(std::size_t ef, bool rescores) {
        depths_ = rescores ? depths_for(k_, ef) : std::vector<std::size_t>{ef};
        shares_.assign(depths_.size(), {});
    }
    [[nodiscard]] std::size_t deepest() const noexcept { return depths_.back(); }
    /// `met`: with exact distances, in the order of the walk.
    void add(const std::vector<neighbor>& met, const std::vector<neighbor>& truth, std::size_t band) {
        const auto wanted = target_of(truth, k_);
        for (std::size_t i = 0; i < depths_.size(); ++i) {
            best_.assign(met.begin(), met.begin() + static_cast<std::ptrdiff_t>(std::min(depths_[i], met.size())));
            shares_[i].add(share_found(wanted, best_), band);
        }
    }
    /// Takes the shallowest re-scoring that is about as good as the deepest.
    void finish(std::uint32_t ef, bool rescores, double walk, double rescoring_of_one) {
        std::size_t i = 0;
        while (shares_[i].all.mean() + rescoring_loss < shares_.back().all.mean()) ++i;
        const auto depth = rescores ? depths_[i] : 0;
        steps_.push_back(shares_[i].step({ef, static_cast<std::uint32_t>(depth)},
                                         walk + rescoring_of_one * static_cast<double>(depth)));
    }
    [[nodiscard]] std::size_t k() const noexcept { return k_; }
    [[nodiscard]] std::vector<measured_step> take() { return std::move(steps_); }

private:
    std::size_t k_;
    float enough_;
    std::vector<std::size_t> depths_;
    std::vector<banded_shares> shares_;
    std::vector<neighbor> best_;
    std::vector<measured_step> steps_;
};

/// A walk by `walked`, then the exact distances of the `deepest` nearest it found; and the time of both.
struct walk_times {
    double walk = 0;
    double rescoring = 0;
    double rescored = 0;
};
template <class Walked, class Exact>
std::vector<neighbor> walk_and_rescore(const index::frozen_graph& graph, const Walked& walked, const Exact& exact,
                                       std::size_t ef, std::size_t deepest, walk_times& times) {
    auto found = index::hnsw_search(graph, walked, deepest, ef);
    const auto walk_end = thread_microseconds();
    const auto count = found.size();
    std::vector<row_id> rows(count);
    std::vector<float> distances(count);
    std::transform(found.begin(), found.end(), rows.begin(), [](const neighbor& n) { return n.row; });
    exact.many(rows.data(), count, distances.data());
    for (std::size_t i = 0; i < count; ++i) found[i].distance = distances[i];
    times.rescoring += thread_microseconds() - walk_end;
    times.rescored += static_cast<double>(count);
    return found;
}

std::vector<neighbor> walk_graph(const index::frozen_graph& graph, const index::coded_rows* codes,
                                 const measured_rows& on, std::size_t query, std::size_t ef, std::size_t deepest,
                                 walk_times& times) {
    const auto* const vector = on.sample.queries[query].data();
    const distance_computer computer(on.metric, on.rows.type(), vector, on.rows.dim());
    const index::exact_distances exact(on.rows, computer);
    const auto start = thread_microseconds();
    const auto rescoring_before = times.rescoring;
    std::vector<neighbor> found;
    if (codes == nullptr) {
        found = index::hnsw_search(graph, exact, ef, ef);
    } else {
        thread_local quantization::code_query prepared;
        codes->codec.prepare(reinterpret_cast<const float*>(vector), prepared);
        const quantization::code_distances walked(codes->codec, codes->codes.data(), prepared);
        found = walk_and_rescore(graph, walked, exact, ef, deepest, times);
    }
    times.walk += thread_microseconds() - start - (times.rescoring - rescoring_before);
    return found;
}

}  // namespace

bool query_sample::contains(row_id row) const noexcept { return std::binary_search(rows.begin(), rows.end(), row); }

query_sample draw_queries(const index::contiguous_rows& rows, metric m) {
    query_sample sample;
    const auto wanted = std::min<std::size_t>(query_count, rows.size() / 10);
    for (std::uint64_t i = 1; sample.rows.size() < wanted; ++i) {
        const auto row = static_cast<row_id>(mix64(i) % rows.size());
        const auto at = std::lower_bound(sample.rows.begin(), sample.rows.end(), row);
        if (at == sample.rows.end() || *at != row) sample.rows.insert(at, row);
    }
    for (const auto row : sample.rows) {
        if (rows.type() == element_type::binary) {
            const auto* const bytes = static_cast<const std::byte*>(rows.at(row));
            sample.queries.emplace_back(bytes, bytes + row_bytes(rows.type(), rows.dim()));
            continue;
        }
        byte_vector query(rows.dim() * sizeof(float));
        index::read_for_coding(rows, m, row, {reinterpret_cast<float*>(query.data()), rows.dim()});
        sample.queries.push_back(std::move(query));
    }
    return sample;
}

result<void> find_truth(query_sample& sample, const index::contiguous_rows& rows, metric m,
                        const keep_measuring& keep_going) {
    std::vector<distance_computer> computers;
    for (const auto& query : sample.queries) computers.emplace_back(m, rows.type(), query.data(), rows.dim());
    const auto others = [&](std::size_t query, row_id row) { return row != sample.rows[query]; };
    VECSTORE_TRY(sample.truth, nearest_of_all(rows, computers, truth_size, others, keep_going));
    return {};
}

result<calibration> measure_graph(const index::frozen_graph& graph, const index::coded_rows* codes,
                                  const measured_rows& on) {
    const bool rescores = codes != nullptr;
    auto truth = on.sample.truth;
    for (auto& each : truth) std::erase_if(each, [&](const neighbor& n) { return on.sample.contains(n.row); });
    std::vector<graph_table> tables{{measured_k[0], enough[0]}, {measured_k[1], enough[1]}};
    const auto bands = bands_of(truth);
    walk_times warm;
    for (std::size_t q = 0; q < truth.size(); ++q) (void)walk_graph(graph, codes, on, q, 40, 20, warm);
    for (const auto ef : graph_ladder) {
        std::size_t deepest = 0;
        for (auto& table : tables)
            if (table.takes(ef)) {
                table.start(ef, rescores);
                deepest = std::max(deepest, table.deepest());
            }
        if (tables[0].done() && tables[1].done()) break;
        if (deepest == 0) continue;
        walk_times times;
        std::vector<bool> taken;
        for (const auto& table : tables) taken.push_back(table.takes(ef));
        for (std::size_t q = 0; q < truth.size(); ++q) {
            const auto met = walk_graph(graph, codes, on, q, ef, deepest, times);
            for (std::size_t t = 0; t < tables.size(); ++t)
                if (taken[t]) tables[t].add(met, truth[q], bands.of_query[q]);
            if (q % 16 == 0 && !on.keep_going()) return measuring_cancelled();
        }
        const auto count = static_cast<double>(truth.size());
        const auto one = times.rescored > 0 ? times.rescoring / times.rescored : 0;
        for (std::size_t t = 0; t < tables.size(); ++t)
            if (taken[t]) tables[t].finish(ef, rescores, times.walk / count, one);
    }
    calibration measured;
    measured.set_band_edges(bands.edges);
    for (auto& table : tables) measured.add_table(static_cast<std::uint32_t>(table.k()), table.take());
    return measured;
}

namespace {

/// One pass over all queries.
result<measured_step> measure_lists(const index::ivf& lists, const measured_rows& on, const bands_of_sample& bands,
                                    std::size_t k, search_setting setting) {
    banded_shares shares;
    double microseconds = 0;
    for (std::size_t q = 0; q < on.sample.rows.size(); ++q) {
        const auto* const vector = reinterpret_cast<const float*>(on.sample.queries[q].data());
        const distance_computer computer(on.metric, on.rows.type(), vector, on.rows.dim());
        const index::exact_distances exact(on.rows, computer);
        const auto start = thread_microseconds();
        // One more, since the query finds itself.
        auto found = lists.search({vector, on.rows.dim()}, exact,
                                  {.k = k + 1, .nprobe = setting.breadth, .rescore = setting.rescored});
        microseconds += thread_microseconds() - start;
        if (!found) return std::move(found).error();
        std::erase_if(*found, [&](const neighbor& n) { return n.row == on.sample.rows[q]; });
        if (found->size() > k) found->resize(k);
        shares.add(share_found(target_of(on.sample.truth[q], k), *found), bands.of_query[q]);
        if (q % 16 == 0 && !on.keep_going()) return measuring_cancelled();
    }
    const auto count = static_cast<double>(on.sample.rows.size());
    return shares.step(setting, microseconds / count);
}

}  // namespace

result<calibration> measure_ivf(const index::ivf& lists, const measured_rows& on) {
    constexpr std::uint32_t multiples[] = {10, 20, 40, 80};
    const bool rescores = lists.lists().code() != index::ivf_code::flat;
    const auto bands = bands_of(on.sample.truth);
    calibration measured;
    measured.set_band_edges(bands.edges);
    for (std::size_t t = 0; t < measured_k.size(); ++t) {
        const auto k = measured_k[t];
        std::size_t multiple = 0;
        std::vector<measured_step> steps;
        const auto all = static_cast<std::uint32_t>(lists.lists().list_count());
        for (const auto rung : ivf_ladder) {
            const auto probed = std::min(rung, all);
            const auto setting = [&] {
                const auto depth = static_cast<std::uint32_t>(multiples[multiple] * k / (t == 0 ? 1 : 4));
                return search_setting{probed, rescores ? depth : 0};
            };
            VECSTORE_TRY(auto step, measure_lists(lists, on, bands, k, setting()));
            // More lists need deeper re-scoring; once it pays it pays for all that follow.
            while (rescores && multiple + 1 < std::size(multiples)) {
                ++multiple;
                VECSTORE_TRY(const auto deeper, measure_lists(lists, on, bands, k, setting()));
                if (deeper.recall < step.recall + rescoring_loss) {
                    --multiple;
                    break;
                }
                step = deeper;
            }
            steps.push_back(step);
            if (step.recall >= enough[t] || probed == all) break;
        }
        measured.add_table(static_cast<std::uint32_t>(k), std::move(steps));
    }
    return measured;
}

}  // namespace vecstore::detail
