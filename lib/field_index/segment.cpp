#include "segment.hpp"

#include <vecstore/filter/geo.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace vecstore::field_index {
namespace {

using storage::fourcc;

segment_head decode(byte_reader& in) {
    segment_head head;
    head.points = in.get<std::uint64_t>();
    head.first = in.get<ordinal_id>();
    head.last = in.get<ordinal_id>();
    head.index = in.get<std::uint64_t>();
    head.kind = in.get<std::uint8_t>();
    (void)in.get_bytes(7);
    for (auto& count : head.values) count = in.get<std::uint64_t>();
    return head;
}

bool holds(const segment_head& head, dictionary_kind kind) noexcept {
    switch (static_cast<field_kind>(head.kind)) {
        case field_kind::keyword:
        case field_kind::uuid: return kind == dictionary_kind::text;
        case field_kind::integer:
        case field_kind::floating: return kind == dictionary_kind::integer || kind == dictionary_kind::floating;
        case field_kind::boolean: return kind == dictionary_kind::boolean;
        case field_kind::datetime: return kind == dictionary_kind::time;
        case field_kind::geo:
        case field_kind::text: return false;
    }
    return false;
}

}  // namespace

/// Which points a test chooses, before their set is made.
struct segment::selection {
    struct piece {
        dictionary_kind kind;
        std::uint64_t first, end;
    };
    std::vector<piece> pieces = {};
    std::vector<ordinal_id> ordinals = {};  ///< and these
    bool others = false;                    ///< and all with values that are in no dictionary
    const ordinal_bitmap* whole = nullptr;  ///< instead: these
    bool inverted = false;                  ///< of `whole`: all but these
};

struct segment::selector {
    const segment& from;
    using outcome = result<std::optional<selection>>;

    template <class Test>
    outcome operator()(const Test&) const {
        return std::optional<selection>();  // a kind of test that is for the evaluator
    }
    outcome operator()(const filter::is_empty& test) const {
        return selection{{}, {}, false, &from.filled_, test.wanted};
    }
    outcome operator()(const filter::is_null& test) const {
        return selection{{}, {}, false, &from.nulls_, !test.wanted};
    }
    outcome operator()(const filter::values_count& bounds) const {
        selection chosen;
        VECSTORE_CHECK(add_range(chosen, dictionary_kind::count, bounds, [](const dictionary& d, std::uint64_t rank) {
            return static_cast<std::uint64_t>(d.integer(rank));
        }));
        return chosen;
    }
    outcome operator()(const filter::match_value& test) const {
        if (const auto* flag = std::get_if<bool>(&test.value))
            return equal(dictionary_kind::boolean, std::int64_t{*flag});
        if (const auto* number = std::get_if<std::int64_t>(&test.value))
            return equal(dictionary_kind::integer, *number);
        return equal(dictionary_kind::text, std::get<std::string>(test.value));
    }
    outcome operator()(const filter::match_any& test) const {
        return std::visit([&](const auto& values) { return any(values); }, test.values);
    }
    outcome operator()(const filter::match_except& test) const {
        return std::visit([&](const auto& values) { return except(values); }, test.values);
    }
    outcome operator()(const filter::range& bounds) const {
        if (!holds(from.head_, dictionary_kind::integer)) return none_but_others();
        selection chosen;
        VECSTORE_CHECK(add_range(chosen, dictionary_kind::integer, bounds, [](const dictionary& d, std::uint64_t rank) {
            return static_cast<double>(d.integer(rank));
        }));
        VECSTORE_CHECK(add_range(chosen, dictionary_kind::floating, bounds,
                                 [](const dictionary& d, std::uint64_t rank) { return d.floating(rank); }));
        return chosen;
    }

    outcome operator()(const filter::datetime_range& bounds) const {
        if (!holds(from.head_, dictionary_kind::time))
            return from.has_texts() ? std::optional<selection>() : none_but_others();
        const auto in_us = [](const std::optional<datetime>& bound) {
            return bound ? std::optional(bound->us()) : std::nullopt;
        };
        const struct {
            std::optional<std::int64_t> gt, gte, lt, lte;
        } times{in_us(bounds.gt), in_us(bounds.gte), in_us(bounds.lt), in_us(bounds.lte)};
        selection chosen;
        VECSTORE_CHECK(add_range(chosen, dictionary_kind::time, times,
                                 [](const dictionary& d, std::uint64_t rank) { return d.integer(rank); }));
        return chosen;
    }
    outcome operator()(const filter::match_prefix& test) const {
        if (!holds(from.head_, dictionary_kind::text)) return no_text_but_others();
        // Of a UUID, any spelling may be in the payload, and a prefix is of one.
        if (static_cast<field_kind>(from.head_.kind) == field_kind::uuid)
            return from.has_texts() ? std::optional<selection>() : none_but_others();
        const auto& in = from.of(dictionary_kind::text);
        VECSTORE_CHECK(in.ready(*from.file_));
        const std::string_view prefix = test.prefix;
        const auto begin = [&](std::uint64_t rank) { return in.text(rank).substr(0, prefix.size()); };
        const auto first = in.find([&](std::uint64_t rank) { return begin(rank) >= prefix; });
        const auto end = in.find([&](std::uint64_t rank) { return begin(rank) > prefix; });
        selection chosen;
        if (first < end) chosen.pieces.push_back({dictionary_kind::text, first, end});
        return chosen;
    }
    outcome operator()(const geo_radius& area) const {
        // Nothing is nearer than its difference of latitude says; a little more, for the rounding.
        const double degrees = area.radius_m / filter::earth_radius_m * (180 / std::numbers::pi) * (1 + 1e-9) + 1e-9;
        return within(area, area.center.lat - degrees, area.center.lat + degrees);
    }
    outcome operator()(const geo_bounding_box& area) const {
        return within(area, area.bottom_right.lat, area.top_left.lat);
    }
    outcome operator()(const geo_polygon& area) const {
        double south = 90, north = -90;
        for (const auto& corner : area.exterior) {
            south = std::min(south, corner.lat);
            north = std::max(north, corner.lat);
        }
        return within(area, south, north);
    }

private:
    /// Values of a kind for which there is no dictionary: they may be among the others.
    [[nodiscard]] outcome none_but_others() const {
        return from.others_.empty() ? std::optional(selection{}) : std::nullopt;
    }
    /// The same of texts, which an index of times has taken for times, and one of texts for tokens.
    [[nodiscard]] outcome no_text_but_others() const {
        return from.of(dictionary_kind::time).size() == 0 && !from.has_texts() ? none_but_others()
                                                                               : std::optional<selection>();
    }
    [[nodiscard]] outcome absent(dictionary_kind kind) const {
        return kind == dictionary_kind::text ? no_text_but_others() : none_but_others();
    }
    /// Places of the area, which lies between two latitudes; those that are on no earth are always looked at.
    template <class Area>
    [[nodiscard]] outcome within(const Area& area, double south, double north) const {
        if (static_cast<field_kind>(from.head_.kind) != field_kind::geo) return none_but_others();
        const auto& places = from.places_;
        VECSTORE_CHECK(places.ready(*from.file_));
        selection chosen;
        const auto look = [&](std::uint64_t i) {
            if (filter::contains(area, places.place(i))) chosen.ordinals.push_back(places.ordinal(i));
        };
        const auto first = places.first_from(std::max(south, -90.0));
        for (std::uint64_t i = 0; i < first && places.place(i).lat < -90; ++i) look(i);
        auto i = first;
        for (; i < places.size() && places.place(i).lat <= std::min(north, 90.0); ++i) look(i);
        for (i = std::max(i, places.first_from(std::nextafter(90.0, 91.0))); i < places.size(); ++i) look(i);
        std::sort(chosen.ordinals.begin(), chosen.ordinals.end());
        chosen.ordinals.erase(std::unique(chosen.ordinals.begin(), chosen.ordinals.end()), chosen.ordinals.end());
        return chosen;
    }
    [[nodiscard]] static std::uint64_t first_not_below(const dictionary& in, std::int64_t key) {
        return in.find([&](std::uint64_t rank) { return in.integer(rank) >= key; });
    }
    [[nodiscard]] static std::uint64_t first_not_below(const dictionary& in, const std::string& key) {
        return in.find([&](std::uint64_t rank) { return in.text(rank) >= key; });
    }
    [[nodiscard]] static bool is_key(const dictionary& in, std::uint64_t rank, std::int64_t key) noexcept {
        return rank < in.size() && in.integer(rank) == key;
    }
    [[nodiscard]] static bool is_key(const dictionary& in, std::uint64_t rank, const std::string& key) noexcept {
        return rank < in.size() && in.text(rank) == key;
    }
    static constexpr dictionary_kind kind_of(std::int64_t) noexcept { return dictionary_kind::integer; }
    static constexpr dictionary_kind kind_of(const std::string&) noexcept { return dictionary_kind::text; }

    template <class Key>
    [[nodiscard]] outcome equal(dictionary_kind kind, const Key& key) const {
        if (!holds(from.head_, kind)) return absent(kind);
        const auto& in = from.of(kind);
        VECSTORE_CHECK(in.ready(*from.file_));
        selection chosen;
        if (const auto rank = first_not_below(in, key); is_key(in, rank, key))
            chosen.pieces.push_back({kind, rank, rank + 1});
        return chosen;
    }
    template <class Key>
    [[nodiscard]] outcome any(const std::vector<Key>& keys) const {
        constexpr auto kind = std::is_same_v<Key, std::string> ? dictionary_kind::text : dictionary_kind::integer;
        if (keys.empty()) return selection{};
        if (!holds(from.head_, kind)) return absent(kind);
        VECSTORE_TRY(const auto ranks, ranks_of(kind, keys));
        selection chosen;
        for (const auto rank : ranks) chosen.pieces.push_back({kind, rank, rank + 1});
        return chosen;
    }
    template <class Key>
    [[nodiscard]] outcome except(const std::vector<Key>& keys) const {
        constexpr auto kind = std::is_same_v<Key, std::string> ? dictionary_kind::text : dictionary_kind::integer;
        if (keys.empty()) return selection{{}, {}, false, &from.valued_, false};
        if (!holds(from.head_, kind)) {
            VECSTORE_TRY(const auto none, absent(kind));
            return none ? std::optional(selection{{}, {}, false, &from.valued_, false}) : std::nullopt;
        }
        VECSTORE_TRY(const auto ranks, ranks_of(kind, keys));
        selection chosen;
        chosen.others = true;
        std::uint64_t behind = 0;
        for (const auto rank : ranks) {
            if (rank > behind) chosen.pieces.push_back({kind, behind, rank});
            behind = rank + 1;
        }
        const auto size = from.of(kind).size();
        if (behind < size) chosen.pieces.push_back({kind, behind, size});
        for (std::size_t i = 0; i < dictionaries_known; ++i) {
            const auto other = static_cast<dictionary_kind>(i);
            const auto values = from.of(other).size();
            if (other == kind || other == dictionary_kind::count || values == 0) continue;
            VECSTORE_CHECK(from.of(other).ready(*from.file_));
            chosen.pieces.push_back({other, 0, values});
        }
        return chosen;
    }
    /// Ascending, without repeats.
    template <class Key>
    [[nodiscard]] result<std::vector<std::uint64_t>> ranks_of(dictionary_kind kind,
                                                              const std::vector<Key>& keys) const {
        const auto& in = from.of(kind);
        VECSTORE_CHECK(in.ready(*from.file_));
        std::vector<std::uint64_t> ranks;
        for (const auto& key : keys)
            if (const auto rank = first_not_below(in, key); is_key(in, rank, key)) ranks.push_back(rank);
        std::sort(ranks.begin(), ranks.end());
        ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
        return ranks;
    }
    template <class Bounds, class ValueAt>
    result<void> add_range(selection& chosen, dictionary_kind kind, const Bounds& bounds,
                           const ValueAt& value_at) const {
        const auto& in = from.of(kind);
        VECSTORE_CHECK(in.ready(*from.file_));
        const auto first = in.find([&](std::uint64_t rank) {
            const auto x = value_at(in, rank);
            return (!bounds.gt || x > *bounds.gt) && (!bounds.gte || x >= *bounds.gte);
        });
        const auto end = in.find([&](std::uint64_t rank) {
            const auto x = value_at(in, rank);
            return !((!bounds.lt || x < *bounds.lt) && (!bounds.lte || x <= *bounds.lte));
        });
        if (first < end) chosen.pieces.push_back({kind, first, end});
        return {};
    }
};

result<std::shared_ptr<const segment>> segment::open(storage::file_system& files, const std::string& path,
                                                     std::uint64_t index, storage::verify_mode verify) {
    std::shared_ptr<segment> opened(new segment());
    VECSTORE_TRY(opened->file_, storage::block_file::open(files, path, segment_file_kind, verify));
    const auto version = opened->file_->version();
    const error other{errc::unsupported, "a version that this program does not know", path, 0};
    if (version != segment_file_version && version != text_file_version) return other;
    VECSTORE_CHECK(opened->load(index));
    if (version != version_of(static_cast<field_kind>(opened->head_.kind))) return other;
    return std::shared_ptr<const segment>(std::move(opened));
}

result<void> segment::load(std::uint64_t index) {
    VECSTORE_TRY(const auto head, file_->section(fourcc("HEAD")));
    VECSTORE_TRY(const auto bits, file_->section(fourcc("BITS")));
    VECSTORE_CHECK(file_->check(head));
    VECSTORE_CHECK(file_->check(bits));
    byte_reader in(head);
    head_ = decode(in);
    if (!in.finished()) return corruption("the head has the wrong size", file_->path(), 0);
    if (head_.index != index) return corruption("it belongs to another index", file_->path(), 0);
    byte_reader sets(bits);
    std::vector<ordinal_bitmap*> all{&covered_, &nulls_, &filled_, &valued_, &others_};
    if (file_->version() == text_file_version) all.insert(all.end(), {&texts_, &several_});
    for (auto* set : all) {
        auto parsed = ordinal_bitmap::parse(sets.get_sized());
        if (sets.failed() || !parsed) return corruption("a bitmap does not parse", file_->path(), 0);
        *set = *std::move(parsed);
    }
    if (covered_.empty() || covered_.cardinality() != head_.points || covered_.minimum() != head_.first ||
        covered_.maximum() != head_.last)
        return corruption("it does not cover what its head says", file_->path(), 0);
    for (std::size_t i = 0; i < dictionaries_known; ++i) {
        VECSTORE_TRY(dictionaries_[i], dictionary::open(*file_, static_cast<dictionary_kind>(i), head_.values[i]));
    }
    VECSTORE_TRY(places_, place_list::open(*file_, head_.values[places_number]));
    return {};
}

result<std::optional<segment::selection>> segment::select(const field_test& test) const {
    return std::visit(selector{*this}, test);
}

result<std::optional<ordinal_bitmap>> segment::matches(const field_test& test) const {
    VECSTORE_TRY(const auto chosen, select(test));
    if (!chosen) return std::optional<ordinal_bitmap>();
    if (chosen->whole != nullptr) {
        if (!chosen->inverted) return std::optional(*chosen->whole);
        auto rest = covered_;
        rest -= *chosen->whole;
        return std::optional(std::move(rest));
    }
    std::vector<ordinal_bitmap> sets;
    auto ordinals = chosen->ordinals;
    for (const auto& piece : chosen->pieces)
        VECSTORE_CHECK(of(piece.kind).collect(*file_, piece.first, piece.end, sets, ordinals));
    std::sort(ordinals.begin(), ordinals.end());
    auto all = sets.size() == 1 ? std::move(sets.front()) : ordinal_bitmap::united(sets);
    all.add(ordinals);
    if (chosen->others) all |= others_;
    return std::optional(std::move(all));
}

result<ordinal_bitmap> segment::points_with(std::string_view text) const {
    const auto& in = of(dictionary_kind::text);
    const auto rank = in.find([&](std::uint64_t at) { return in.text(at) >= text; });
    if (rank == in.size() || in.text(rank) != text) return ordinal_bitmap();
    std::vector<ordinal_bitmap> sets;
    std::vector<ordinal_id> ordinals;
    VECSTORE_CHECK(in.collect(*file_, rank, rank + 1, sets, ordinals));
    auto points = sets.empty() ? ordinal_bitmap() : std::move(sets.front());
    points.add(ordinals);
    return points;
}

result<segment::found_texts> segment::matches(const token_rule& rule) const {
    found_texts found;
    VECSTORE_CHECK(of(dictionary_kind::text).ready(*file_));
    bool first = true;
    for (const auto& token : rule.tokens()) {
        VECSTORE_TRY(auto points, points_with(token));
        if (first)
            found.set = std::move(points);
        else if (rule.what() == token_rule::kind::any)
            found.set |= points;
        else
            found.set &= points;
        first = false;
        if (rule.what() != token_rule::kind::any && found.set.empty()) return found;
    }
    if (!rule.told_by_tokens()) found.exact = found.set.empty();
    // Of a point with several texts, each may have some of the tokens.
    if (rule.what() != token_rule::kind::any && rule.tokens().size() > 1)
        found.exact = found.exact && found.set.common(several_) == 0;
    return found;
}

result<std::optional<std::uint64_t>> segment::count_at_most(const field_test& test) const {
    VECSTORE_TRY(const auto chosen, select(test));
    if (!chosen) return std::optional<std::uint64_t>();
    if (chosen->whole != nullptr) {
        const auto whole = chosen->whole->cardinality();
        return std::optional(chosen->inverted ? head_.points - whole : whole);
    }
    auto sum = chosen->ordinals.size() + (chosen->others ? others_.cardinality() : 0);
    for (const auto& piece : chosen->pieces) sum += of(piece.kind).count(piece.first, piece.end);
    return std::optional(std::min(sum, head_.points));
}

result<const dictionary*> segment::values(dictionary_kind kind) const {
    const auto& in = of(kind);
    VECSTORE_CHECK(in.ready(*file_));
    return &in;
}

template <class Key>
result<void> segment::for_each(dictionary_kind kind, const Key& key_of) const {
    const auto& in = of(kind);
    if (in.size() == 0) return {};
    VECSTORE_CHECK(in.ready(*file_));
    std::vector<ordinal_bitmap> sets;
    std::vector<ordinal_id> ordinals;
    for (std::uint64_t rank = 0; rank < in.size(); ++rank) {
        sets.clear();
        ordinals.clear();
        // The leaf alone: a range of one value never takes a node above, but where there is one level.
        VECSTORE_CHECK(in.collect(*file_, rank, rank + 1, sets, ordinals));
        for (const auto ordinal : ordinals) key_of(in, rank, ordinal);
        for (const auto& set : sets)
            set.for_each([&](ordinal_id ordinal) {
                key_of(in, rank, ordinal);
                return true;
            });
    }
    return {};
}

result<void> segment::for_each_text(const std::function<void(std::string_view, ordinal_id)>& visit) const {
    return for_each(dictionary_kind::text, [&](const dictionary& in, std::uint64_t rank, ordinal_id ordinal) {
        visit(in.text(rank), ordinal);
    });
}
result<void> segment::for_each_integer(dictionary_kind kind,
                                       const std::function<void(std::int64_t, ordinal_id)>& visit) const {
    return for_each(
        kind, [&](const dictionary& in, std::uint64_t rank, ordinal_id ordinal) { visit(in.integer(rank), ordinal); });
}
result<void> segment::for_each_place(const std::function<void(const geo_point&, ordinal_id)>& visit) const {
    VECSTORE_CHECK(places_.ready(*file_));
    for (std::uint64_t i = 0; i < places_.size(); ++i) visit(places_.place(i), places_.ordinal(i));
    return {};
}
result<void> segment::for_each_float(const std::function<void(double, ordinal_id)>& visit) const {
    return for_each(dictionary_kind::floating, [&](const dictionary& in, std::uint64_t rank, ordinal_id ordinal) {
        visit(in.floating(rank), ordinal);
    });
}

std::size_t segment::memory_bytes() const noexcept {
    std::size_t bytes = sizeof *this;
    for (const auto* set : {&covered_, &nulls_, &filled_, &valued_, &others_, &texts_, &several_})
        bytes += set->memory_bytes();
    return bytes;
}

}  // namespace vecstore::field_index
