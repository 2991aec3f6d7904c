#include "segment_builder.hpp"

#include "segment.hpp"

#include <vecstore/filter/value_of.hpp>

#include <algorithm>
#include <numeric>

namespace vecstore::field_index {
namespace {

using storage::block_file_writer;
using storage::fourcc;

constexpr std::size_t array_alignment = 64;

void put_once(std::vector<ordinal_id>& list, ordinal_id ordinal) {
    if (list.empty() || list.back() != ordinal) list.push_back(ordinal);
}

void put_bitmap(byte_writer& out, std::vector<ordinal_id>& ordinals) {
    std::sort(ordinals.begin(), ordinals.end());
    out.put_sized(ordinal_bitmap::of(ordinals).serialized());
}

template <class Pairs>
void sort_unique(Pairs& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

/// The postings of a dictionary, level by level.
class tree_writer {
public:
    tree_writer(block_file_writer& file, dictionary_kind kind) : file_(file), kind_(kind) {}

    /// `ordinals`: of all values, those of value i from `starts[i]` to `starts[i + 1] - 1`, ascending.
    result<void> write(const std::vector<ordinal_id>& ordinals, const std::vector<std::size_t>& starts) {
        VECSTORE_CHECK(file_.begin_section(section_name(kind_, "PST"), array_alignment));
        const auto values = starts.size() - 1;
        std::size_t span = 1;
        for (const auto nodes : level_sizes(values)) {
            for (std::size_t i = 0; i < nodes; ++i) {
                const auto first = starts[i * span], last = starts[std::min((i + 1) * span, values)];
                VECSTORE_CHECK(put_node(std::span(ordinals).subspan(first, last - first), span > 1));
            }
            span *= node_width;
        }
        VECSTORE_CHECK(file_.begin_section(section_name(kind_, "NOD"), array_alignment));
        return file_.append(nodes_.bytes());
    }

private:
    result<void> put_node(std::span<const ordinal_id> ordinals, bool mixed) {
        if (mixed) {
            scratch_.assign(ordinals.begin(), ordinals.end());
            std::sort(scratch_.begin(), scratch_.end());
            scratch_.erase(std::unique(scratch_.begin(), scratch_.end()), scratch_.end());
            ordinals = scratch_;
        }
        byte_vector compact;
        if (ordinals.size() > plain_ordinals_max) compact = ordinal_bitmap::of(ordinals).serialized();
        const auto bytes = compact.empty() ? std::as_bytes(ordinals) : byte_span(compact);
        nodes_.put(offset_);
        nodes_.put(static_cast<std::uint32_t>(bytes.size()));
        nodes_.put(static_cast<std::uint32_t>(ordinals.size()));
        offset_ += bytes.size();
        return file_.append(bytes);
    }

    block_file_writer& file_;
    dictionary_kind kind_;
    byte_writer nodes_;
    std::uint64_t offset_ = 0;
    std::vector<ordinal_id> scratch_;
};

/// What `tree_writer` takes, and where each value begins, out of sorted pairs.
template <class Pairs>
struct grouped {
    std::vector<ordinal_id> ordinals;
    std::vector<std::size_t> starts;  ///< of each value, and the end

    explicit grouped(const Pairs& pairs) {
        ordinals.reserve(pairs.size());
        for (const auto& [key, ordinal] : pairs) {
            if (ordinals.empty() || key != pairs[ordinals.size() - 1].first) starts.push_back(ordinals.size());
            ordinals.push_back(ordinal);
        }
        starts.push_back(ordinals.size());
    }
    [[nodiscard]] std::size_t values() const noexcept { return starts.size() - 1; }
};

template <class Pairs>
result<std::uint64_t> write_numbers(block_file_writer& file, dictionary_kind kind, Pairs& pairs) {
    if (pairs.empty()) return std::uint64_t{0};
    sort_unique(pairs);
    const grouped<Pairs> groups(pairs);
    byte_writer keys;
    keys.reserve(groups.values() * sizeof(std::int64_t));
    for (std::size_t i = 0; i < groups.values(); ++i) keys.put(pairs[groups.starts[i]].first);
    VECSTORE_CHECK(file.begin_section(section_name(kind, "KEY"), array_alignment));
    VECSTORE_CHECK(file.append(keys.bytes()));
    VECSTORE_CHECK(tree_writer(file, kind).write(groups.ordinals, groups.starts));
    return std::uint64_t{groups.values()};
}

byte_vector encode(const segment_head& head) {
    byte_writer out;
    out.put(head.points);
    out.put(head.first);
    out.put(head.last);
    out.put(head.index);
    out.put(std::uint64_t{head.kind});
    for (const auto count : head.values) out.put(count);
    return std::move(out).take();
}

}  // namespace

void segment_builder::add(ordinal_id ordinal, payload::view content) {
    covered_.push_back(ordinal);
    bool present = false;
    (void)where_.any_of(content, [&](payload::view reached) {
        present = true;
        counts_.emplace_back(reached.is_array() ? reached.size() : reached.is_null() ? 0 : 1, ordinal);
        add_reached(ordinal, reached);
        return false;
    });
    if (!present) counts_.emplace_back(0, ordinal);
}

void segment_builder::add_reached(ordinal_id ordinal, payload::view reached) {
    if (reached.is_null()) return put_once(nulls_, ordinal);
    if (!reached.is_array()) {
        put_once(filled_, ordinal);
        return add_element(ordinal, reached);
    }
    for (const auto element : reached.elements()) {
        put_once(filled_, ordinal);
        if (element.is_null())
            put_once(nulls_, ordinal);
        else
            add_element(ordinal, element);
    }
}

void segment_builder::add_element(ordinal_id ordinal, payload::view element) {
    put_once(valued_, ordinal);
    if (!keep(ordinal, element)) put_once(others_, ordinal);
}

/// Puts the value into the dictionary that is for it, if there is one.
bool segment_builder::keep(ordinal_id ordinal, payload::view element) {
    const auto kind = element.kind();
    switch (kind_) {
        case field_kind::keyword:
            if (kind == payload::kind::string) add_text(element.string(), ordinal);
            return kind == payload::kind::string;
        case field_kind::uuid:
            if (kind != payload::kind::string) return false;
            note_text(ordinal);
            add_text(canonical_uuid(element.string()), ordinal);
            return true;
        case field_kind::text:
            if (kind != payload::kind::string) return false;
            note_text(ordinal);
            analyzer_->document_tokens(element.string(), [&](std::string_view token) { add_text(token, ordinal); });
            return true;
        case field_kind::integer:
        case field_kind::floating:
            if (kind == payload::kind::int64) integers_.emplace_back(element.int64(), ordinal);
            if (kind == payload::kind::float64) floats_.emplace_back(element.float64(), ordinal);
            return kind == payload::kind::int64 || kind == payload::kind::float64;
        case field_kind::boolean:
            if (kind == payload::kind::boolean) booleans_.emplace_back(element.boolean() ? 1 : 0, ordinal);
            return kind == payload::kind::boolean;
        case field_kind::datetime: {
            const auto time = filter::datetime_us_of(element);
            if (time) times_.emplace_back(*time, ordinal);
            return time.has_value();
        }
        case field_kind::geo: {
            const auto place = filter::geo_point_of(element);
            if (place) places_.emplace_back(place->lat, place->lon, ordinal);
            return place.has_value();
        }
    }
    return false;
}

void segment_builder::add_text(std::string_view text, ordinal_id ordinal) {
    auto known = text_numbers_.find(text);
    if (known == text_numbers_.end())
        known = text_numbers_.emplace(text, static_cast<std::uint32_t>(text_numbers_.size())).first;
    texts_.emplace_back(known->second, ordinal);
}

void segment_builder::note_text(ordinal_id ordinal) {
    if (!texts_seen_.empty() && texts_seen_.back() == ordinal) return put_once(several_, ordinal);
    texts_seen_.push_back(ordinal);
}

result<void> segment_builder::add(const segment& from, const ordinal_bitmap& wanted) {
    const auto add_all = [&](std::vector<ordinal_id>& list, const ordinal_bitmap& set) {
        auto both = set;
        both &= wanted;
        const auto members = both.to_vector();
        list.insert(list.end(), members.begin(), members.end());
    };
    add_all(covered_, from.covered());
    add_all(nulls_, from.nulls());
    add_all(filled_, from.filled());
    add_all(valued_, from.valued());
    add_all(others_, from.others());
    add_all(texts_seen_, from.texts());
    add_all(several_, from.several());
    VECSTORE_CHECK(from.for_each_text([&](std::string_view text, ordinal_id ordinal) {
        if (wanted.contains(ordinal)) add_text(text, ordinal);
    }));
    const auto add_pairs = [&](auto& list) {
        return [&](auto key, ordinal_id ordinal) {
            if (wanted.contains(ordinal)) list.emplace_back(key, ordinal);
        };
    };
    VECSTORE_CHECK(from.for_each_integer(dictionary_kind::integer, add_pairs(integers_)));
    VECSTORE_CHECK(from.for_each_integer(dictionary_kind::boolean, add_pairs(booleans_)));
    VECSTORE_CHECK(from.for_each_integer(dictionary_kind::time, add_pairs(times_)));
    VECSTORE_CHECK(from.for_each_integer(dictionary_kind::count, add_pairs(counts_)));
    VECSTORE_CHECK(from.for_each_place([&](const geo_point& place, ordinal_id ordinal) {
        if (wanted.contains(ordinal)) places_.emplace_back(place.lat, place.lon, ordinal);
    }));
    return from.for_each_float(add_pairs(floats_));
}

result<void> segment_builder::write_texts(block_file_writer& file) {
    constexpr auto kind = dictionary_kind::text;
    if (texts_.empty()) return {};
    std::vector<const std::string*> by_number(text_numbers_.size());
    for (const auto& [text, number] : text_numbers_) by_number[number] = &text;
    std::vector<std::uint32_t> order(by_number.size()), ranks(by_number.size());
    std::iota(order.begin(), order.end(), std::uint32_t{0});
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return *by_number[a] < *by_number[b]; });
    for (std::uint32_t rank = 0; rank < order.size(); ++rank) ranks[order[rank]] = rank;
    for (auto& [number, ordinal] : texts_) number = ranks[number];
    sort_unique(texts_);
    VECSTORE_CHECK(file.begin_section(section_name(kind, "KEY"), array_alignment));
    byte_writer offsets;
    std::uint64_t end = 0;
    for (const auto number : order) {
        offsets.put(end);
        end += by_number[number]->size();
    }
    offsets.put(end);
    VECSTORE_CHECK(file.append(offsets.bytes()));
    for (const auto number : order) VECSTORE_CHECK(file.append(as_bytes(*by_number[number])));
    head_.values[static_cast<std::size_t>(kind)] = order.size();
    const grouped<decltype(texts_)> groups(texts_);
    return tree_writer(file, kind).write(groups.ordinals, groups.starts);
}

result<void> segment_builder::write_places(block_file_writer& file) {
    if (places_.empty()) return {};
    sort_unique(places_);
    head_.values[places_number] = places_.size();
    byte_writer latitudes, longitudes, ordinals;
    for (const auto& [lat, lon, ordinal] : places_) {
        latitudes.put(lat);
        longitudes.put(lon);
        ordinals.put(ordinal);
    }
    VECSTORE_CHECK(file.begin_section(fourcc("GLAT"), array_alignment));
    VECSTORE_CHECK(file.append(latitudes.bytes()));
    VECSTORE_CHECK(file.begin_section(fourcc("GLON"), array_alignment));
    VECSTORE_CHECK(file.append(longitudes.bytes()));
    VECSTORE_CHECK(file.begin_section(fourcc("GORD"), array_alignment));
    return file.append(ordinals.bytes());
}

result<segment_summary> segment_builder::write(storage::file_system& files, const std::string& path) {
    VECSTORE_TRY(auto file, block_file_writer::create(files, path, segment_file_kind, version_of(kind_)));
    byte_writer bits;
    for (auto* list : {&covered_, &nulls_, &filled_, &valued_, &others_}) put_bitmap(bits, *list);
    if (version_of(kind_) == text_file_version)
        for (auto* list : {&texts_seen_, &several_}) put_bitmap(bits, *list);
    VECSTORE_CHECK(file.begin_section(fourcc("BITS"), array_alignment));
    VECSTORE_CHECK(file.append(bits.bytes()));
    VECSTORE_CHECK(write_texts(file));
    const auto number_of = [](dictionary_kind kind) { return static_cast<std::size_t>(kind); };
    VECSTORE_TRY(head_.values[number_of(dictionary_kind::integer)],
                 write_numbers(file, dictionary_kind::integer, integers_));
    VECSTORE_TRY(head_.values[number_of(dictionary_kind::floating)],
                 write_numbers(file, dictionary_kind::floating, floats_));
    VECSTORE_TRY(head_.values[number_of(dictionary_kind::boolean)],
                 write_numbers(file, dictionary_kind::boolean, booleans_));
    VECSTORE_TRY(head_.values[number_of(dictionary_kind::time)], write_numbers(file, dictionary_kind::time, times_));
    VECSTORE_TRY(head_.values[number_of(dictionary_kind::count)], write_numbers(file, dictionary_kind::count, counts_));
    VECSTORE_CHECK(write_places(file));
    head_.points = covered_.size();
    head_.first = covered_.front();
    head_.last = covered_.back();
    head_.index = index_;
    head_.kind = static_cast<std::uint8_t>(kind_);
    VECSTORE_CHECK(file.begin_section(fourcc("HEAD"), array_alignment));
    VECSTORE_CHECK(file.append(encode(head_)));
    VECSTORE_TRY(const auto root, file.finish());
    return segment_summary{root, head_.points, head_.first, head_.last};
}

}  // namespace vecstore::field_index
