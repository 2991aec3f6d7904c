/// Rows of every type, and kernels held against reference.hpp.
#pragma once

#include <vecstore/core/random.hpp>
#include <vecstore/distance/kernel_table.hpp>
#include <vecstore/distance/pack.hpp>
#include <vecstore/distance/reference.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <cstddef>
#include <memory>
#include <vector>

namespace vecstore::test {

/// A random row, exactly as long as it must be, `shift` bytes behind the start of its own memory, so that a sanitizer
/// sees a read beyond. What it holds, as f32, is in `values`.
class placed_row {
public:
    placed_row(element_type type, std::size_t dim, std::size_t shift, random_source& random)
        : values_(dim), memory_(std::make_unique<std::byte[]>(row_bytes(type, dim) + shift)), shift_(shift) {
        for (auto& x : values_) {
            const auto unit = random.unit();
            if (type == element_type::int8)
                x = std::floor(static_cast<float>(unit * 256)) - 128;
            else if (type == element_type::binary)
                x = unit < 0.5 ? 0.0f : 1.0f;
            else
                x = static_cast<float>(unit * 2 - 1);
        }
        const std::span<std::byte> row(memory_.get() + shift, row_bytes(type, dim));
        if (!pack(type, values_, row)) throw std::logic_error("a value that the type cannot hold");
        unpack(type, row.data(), values_);
    }
    [[nodiscard]] const void* data() const { return memory_.get() + shift_; }
    [[nodiscard]] const std::vector<float>& values() const { return values_; }

private:
    std::vector<float> values_;
    std::unique_ptr<std::byte[]> memory_;
    std::size_t shift_;
};

struct expectation {
    double value;
    double tolerance;
};

/// What the kernel should give, and what rounding in f32 may cost: dim * 2^-24 * sum |terms|, and a little more for the
/// terms themselves.
[[nodiscard]] inline expectation expected(element_type type, distance::operation o, const std::vector<float>& a,
                                          const std::vector<float>& b) {
    namespace reference = distance::reference;
    const auto dim = a.size();
    const auto tolerance = [&](double terms) { return 3 * (static_cast<double>(dim) + 2) * 0x1.0p-24 * terms + 1e-30; };
    double absolute = 0;
    for (std::size_t i = 0; i < dim; ++i) absolute += std::abs(static_cast<double>(a[i]) * static_cast<double>(b[i]));
    const double dot = reference::dot(a.data(), b.data(), dim), l1 = reference::l1(a.data(), b.data(), dim);
    if (type == element_type::binary) return {l1, 0};
    switch (o) {
        case distance::operation::dot: return {dot, tolerance(absolute)};
        case distance::operation::l2_squared: {
            const double l2 = reference::l2_squared(a.data(), b.data(), dim);
            return {l2, tolerance(l2)};
        }
        case distance::operation::l1: return {l1, tolerance(l1)};
        case distance::operation::by_length: {
            const double length = std::sqrt(reference::dot(b.data(), b.data(), dim));
            if (length == 0) return {0, 0};
            return {dot / length, tolerance(2 * absolute / length)};
        }
    }
    return {0, 0};
}

[[nodiscard]] inline bool near(float got, const expectation& wanted) {
    return std::abs(static_cast<double>(got) - wanted.value) <= wanted.tolerance;
}

/// REQUIRE for every pair would dominate the tests' time; failures are reported with all they need.
inline void check_one(const distance::kernel_table& table, element_type type, distance::operation o,
                      const placed_row& query, const placed_row& row) {
    const auto dim = query.values().size();
    const auto got = table.of(type, o).one(query.data(), row.data(), dim);
    if (const auto wanted = expected(type, o, query.values(), row.values()); !near(got, wanted))
        FAIL("table " << table.name << " " << to_string(type) << " operation " << static_cast<int>(o) << " dim " << dim
                      << ": " << got << ", not " << wanted.value);
}

inline void check_many(const distance::kernel_table& table, element_type type, distance::operation o,
                       const placed_row& query, const std::vector<placed_row>& rows) {
    const auto dim = query.values().size();
    std::vector<const void*> pointers;
    for (const auto& row : rows) pointers.push_back(row.data());
    std::vector<float> out(rows.size() + 1, -7.0f);
    table.of(type, o).many(query.data(), pointers.data(), rows.size(), dim, out.data());
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (const auto wanted = expected(type, o, query.values(), rows[i].values()); !near(out[i], wanted))
            FAIL("table " << table.name << " " << to_string(type) << " operation " << static_cast<int>(o) << " dim "
                          << dim << " row " << i << " of " << rows.size() << ": " << out[i] << ", not "
                          << wanted.value);
    REQUIRE(out.back() == -7.0f);
}

}  // namespace vecstore::test
