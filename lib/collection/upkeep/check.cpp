// The tables of a checkpoint against each other. Parts are in check_parts.cpp.
#include "check.hpp"

#include "checkpoint.hpp"

#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/view.hpp>

#include <collection/ordinal_set.hpp>
#include <collection/point_value.hpp>
#include <collection/slots.hpp>
#include <collection/write/operation.hpp>

#include <algorithm>
#include <functional>
#include <tuple>

namespace vecstore::detail {
namespace {

constexpr std::uint64_t entries_between_calls = 4096;

error cancelled() { return {errc::cancelled, "checking was cancelled"}; }

/// Collection, then a number.
template <class Number>
struct numbered_key {
    collection_id collection = 0;
    Number number = 0;
    bool right = false;
};

template <class Number>
numbered_key<Number> parse_key(byte_span key) noexcept {
    byte_reader in(key);
    numbered_key<Number> parsed{in.get_big_endian<collection_id>(), in.get_big_endian<Number>(), false};
    parsed.right = in.finished();
    return parsed;
}

std::uint64_t hash_of(const point_id& id) noexcept { return std::hash<point_id>{}(id); }

}  // namespace

checked_collection* collection_checker::find(collection_id id) const {
    const auto found = collections_.find(id);
    return found == collections_.end() ? nullptr : found->second.get();
}

void collection_checker::table_fault(collection_fault kind, std::string what, const char* table) {
    port_.fault(kind, corruption(std::move(what), storage::join_path(port_.root, "state/data.mdb") + ": " + table, 0));
}

result<void> collection_checker::run() {
    VECSTORE_CHECK(read_meta());
    VECSTORE_CHECK(read_catalog());
    VECSTORE_CHECK(read_deaths());
    VECSTORE_CHECK(read_edits());
    VECSTORE_CHECK(read_ids());
    VECSTORE_CHECK(read_points());
    VECSTORE_CHECK(read_manifest());
    for (const auto& [id, collection] : collections_) VECSTORE_CHECK(check_parts(id, *collection));
    return check_fields();
}

result<void> collection_checker::read_meta() {
    return port_.walk("meta", [&](byte_span key, byte_span value) -> result<void> {
        ++counts_.entries;
        byte_reader in(value);
        if (as_text(key) == "applied") {
            applied_ = {in.get<std::uint64_t>(), in.get<std::uint64_t>()};
            if (!in.finished())
                table_fault(collection_fault::catalog, "the checkpoint's position does not parse", "meta");
        } else if (as_text(key) == "format") {
            format_ = in.get<std::uint32_t>();
            if (format_ > tables::format_version)
                table_fault(collection_fault::catalog, "the tables have a newer format", "meta");
        }
        return {};
    });
}

result<void> collection_checker::read_catalog() {
    return port_.walk("catalog", [&](byte_span key, byte_span value) -> result<void> {
        ++counts_.entries;
        byte_reader in(key);
        const auto id = in.get_big_endian<collection_id>();
        const auto entry = payload::decode(value);
        auto named = entry ? from_document(*entry) : result<named_options>(entry.error());
        if (!in.finished() || !named) {
            table_fault(collection_fault::catalog, "the entry of a collection does not parse", "catalog");
            return {};
        }
        auto collection = std::make_unique<checked_collection>();
        collection->name = std::move(named->name);
        collection->options = std::move(named->options);
        const auto ordinal_end = (*entry)["next_ordinal"].int64_or(0);
        const auto points = (*entry)["points"].int64_or(0);
        if (ordinal_end < 0 || static_cast<std::uint64_t>(ordinal_end) > points_max || points < 0 ||
            points > ordinal_end)
            table_fault(collection_fault::catalog, "the counters of collection \"" + collection->name + "\" are wrong",
                        "catalog");
        collection->ordinal_end = static_cast<ordinal_id>(std::clamp<std::int64_t>(ordinal_end, 0, points_max));
        collection->point_count = static_cast<std::uint64_t>(std::max<std::int64_t>(0, points));
        collections_.emplace(id, std::move(collection));
        return {};
    });
}

result<void> collection_checker::read_deaths() {
    return port_.walk("deaths", [&](byte_span key, byte_span value) -> result<void> {
        ++counts_.entries;
        const auto at = parse_key<std::uint32_t>(key);
        auto* const collection = at.right ? find(at.collection) : nullptr;
        if (collection == nullptr || value.size() != tombstones::page_size / 8 ||
            at.number > collection->ordinal_end >> tombstones::page_bits) {
            table_fault(collection_fault::death, "a page of deaths does not parse, or is of no collection", "deaths");
            return {};
        }
        for (std::uint32_t i = 0; i < tombstones::page_size; ++i)
            if ((value[i / 8] >> (i % 8) & std::byte{1}) != std::byte{0})
                collection->deaths.set((at.number << tombstones::page_bits) + i, 1);
        return {};
    });
}

result<void> collection_checker::read_edits() {
    return port_.walk("edits", [&](byte_span key, byte_span value) -> result<void> {
        ++counts_.entries;
        const auto at = parse_key<std::uint32_t>(key);
        if (!at.right || find(at.collection) == nullptr || value.size() != std::tuple_size_v<ordinal_set::page_bytes>)
            table_fault(collection_fault::tables, "a page of edits does not parse, or is of no collection", "edits");
        return {};
    });
}

result<void> collection_checker::read_ids() {
    VECSTORE_CHECK(port_.walk("ids", [&](byte_span key, byte_span value) -> result<void> {
        if (counts_.entries++ % entries_between_calls == 0 && !port_.keep_going("ids", counts_.entries, 0))
            return cancelled();
        byte_reader in(key);
        const auto collection = in.get_big_endian<collection_id>();
        const auto id = point_id::get_key(in);
        const auto* const known = find(collection);
        const auto ordinal = value.size() == sizeof(ordinal_id) ? load_le<ordinal_id>(value.data()) : ordinal_none;
        if (!in.finished() || known == nullptr || ordinal >= known->ordinal_end) {
            table_fault(collection_fault::id,
                        in.finished() ? "id " + to_string(id) + " of collection " + std::to_string(collection) +
                                            " has no right ordinal, or no collection"
                                      : std::string("a key of the ids does not parse"),
                        "ids");
            return {};
        }
        owners_.push_back({collection, ordinal, hash_of(id)});
        return {};
    }));
    const auto before = [](const owner& a, const owner& b) {
        return a.collection != b.collection ? a.collection < b.collection : a.ordinal < b.ordinal;
    };
    std::sort(owners_.begin(), owners_.end(), before);
    return {};
}

void collection_checker::note_orphans(const owner& each) {
    table_fault(collection_fault::point,
                "an id of collection " + std::to_string(each.collection) + " names ordinal " +
                    std::to_string(each.ordinal) + ", which has no point that can be read",
                "points");
}

result<void> collection_checker::read_points() {
    std::vector<owner> points;
    points.reserve(owners_.size());
    std::size_t next_owner = 0;
    VECSTORE_CHECK(port_.walk("points", [&](byte_span key, byte_span value) -> result<void> {
        if (counts_.entries++ % entries_between_calls == 0 &&
            !port_.keep_going("points", points.size(), owners_.size()))
            return cancelled();
        read_point(key, value, next_owner, points);
        return {};
    }));
    for (; next_owner < owners_.size(); ++next_owner) note_orphans(owners_[next_owner]);
    owners_ = std::move(points);
    std::map<collection_id, std::uint64_t> found;
    for (const auto& each : owners_) ++found[each.collection];
    for (const auto& [id, collection] : collections_)
        if (const auto count = found[id]; count != collection->point_count)
            table_fault(collection_fault::point,
                        "collection \"" + collection->name + "\" counts " + std::to_string(collection->point_count) +
                            " points, but has " + std::to_string(count),
                        "points");
    return {};
}

/// Points come in the order of `owners_`, so that both are walked side by side.
void collection_checker::read_point(byte_span key, byte_span value, std::size_t& next_owner,
                                    std::vector<owner>& points) {
    const auto at = parse_key<ordinal_id>(key);
    const auto* const collection = at.right ? find(at.collection) : nullptr;
    const auto point = parse_point_value(value);
    const auto name =
        "the point of ordinal " + std::to_string(at.number) + " in collection " + std::to_string(at.collection);
    if (collection == nullptr || !point || at.number >= collection->ordinal_end) {
        table_fault(collection_fault::point, name + " does not parse, or is of no collection", "points");
        return;
    }
    const auto& id = point->id;
    if (!payload::view::open(point->payload))
        table_fault(collection_fault::point, name + ", id " + to_string(id) + ": the payload does not parse", "points");
    if (collection->deaths.died_at(at.number) != 0)
        table_fault(collection_fault::death, name + ", id " + to_string(id) + ", is marked as dead", "deaths");
    ++counts_.points;
    points.push_back({at.collection, at.number, hash_of(id)});
    const auto behind = [&](const owner& each) {
        return each.collection < at.collection || (each.collection == at.collection && each.ordinal < at.number);
    };
    for (; next_owner < owners_.size() && behind(owners_[next_owner]); ++next_owner) note_orphans(owners_[next_owner]);
    bool named = false;
    for (; next_owner < owners_.size() && owners_[next_owner].collection == at.collection &&
           owners_[next_owner].ordinal == at.number;
         ++next_owner) {
        if (named || owners_[next_owner].id_hash != hash_of(id))
            table_fault(collection_fault::id, name + ", id " + to_string(id) + ": another id names it", "ids");
        named = named || owners_[next_owner].id_hash == hash_of(id);
    }
    if (!named) table_fault(collection_fault::id, name + ": its id " + to_string(id) + " does not name it", "ids");
}

result<void> collection_checker::read_manifest() {
    return port_.walk("parts", [&](byte_span key, byte_span value) -> result<void> {
        ++counts_.entries;
        const auto listed = parse_manifest_entry(key, value);
        auto* const collection = listed ? find(listed->collection) : nullptr;
        if (collection == nullptr || listed->slot >= slot_count(collection->options))
            table_fault(collection_fault::tables, "an entry of the manifest does not parse, or is of no collection",
                        "parts");
        else
            collection->parts.push_back({listed->slot, listed->descriptor});
        return {};
    });
}

const collection_checker::owner* collection_checker::owner_of(collection_id id, ordinal_id ordinal) const {
    const auto at = std::lower_bound(owners_.begin(), owners_.end(), ordinal, [&](const owner& a, ordinal_id wanted) {
        return a.collection != id ? a.collection < id : a.ordinal < wanted;
    });
    return at != owners_.end() && at->collection == id && at->ordinal == ordinal ? &*at : nullptr;
}

}  // namespace vecstore::detail
