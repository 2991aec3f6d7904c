#include "batch_search.hpp"

#include <vecstore/distance/computer.hpp>
#include <vecstore/index/coded_rows.hpp>
#include <vecstore/index/ivf/slab_batch.hpp>

#include <algorithm>
#include <array>
#include <ctime>
#include <limits>

namespace vecstore::detail {
namespace {

/// Fewer queries are not worth the trouble to find out.
constexpr std::size_t together_min = 16;
/// Of the time of each alone, what together must not exceed: the costs are estimates, and a loss is worse than no gain.
constexpr double clearly_less = 0.7;
/// What rounding beyond the slack leaves out of a scan of all rows.
constexpr float scan_recall = 0.999f;

double thread_nanoseconds() noexcept {
    timespec now{};
    (void)::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// What one line of a slab costs one query, for one row: measured with a run that lies in the nearest cache, once.
double line_nanoseconds() {
    static const double measured = [] {
        using namespace quantization;
        constexpr std::size_t lines = 16, slabs = slab_run_rows / slab_rows, repeats = 64, rounds = 5;
        aligned_buffer<std::byte> codes(slabs * lines * code_line);
        std::fill(codes.begin(), codes.end(), std::byte{1});
        const std::array<float, slab_run_rows> terms{};
        const std::array<std::int8_t, 4 * lines> weights{};
        std::array<slab_query, slab_queries> queries;
        std::array<slab_query*, slab_queries> four;
        for (std::size_t i = 0; i < slab_queries; ++i) {
            queries[i].weights = weights.data();
            queries[i].limit = -std::numeric_limits<float>::infinity();
            four[i] = &queries[i];
        }
        // Some tables write one place ahead of what they keep.
        std::array<float, slab_run_rows> distances;
        std::array<std::uint32_t, slab_run_rows> numbers;
        for (auto& q : queries) q.distances = distances.data(), q.numbers = numbers.data();
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t round = 0; round < rounds; ++round) {
            const auto start = thread_nanoseconds();
            for (std::size_t i = 0; i < repeats; ++i)
                active_kernels().scan_slabs({codes.data(), terms.data(), slabs, lines, 0}, four.data());
            least = std::min(least, thread_nanoseconds() - start);
        }
        return least / (double{repeats} * slab_run_rows * slab_queries * lines);
    }();
    return measured;
}

/// Nanoseconds of the parts of a batch besides products: estimates, not measured one by one. They decide how large a batch
/// must be and how close the call is with indexes.
struct step_costs {
    double random_row = 40;    ///< a code fetched by its row and turned
    double row_in_order = 15;  ///< the same, when the processor foresees the row
    double candidate = 60;     ///< that is kept: entering the pool, comparing by its original
    double list = 40;          ///< that a query probes
    double centroid_value = 0.03;
    double centroid = 3;
};

/// One part and the queries that ask it for as much.
class shared_search {
public:
    shared_search(const read_session& session, const part& p, const vector_options& options,
                  std::span<const nearest_request* const> requests, std::span<const std::size_t> queries)
        : session_(session),
          part_(p),
          k_(std::max(requests[queries.front()]->wanted, band_rank)),
          wanted_(requests[queries.front()]->wanted),
          queries_(queries) {
        values_.reserve(queries.size() * options.dim);
        computers_.reserve(queries.size());
        for (const auto i : queries) {
            const auto* const vector = static_cast<const float*>(requests[i]->vector);
            values_.insert(values_.end(), vector, vector + options.dim);
            computers_.emplace_back(options.metric, options.type, vector, options.dim);
        }
    }

    void run(const batch_choice& choice, std::vector<std::optional<part_answer>>& answers) {
        found_.assign(queries_.size(), {});
        sure_.assign(queries_.size(), true);
        stats_ = {};
        failure_.reset();
        if (part_.dead_rows() > 0)
            scan(choice, [&](row_id row) { return session_.visible(part_.ordinal_of(row)); });
        else
            scan(choice, index::allow_all{});
        if (failure_) sure_.assign(queries_.size(), false);  // who needs the damaged row finds it when asked alone
        const auto& noted = choice.setting.setting.breadth > 0 ? *part_.lists() : *part_.graph();
        for (std::size_t i = 0; i < queries_.size(); ++i) {
            answers[queries_[i]].reset();
            if (!sure_[i]) continue;
            noted.note(found_[i]);
            if (found_[i].size() > wanted_) found_[i].resize(wanted_);
            answers[queries_[i]] = part_answer{std::move(found_[i]),
                                               choice.setting.setting.breadth,
                                               (stats_.codes + stats_.distances) / queries_.size(),
                                               stats_.distances / queries_.size(),
                                               choice.setting.recall,
                                               choice.setting.by_queries};
        }
    }

private:
    template <class Allow>
    void scan(const batch_choice& choice, const Allow& allow) {
        const auto& rows = part_.stored();
        if (rows.plain())
            scan_by(choice, allow, [&](std::size_t i) { return index::exact_distances(rows.mapped, computers_[i]); });
        else
            scan_by(choice, allow, [&](std::size_t i) { return read_distances(rows, computers_[i], failure_); });
    }
    template <class Allow, class DistancesOf>
    void scan_by(const batch_choice& choice, const Allow& allow, const DistancesOf& distances_of) {
        const auto& codes = *part_.graph()->shared().codes;
        const auto unsure = [&](std::size_t i) { sure_[i] = false; };
        const auto stride = codes.codec.code_bytes();
        if (const auto probed = choice.setting.setting.breadth; probed > 0) {
            const auto& lists = *part_.lists()->shared().lists;
            index::search_slabs(lists, codes.codec, index::row_codes(lists, codes.codes.data(), stride), values_,
                                distances_of, {.k = k_, .nprobe = probed}, allow, found_.data(), stats_, unsure);
        } else {
            stats_.distances =
                index::scan_all_slabs(codes.codec, index::code_array(codes.codes.data(), stride), part_.size(), values_,
                                      distances_of, {.k = k_}, allow, found_.data(), unsure);
            stats_.codes = std::uint64_t{part_.size()} * queries_.size();
        }
    }

    const read_session& session_;
    const part& part_;
    std::size_t k_, wanted_;
    std::span<const std::size_t> queries_;
    std::vector<float> values_;
    std::vector<distance_computer> computers_;
    std::vector<std::vector<neighbor>> found_;
    std::vector<char> sure_;
    index::ivf_search_stats stats_;
    std::optional<error> failure_;
};

/// Indexes that a batch may use are brought into memory first. May throw std::bad_alloc.
void load_indexes(const part& p) {
    for (const auto* index : p.opened_indexes())
        if (index != nullptr) (void)index->ready();
}

}  // namespace

const part_answer* batch_answers::find(const part& p, std::size_t query) const noexcept {
    for (const auto& e : parts_)
        if (e.of == &p) return query < e.each.size() && e.each[query] ? &*e.each[query] : nullptr;
    return nullptr;
}

std::vector<std::optional<part_answer>>& batch_answers::add(const part& p, std::size_t queries) {
    for (auto& e : parts_)
        if (e.of == &p) return e.each;
    return parts_.emplace_back(entry{&p, std::vector<std::optional<part_answer>>(queries)}).each;
}

batch_choice choose_together(const part& p, const vector_options& options, double recall, std::size_t k,
                             std::size_t queries) noexcept {
    if (queries < together_min || options.on_disk || p.graph() == nullptr || p.graph()->waiting()) return {};
    const auto* const codes = p.graph()->shared().codes;
    if (codes == nullptr || !codes->codec.fits_slabs()) return {};
    const auto alone = p.choose(recall, k, std::nullopt);
    if (!(alone.chosen.microseconds > 0)) return {};  // not known
    constexpr step_costs cost;
    const auto rows = static_cast<double>(p.size()), n = static_cast<double>(queries);
    const auto pair = line_nanoseconds() * static_cast<double>(quantization::slab_lines(options.dim));
    const auto kept = cost.candidate * static_cast<double>(index::slab_keep(k));
    batch_choice best{false, {}, clearly_less * double{alone.chosen.microseconds}};
    const auto consider = [&](const chosen_setting& setting, double nanoseconds) {
        if (nanoseconds / 1000 < best.microseconds) best = {true, setting, nanoseconds / 1000};
    };
    consider({{}, scan_recall, 0, true}, rows * (pair + cost.row_in_order / n) + kept);
    if (p.lists() == nullptr || p.lists()->waiting()) return best;
    const auto& lists = *p.lists()->shared().lists;
    const auto setting = p.lists()->choose(recall, k);
    if (!setting.reached || !index::slabs_fit(lists, codes->codec)) return best;
    const auto all = static_cast<double>(lists.list_count());
    const auto probed = std::min(all, static_cast<double>(setting.setting.breadth));
    consider(setting, all * (cost.centroid + cost.centroid_value * static_cast<double>(options.dim)) +
                          probed * cost.list + rows * (pair * probed / all + cost.random_row / n) + kept);
    return best;
}

batch_answers search_together(const read_session& session, std::span<const nearest_request* const> requests) {
    batch_answers answers;
    std::vector<std::size_t> left;
    for (std::size_t i = 0; i < requests.size(); ++i)
        if (requests[i] != nullptr) left.push_back(i);
    while (left.size() >= together_min) {
        // Those that ask for as much as the first.
        const auto& like = *requests[left.front()];
        const auto others = std::stable_partition(left.begin(), left.end(), [&](std::size_t i) {
            return requests[i]->slot == like.slot && requests[i]->wanted == like.wanted &&
                   requests[i]->recall == like.recall;
        });
        const std::vector<std::size_t> same(left.begin(), others);
        left.erase(left.begin(), others);
        const auto& options = session.collection().options().vectors[like.slot];
        for (const auto& part : *session.state().vectors[like.slot].parts) {
            const auto choose = [&] { return choose_together(*part, options, like.recall, like.wanted, same.size()); };
            if (same.size() >= together_min && !options.on_disk) load_indexes(*part);
            auto choice = choose();
            if (!choice.together) continue;
            auto& each = answers.add(*part, requests.size());
            shared_search search(session, *part, options, requests, same);
            search.run(choice, each);
            // The queries themselves have shown how far they lie: when more lists are wanted for such, once more.
            constexpr double much_more = 1.1;
            if (const auto again = choose();
                again.together && choice.setting.setting.breadth > 0 &&
                (again.setting.setting.breadth == 0 ||
                 again.setting.setting.breadth > much_more * choice.setting.setting.breadth))
                search.run(again, each);
            else if (!again.together)
                for (const auto i : same) each[i].reset();
        }
    }
    return answers;
}

}  // namespace vecstore::detail
