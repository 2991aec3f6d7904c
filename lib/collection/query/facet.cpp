// Counts of the values of a field. An index of the field would count without reading payloads.
#include "checks.hpp"

#include <vecstore/collection/collection.hpp>
#include <vecstore/payload/path.hpp>

#include <collection/reader.hpp>

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
    void count(payload::view content, const payload::path& where) {
        const auto point = ++points_;
        const auto add = [&](payload::view v) {
            switch (v.kind()) {
                case payload::kind::boolean: note(flags_[v.boolean() ? 1 : 0], point); break;
                case payload::kind::int64: note(integers_[v.int64()], point); break;
                case payload::kind::string: {
                    const auto known = texts_.find(v.string());
                    note(known != texts_.end() ? known->second : texts_[std::string(v.string())], point);
                    break;
                }
                default: break;
            }
        };
        where.any_of(content, [&](payload::view reached) {
            if (!reached.is_array()) add(reached);
            for (const auto element : reached.elements()) add(element);
            return false;
        });
    }

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
    static void note(seen& value, std::size_t point) noexcept {
        value.count += value.last_point != point;
        value.last_point = point;
    }

    std::size_t points_ = 0;
    seen flags_[2];
    std::unordered_map<std::int64_t, seen> integers_;
    std::unordered_map<std::string, seen, text_hash, std::equal_to<>> texts_;
};

}  // namespace

result<std::vector<facet_hit>> collection::facet(const facet_query& q) const {
    VECSTORE_CHECK(detail::check_limit(q.limit, 0));
    const auto where = payload::path::parse(q.key);
    if (!where) return invalid_argument("key: " + where.error().message);
    VECSTORE_TRY(const auto filter, filter::compiled::compile(q.filter));
    VECSTORE_TRY(auto session, read_session::open(*access_));
    counter values;
    VECSTORE_CHECK(session.for_each_point([&](ordinal_id ordinal, const detail::point_ref& point) {
        if (session.passes(filter, ordinal, point)) values.count(point.payload, *where);
        return true;
    }));
    return values.take(q.limit);
}

}  // namespace vecstore
