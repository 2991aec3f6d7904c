#include "search.hpp"

#include "batch_search.hpp"
#include "planner.hpp"

#include <vecstore/core/random.hpp>
#include <vecstore/index/ivf/members.hpp>
#include <vecstore/index/row_distances.hpp>

#include <collection/fields/filtered_read.hpp>
#include <collection/part/code_scan.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

namespace vecstore::detail {
namespace {

/// Rows of one part or memtable, with their ordinals.
template <class Rows, class OrdinalOf>
struct source {
    const Rows& vectors;
    row_id count;
    const part* owner;           ///< null: a memtable
    const bounded_codes* codes;  ///< of the first rows; may be null
    OrdinalOf ordinal_of;
};
template <class Rows, class OrdinalOf>
source(const Rows&, row_id, const part*, const bounded_codes*, OrdinalOf) -> source<Rows, OrdinalOf>;

auto source_of(const part& p) {
    return source{p.vectors(), p.size(), &p, p.codes(), [&p](row_id row) { return p.ordinal_of(row); }};
}
auto source_of(const vector_view::newest_rows& newest) {
    return source{newest.table->vectors(), newest.rows, nullptr, newest.table->codes().get(),
                  [table = newest.table.get()](row_id row) { return table->ordinal_of(row); }};
}

/// One search; its state is what all sources share.
class searcher {
public:
    searcher(read_session& session, const nearest_request& request, const filter::compiled& filter, query_plan& plan)
        : session_(session),
          request_(request),
          filter_(filter),
          plan_(plan),
          distance_(distance_of(session.collection().options().vectors[request.slot], request.vector)),
          rows_(session.state().vectors[request.slot]),
          nearest_(request.wanted) {}

    result<std::vector<candidate>> run() {
        const bool strict = session_.collection().options().strict_filters;
        if (!filter_.passes_all() && (strict || !filter_.required_ids())) {
            VECSTORE_TRY(known_, filter_plan::make(session_, filter_));
            known_.tell(plan_);
        }
        VECSTORE_TRY(auto strategy, choose());
        plan_.strategy = strategy;
        const bool walks = strategy == search_strategy::plain_walk || strategy == search_strategy::filtered_walk;
        if (walks)
            walk(strategy);
        else
            VECSTORE_CHECK(scan_exactly());
        if (failure_) return *std::move(failure_);
        if (session_.interrupted()) return nearest_.take_sorted();
        if (strategy == search_strategy::plain_walk && !request_.radius)
            session_.collection().queries(request_.slot).note(request_.vector, request_.wanted);
        if (walks && !request_.radius && nearest_.size() < std::min(request_.wanted, reachable())) {
            plan_.fell_back = true;
            plan_.expected_recall = 1;
            nearest_ = top_k<candidate>(request_.wanted);
            VECSTORE_CHECK(scan_exactly());
            if (failure_) return *std::move(failure_);
        }
        return nearest_.take_sorted();
    }

private:
    [[nodiscard]] static distance_computer distance_of(const vector_options& options, const void* query) noexcept {
        return {options.metric, options.type, query, options.dim};
    }
    /// How many a walk is planned for; how many lie within a radius is not known before.
    [[nodiscard]] std::size_t expected_count() const noexcept {
        constexpr std::size_t within_expected = 10;
        return request_.radius ? std::min(request_.wanted, within_expected) : request_.wanted;
    }
    /// No answer can have more hits than this.
    [[nodiscard]] std::size_t reachable() const noexcept {
        std::size_t rows = 0;
        for (const auto& part : *rows_.parts) rows += part->size();
        for (const auto& newest : rows_.memtables) rows += newest.rows;
        return std::min(rows, session_.state().point_count);
    }
    result<search_strategy> choose() {
        plan_input in;
        in.points = session_.state().point_count;
        in.wanted = expected_count();
        in.exact = request_.exact || request_.recall >= 1;
        in.filtered = !filter_.passes_all();
        in.few_listed = filter_.required_ids().has_value();
        choices_.reserve(rows_.parts->size());
        for (const auto& part : *rows_.parts) {
            if (answer_in(*part) != nullptr) {
                in.rows_in_graphs += part->size();
                choices_.emplace_back();
                continue;
            }
            const auto& choice = choices_.emplace_back(choice_in(*part));
            if (choice.index == nullptr) continue;
            in.rows_in_graphs += part->size();
            in.ef = std::max(in.ef, candidates_of(choice));
            in.walk_microseconds += choice.chosen.microseconds;
        }
        if (known_.bounded()) in.matches = known_.candidates();
        in.matches_known = known_.exact();
        const auto& options = session_.collection().options().vectors[request_.slot];
        in.bytes_of_row = row_bytes(options.type, options.dim);
        if (options.quantization != quantization_kind::none && !request_.radius) in.bytes_of_code = options.dim;
        if (in.filtered && !in.exact && !in.few_listed && in.rows_in_graphs > 0 && !in.matches_known)
            VECSTORE_CHECK(sample_filter(in));
        return choose_strategy(in);
    }
    [[nodiscard]] part_choice choice_in(const part& p) const {
        if (!by_bits()) return p.choose(request_.recall, expected_count(), request_.ef);
        const auto members = known_.members_between(p.ordinals().front(), p.ordinals().back());
        const auto share = static_cast<double>(std::max<std::uint64_t>(members, 1)) / p.size();
        return p.choose_filtered(request_.recall, expected_count(), request_.ef, std::min(share, 1.0));
    }
    /// The filter is asked by looking at a bit, not at payloads.
    [[nodiscard]] bool by_bits() const noexcept {
        return known_.exact() && known_.bits().words != nullptr && !request_.radius;
    }
    /// Tries the filter on points drawn by a hash, so that no period in the data can line up with the sample.
    result<void> sample_filter(plan_input& in) {
        const auto end = session_.state().ordinal_end;
        for (std::size_t i = 0; i < filter_sample; ++i) {
            const auto ordinal = static_cast<ordinal_id>(mix64(i + 1) % end);
            if (!session_.visible(ordinal)) continue;
            ++in.sampled;
            if (passes(ordinal)) ++in.sampled_matches;
            if (failure_) return *failure_;
            if (in.sampled >= filter_sample_first && std::has_single_bit(in.sampled) && settled(in)) break;
        }
        return {};
    }
    /// The filter alone. The first failure to read a payload is kept; from then on nothing matches.
    bool passes(ordinal_id ordinal) {
        const auto verdict = known_.of(ordinal);
        if (verdict != filter_plan::verdict::ask) return verdict == filter_plan::verdict::yes;
        return evaluates(ordinal);
    }
    bool evaluates(ordinal_id ordinal) {
        if (failure_ || stopped_) return false;
        stopped_ = ++plan_.filter_evaluations % interruption_interval == 0 && session_.interrupted();
        if (stopped_) return false;
        auto point = session_.point(ordinal);
        if (!point) {
            failure_ = std::move(point).error();
            return false;
        }
        return session_.passes(filter_, ordinal, *point);
    }

    result<void> scan_exactly() {
        if (filter_.passes_all()) {
            for_each_source([&](const auto& rows) {
                scan_if(rows, [&](row_id row) { return session_.visible(rows.ordinal_of(row)); });
            });
            return {};
        }
        VECSTORE_TRY(const auto matches, matching_ordinals());
        for_each_source([&](const auto& rows) { scan_matches(rows, matches); });
        return {};
    }
    template <class Visit>
    void for_each_source(const Visit& visit) {
        for (const auto& part : *rows_.parts) visit(source_of(*part));
        for (const auto& newest : rows_.memtables) visit(source_of(newest));
    }
    /// All visible ordinals that match, ascending.
    result<std::vector<ordinal_id>> matching_ordinals() {
        std::vector<ordinal_id> matches;
        const auto add_if_passes = [&](ordinal_id ordinal, const point_ref& point) {
            ++plan_.filter_evaluations;
            if (session_.passes(filter_, ordinal, point)) matches.push_back(ordinal);
            return true;
        };
        if (const auto ids = filter_.required_ids()) {
            for (const auto& id : *ids) {
                VECSTORE_TRY(const auto ordinal, session_.find(id));
                if (!ordinal || !session_.visible(*ordinal)) continue;
                VECSTORE_TRY(const auto point, session_.point(*ordinal));
                add_if_passes(*ordinal, point);
            }
            std::sort(matches.begin(), matches.end());
            matches.erase(std::unique(matches.begin(), matches.end()), matches.end());
        } else if (known_.bounded() && (known_.exact() || few_of(known_.candidates(), session_.state().point_count))) {
            known_.for_each_candidate(session_, [&](ordinal_id ordinal, filter_plan::verdict verdict) {
                if (verdict == filter_plan::verdict::yes || evaluates(ordinal)) matches.push_back(ordinal);
                return !failure_ && !stopped_;
            });
            if (failure_) return *failure_;
            if (!std::is_sorted(matches.begin(), matches.end())) std::sort(matches.begin(), matches.end());
        } else {
            VECSTORE_CHECK(session_.for_each_point(add_if_passes));
        }
        return matches;
    }

    /// False when the part has no codes of its rows.
    [[nodiscard]] bool scan_by_codes(const part& p, const std::vector<ordinal_id>& matches) {
        const auto* const graph = p.graph();
        if (graph == nullptr || !graph->ready() || graph->shared().codes == nullptr) return false;
        const auto rows = source_of(p);
        std::vector<row_id> found;
        const auto last = p.descriptor().last_ordinal;
        auto match = std::lower_bound(matches.begin(), matches.end(), p.descriptor().first_ordinal);
        for (row_id row = 0; match != matches.end() && *match <= last; ++match) {
            row = find_row(rows.count, *match, rows.ordinal_of, row);
            if (rows.ordinal_of(row) == *match) found.push_back(row);
        }
        if (session_.interrupted_before(found.size())) return true;
        part_cost cost;
        const part_request asked{.query = request_.vector, .k = request_.wanted};
        keep(rows, nearest_by_codes(*graph->shared().codes, p.stored(), distance_, found, asked, cost));
        if (cost.failure && !failure_) failure_ = std::move(cost.failure);
        plan_.distances += cost.distances;
        plan_.rescored += cost.rescored;
        plan_.rows_scanned += found.size();
        plan_.expected_recall = std::min(plan_.expected_recall, code_scan_found);
        return true;
    }
    template <class Source>
    void scan_matches(const Source& rows, const std::vector<ordinal_id>& matches) {
        if (plan_.strategy == search_strategy::code_scan && rows.owner != nullptr &&
            scan_by_codes(*rows.owner, matches))
            return;
        constexpr std::size_t batch = 64;
        std::array<const void*, batch> vectors;
        std::array<row_id, batch> places;
        std::array<float, batch> distances;
        std::size_t filled = 0;
        const auto flush = [&] {
            distance_.many(vectors.data(), filled, distances.data());
            for (std::size_t i = 0; i < filled; ++i)
                if (!request_.radius || distances[i] <= *request_.radius)
                    nearest_.push({distances[i], rows.ordinal_of(places[i]), places[i], rows.owner});
            compared_ += filled;
            filled = 0;
        };
        if (rows.count == 0) return;
        auto match = std::lower_bound(matches.begin(), matches.end(), rows.ordinal_of(0));
        for (row_id row = 0; match != matches.end(); ++match) {
            row = find_row(rows.count, *match, rows.ordinal_of, row);
            if (row == rows.count) break;
            if (rows.ordinal_of(row) != *match) continue;
            if (!checked(rows, row)) return;
            prefetch(rows.vectors, row);
            vectors[filled] = rows.vectors.at(row);
            places[filled] = row;
            if (++filled < batch) continue;
            flush();
            if (session_.interrupted_before(
                    std::min<std::size_t>(rows.count - row, static_cast<std::size_t>(matches.end() - match))))
                break;
        }
        flush();
        count_scanned();
    }

    /// False when the row is damaged; the failure is then kept, and nothing found is of use.
    template <class Source>
    bool checked(const Source& rows, row_id row) {
        if (rows.owner == nullptr) return true;
        auto right = rows.owner->stored().check(row);
        if (!right && !failure_) failure_ = std::move(right).error();
        return right.has_value();
    }

    void walk(search_strategy strategy) {
        const bool filtered = strategy == search_strategy::filtered_walk;
        const auto allow_in = [&](const auto& rows) {
            return [this, filtered, &rows](row_id row) {
                const auto ordinal = rows.ordinal_of(row);
                return session_.visible(ordinal) && (!filtered || passes(ordinal));
            };
        };
        // Indexes first: what they find bounds the scans, so that most of the newest rows are passed over at once.
        std::vector<const part*> waiting;
        for (std::size_t i = 0; i < choices_.size(); ++i) {
            const auto& part = *(*rows_.parts)[i];
            if (session_.interrupted_before(part.size())) continue;
            const auto rows = source_of(part);
            if (const auto* answer = answer_in(part); answer != nullptr) {
                take(rows, *answer);
                continue;
            }
            const auto allow = allow_in(rows);
            const auto choice = ready_choice(part, choices_[i]);
            if (choice.index == nullptr)
                waiting.push_back(&part);
            else if (filtered || part.dead_rows() > 0)
                search_part(rows, choice, predicate(part, allow, filtered));
            else
                search_part(rows, choice, std::nullopt);
        }
        for (const auto* part : waiting) {
            const auto rows = source_of(*part);
            scan_if(rows, allow_in(rows), true);
        }
        for (const auto& newest : rows_.memtables) {
            const auto rows = source_of(newest);
            scan_if(rows, allow_in(rows), true);
        }
    }
    template <class Allow>
    [[nodiscard]] row_predicate predicate(const part& p, const Allow& allow, bool filtered) const {
        if (!filtered) return row_predicate(allow);
        auto bits = known_.bits();
        bits.sure = bits.sure && p.dead_rows() == 0;
        return {allow, bits, p.ordinals()};
    }
    /// An index that turns out to be damaged when it is brought into memory is not chosen again.
    [[nodiscard]] part_choice ready_choice(const part& p, part_choice choice) const {
        while (choice.index != nullptr && !choice.index->ready()) choice = choice_in(p);
        return choice;
    }
    /// About how many rows that may be returned a search looks for.
    [[nodiscard]] static std::size_t candidates_of(const part_choice& choice) noexcept {
        const auto& setting = choice.chosen.setting;
        return choice.index->kind() == index_kind::hnsw ? setting.breadth : setting.rescored;
    }
    /// Rows of a part that match, from which a walk over matches begins: many enough that each of a few groups has one.
    [[nodiscard]] std::vector<row_id> seeds_in(const part& p) const {
        constexpr std::size_t seeds = 16;
        std::vector<row_id> rows;
        row_id row = 0;
        const auto ordinal_of = [&](row_id r) { return p.ordinal_of(r); };
        for (const auto ordinal : known_.some_between(p.ordinal_of(0), p.ordinal_of(p.size() - 1), seeds)) {
            row = find_row(p.size(), ordinal, ordinal_of, row);
            if (row == p.size()) break;
            if (p.ordinal_of(row) == ordinal && session_.visible(ordinal)) rows.push_back(row);
        }
        return rows;
    }
    /// Null: not worked out yet.
    [[nodiscard]] std::shared_ptr<const index::ivf_members> members_in(const part& p, const part_index& lists) const {
        return known_.known().members_in(p.descriptor().ivf_root, [&] {
            const auto bits = known_.bits();
            const auto may = [&](row_id row) {
                const auto ordinal = p.ordinal_of(row);
                return !bits.knows(ordinal) || bits.contains(ordinal);
            };
            return std::make_shared<const index::ivf_members>(*lists.shared().lists, may);
        });
    }
    template <class Source>
    void search_part(const Source& rows, const part_choice& choice, const std::optional<row_predicate>& allow) {
        part_cost cost;
        const auto& chosen = choice.chosen;
        part_request asked{request_.vector, request_.wanted, chosen.setting, request_.radius,
                           allow ? &*allow : nullptr};
        std::vector<row_id> seeds;
        std::vector<std::uint32_t> breadths;
        if (plan_.strategy == search_strategy::filtered_walk && by_bits()) {
            asked.way = choice.way;
            asked.enough = choice.enough;
            if (choice.index->kind() == index_kind::hnsw) {
                seeds = seeds_in(*rows.owner);
                asked.seeds = seeds;
            }
        }
        if (allow && choice.index->kind() == index_kind::ivf && !request_.ef && !request_.radius) {
            choice.index->choose_breadths(request_.recall, request_.wanted, breadths);
            asked.breadths = breadths;
        }
        std::shared_ptr<const index::ivf_members> members;
        if (!asked.breadths.empty() && by_bits() && known_.bits().sure) {
            members = members_in(*rows.owner, *choice.index);
            asked.members = members.get();
            asked.members_sure =
                rows.owner->dead_rows() == 0 && known_.bits().knows(rows.owner->descriptor().last_ordinal);
        }
        keep(rows, choice.index->search(asked, cost));
        if (cost.failure && !failure_) failure_ = std::move(cost.failure);
        const bool graph = choice.index->kind() == index_kind::hnsw;
        auto& breadth = graph ? plan_.ef : plan_.lists_probed;
        breadth = std::max<std::size_t>(breadth, chosen.setting.breadth);
        plan_.distances += cost.distances;
        plan_.rescored += cost.rescored;
        plan_.expected_recall = std::min(plan_.expected_recall, double{chosen.recall});
        plan_.parts_by_queries += chosen.by_queries;
    }
    /// What the batch has found in a part; null: nothing.
    [[nodiscard]] const part_answer* answer_in(const part& p) const noexcept {
        return request_.together != nullptr ? request_.together->find(p, request_.number) : nullptr;
    }
    template <class Source>
    void take(const Source& rows, const part_answer& answer) {
        keep(rows, answer.found);
        ++plan_.parts_together;
        plan_.lists_probed = std::max(plan_.lists_probed, answer.lists_probed);
        plan_.distances += answer.distances;
        plan_.rescored += answer.rescored;
        plan_.expected_recall = std::min(plan_.expected_recall, double{answer.recall});
        plan_.parts_by_queries += answer.by_queries;
    }
    /// `roughly`: sketches may pass rows over.
    template <class Source, class Allow>
    void scan_if(const Source& rows, const Allow& allow, bool roughly = false) {
        std::array<row_id, bounded_codes::run_rows> asked;
        for (row_id row = scan_codes(rows, allow, roughly); row < rows.count;) {
            if (session_.interrupted_before(rows.count - row)) break;
            const auto end = row + std::min(static_cast<row_id>(asked.size()), rows.count - row);
            std::size_t count = 0;
            for (; row < end; ++row) asked[count++] = row;
            compare(rows, std::span(asked).first(count), allow);
        }
        count_scanned();
    }
    /// Scans the rows that have codes and compares by originals what these do not rule out. Returns the first row that was not
    /// scanned.
    template <class Source, class Allow>
    row_id scan_codes(const Source& rows, const Allow& allow, bool roughly) {
        if (rows.codes == nullptr) return 0;
        const auto slabs = std::min(rows.count / quantization::slab_rows, rows.codes->slabs());
        const auto* query = static_cast<const float*>(request_.vector);
        bounded_search search(*rows.codes, query);
        if (slabs == 0 || !search.bounds()) return 0;
        const auto compared_before = compared_;
        const auto scan_run = [&](std::size_t first) {
            compare(rows, search.possible(first, std::min(bounded_codes::run_slabs, slabs - first), bound()), allow);
        };
        auto first = roughly ? scan_sketches(rows, allow, slabs / bounded_codes::run_slabs, scan_run) : 0;
        for (; first < slabs && !session_.interrupted(); first += bounded_codes::run_slabs) scan_run(first);
        const auto scanned = static_cast<row_id>(std::min(first, slabs) * quantization::slab_rows);
        plan_.rescored += compared_ - compared_before;
        plan_.distances += compared_ - compared_before;
        compared_ = compared_before + scanned;
        return scanned;
    }
    /// Scans the runs (`runs` at most) that have sketches, when it is known how near a row must be. Runs of which they rule out
    /// too little are given to `scan_run`. Returns the first slab that was not scanned.
    template <class Source, class Allow, class ScanRun>
    std::size_t scan_sketches(const Source& rows, const Allow& allow, std::size_t runs, const ScanRun& scan_run) {
        constexpr std::size_t runs_least = 8, made_at_once = 2;
        if (runs < runs_least || !std::isfinite(bound())) return 0;
        // Originals that must be read, or checked, cost more than codes, which leave fewer of them.
        if (rows.owner != nullptr && !rows.owner->stored().plain()) return 0;
        const auto* sketched = rows.codes->sketched(made_at_once);
        if (sketched == nullptr) return 0;
        runs = std::min(runs, sketched->runs());
        sketch_search search(*sketched, static_cast<const float*>(request_.vector));
        constexpr std::size_t at_once = 32;
        std::array<row_id, sketches::run_rows> rough, fine;
        std::size_t roughly_near = 0, near = 0;
        const auto refine = [&] {
            const auto left = search.refine(rough.data(), std::exchange(roughly_near, 0), bound());
            for (std::size_t i = 0; i < left; ++i) prefetch(rows.vectors, fine[near++] = rough[i]);
            if (near >= at_once) compare(rows, std::span(fine).first(std::exchange(near, 0)), allow);
        };
        constexpr std::size_t runs_between_looks = 16;
        std::size_t run = 0;
        for (; run < runs; ++run) {
            if (run % runs_between_looks == runs_between_looks - 1 && session_.interrupted()) break;
            const bool known = search.knows(run);
            const auto possible = known ? search.possible(run, bound()) : std::span<const row_id>();
            if (!known || possible.size() > sketches::run_rows / 8) {
                scan_run(run * bounded_codes::run_slabs);
                continue;
            }
            for (const auto row : possible) search.prefetch(rough[roughly_near++] = row);
            if (roughly_near >= at_once) refine();
        }
        refine();
        compare(rows, std::span(fine).first(near), allow);
        plan_.expected_recall = std::min(plan_.expected_recall, sketches::found_share);
        return run * bounded_codes::run_slabs;
    }
    template <class Rows>
    [[gnu::always_inline]] static void prefetch(const Rows& vectors, row_id row) noexcept {
        const auto* bytes = static_cast<const std::byte*>(vectors.at(row));
        const auto size = std::min<std::size_t>(row_bytes(vectors.type(), vectors.dim()), 512);
        for (std::size_t i = 0; i < size; i += 64) __builtin_prefetch(bytes + i);
    }
    /// No row beyond this is of use.
    [[nodiscard]] float bound() const noexcept {
        const float all = request_.radius.value_or(std::numeric_limits<float>::infinity());
        return nearest_.full() && nearest_.size() > 0 ? std::min(all, nearest_.worst().distance) : all;
    }
    /// Compares those of `asked` (at most run_rows) that are allowed by their originals.
    template <class Source, class Allow>
    void compare(const Source& rows, std::span<const row_id> asked, const Allow& allow) {
        std::array<row_id, bounded_codes::run_rows> allowed;
        std::array<float, bounded_codes::run_rows> distances;
        std::size_t count = 0;
        for (const auto row : asked)
            if (allow(row)) allowed[count++] = row;
        if (rows.owner != nullptr && !rows.owner->stored().plain())
            for (std::size_t i = 0; i < count; ++i)
                if (!checked(rows, allowed[i])) return;
        index::exact_distances(rows.vectors, distance_).many(allowed.data(), count, distances.data());
        for (std::size_t i = 0; i < count; ++i)
            if (!request_.radius || distances[i] <= *request_.radius)
                nearest_.push({distances[i], rows.ordinal_of(allowed[i]), allowed[i], rows.owner});
        compared_ += count;
    }

    template <class Source>
    void keep(const Source& rows, const std::vector<neighbor>& found) {
        for (const auto& n : found) nearest_.push({n.distance, rows.ordinal_of(n.row), n.row, rows.owner});
    }
    void count_scanned() {
        plan_.distances += compared_;
        plan_.rows_scanned += compared_;
        compared_ = 0;
    }

    read_session& session_;
    const nearest_request& request_;
    const filter::compiled& filter_;
    query_plan& plan_;
    filter_plan known_;
    distance_computer distance_;
    const vector_view& rows_;
    top_k<candidate> nearest_;
    std::vector<part_choice> choices_;  ///< beside the parts
    std::optional<error> failure_;
    bool stopped_ = false;  ///< interrupted in a walk: no row passes the filter any more
    std::size_t compared_ = 0;
};

}  // namespace

result<std::vector<candidate>> find_nearest(read_session& session, const nearest_request& request,
                                            const filter::compiled& filter, query_plan& plan) {
    return searcher(session, request, filter, plan).run();
}

}  // namespace vecstore::detail
