#include "ordinal_bitmap.hpp"

#include <roaring/roaring.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

namespace vecstore::field_index {
namespace {

roaring_bitmap_t* bitmap(void* bits) noexcept { return static_cast<roaring_bitmap_t*>(bits); }

/// Walks a bitmap in Roaring's portable form, container by container; each is of 65,536 numbers. `Visitor` has
/// `array(base, values)`, `bits(base, words)` and `runs(base, pairs)`, each with the bytes behind it, and gives back how many
/// members there are, none when the container is not as it should be.
/// What is read elsewhere believes counts, so nothing that contradicts itself may pass.
template <class Visitor>
bool walk_containers(byte_span portable, Visitor&& visit) {
    constexpr std::uint32_t without_runs = 12'346, with_runs = 12'347, offsets_from = 4, array_members_max = 4'096;
    byte_reader in(portable);
    const auto cookie = in.get<std::uint32_t>();
    const bool runs = (cookie & 0xFFFF) == with_runs;
    if (!runs && cookie != without_runs) return false;
    const auto count = runs ? (cookie >> 16) + 1 : in.get<std::uint32_t>();
    if (count > 65'536) return false;
    const auto flags = runs ? in.get_bytes((count + 7) / 8) : byte_span();
    byte_reader heads(in.get_bytes(std::size_t{4} * count));
    if (!runs || count >= offsets_from) (void)in.get_bytes(std::size_t{4} * count);
    std::int64_t key_before = -1;
    for (std::uint32_t i = 0; i < count && !in.failed(); ++i) {
        const auto key = heads.get<std::uint16_t>();
        const auto members = std::uint32_t{heads.get<std::uint16_t>()} + 1;
        if (key <= key_before) return false;
        key_before = key;
        const auto base = std::uint32_t{key} << 16;
        std::optional<std::uint32_t> found;
        if (runs && (flags[i / 8] >> (i % 8) & std::byte{1}) != std::byte{0})
            found = visit.runs(base, in.get_bytes(std::size_t{4} * in.get<std::uint16_t>()));
        else if (members <= array_members_max)
            found = visit.array(base, in.get_bytes(std::size_t{2} * members));
        else
            found = visit.bits(base, in.get_bytes(8'192));
        if (found != members) return false;
    }
    return in.finished();
}

/// Looks only.
struct container_checker {
    [[nodiscard]] static std::optional<std::uint32_t> array(std::uint32_t, byte_span values) noexcept {
        std::int32_t before = -1;
        for (std::size_t i = 0; i < values.size(); i += 2) {
            const std::int32_t value = load_le<std::uint16_t>(values.data() + i);
            if (value <= before) return std::nullopt;
            before = value;
        }
        return static_cast<std::uint32_t>(values.size() / 2);
    }
    [[nodiscard]] static std::optional<std::uint32_t> bits(std::uint32_t, byte_span words) noexcept {
        std::uint32_t members = 0;
        for (std::size_t i = 0; i < words.size(); i += 8)
            members += static_cast<std::uint32_t>(std::popcount(load_le<std::uint64_t>(words.data() + i)));
        return members;
    }
    [[nodiscard]] static std::optional<std::uint32_t> runs(std::uint32_t, byte_span pairs) noexcept {
        std::uint32_t members = 0;
        std::int32_t before = -1;
        for (std::size_t i = 0; i < pairs.size(); i += 4) {
            const std::int32_t first = load_le<std::uint16_t>(pairs.data() + i);
            const std::int32_t last = first + load_le<std::uint16_t>(pairs.data() + i + 2);
            if (first <= before || last > 65'535) return std::nullopt;
            members += static_cast<std::uint32_t>(last - first) + 1;
            before = last;
        }
        return members;
    }
};

/// Puts members into plain words.
struct word_writer {
    std::vector<std::uint64_t>& words;

    void set(std::uint32_t ordinal) const noexcept {
        if (ordinal / 64 < words.size()) words[ordinal / 64] |= std::uint64_t{1} << (ordinal % 64);
    }
    std::optional<std::uint32_t> array(std::uint32_t base, byte_span values) const noexcept {
        for (std::size_t i = 0; i < values.size(); i += 2) set(base + load_le<std::uint16_t>(values.data() + i));
        return container_checker::array(base, values);
    }
    std::optional<std::uint32_t> bits(std::uint32_t base, byte_span bytes) const noexcept {
        const std::size_t first = base / 64;
        if (first < words.size())
            std::memcpy(words.data() + first, bytes.data(), std::min(bytes.size(), (words.size() - first) * 8));
        return container_checker::bits(base, bytes);
    }
    std::optional<std::uint32_t> runs(std::uint32_t base, byte_span pairs) const noexcept {
        for (std::size_t i = 0; i < pairs.size(); i += 4) {
            const auto first = std::uint64_t{base} + load_le<std::uint16_t>(pairs.data() + i);
            const auto end = std::min<std::uint64_t>(first + load_le<std::uint16_t>(pairs.data() + i + 2) + 1,
                                                     words.size() * std::uint64_t{64});
            for (auto at = first; at < end;) {
                const bool whole = at % 64 == 0 && end - at >= 64;
                if (whole)
                    words[at / 64] = ~std::uint64_t{0};
                else
                    set(static_cast<std::uint32_t>(at));
                at += whole ? 64 : 1;
            }
        }
        return container_checker::runs(base, pairs);
    }
};

}  // namespace

void ordinal_bitmap::deleter::operator()(void* bits) const noexcept { roaring_bitmap_free(bitmap(bits)); }

ordinal_bitmap::ordinal_bitmap(void* bits) : bits_(bits) {
    if (bits == nullptr) throw std::bad_alloc();
}

void ordinal_bitmap::make() {
    if (!bits_) *this = ordinal_bitmap(roaring_bitmap_create());
}

ordinal_bitmap ordinal_bitmap::range(ordinal_id first, ordinal_id end) {
    ordinal_bitmap made;
    made.add_range(first, end);
    return made;
}

ordinal_bitmap ordinal_bitmap::of(std::span<const ordinal_id> ordinals) {
    ordinal_bitmap made;
    made.add(ordinals);
    return made;
}

ordinal_bitmap ordinal_bitmap::united(std::span<const ordinal_bitmap> sets) {
    std::vector<const roaring_bitmap_t*> parts;
    parts.reserve(sets.size());
    for (const auto& set : sets)
        if (set.bits_) parts.push_back(bitmap(set.bits_.get()));
    if (parts.empty()) return {};
    return ordinal_bitmap(roaring_bitmap_or_many(parts.size(), parts.data()));
}

ordinal_bitmap::ordinal_bitmap(const ordinal_bitmap& other) {
    if (other.bits_) *this = ordinal_bitmap(roaring_bitmap_copy(bitmap(other.bits_.get())));
}

ordinal_bitmap& ordinal_bitmap::operator=(const ordinal_bitmap& other) {
    if (this != &other) *this = ordinal_bitmap(other);
    return *this;
}

void ordinal_bitmap::add(ordinal_id ordinal) {
    make();
    roaring_bitmap_add(bitmap(bits_.get()), ordinal);
}

void ordinal_bitmap::add(std::span<const ordinal_id> ordinals) {
    if (ordinals.empty()) return;
    make();
    roaring_bitmap_add_many(bitmap(bits_.get()), ordinals.size(), ordinals.data());
}

void ordinal_bitmap::add_range(ordinal_id first, ordinal_id end) {
    if (first >= end) return;
    make();
    roaring_bitmap_add_range_closed(bitmap(bits_.get()), first, end - 1);
}

ordinal_bitmap& ordinal_bitmap::operator&=(const ordinal_bitmap& other) {
    if (!other.bits_)
        bits_.reset();
    else if (bits_)
        roaring_bitmap_and_inplace(bitmap(bits_.get()), bitmap(other.bits_.get()));
    return *this;
}

ordinal_bitmap& ordinal_bitmap::operator|=(const ordinal_bitmap& other) {
    if (!other.bits_) return *this;
    if (!bits_) return *this = other;
    roaring_bitmap_or_inplace(bitmap(bits_.get()), bitmap(other.bits_.get()));
    return *this;
}

ordinal_bitmap& ordinal_bitmap::operator-=(const ordinal_bitmap& other) {
    if (bits_ && other.bits_) roaring_bitmap_andnot_inplace(bitmap(bits_.get()), bitmap(other.bits_.get()));
    return *this;
}

bool ordinal_bitmap::contains(ordinal_id ordinal) const noexcept {
    return bits_ && roaring_bitmap_contains(bitmap(bits_.get()), ordinal);
}
std::uint64_t ordinal_bitmap::cardinality() const noexcept {
    return bits_ ? roaring_bitmap_get_cardinality(bitmap(bits_.get())) : 0;
}
std::uint64_t ordinal_bitmap::cardinality(ordinal_id first, ordinal_id end) const noexcept {
    return bits_ && first < end ? roaring_bitmap_range_cardinality(bitmap(bits_.get()), first, end) : 0;
}
std::uint64_t ordinal_bitmap::common(const ordinal_bitmap& other) const noexcept {
    if (!bits_ || !other.bits_) return 0;
    return roaring_bitmap_and_cardinality(bitmap(bits_.get()), bitmap(other.bits_.get()));
}
bool ordinal_bitmap::empty() const noexcept { return !bits_ || roaring_bitmap_is_empty(bitmap(bits_.get())); }
ordinal_id ordinal_bitmap::minimum() const noexcept { return roaring_bitmap_minimum(bitmap(bits_.get())); }
ordinal_id ordinal_bitmap::maximum() const noexcept { return roaring_bitmap_maximum(bitmap(bits_.get())); }

ordinal_id ordinal_bitmap::select(std::uint64_t rank) const noexcept {
    ordinal_id member = 0;
    (void)roaring_bitmap_select(bitmap(bits_.get()), static_cast<std::uint32_t>(rank), &member);
    return member;
}

std::size_t ordinal_bitmap::read(ordinal_id first, std::span<ordinal_id> out) const {
    if (!bits_) return 0;
    roaring_uint32_iterator_t at;
    roaring_init_iterator(bitmap(bits_.get()), &at);
    if (first > 0 && !roaring_move_uint32_iterator_equalorlarger(&at, first)) return 0;
    return roaring_read_uint32_iterator(&at, out.data(), static_cast<std::uint32_t>(out.size()));
}

std::vector<ordinal_id> ordinal_bitmap::to_vector() const {
    std::vector<ordinal_id> members(static_cast<std::size_t>(cardinality()));
    if (!members.empty()) roaring_bitmap_to_uint32_array(bitmap(bits_.get()), members.data());
    return members;
}

std::vector<std::uint64_t> ordinal_bitmap::to_words(ordinal_id end) const {
    std::vector<std::uint64_t> words((std::size_t{end} + 63) / 64);
    if (!bits_ || words.empty()) return words;
    byte_vector portable(roaring_bitmap_portable_size_in_bytes(bitmap(bits_.get())));
    (void)roaring_bitmap_portable_serialize(bitmap(bits_.get()), reinterpret_cast<char*>(portable.data()));
    (void)walk_containers(portable, word_writer{words});
    if (end % 64 != 0) words.back() &= (std::uint64_t{1} << (end % 64)) - 1;
    return words;
}

byte_vector ordinal_bitmap::serialized() const {
    auto compact = *this;
    compact.make();
    auto* const bits = bitmap(compact.bits_.get());
    (void)roaring_bitmap_remove_run_compression(bits);  // so that equal sets are equal bytes
    (void)roaring_bitmap_run_optimize(bits);
    byte_vector bytes(roaring_bitmap_portable_size_in_bytes(bits));
    (void)roaring_bitmap_portable_serialize(bits, reinterpret_cast<char*>(bytes.data()));
    return bytes;
}

result<ordinal_bitmap> ordinal_bitmap::parse(byte_span bytes) {
    const auto* const from = reinterpret_cast<const char*>(bytes.data());
    if (!walk_containers(bytes, container_checker{}) ||
        roaring_bitmap_portable_deserialize_size(from, bytes.size()) != bytes.size())
        return error{errc::corruption, "a bitmap does not parse"};
    auto* const bits = roaring_bitmap_portable_deserialize_safe(from, bytes.size());
    if (bits == nullptr) return error{errc::corruption, "a bitmap does not parse"};
    return ordinal_bitmap(bits);
}

std::size_t ordinal_bitmap::memory_bytes() const noexcept {
    return bits_ ? roaring_bitmap_size_in_bytes(bitmap(bits_.get())) : 0;
}

bool ordinal_bitmap::equal(const ordinal_bitmap& a, const ordinal_bitmap& b) noexcept {
    if (a.empty() || b.empty()) return a.empty() && b.empty();
    return roaring_bitmap_equals(bitmap(a.bits_.get()), bitmap(b.bits_.get()));
}

}  // namespace vecstore::field_index
