#include "segment.hpp"

#include <algorithm>

namespace vecstore::field_index {

result<dictionary> dictionary::open(const storage::block_file& file, dictionary_kind kind, std::uint64_t values) {
    dictionary opened;
    if (values == 0) return opened;
    opened.values_ = values;
    VECSTORE_TRY(opened.keys_, file.section(section_name(kind, "KEY")));
    VECSTORE_TRY(opened.nodes_, file.section(section_name(kind, "NOD")));
    VECSTORE_TRY(opened.postings_, file.section(section_name(kind, "PST")));
    if (values > opened.keys_.size() / 8) return corruption("a dictionary has the wrong size", file.path(), 0);
    opened.levels_ = level_sizes(values);
    std::uint64_t nodes = 0;
    for (const auto size : opened.levels_) nodes += size;
    const bool is_text = kind == dictionary_kind::text;
    const auto keys_bytes = opened.keys_.size();
    if (opened.nodes_.size() != nodes * node_bytes ||
        (is_text ? keys_bytes < (values + 1) * 8 : keys_bytes != values * 8))
        return corruption("a dictionary has the wrong size", file.path(), 0);
    return opened;
}

std::string_view dictionary::text(std::uint64_t rank) const noexcept {
    const auto bytes = as_text(keys_.subspan((values_ + 1) * 8));
    const auto first = std::min<std::uint64_t>(load_le<std::uint64_t>(keys_.data() + rank * 8), bytes.size());
    const auto end = std::min<std::uint64_t>(load_le<std::uint64_t>(keys_.data() + (rank + 1) * 8), bytes.size());
    return first <= end ? bytes.substr(first, end - first) : std::string_view();
}

result<void> dictionary::ready(const storage::block_file& file) const {
    if (!file.checked(keys_)) VECSTORE_CHECK(file.check(keys_));
    if (!file.checked(nodes_)) VECSTORE_CHECK(file.check(nodes_));
    return {};
}

dictionary::node dictionary::node_at(std::uint64_t number) const noexcept {
    const auto* const at = nodes_.data() + number * node_bytes;
    return {load_le<std::uint64_t>(at), load_le<std::uint32_t>(at + 8), load_le<std::uint32_t>(at + 12)};
}

template <class Visit>
void dictionary::cover(std::uint64_t first, std::uint64_t end, const Visit& visit) const {
    std::uint64_t base = 0;
    for (std::size_t level = 0; level < levels_.size(); ++level) {
        const auto size = levels_[level];
        const bool top = level + 1 == levels_.size();
        while (first < end && (top || first % node_width != 0)) visit(node_at(base + first++));
        // The last node above has fewer than others below it, so what ends there ends with a whole one.
        while (first < end && end % node_width != 0 && end != size) visit(node_at(base + --end));
        if (first >= end) return;
        first /= node_width;
        end = (end + node_width - 1) / node_width;
        base += size;
    }
}

result<void> dictionary::collect(const storage::block_file& file, std::uint64_t first, std::uint64_t end,
                                 std::vector<ordinal_bitmap>& sets, std::vector<ordinal_id>& ordinals) const {
    result<void> done;
    cover(first, end, [&](const node& n) {
        if (!done) return;
        const bool plain = n.ordinals <= plain_ordinals_max;
        if (n.offset > postings_.size() || n.bytes > postings_.size() - n.offset ||
            (plain && n.bytes != n.ordinals * sizeof(ordinal_id))) {
            done = corruption("a node of a dictionary is out of range", file.path(), 0);
            return;
        }
        const auto bytes = postings_.subspan(n.offset, n.bytes);
        if (!file.checked(bytes)) done = file.check(bytes);
        if (!done) return;
        if (plain) {
            for (std::size_t i = 0; i < n.ordinals; ++i) ordinals.push_back(load_le<ordinal_id>(bytes.data() + 4 * i));
            return;
        }
        auto set = ordinal_bitmap::parse(bytes);
        if (set)
            sets.push_back(*std::move(set));
        else
            done = corruption(set.error().message, file.path(), 0);
    });
    return done;
}

std::uint64_t dictionary::count(std::uint64_t first, std::uint64_t end) const {
    std::uint64_t sum = 0;
    cover(first, end, [&](const node& n) { sum += n.ordinals; });
    return sum;
}

result<place_list> place_list::open(const storage::block_file& file, std::uint64_t places) {
    place_list opened;
    if (places == 0) return opened;
    opened.size_ = places;
    VECSTORE_TRY(opened.latitudes_, file.section(storage::fourcc("GLAT")));
    VECSTORE_TRY(opened.longitudes_, file.section(storage::fourcc("GLON")));
    VECSTORE_TRY(opened.ordinals_, file.section(storage::fourcc("GORD")));
    if (places > opened.latitudes_.size() / 8 || opened.latitudes_.size() != places * 8 ||
        opened.longitudes_.size() != places * 8 || opened.ordinals_.size() != places * 4)
        return corruption("the list of places has the wrong size", file.path(), 0);
    return opened;
}

std::uint64_t place_list::first_from(double latitude) const noexcept {
    std::uint64_t low = 0, high = size_;
    while (low < high) {
        const auto middle = low + (high - low) / 2;
        if (place(middle).lat < latitude)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

result<void> place_list::ready(const storage::block_file& file) const {
    for (const auto bytes : {latitudes_, longitudes_, ordinals_})
        if (!file.checked(bytes)) VECSTORE_CHECK(file.check(bytes));
    return {};
}

}  // namespace vecstore::field_index
