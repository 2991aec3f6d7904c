#include "search.hpp"

#include "batch_search.hpp"
#include "planner.hpp"
#include "row_scan.hpp"

#include <vecstore/core/random.hpp>
#include <vecstore/index/ivf/members.hpp>

#include <collection/fields/filtered_read.hpp>
#include <collection/part/code_scan.hpp>

#include <algorithm>
#include <bit>
#include <utility>

namespace vecstore::detail {
namespace {

/// One search; its state is what all sources share.
class searcher {
public:
    searcher(read_session& session, const nearest_request& request, const filter::compiled& filter, query_plan& plan)
        : session_(session),
          request_(request),
          filter_(filter),
          plan_(plan),
          rows_(session.state().vectors[request.slot]),
          scan_(session, request, plan) {}

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
        if (scan_.failure()) return *scan_.failure();
        if (session_.interrupted()) return scan_.take_found();
        if (strategy == search_strategy::plain_walk && !request_.radius)
            session_.collection().queries(request_.slot).note(request_.vector, request_.wanted);
        if (walks && !request_.radius && scan_.found() < std::min(request_.wanted, reachable())) {
            plan_.fell_back = true;
            plan_.expected_recall = 1;
            scan_.forget_found();
            VECSTORE_CHECK(scan_exactly());
            if (scan_.failure()) return *scan_.failure();
        }
        return scan_.take_found();
    }

private:
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
            if (scan_.failure()) return *scan_.failure();
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
        if (scan_.failure() || stopped_) return false;
        stopped_ = ++plan_.filter_evaluations % interruption_interval == 0 && session_.interrupted();
        if (stopped_) return false;
        auto point = session_.point(ordinal);
        if (!point) {
            scan_.fail(std::move(point).error());
            return false;
        }
        return session_.passes(filter_, ordinal, *point);
    }

    result<void> scan_exactly() {
        if (filter_.passes_all()) {
            for_each_source([&](const auto& rows) {
                scan_.allowed(rows, [&](row_id row) { return session_.visible(rows.ordinal_of(row)); });
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
                return !scan_.failure() && !stopped_;
            });
            if (scan_.failure()) return *scan_.failure();
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
        scan_.keep(rows, nearest_by_codes(*graph->shared().codes, p.stored(), scan_.distance(), found, asked, cost));
        if (cost.failure) scan_.fail(*std::move(cost.failure));
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
        scan_.listed(rows, matches);
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
            scan_.allowed(rows, allow_in(rows), true);
        }
        for (const auto& newest : rows_.memtables) {
            const auto rows = source_of(newest);
            scan_.allowed(rows, allow_in(rows), true);
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
        scan_.keep(rows, choice.index->search(asked, cost));
        if (cost.failure) scan_.fail(*std::move(cost.failure));
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
        scan_.keep(rows, answer.found);
        ++plan_.parts_together;
        plan_.lists_probed = std::max(plan_.lists_probed, answer.lists_probed);
        plan_.distances += answer.distances;
        plan_.rescored += answer.rescored;
        plan_.expected_recall = std::min(plan_.expected_recall, double{answer.recall});
        plan_.parts_by_queries += answer.by_queries;
    }
    read_session& session_;
    const nearest_request& request_;
    const filter::compiled& filter_;
    query_plan& plan_;
    filter_plan known_;
    const vector_view& rows_;
    row_scan scan_;
    std::vector<part_choice> choices_;  ///< beside the parts
    bool stopped_ = false;              ///< interrupted in a walk: no row passes the filter any more
};

}  // namespace

result<std::vector<candidate>> find_nearest(read_session& session, const nearest_request& request,
                                            const filter::compiled& filter, query_plan& plan) {
    return searcher(session, request, filter, plan).run();
}

}  // namespace vecstore::detail
