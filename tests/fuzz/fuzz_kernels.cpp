/// All kernel tables against reference.hpp: any type, operation, dimension, alignment and count of rows. The first bytes
/// choose those, the rest is what query and rows hold, byte by byte, so every pattern of a type can come.
#include <vecstore/distance/kernel_table.hpp>
#include <vecstore/distance/pack.hpp>
#include <vecstore/distance/reference.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

using namespace vecstore;
using distance::operation;

namespace {

/// Bytes that repeat the input, at an address of a chosen remainder; as long as needed and no longer.
class placed_bytes {
public:
    placed_bytes(const std::uint8_t* data, std::size_t size, std::size_t from, std::size_t bytes, std::size_t shift)
        : memory_(bytes + shift), shift_(shift) {
        for (std::size_t i = 0; i < bytes; ++i)
            memory_[shift + i] = size > 0 ? static_cast<std::byte>(data[(from + i) % size]) : std::byte{0};
    }
    [[nodiscard]] std::byte* data() { return memory_.data() + shift_; }

private:
    std::vector<std::byte> memory_;
    std::size_t shift_;
};

/// What a row may hold: finite numbers of which squares and sums stay finite; no bits behind the last.
void make_valid(element_type type, std::size_t dim, std::byte* row) {
    std::vector<float> values(dim);
    unpack(type, row, values);
    for (auto& x : values)
        if (!(std::abs(x) < 1e15f)) x = 1;
    (void)pack(type, values, {row, row_bytes(type, dim)});
}

struct expectation {
    double value, tolerance;
};

expectation expected(element_type type, operation o, const std::vector<float>& a, const std::vector<float>& b) {
    namespace reference = distance::reference;
    const auto dim = a.size();
    const double dot = reference::dot(a.data(), b.data(), dim), l1 = reference::l1(a.data(), b.data(), dim);
    if (type == element_type::binary) return {l1, 0};
    double terms = 0;
    for (std::size_t i = 0; i < dim; ++i) terms += std::abs(static_cast<double>(a[i]) * static_cast<double>(b[i]));
    // Products below the smallest normal f32 lose places.
    const auto tolerance = [&](double sum) {
        return 3 * (static_cast<double>(dim) + 2) * 0x1.0p-24 * sum + static_cast<double>(dim) * 0x1.0p-126;
    };
    switch (o) {
        case operation::dot: return {dot, tolerance(terms)};
        case operation::l2_squared: {
            const double l2 = reference::l2_squared(a.data(), b.data(), dim);
            return {l2, tolerance(l2)};
        }
        case operation::l1: return {l1, tolerance(l1)};
        case operation::by_length: {
            const double length = std::sqrt(reference::dot(b.data(), b.data(), dim));
            if (length == 0) return {0, 0};
            return {dot / length, tolerance(2 * terms / length)};
        }
    }
    return {0, 0};
}

void check(float got, const expectation& wanted) {
    if (!(std::abs(static_cast<double>(got) - wanted.value) <= wanted.tolerance)) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 5) return 0;
    const auto type = static_cast<element_type>(data[0] % 5 + 1);
    auto o = static_cast<operation>(data[1] % 4);
    if (o == operation::by_length && type != element_type::int8) o = operation::dot;
    const std::size_t dim = data[2] + 256u * (data[3] % 4);
    const std::size_t shift = data[4] % 16, count = data[4] / 16 + 1;
    data += 5;
    size -= 5;

    const auto query_type = type == element_type::binary ? type : element_type::f32;
    const std::size_t align = type == element_type::f32 ? 4 : 1;
    placed_bytes query(data, size, 0, row_bytes(query_type, dim),
                       query_type == element_type::f32 ? shift / 4 * 4 : shift);
    make_valid(query_type, dim, query.data());
    std::vector<float> query_values(dim), row_values(dim);
    unpack(query_type, query.data(), query_values);

    std::vector<placed_bytes> rows;
    std::vector<const void*> pointers;
    std::vector<expectation> wanted;
    for (std::size_t r = 0; r < count; ++r) {
        rows.emplace_back(data, size, 7 * r + 3, row_bytes(type, dim), (shift + r) / align * align);
        make_valid(type, dim, rows.back().data());
        pointers.push_back(rows.back().data());
        unpack(type, pointers.back(), row_values);
        wanted.push_back(expected(type, o, query_values, row_values));
    }
    for (const auto* table : distance::available_kernels()) {
        const auto& kernel = table->of(type, o);
        std::vector<float> out(count);
        kernel.many(query.data(), pointers.data(), count, dim, out.data());
        for (std::size_t r = 0; r < count; ++r) {
            check(out[r], wanted[r]);
            check(kernel.one(query.data(), pointers[r], dim), wanted[r]);
        }
    }
    return 0;
}
