// Counts of the values of a field, out of its payload index where that knows them.
#include "checks.hpp"
#include "time_limit.hpp"

#include <vecstore/collection/collection.hpp>
#include <vecstore/payload/path.hpp>

#include <collection/fields/field_filter.hpp>
#include <collection/fields/filtered_read.hpp>
#include <collection/fields/indexed_values.hpp>
#include <collection/fields/match_reader.hpp>
#include <collection/fields/strict.hpp>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <variant>

namespace vecstore {
namespace {

using detail::read_session;

/// Counts values, each at most once a point. Text is borrowed while a point is looked at, and copied when it is new.
class counter {
public:
    /// `uuids`: texts are counted as one spelling of each.
    explicit counter(bool uuids) : uuids_(uuids) {}

    void count(payload::view content, const payload::path& where) {
        const auto point = ++points_;
        const auto add = [&](payload::view v) {
            switch (v.kind()) {
                case payload::kind::boolean: note(flags_[v.boolean() ? 1 : 0], point); break;
                case payload::kind::int64: note(integers_[v.int64()], point); break;
                case payload::kind::string:
                    if (uuids_)
                        note(texts_[field_index::canonical_uuid(v.string())], point);
                    else
                        note(of_text(v.string()), point);
                    break;
                default: break;
            }
        };
        where.any_of(content, [&](payload::view reached) {
            if (!reached.is_array()) add(reached);
            for (const auto element : reached.elements()) add(element);
            return false;
        });
    }

    /// Adds `points` in which the value is.
    void add(bool flag, std::size_t points) { flags_[flag ? 1 : 0].count += points; }
    void add(std::int64_t value, std::size_t points) { integers_[value].count += points; }
    void add(std::string_view value, std::size_t points) { of_text(value).count += points; }

    [[nodiscard]] bool uuids() const noexcept { return uuids_; }
    /// The most frequent first, of equal counts the smaller value.
    [[nodiscard]] std::vector<facet_hit> take(std::size_t limit) {
        std::vector<facet_hit> hits;
        for (std::size_t flag = 0; flag < 2; ++flag)
            if (flags_[flag].count > 0) hits.push_back({flag == 1, flags_[flag].count});
        for (const auto& [value, times] : integers_) hits.push_back({value, times.count});
        for (const auto& [value, times] : texts_) hits.push_back({value, times.count});
        const auto middle = hits.begin() + static_cast<std::ptrdiff_t>(std::min(limit, hits.size()));
        std::partial_sort(hits.begin(), middle, hits.end(), [](const auto& a, const auto& b) {
            return a.count > b.count || (a.count == b.count && a.value < b.value);
        });
        hits.erase(middle, hits.end());
        return hits;
    }

private:
    struct seen {
        std::size_t count = 0;
        std::size_t last_point = 0;
    };
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
    };
    seen& of_text(std::string_view value) {
        const auto known = texts_.find(value);
        return known != texts_.end() ? known->second : texts_[std::string(value)];
    }
    static void note(seen& value, std::size_t point) noexcept {
        value.count += value.last_point != point;
        value.last_point = point;
    }

    bool uuids_;
    std::size_t points_ = 0;
    seen flags_[2];
    std::unordered_map<std::int64_t, seen> integers_;
    std::unordered_map<std::string, seen, text_hash, std::equal_to<>> texts_;
};

bool has_facets(field_kind kind) noexcept {
    return kind == field_kind::keyword || kind == field_kind::integer || kind == field_kind::floating ||
           kind == field_kind::boolean || kind == field_kind::uuid;
}

/// Counts out of an index.
class index_counter {
public:
    index_counter(read_session& session, const payload::path& where, detail::match_reader& matches, counter& values)
        : session_(session), where_(where), matches_(matches), values_(values) {}

    result<void> run(const detail::indexed_values& known) {
        for (const auto& run : known.runs()) {
            if (session_.interrupted()) return {};
            VECSTORE_CHECK(count(run));
        }
        result<void> done;
        known.for_each_other(session_, [&](ordinal_id ordinal) {
            done = look_at(ordinal);
            return done.has_value();
        });
        return done;
    }

private:
    result<void> count(const detail::indexed_values::run& run) {
        auto among = run.speaks_for;
        if (matches_.known().bounded()) among &= matches_.known().set();
        const bool all = run.all && !matches_.known().bounded();
        using field_index::dictionary_kind;
        for (const auto kind : {dictionary_kind::text, dictionary_kind::integer, dictionary_kind::boolean}) {
            VECSTORE_TRY(const auto* in, detail::values_of(run, kind));
            for (std::uint64_t rank = 0; rank < in->size(); ++rank) {
                if (rank % detail::interruption_interval == 0 && session_.interrupted()) return {};
                auto points = all ? in->count(rank, rank + 1) : std::uint64_t{0};
                if (!all) {
                    VECSTORE_TRY(points, detail::count_points(run, *in, rank, among));
                }
                if (points > 0) add(kind, *in, rank, static_cast<std::size_t>(points));
            }
        }
        return {};
    }
    void add(field_index::dictionary_kind kind, const field_index::dictionary& in, std::uint64_t rank,
             std::size_t points) {
        if (kind == field_index::dictionary_kind::text)
            values_.add(in.text(rank), points);
        else if (kind == field_index::dictionary_kind::boolean)
            values_.add(in.integer(rank) != 0, points);
        else
            values_.add(in.integer(rank), points);
    }
    result<void> look_at(ordinal_id ordinal) {
        const auto verdict = matches_.verdict(ordinal);
        if (verdict == detail::filter_plan::verdict::no) return {};
        VECSTORE_TRY(const auto point, session_.point(ordinal));
        if (matches_.matches(verdict, ordinal, point)) values_.count(point.payload, where_);
        return {};
    }

    read_session& session_;
    const payload::path& where_;
    detail::match_reader& matches_;
    counter& values_;
};

/// False when the index does not know enough; what was counted is then useless.
result<bool> count_by_index(read_session& session, const payload::path& where, detail::match_reader& matches,
                            counter& values) {
    const auto* const field = detail::find_field(*session.state().fields, payload::to_string(where));
    if (field == nullptr || !has_facets(field->schema().kind) || session.state().lost) return false;
    const auto known = detail::indexed_values::make(session, field);
    if (!known || !detail::few_of(known->others(), session.state().point_count)) return false;
    auto done = index_counter(session, where, matches, values).run(*known);
    if (!done && !field->usable()) return false;  // a run was found damaged
    VECSTORE_CHECK(done);
    return true;
}

/// Errors: as the filter's reads.
result<void> count_values(read_session& session, const payload::path& where, const filter::compiled& filter,
                          counter& values) {
    query_plan plan;
    VECSTORE_TRY(auto matches, detail::match_reader::open(session, filter, plan));
    if (matches.told_by_indexes() && !matches.few_candidates()) {
        VECSTORE_TRY(const bool done, count_by_index(session, where, matches, values));
        if (done) return {};
        values = counter(values.uuids());
    }
    return matches.for_each([&](ordinal_id, const detail::point_ref& point) {
        values.count(point.payload, where);
        return true;
    });
}

}  // namespace

result<facet_result> collection::facet(const facet_query& q) const {
    VECSTORE_CHECK(detail::check_limit(q.limit, 0));
    const auto where = payload::path::parse(q.key);
    if (!where) return invalid_argument("key: " + where.error().message);
    const auto begin_ms = detail::time_limit::now(*access_, q);
    VECSTORE_TRY(auto session, read_session::open(*access_));
    const detail::time_limit limit(session, *access_, q, begin_ms);
    VECSTORE_TRY(const auto filter, detail::compile_filter(session.state(), q.filter));
    VECSTORE_CHECK(detail::check_key(
        session, q.key, "key",
        {field_kind::keyword, field_kind::integer, field_kind::floating, field_kind::boolean, field_kind::uuid}));
    const auto* const field = detail::find_field(*session.state().fields, payload::to_string(*where));
    counter values(field != nullptr && field->schema().kind == field_kind::uuid);
    VECSTORE_CHECK(count_values(session, *where, filter, values));
    facet_result answer;
    static_cast<std::vector<facet_hit>&>(answer) = values.take(q.limit);
    VECSTORE_CHECK(limit.finish(answer));
    return answer;
}

}  // namespace vecstore
